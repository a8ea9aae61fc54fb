"""Recurrent cells, the functions that run them, and their states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from tf2torch.analyse import cell_lists, tensors
from tf2torch.analyse.calls import NONE, GraphCall
from tf2torch.analyse.facts import Creation, Obj, Variable
from tf2torch.analyse.sizes import Size, dim_of, size_of, size_of_dim
from tf2torch.analyse.state import State
from tf2torch.analyse.variables import register
from tf2torch.rulebook.apply import Argument, Bound
from tf2torch.rulebook.model import Rule
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
_LOOP_HOMES = (
    "tf.nn",
    "tf.contrib.rnn",
    "tf.contrib.rnn.python.ops.rnn",
    "tf.python.ops.rnn",
    "tf.models.rnn.rnn",
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


# -- cells ---------------------------------------------------------------------------------------


def _make_cell(kind: str) -> Callable[[GraphCall], Value]:
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


# -- variables -----------------------------------------------------------------------------------


def build(state: State, cell: Cell, inputs: Size) -> Built:
    """Makes the variables of a cell under TensorFlow's names, at its first call."""
    if cell.built is not None:
        return cell.built
    naming = state.naming
    if cell.kind in WRAPPERS:
        inner = build(state, cell.cells[0], inputs)
        cell.built = Built(cell, inputs, (inner,))
        return cell.built
    given = cell.literal("name", None)
    base = given if isinstance(given, str) else SCOPES[cell.kind]
    again = cell.literal("reuse", None) is True
    previous = naming.enter_variable_scope(base if again else naming.default_scope_name(base))
    if cell.kind == "MultiRNNCell":
        parts = []
        cells = cell.cells
        if cell.count is not None:
            cells = cell.cells * (cell.count.guess or 1)
        for index, inner_cell in enumerate(cells):
            inside = naming.enter_variable_scope(f"cell_{index}")
            if cell.count is not None and not cell.shared:
                inner_cell.built = None
                for leaf in inner_cell.leaves():
                    leaf.built = None
            elif inner_cell.built is not None and _differ(inner_cell.built.inputs, inputs):
                inner_cell.built, cell.unequal = None, True
            part = build(state, inner_cell, inputs)
            parts.append(part)
            inputs = inner_cell.output or Size()
            naming.leave_variable_scope(inside)
        first = parts[0].inputs if parts else Size()
        cell.built = Built(cell, first, tuple(parts))
    else:
        cell.built = Built(cell, inputs, (), _leaf_variables(state, cell, inputs))
    naming.leave_variable_scope(previous)
    return cell.built


def _differ(one: Size, other: Size) -> bool:
    return None not in (one.literal, other.literal) and one.literal != other.literal


def _leaf_variables(state: State, cell: Cell, inputs: Size) -> dict[str, Value]:
    naming = state.naming
    units = cell.sizes.get("num_units", Size())
    rows = _sum(inputs, cell.output or Size())
    shapes: dict[str, tuple[Dim, ...]]
    if cell.kind == "GRUCell":
        shapes = {
            "gates/kernel": (rows, _times(units, 2)),
            "gates/bias": (_times(units, 2),),
            "candidate/kernel": (rows, _times(units, 1)),
            "candidate/bias": (_times(units, 1),),
        }
    else:
        gates = 4 if cell.is_lstm else 1
        shapes = {"kernel": (rows, _times(units, gates)), "bias": (_times(units, gates),)}
    if cell.literal("use_peepholes", False) is not False:
        shapes |= {f"w_{gate}_diag": (_times(units, 1),) for gate in "fio"}
    if cell.literal("num_proj", None) is not None:
        shapes["projection/kernel"] = (_times(units, 1), _times(cell.output or Size(), 1))
    found = {}
    for role, shape in shapes.items():
        name = f"{naming.scope.name}/{role}"
        known = naming.variables.get(name)
        if known is None:
            creation = Creation(cell.node, state.path, "rnn", Bound(_RULE), naming.scope.name)
            start = _initializer(cell, role)
            if start is None and not role.endswith("bias"):
                start = naming.scope.initializer
            variable = Variable(name, role, shape, "float32", True, creation, start)
            known = Value("variable", dtype="float32", shape=shape, detail=variable)
            naming.variables[name] = known
            register(state, known)
        found[role] = known
    return found


