"""Recurrent cells over variable scopes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch

from .cells import (
    BasicRNNCell,
    DropoutWrapper,
    GRUCell,
    LSTMCell,
    LSTMStateTuple,
    MultiRNNCell,
    ResidualWrapper,
    RNNCell,
    map_state,
)
from .scoped import current_pass, name_scope
from .scoped_initializers import ones_initializer, zeros_initializer
from .scoped_layer import ScopedLayer
from .scoped_scopes import get_variable_scope, variable_scope


class ScopedStates(RNNCell):
    """A cell without parameters of its own: its states lie where new variables do."""

    def zero_state(self, batch_size: Any, dtype: torch.dtype | None = None) -> Any:
        """A state of zeros."""
        zero = current_pass().module.zeros(dtype)
        return map_state(lambda size: zero.expand(int(batch_size), size), self.state_size)


class ScopedCell(ScopedStates):
    """A cell that makes its variables in the scope of its first call in a pass.

    A subclass has `build`, which makes them, or takes them in `forward` with get_variable.
    """

    kind: str | None = None

    def prepare(self, reuse: Any, name: str | None) -> None:
        """Set the name of the scope: the given one, or that of the kind of cell."""
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", type(self).__name__)
        self.reuse, self.name = reuse, name or self.kind or words.lower()
        self.run: Any = None
        self.scope: Any = None

    def build(self, layer: ScopedLayer, inputs: torch.Tensor) -> None:
        """Make the variables and keep each as an attribute with `hold`."""

    def hold(self, **variables: Any) -> None:
        """Keep variables without making them parameters of the cell too."""
        self.__dict__.update(variables)

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> Any:
        run = current_pass()
        is_built = self.run is run.token
        if not is_built:
            self.scope = None
        if self.scope is None:
            name = self.name if scope is None and self.reuse else scope
            with variable_scope(name, self.name) as self.scope:
                pass
        reuse = True if is_built else self.reuse
        with variable_scope(self.scope, reuse=reuse, auxiliary_name_scope=False):
            with name_scope(self.scope.original_name_scope):
                if not is_built:
                    self.build(ScopedLayer(inputs, True), inputs)
                    self.run = run.token
                return super().__call__(inputs, state)


class ScopedBasicRNNCell(ScopedCell):
    """tf.nn.rnn_cell.BasicRNNCell."""

    kind = "basic_rnn_cell"
    forward = BasicRNNCell.forward

    def __init__(
        self, num_units: int, activation: Any = None, reuse: Any = None, name: Any = None
    ) -> None:
        super().__init__()
        self.prepare(reuse, name)
        self.state_size = self.output_size = num_units
        self.activation = activation or torch.tanh

    def build(self, layer: ScopedLayer, inputs: torch.Tensor) -> None:
        size = self.output_size
        kernel = layer.weight("kernel", [inputs.shape[1] + size, size], None)
        self.hold(kernel=kernel, bias=layer.bias(size, zeros_initializer))


class ScopedGRUCell(ScopedCell):
    """tf.nn.rnn_cell.GRUCell."""

    kind = "gru_cell"
    forward = GRUCell.forward

    def __init__(
        self,
        num_units: int,
        activation: Any = None,
        reuse: Any = None,
        kernel_initializer: Any = None,
        bias_initializer: Any = None,
        name: Any = None,
    ) -> None:
        super().__init__()
        self.prepare(reuse, name)
        self.state_size = self.output_size = num_units
        self.activation = activation or torch.tanh
        self.kernel_initializer, self.bias_initializer = kernel_initializer, bias_initializer

    def build(self, layer: ScopedLayer, inputs: torch.Tensor) -> None:
        size, first = self.output_size, self.kernel_initializer
        rows = inputs.shape[1] + size
        gates = self.bias_initializer or ones_initializer
        self.hold(gates_kernel=layer.weight("gates/kernel", [rows, 2 * size], first))
        self.hold(gates_bias=layer.weight("gates/bias", [2 * size], gates))
        candidate = self.bias_initializer or zeros_initializer
        self.hold(candidate_kernel=layer.weight("candidate/kernel", [rows, size], first))
        self.hold(candidate_bias=layer.weight("candidate/bias", [size], candidate))


class ScopedLSTMCell(ScopedCell):
    """tf.nn.rnn_cell.LSTMCell."""

    kind = "lstm_cell"
    forward = LSTMCell.forward

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        cell_clip: float | None = None,
        initializer: Any = None,
        num_proj: int | None = None,
        proj_clip: float | None = None,
        num_unit_shards: Any = None,
        num_proj_shards: Any = None,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        activation: Any = None,
        reuse: Any = None,
        name: Any = None,
    ) -> None:
        super().__init__()
        self.prepare(reuse, name)
        self.num_units, self.output_size = num_units, num_proj or num_units
        self.cell_clip, self.num_proj, self.proj_clip = cell_clip, num_proj, proj_clip
        self.use_peepholes, self.initializer = use_peepholes, initializer
        self.forget_bias, self.activation = forget_bias, activation or torch.tanh
        self.state_is_tuple = state_is_tuple
        self.state_size = num_units + self.output_size
        if state_is_tuple:
            self.state_size = LSTMStateTuple(num_units, self.output_size)

    def build(self, layer: ScopedLayer, inputs: torch.Tensor) -> None:
        size, first = self.num_units, self.initializer
        kernel = layer.weight("kernel", [inputs.shape[1] + self.output_size, 4 * size], first)
        self.hold(kernel=kernel, bias=layer.bias(4 * size, zeros_initializer))
        for gate in "fio" if self.use_peepholes else "":
            name = f"w_{gate}_diag"
            self.hold(**{name: layer.weight(name, [size], first)})
        self.hold(projection_kernel=None)
        if self.num_proj:
            shape = [size, self.num_proj]
            self.hold(projection_kernel=layer.weight("projection/kernel", shape, first))


class ScopedBasicLSTMCell(ScopedLSTMCell):
    """tf.nn.rnn_cell.BasicLSTMCell."""

    kind = "basic_lstm_cell"

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        activation: Any = None,
        reuse: Any = None,
        name: Any = None,
    ) -> None:
        super().__init__(
            num_units,
            forget_bias=forget_bias,
            state_is_tuple=state_is_tuple,
            activation=activation,
            reuse=reuse,
            name=name,
        )


class ScopedMultiRNNCell(ScopedCell, MultiRNNCell):
    """tf.nn.rnn_cell.MultiRNNCell: each cell in a scope of its own."""

    kind = "multi_rnn_cell"

    def __init__(self, cells: Sequence[Any], state_is_tuple: bool = True) -> None:
        MultiRNNCell.__init__(self, cells, state_is_tuple)
        self.prepare(None, None)

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> Any:
        with variable_scope(get_variable_scope() if scope is None else scope) as around:
            return super().__call__(inputs, state, None if scope is None else around)

    def forward(self, inputs: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        if not self.state_is_tuple:
            state = state.split([cell.state_size for cell in self.cells], 1)
        states = []
        for number, (cell, part) in enumerate(zip(self.cells, state, strict=True)):
            with variable_scope(f"cell_{number}"):
                inputs, new = cell(inputs, part)
            states.append(new)
        return inputs, tuple(states) if self.state_is_tuple else torch.cat(states, 1)


class ScopedDropoutWrapper(ScopedStates, DropoutWrapper):
    """tf.nn.rnn_cell.DropoutWrapper around a cell with scoped variables."""


class ScopedResidualWrapper(ScopedStates, ResidualWrapper):
    """tf.nn.rnn_cell.ResidualWrapper around a cell with scoped variables."""
