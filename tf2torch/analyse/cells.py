"""Recurrent cells: how the program makes them, and their states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from tf2torch.analyse import cell_lists, tensors
from tf2torch.analyse.calls import GraphCall, Handler
from tf2torch.analyse.facts import Creation, Obj
from tf2torch.analyse.sizes import Size, dim_of, size_of
from tf2torch.analyse.state import State
from tf2torch.rulebook.apply import Argument
from tf2torch.rulebook.values import ANYTHING, Dim, Value

#: Parameters of the cells, in TensorFlow 1.15's order.
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "BasicRNNCell": ("num_units", "activation", "reuse", "name", "dtype"),
    "GRUCell": (
        "num_units",
        "activation",
        "reuse",
        "kernel_initializer",
        "bias_initializer",
        "name",
        "dtype",
    ),
    "BasicLSTMCell": (
        "num_units",
        "forget_bias",
        "state_is_tuple",
        "activation",
        "reuse",
        "name",
        "dtype",
    ),
    "LSTMCell": (
        "num_units",
        "use_peepholes",
        "cell_clip",
        "initializer",
        "num_proj",
        "proj_clip",
        "num_unit_shards",
        "num_proj_shards",
        "forget_bias",
        "state_is_tuple",
        "activation",
        "reuse",
        "name",
        "dtype",
    ),
    "MultiRNNCell": ("cells", "state_is_tuple"),
    "DropoutWrapper": (
        "cell",
        "input_keep_prob",
        "output_keep_prob",
        "state_keep_prob",
        "variational_recurrent",
        "input_size",
        "dtype",
        "seed",
    ),
    "ResidualWrapper": ("cell", "residual_fn"),
    "DeviceWrapper": ("cell", "device"),
}

#: Scopes of the variables of each cell, and the variables below them.
SCOPES = {
    "BasicRNNCell": "basic_rnn_cell",
    "GRUCell": "gru_cell",
    "BasicLSTMCell": "basic_lstm_cell",
    "LSTMCell": "lstm_cell",
    "MultiRNNCell": "multi_rnn_cell",
}
WRAPPERS = ("DropoutWrapper", "ResidualWrapper", "DeviceWrapper")

#: Where TensorFlow 1 had its cells and loops over the years.
_CELL_HOMES = (
    "tf.nn.rnn_cell",
    "tf.contrib.rnn",
    "tf.contrib.rnn.core_rnn_cell",
    "tf.contrib.rnn.python.ops.core_rnn_cell",
    "tf.contrib.rnn.python.ops.core_rnn_cell_impl",
    "tf.models.rnn.rnn_cell",
    "tf.python.ops.rnn_cell",
    "tf.python.ops.rnn_cell_impl",
)


@dataclass(eq=False)
class Cell:
    """A cell object of the program.

    Attributes:
        kind: class, such as ``LSTMCell``.
        given: arguments that the program passes, by canonical name.
        sizes: those of them that are host numbers.
        cells: the cells inside a MultiRNNCell or wrapper.
        count: for a MultiRNNCell of an unknown number of cells: how many like `cells[0]`.
        length: for a MultiRNNCell of a known number of cells: how the program spells it.
        unequal: whether one object stands in layers whose inputs have different sizes.
        shared: whether these are all the same object.
        built: the variables, once the cell has been called.
    """

    kind: str
    node: cst.Call
    given: Mapping[str, Argument]
    sizes: Mapping[str, Size]
    cells: tuple[Cell, ...] = ()
    count: Size | None = None
    shared: bool = False
    owner: cst.CSTNode | None = None
    built: Built | None = None
    length: Size | None = None
    unequal: bool = False
    zero_states: dict[cst.CSTNode, cst.CSTNode | None] = field(default_factory=dict)

    def literal(self, name: str, default: Any) -> Any:
        """A constant argument, `default` if absent, UNKNOWN if not known."""
        argument = self.given.get(name)
        return default if argument is None else argument.value.literal

    @property
    def output(self) -> Size | None:
        """Size of the output."""
        if self.kind in WRAPPERS:
            return self.cells[0].output
        if self.kind == "MultiRNNCell":
            return self.cells[-1].output if self.cells else None
        if self.kind == "LSTMCell" and self.literal("num_proj", None) is not None:
            return self.sizes.get("num_proj")
        return self.sizes.get("num_units")

    @property
    def is_lstm(self) -> bool:
        return self.kind in ("BasicLSTMCell", "LSTMCell")

    def leaves(self) -> list[Cell]:
        """The cells that have variables."""
        if not self.cells:
            return [self]
        return [leaf for cell in self.cells for leaf in cell.leaves()]


@dataclass(frozen=True, eq=False)
class Built:
    """A cell with the variables that its first call made.

    Attributes:
        inputs: size of its input.
        cells: the same for the cells inside; all of them, where their number is known.
        variables: TensorFlow values by role (``gates/kernel``).
    """

    cell: Cell
    inputs: Size
    cells: tuple[Built, ...] = ()
    variables: Mapping[str, Value] = field(default_factory=dict)

    def all(self) -> list[Value]:
        found = list(self.variables.values())
        for part in self.cells:
            found += part.all()
        return list({id(value.detail): value for value in found}.values())


@dataclass(eq=False)
class RecurrentCreation(Creation):
    """One execution of a call that runs cells.

    Attributes:
        driver: the function, such as ``dynamic_rnn``; ``call`` for ``cell(x, state)``.
        parts: the cells it runs: one, two (forward, backward), or one each layer and direction.
        owner: the program function that it stands in.
        hint: a name for the attribute.
    """

    driver: str = ""
    parts: tuple[Built, ...] = ()
    owner: cst.CSTNode | None = None
    hint: str = "rnn"


def _make_cell(kind: str) -> Handler:
    names = PARAMETERS[kind]

    def handler(call: GraphCall) -> Value:
        given: dict[str, Argument] = {}
        free = [a for a in call.arguments if a.keyword is None]
        if any(a.star for a in call.arguments) or len(free) > len(names):
            return ANYTHING
        for name, argument in zip(names, free, strict=False):
            given[name] = argument
        for argument in call.arguments:
            if argument.keyword is not None:
                given[argument.keyword] = argument
        sizes = {
            name: size_of(call.state, argument.node, argument.value)
            for name, argument in given.items()
        }
        owner = call.state.stack[-1] if call.state.stack else None
        cells: tuple[Cell, ...] = ()
        count, shared = None, False
        if kind == "MultiRNNCell":
            found = cell_lists.cells_of(call.state, given.get("cells"))
            if found is None:
                return ANYTHING
            values, count, shared = found
            cells = tuple(value.detail["cell"] for value in values)
        elif kind in WRAPPERS:
            inner = given.get("cell")
            if inner is None or not is_cell(inner.value):
                return ANYTHING
            cells = (inner.value.detail["cell"],)
        elif "num_units" not in given:
            return ANYTHING
        cell = Cell(kind, call.node, given, sizes, cells, count, shared, owner)
        if kind == "MultiRNNCell" and count is None:
            cell.length = cell_lists.length_of(call.state, given.get("cells"))
        return Value("object", detail=Obj("RNNCell", {"cell": cell, "same": alike}, call.node))

    return handler


def is_cell(value: Value) -> bool:
    return value.kind == "object" and value.detail.type == "RNNCell"


def alike(one: Obj, other: Obj) -> bool:
    """Whether two cell objects are made alike, so that either stands for both."""
    return _alike(one["cell"], other["cell"])


def _alike(one: Cell, other: Cell) -> bool:
    if one is other:
        return True
    return (
        one.kind == other.kind
        and one.node is other.node
        and one.given.keys() == other.given.keys()
        and all(
            _same_value(one.given[name].value, other.given[name].value)
            for name in one.given
            if name not in ("cell", "cells")
        )
        and len(one.cells) == len(other.cells)
        and all(_alike(a, b) for a, b in zip(one.cells, other.cells, strict=True))
    )


def _same_value(one: Value, other: Value) -> bool:
    if one.is_tensor or one.kind in ("object", "symbol"):
        return one.kind == other.kind and one.detail == other.detail
    return one.kind == other.kind and one.literal is other.literal or one == other


def state_value(state: State, cell: Cell, batch: Dim) -> Value:
    """The abstract state of a cell: LSTM states are pairs (c, h)."""

    def part(size: Size | None) -> Value:
        return tensors.result(state, "float32", (batch, dim_of(state, size)))

    if cell.kind in WRAPPERS:
        return state_value(state, cell.cells[0], batch)
    joined = cell.literal("state_is_tuple", True) is False
    if joined and (cell.kind == "MultiRNNCell" or cell.is_lstm):
        return tensors.result(state, "float32", (batch, Dim(_joined_width(cell))))
    if cell.kind == "MultiRNNCell":
        if cell.count is not None:
            return Value("many", detail=state_value(state, cell.cells[0], batch))
        return Value("sequence", detail=tuple(state_value(state, c, batch) for c in cell.cells))
    if cell.is_lstm:
        return Value("sequence", detail=(part(cell.sizes.get("num_units")), part(cell.output)))
    return part(cell.output)


def _joined_width(cell: Cell) -> int | None:
    """Length of a state that is one tensor."""
    if cell.kind == "MultiRNNCell":
        if cell.count is not None:
            return None
        parts = [_joined_width(inner) for inner in cell.cells]
    elif cell.kind in WRAPPERS:
        return _joined_width(cell.cells[0])
    else:
        sizes = [cell.sizes.get("num_units"), cell.output] if cell.is_lstm else [cell.output]
        parts = [size.literal if size is not None else None for size in sizes]
    return None if None in parts else sum(int(part) for part in parts if part is not None)


def _zero_state(call: GraphCall) -> Value:
    batch = call.value(0, "batch_size")
    dim = tensors.dim_from(batch) if batch is not None else Dim()
    assert call.receiver is not None
    cell: Cell = call.receiver.detail["cell"]
    cell.zero_states[call.node] = call.state.stack[-1] if call.state.stack else None
    return state_value(call.state, cell, dim)


def _state_tuple(call: GraphCall) -> Value:
    c, h = call.value(0, "c"), call.value(1, "h")
    return ANYTHING if c is None or h is None else Value("sequence", detail=(c, h))


def attribute(state: State, record: Obj, name: str) -> Value | None:
    """``cell.output_size``"""
    cell: Cell = record["cell"]
    if name == "output_size" and cell.output is not None:
        return tensors.int_value(dim_of(state, cell.output))
    if name in ("state_size", "output_size"):
        return Value("python")
    return None


#: Canonical names of cells -> their classes.
CELLS = {f"{home}.{kind}": kind for home in _CELL_HOMES for kind in PARAMETERS}
STATE_TUPLES = tuple(f"{home}.LSTMStateTuple" for home in _CELL_HOMES)

HANDLERS: dict[str, Handler] = {
    **{symbol: _make_cell(kind) for symbol, kind in CELLS.items()},
    **dict.fromkeys(STATE_TUPLES, _state_tuple),
}
METHODS: dict[str, Handler] = {"RNNCell.zero_state": _zero_state}
