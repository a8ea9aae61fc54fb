"""The variables of recurrent cells, under TensorFlow's names."""

from __future__ import annotations

from tf2torch.analyse.calls import GraphCall
from tf2torch.analyse.cells import SCOPES, WRAPPERS, Built, Cell, RecurrentCreation
from tf2torch.analyse.facts import Creation, Variable
from tf2torch.analyse.sizes import Size
from tf2torch.analyse.state import State
from tf2torch.analyse.variables import register
from tf2torch.rulebook.apply import Bound
from tf2torch.rulebook.model import Rule
from tf2torch.rulebook.values import Dim, Value


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
