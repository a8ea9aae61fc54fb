"""The functions that run recurrent cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import libcst as cst

from tf2torch.analyse import cell_lists, cells, tensors
from tf2torch.analyse.calls import GraphCall, Handler
from tf2torch.analyse.cell_variables import build, create
from tf2torch.analyse.cells import (
    CELLS,
    STATE_TUPLES,
    Built,
    Cell,
    RecurrentCreation,
    attribute,
    is_cell,
    state_value,
)
from tf2torch.analyse.sizes import Size, dim_of, size_of_dim
from tf2torch.analyse.state import State
from tf2torch.analyse.templates import naming_text
from tf2torch.rulebook.apply import Argument
from tf2torch.rulebook.values import ANYTHING, Dim, Value

_LOOP_HOMES = (
    "tf.nn",
    "tf.contrib.rnn",
    "tf.contrib.rnn.python.ops.rnn",
    "tf.python.ops.rnn",
    "tf.models.rnn.rnn",
)


def _hint(*arguments: Argument | None) -> str:
    """Name of the attribute: the cell's own without ``_cell``, or what it is."""
    kinds = {
        leaf.kind
        for a in arguments
        if a is not None and is_cell(a.value)
        for leaf in a.value.detail["cell"].leaves()
    }
    plain = "rnn"
    if kinds <= {"BasicLSTMCell", "LSTMCell"}:
        plain = "lstm"
    elif kinds == {"GRUCell"}:
        plain = "gru"
    first = arguments[0]
    if len(arguments) > 1 or first is None:
        return plain
    node = first.node
    name = node.attr.value if isinstance(node, cst.Attribute) else getattr(node, "value", "")
    if not isinstance(name, str) or not name.isidentifier() or name in ("cell", "rnn_cell"):
        return plain
    return name.removesuffix("_cell").strip("_") or plain


def _scoped(call: GraphCall, position: int, default: str) -> Any:
    """Opens the variable scope of a loop."""
    given = call.value(position, "scope")
    naming = call.state.naming
    if given is not None and given.kind == "object" and given.detail.type == "VariableScope":
        return naming.reenter_variable_scope(given.detail["scope"])
    name = default
    if given is not None and given.literal is not None:
        known = isinstance(given.literal, str)
        name = given.literal if known else naming_text(call.state, given)
    return naming.enter_variable_scope(name)


def _cell(argument: Argument | None) -> Cell | None:
    return (
        argument.value.detail["cell"] if argument is not None and is_cell(argument.value) else None
    )


def _sequence_dims(
    call: GraphCall, inputs: Value | None, time_major: bool
) -> tuple[Dim, Dim, Size]:
    """Batch, time and feature lengths of a [batch, time, features] tensor."""
    shape = inputs.shape if inputs is not None and inputs.is_tensor else None
    if shape is None or len(shape) != 3:
        return Dim(), Dim(), Size()
    batch, time = (shape[1], shape[0]) if time_major else (shape[0], shape[1])
    return batch, time, size_of_dim(call.state, shape[2])


def _dynamic_rnn(call: GraphCall) -> Value:
    state = call.state
    argument, inputs = call.argument(0, "cell"), call.value(1, "inputs")
    cell = _cell(argument)
    time_major = call.literal(7, "time_major", default=False) is True
    batch, time, features = _sequence_dims(call, inputs, time_major)
    if cell is None:
        return ANYTHING
    previous = _scoped(call, 8, "rnn")
    built = build(state, cell, features)
    create(call, "dynamic_rnn", [built], _hint(argument))
    state.naming.leave_variable_scope(previous)
    axes = (time, batch) if time_major else (batch, time)
    outputs = tensors.result(state, "float32", (*axes, dim_of(state, cell.output)))
    return Value("sequence", detail=(outputs, state_value(state, cell, batch)))


