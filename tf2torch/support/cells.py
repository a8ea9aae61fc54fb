"""Recurrent cells with TensorFlow 1's arithmetic, and their wrappers.

Kernels keep TensorFlow's layout: one matrix of [inputs + state, gates] for the inputs and the state
together. A cell maps (inputs, state) to (output, new state).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class LSTMStateTuple(NamedTuple):
    """The state of an LSTM in TensorFlow's order: the cell c, then the output h."""

    c: Any
    h: Any


def _glorot(parameter: nn.Parameter) -> nn.Parameter:
    """Fill with TensorFlow's default for get_variable, glorot_uniform."""
    fans = sum(parameter.shape) if parameter.dim() > 1 else 2 * parameter.shape[0]
    limit = (6 / fans) ** 0.5
    nn.init.uniform_(parameter, -limit, limit)
    return parameter


def map_state(function: Callable[..., Any], *states: Any) -> Any:
    """Apply a function to the tensors of states of equal nesting."""
    first = states[0]
    if not isinstance(first, tuple | list):
        return function(*states)
    parts = [map_state(function, *group) for group in zip(*states, strict=True)]
    return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)


def zero_state(batch_size: Any, state_size: Any, device: Any = None) -> Any:
    """cell.zero_state: zeros for a state of the given sizes, nested like them."""
    return map_state(lambda size: torch.zeros(batch_size, size, device=device), state_size)


def state_to_numpy(state: Any) -> Any:
    """A state, or a list of tensors, as NumPy copies of the same nesting."""
    values = map_state(lambda tensor: np.array(tensor.detach().cpu())[()], state)
    return list(values) if isinstance(state, list) else values


def state_from_numpy(state: Any, device: Any = None) -> Any:
    """The state that `state_to_numpy` gave, as tensors."""
    return map_state(lambda part: torch.as_tensor(part, device=device), state)


class RNNCell(nn.Module):
    """A recurrent cell: state_size (nested like the state), output_size and zero_state."""

    state_size: Any
    output_size: int

    def zero_state(self, batch_size: int, dtype: torch.dtype | None = None) -> Any:
        """A state of zeros, on the device of the parameters."""
        like = next(self.parameters())
        dtype = dtype or like.dtype

        def zeros(size: int) -> torch.Tensor:
            return torch.zeros(batch_size, size, dtype=dtype, device=like.device)

        return map_state(zeros, self.state_size)


class BasicRNNCell(RNNCell):
    """tf.nn.rnn_cell.BasicRNNCell: output = state = activation([x, h] @ kernel + bias)."""

    def __init__(
        self, input_size: int, num_units: int, activation: Callable[..., Any] = torch.tanh
    ) -> None:
        super().__init__()
        self.state_size = self.output_size = num_units
        self.activation = activation
        self.kernel = _glorot(nn.Parameter(torch.empty(input_size + num_units, num_units)))
        self.bias = nn.Parameter(torch.zeros(num_units))

    def forward(self, inputs: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, Any]:
        output = self.activation(torch.cat([inputs, state], 1) @ self.kernel + self.bias)
        return output, output


class GRUCell(RNNCell):
    """tf.nn.rnn_cell.GRUCell: the reset gate acts before the product, so nn.GRU cannot hold it.

    r, u = sigmoid([x, h] @ gates_kernel + gates_bias);
    c = activation([x, r * h] @ candidate_kernel + candidate_bias); h = u * h + (1 - u) * c.
    """

    def __init__(
        self, input_size: int, num_units: int, activation: Callable[..., Any] = torch.tanh
    ) -> None:
        super().__init__()
        self.state_size = self.output_size = num_units
        self.activation = activation
        rows = input_size + num_units
        self.gates_kernel = _glorot(nn.Parameter(torch.empty(rows, 2 * num_units)))
        self.gates_bias = nn.Parameter(torch.ones(2 * num_units))
        self.candidate_kernel = _glorot(nn.Parameter(torch.empty(rows, num_units)))
        self.candidate_bias = nn.Parameter(torch.zeros(num_units))

    def forward(self, inputs: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, Any]:
        gates = torch.cat([inputs, state], 1) @ self.gates_kernel + self.gates_bias
        reset, update = torch.sigmoid(gates).chunk(2, 1)
        joined = torch.cat([inputs, reset * state], 1)
        candidate = self.activation(joined @ self.candidate_kernel + self.candidate_bias)
        output = update * state + (1 - update) * candidate
        return output, output