def _initializer(cell: Cell, role: str) -> Value | None:
    """The initializer that the program gives a variable of the cell."""
    name = "initializer"
    if cell.kind == "GRUCell":
        name = "bias_initializer" if role.endswith("bias") else "kernel_initializer"
    elif role.endswith("bias"):
        return None
    given = cell.given.get(name)
    return None if given is None or given.value.literal is None else given.value


_RULE = Rule(id="rnn", tf=("tf.nn.rnn_cell",))


def _sum(one: Size, other: Size) -> Dim:
    known = one.literal is not None and other.literal is not None
    return Dim(int(one.literal) + int(other.literal)) if known else Dim()


def _times(size: Size, factor: int) -> Dim:
    return Dim(int(size.literal) * factor) if size.literal is not None else Dim()


def create(call: GraphCall, driver: str, parts: list[Built], hint: str) -> None:
    """Notes that a call runs these cells."""
    state = call.state
    values = list({id(v.detail): v for part in parts for v in part.all()}.values())
    owner = state.stack[-1] if state.stack else None
    creation = RecurrentCreation(
        call.node, state.path, "rnn", Bound(_RULE), state.naming.scope.name,
        driver=driver, parts=tuple(parts), owner=owner, hint=hint,
    )  # fmt: skip
    creation.variables = tuple(value.detail for value in values)
    names = {variable.name for variable in creation.variables}
    for earlier in state.creations:
        if isinstance(earlier, RecurrentCreation) and names & {v.name for v in earlier.variables}:
            creation.reused = earlier
            break
    if not state.shadow:
        state.creations.append(creation)


# -- loops ---------------------------------------------------------------------------------------


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
        name = given.literal if isinstance(given.literal, str) else f"?{call.state.fresh()}"
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


def attribute(state: State, record: Obj, name: str) -> Value | None:
    """``cell.output_size``"""
    cell: Cell = record["cell"]
    if name == "output_size" and cell.output is not None:
        return tensors.int_value(dim_of(state, cell.output))
    if name in ("state_size", "output_size"):
        return Value("python")
    return None


_LOOPS: Mapping[str, Callable[[GraphCall], Value]] = {
    "dynamic_rnn": _dynamic_rnn,
    "static_rnn": _static_rnn,
    "rnn": _static_rnn,
    "bidirectional_dynamic_rnn": _bidirectional,
    "static_bidirectional_rnn": _static_bidirectional,
    "bidirectional_rnn": _static_bidirectional,
    "stack_bidirectional_dynamic_rnn": _stack_bidirectional,
}

#: Canonical names of cells and loops -> their plain names.
CELLS = {f"{home}.{kind}": kind for home in _CELL_HOMES for kind in PARAMETERS}
LOOPS = {
    f"{home}.{name}": {"rnn": "static_rnn", "bidirectional_rnn": "static_bidirectional_rnn"}.get(
        name, name
    )
    for home in _LOOP_HOMES
    for name in _LOOPS
}
STATE_TUPLES = tuple(f"{home}.LSTMStateTuple" for home in _CELL_HOMES)

HANDLERS: dict[str, Callable[[GraphCall], Value]] = {
    **{symbol: _make_cell(kind) for symbol, kind in CELLS.items()},
    **{symbol: _LOOPS[symbol.rpartition(".")[2]] for symbol in LOOPS},
    **dict.fromkeys(STATE_TUPLES, _state_tuple),
}
METHODS: dict[str, Callable[[GraphCall], Value]] = {
    "RNNCell.__call__": _call_cell,
    "RNNCell.zero_state": _zero_state,
}

__all__ = ["HANDLERS", "METHODS", "NONE", "Built", "Cell", "RecurrentCreation", "Size", "alike"]