def _static_dims(call: GraphCall, inputs: Value | None) -> tuple[Dim, Size, int | None]:
    """Batch, features and number of steps of a list of [batch, features] tensors."""
    first, count = None, None
    if inputs is not None and inputs.kind == "sequence" and inputs.detail:
        first, count = inputs.detail[0], len(inputs.detail)
    elif inputs is not None and inputs.kind == "many":
        first = inputs.detail
    elif inputs is not None and inputs.is_tensor and inputs.shape:
        first, count = Value("tensor", shape=inputs.shape[1:]), inputs.shape[0].size
    if first is None or not first.is_tensor or first.shape is None or len(first.shape) != 2:
        return Dim(), Size(), count
    return first.shape[0], size_of_dim(call.state, first.shape[1]), count


def _steps(call: GraphCall, count: int | None, batch: Dim, width: Dim) -> Value:
    def step() -> Value:
        return tensors.result(call.state, "float32", (batch, width))

    if count is None:
        return Value("many", detail=step())
    return Value("sequence", detail=tuple(step() for _ in range(count)))


def _static_rnn(call: GraphCall) -> Value:
    state = call.state
    argument = call.argument(0, "cell")
    cell = _cell(argument)
    if cell is None:
        return ANYTHING
    batch, features, count = _static_dims(call, call.value(1, "inputs"))
    previous = _scoped(call, 5, "rnn")
    built = build(state, cell, features)
    create(call, "static_rnn", [built], _hint(argument))
    state.naming.leave_variable_scope(previous)
    outputs = _steps(call, count, batch, dim_of(state, cell.output))
    return Value("sequence", detail=(outputs, state_value(state, cell, batch)))


def _both(call: GraphCall, position: int, features: Size, driver: str) -> tuple[Cell, Cell] | None:
    """Builds the forward and the backward cell."""
    state = call.state
    first, second = call.argument(0, "cell_fw"), call.argument(1, "cell_bw")
    forward, backward = _cell(first), _cell(second)
    if forward is None or backward is None:
        return None
    previous = _scoped(call, position, "bidirectional_rnn")
    parts = []
    for name, cell in (("fw", forward), ("bw", backward)):
        inside = state.naming.enter_variable_scope(name)
        parts.append(build(state, cell, features))
        state.naming.leave_variable_scope(inside)
    create(call, driver, parts, _hint(first, second))
    state.naming.leave_variable_scope(previous)
    return forward, backward


def _bidirectional(call: GraphCall) -> Value:
    state = call.state
    time_major = call.literal(9, "time_major", default=False) is True
    batch, time, features = _sequence_dims(call, call.value(2, "inputs"), time_major)
    cells = _both(call, 10, features, "bidirectional_dynamic_rnn")
    if cells is None:
        return ANYTHING
    axes = (time, batch) if time_major else (batch, time)
    outputs = tuple(
        tensors.result(state, "float32", (*axes, dim_of(state, cell.output))) for cell in cells
    )
    states = tuple(state_value(state, cell, batch) for cell in cells)
    return Value(
        "sequence", detail=(Value("sequence", detail=outputs), Value("sequence", detail=states))
    )


def _static_bidirectional(call: GraphCall) -> Value:
    state = call.state
    batch, features, count = _static_dims(call, call.value(2, "inputs"))
    cells = _both(call, 7, features, "static_bidirectional_rnn")
    if cells is None:
        return ANYTHING
    outputs = _steps(call, count, batch, _joined(state, *cells))
    states = [state_value(state, cell, batch) for cell in cells]
    return Value("sequence", detail=(outputs, *states))


def _joined(state: State, forward: Cell, backward: Cell) -> Dim:
    one, other = dim_of(state, forward.output), dim_of(state, backward.output)
    size = one.size + other.size if one.size is not None and other.size is not None else None
    text = f"2 * {one.text}" if one.text is not None and one.text == other.text else None
    if one.text is not None and not one.text.isidentifier():
        text = None
    return Dim(size, text)