class LSTMCell(RNNCell):
    """tf.nn.rnn_cell.LSTMCell: gates in the order i, j, f, o; forget_bias is added at run time.

    Peepholes look at the old c for i and f and at the new c for o; c is clipped before the output
    is made, the projection after. state_is_tuple=False joins the state to [c, h].
    """

    def __init__(
        self,
        input_size: int,
        num_units: int,
        use_peepholes: bool = False,
        cell_clip: float | None = None,
        num_proj: int | None = None,
        proj_clip: float | None = None,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        activation: Callable[..., Any] = torch.tanh,
    ) -> None:
        super().__init__()
        self.num_units, self.output_size = num_units, num_proj or num_units
        self.cell_clip, self.proj_clip = cell_clip, proj_clip
        self.forget_bias, self.activation = forget_bias, activation
        self.state_is_tuple, self.use_peepholes = state_is_tuple, use_peepholes
        self.state_size: Any = num_units + self.output_size
        if state_is_tuple:
            self.state_size = LSTMStateTuple(num_units, self.output_size)
        rows = input_size + self.output_size
        self.kernel = _glorot(nn.Parameter(torch.empty(rows, 4 * num_units)))
        self.bias = nn.Parameter(torch.zeros(4 * num_units))
        self.projection_kernel: nn.Parameter | None = None
        if use_peepholes:
            self.w_f_diag = _glorot(nn.Parameter(torch.empty(num_units)))
            self.w_i_diag = _glorot(nn.Parameter(torch.empty(num_units)))
            self.w_o_diag = _glorot(nn.Parameter(torch.empty(num_units)))
        if num_proj:
            self.projection_kernel = _glorot(nn.Parameter(torch.empty(num_units, num_proj)))

    def forward(self, inputs: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        sizes = [self.num_units, self.output_size]
        c, h = state if self.state_is_tuple else state.split(sizes, 1)
        i, j, f, o = (torch.cat([inputs, h], 1) @ self.kernel + self.bias).chunk(4, 1)
        f = f + self.forget_bias
        if self.use_peepholes:
            f, i = f + self.w_f_diag * c, i + self.w_i_diag * c
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * self.activation(j)
        if self.cell_clip is not None:
            c = c.clamp(-self.cell_clip, self.cell_clip)
        if self.use_peepholes:
            o = o + self.w_o_diag * c
        h = torch.sigmoid(o) * self.activation(c)
        if self.projection_kernel is not None:
            h = h @ self.projection_kernel
            if self.proj_clip is not None:
                h = h.clamp(-self.proj_clip, self.proj_clip)
        return h, LSTMStateTuple(c, h) if self.state_is_tuple else torch.cat([c, h], 1)


class MultiRNNCell(RNNCell):
    """tf.nn.rnn_cell.MultiRNNCell: each cell reads the one below; the state is a tuple."""

    def __init__(self, cells: Sequence[Any], state_is_tuple: bool = True) -> None:
        super().__init__()
        self.cells = nn.ModuleList(cells)
        self.state_is_tuple = state_is_tuple
        sizes = tuple(cell.state_size for cell in cells)
        self.state_size = sizes if state_is_tuple else sum(sizes)
        self.output_size = cells[-1].output_size

    def forward(self, inputs: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        if not self.state_is_tuple:
            state = state.split([cell.state_size for cell in self.cells], 1)
        states = []
        for cell, part in zip(self.cells, state, strict=True):
            inputs, new = cell(inputs, part)
            states.append(new)
        return inputs, tuple(states) if self.state_is_tuple else torch.cat(states, 1)


class DropoutWrapper(RNNCell):
    """tf.nn.rnn_cell.DropoutWrapper: dropout on inputs, output and state, by KEEP probability.

    As in TensorFlow it does not know evaluation: give keep probabilities of one there. The c of an
    LSTM state is never dropped. variational_recurrent draws one mask for all steps and all rows.
    """

    def __init__(
        self,
        cell: Any,
        input_keep_prob: float = 1.0,
        output_keep_prob: float = 1.0,
        state_keep_prob: float = 1.0,
        variational_recurrent: bool = False,
    ) -> None:
        super().__init__()
        self.cell = cell
        self.state_size, self.output_size = cell.state_size, cell.output_size
        self.input_keep_prob, self.output_keep_prob = input_keep_prob, output_keep_prob
        self.state_keep_prob = state_keep_prob
        self.variational_recurrent = variational_recurrent
        self.masks: dict[str, torch.Tensor] = {}

    def drop(self, x: torch.Tensor, keep_prob: float, place: str) -> torch.Tensor:
        """Dropout with a fresh mask, or with the mask of this place in the sequence."""
        if keep_prob == 1:
            return x
        if not self.variational_recurrent:
            return F.dropout(x, 1 - keep_prob)
        if place not in self.masks:
            self.masks[place] = F.dropout(torch.ones_like(x[:1]), 1 - keep_prob)
        return x * self.masks[place]

    def drop_state(self, state: Any, place: str = "state") -> Any:
        """Dropout on the tensors of a state, but on the c of no LSTM."""
        if isinstance(state, LSTMStateTuple):
            return state._replace(h=self.drop(state.h, self.state_keep_prob, place + "h"))
        if isinstance(state, tuple):
            return tuple(self.drop_state(part, f"{place}{n}") for n, part in enumerate(state))
        return self.drop(state, self.state_keep_prob, place)

    def forward(self, inputs: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        inputs = self.drop(inputs, self.input_keep_prob, "input")
        output, state = self.cell(inputs, state)
        state = self.drop_state(state)
        return self.drop(output, self.output_keep_prob, "output"), state


class ResidualWrapper(RNNCell):
    """tf.nn.rnn_cell.ResidualWrapper: adds the inputs to the output of the cell."""

    def __init__(self, cell: Any, residual_fn: Callable[[Any, Any], Any] | None = None) -> None:
        super().__init__()
        self.cell, self.residual_fn = cell, residual_fn
        self.state_size, self.output_size = cell.state_size, cell.output_size

    def forward(self, inputs: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        output, state = self.cell(inputs, state)
        return self.residual_fn(inputs, output) if self.residual_fn else inputs + output, state