def _stack_bidirectional(call: GraphCall) -> Value:
    state = call.state
    forward = cell_lists.cells_of(state, call.argument(0, "cells_fw"))
    backward = cell_lists.cells_of(state, call.argument(1, "cells_bw"))
    inputs = call.value(2, "inputs")
    time_major = call.literal(8, "time_major", default=False) is True
    batch, time, features = _sequence_dims(call, inputs, time_major)
    if forward is None or backward is None or forward[1] or backward[1]:
        return ANYTHING
    layers = [
        (one.detail["cell"], other.detail["cell"])
        for one, other in zip(forward[0], backward[0], strict=False)
    ]
    previous = _scoped(call, 9, "stack_bidirectional_rnn")
    parts: list[Built] = []
    for index, layer in enumerate(layers):
        inside = state.naming.enter_variable_scope(f"cell_{index}")
        inner = state.naming.enter_variable_scope("bidirectional_rnn")
        for name, cell in zip(("fw", "bw"), layer, strict=True):
            direction = state.naming.enter_variable_scope(name)
            parts.append(build(state, cell, features))
            state.naming.leave_variable_scope(direction)
        state.naming.leave_variable_scope(inner)
        state.naming.leave_variable_scope(inside)
        features = size_of_dim(state, _joined(state, *layer))
    create(call, "stack_bidirectional_dynamic_rnn", parts, "rnn")
    state.naming.leave_variable_scope(previous)
    axes = (time, batch) if time_major else (batch, time)
    outputs = tensors.result(state, "float32", (*axes, dim_of(state, features)))
    states = [
        Value("sequence", detail=tuple(state_value(state, layer[side], batch) for layer in layers))
        for side in (0, 1)
    ]
    return Value("sequence", detail=(outputs, *states))


def _call_cell(call: GraphCall) -> Value:
    """``cell(x, state)``"""
    state = call.state
    assert call.receiver is not None
    cell: Cell = call.receiver.detail["cell"]
    inputs = call.value(0, "inputs")
    shape = inputs.shape if inputs is not None and inputs.is_tensor else None
    batch, features = Dim(), Size()
    if shape is not None and len(shape) == 2:
        batch, features = shape[0], size_of_dim(state, shape[1])
    given = call.value(2, "scope")
    previous = None
    if given is not None and given.literal is not None:
        previous = _scoped(call, 2, "rnn")
    if state.frame.function is not None and cell.built is None and state.shadow:
        return ANYTHING
    built = build(state, cell, features)
    function = call.node.func
    create(call, "call", [built], _hint(Argument(function, call.receiver)))
    if previous is not None:
        state.naming.leave_variable_scope(previous)
    output = tensors.result(state, "float32", (batch, dim_of(state, cell.output)))
    return Value("sequence", detail=(output, state_value(state, cell, batch)))


_LOOPS: Mapping[str, Handler] = {
    "dynamic_rnn": _dynamic_rnn,
    "static_rnn": _static_rnn,
    "rnn": _static_rnn,
    "bidirectional_dynamic_rnn": _bidirectional,
    "static_bidirectional_rnn": _static_bidirectional,
    "bidirectional_rnn": _static_bidirectional,
    "stack_bidirectional_dynamic_rnn": _stack_bidirectional,
}

#: Canonical names of the loops -> their plain names.
LOOPS = {
    f"{home}.{name}": {"rnn": "static_rnn", "bidirectional_rnn": "static_bidirectional_rnn"}.get(
        name, name
    )
    for home in _LOOP_HOMES
    for name in _LOOPS
}

HANDLERS: dict[str, Handler] = {
    **cells.HANDLERS,
    **{symbol: _LOOPS[symbol.rpartition(".")[2]] for symbol in LOOPS},
}
METHODS: dict[str, Handler] = {
    **cells.METHODS,
    "RNNCell.__call__": _call_cell,
}

__all__ = [
    "CELLS",
    "HANDLERS",
    "LOOPS",
    "METHODS",
    "STATE_TUPLES",
    "RecurrentCreation",
    "attribute",
]
