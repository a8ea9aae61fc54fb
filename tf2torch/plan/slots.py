"""Which attribute of a module holds each layer, variable and submodule."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import libcst as cst

from tf2torch.analyse import Analysis
from tf2torch.analyse.facts import Creation, Function
from tf2torch.analyse.recurrent import RecurrentCreation
from tf2torch.cst.walk import children
from tf2torch.plan.roles import Role
from tf2torch.plan.units import Unit, calls_in, creation_nodes

#: Attributes of nn.Module that a submodule or parameter must not hide.
RESERVED = frozenset(
    "add_module apply bfloat16 buffers call_super_init children compile cpu cuda double"
    " dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter"
    " get_submodule half ipu load_state_dict modules mtia named_buffers named_children"
    " named_modules named_parameters parameters register_buffer register_module"
    " register_parameter requires_grad_ set_extra_state set_submodule share_memory state_dict"
    " to to_empty train training type xpu zero_grad".split()
)


#: Parameters by which programs name layers.
NAMING = ("name", "scope", "layer_name", "scope_name")


@dataclass(frozen=True, eq=False)
class Slot:
    """An attribute for what one call creates.

    Attributes:
        attribute: name on the module.
        loops: the `for` statements around the call, outermost first: one ModuleList level each.
        kind: `layer`, `module` (a converted function) or `variable`.
    """

    attribute: str
    loops: tuple[cst.For, ...]
    kind: str


def identifier(text: str) -> str:
    """A Python name made of a TensorFlow name."""
    name = re.sub(r"\W+", "_", text).strip("_") or "layer"
    if name[0].isdigit() or keyword.iskeyword(name):
        name = f"layer_{name}"
    return name


def unique(name: str, taken: set[str]) -> str:
    """`name`, numbered if it is taken or an nn.Module has it; the result is taken then."""
    candidate = f"{name}_" if name in RESERVED else name
    base, number = candidate, 1
    while candidate in taken:
        candidate = f"{base}_{number}"
        number += 1
    taken.add(candidate)
    return candidate


def assign_slots(
    analysis: Analysis,
    units: Iterable[Unit],
    roles: Mapping[cst.FunctionDef, Role],
    taken: set[str],
) -> dict[cst.CSTNode, Slot]:
    """Slots of every call in `units` that creates something for its own module."""
    units = list(units)
    makers = creation_nodes(analysis)
    targets = _target_counts(units)
    slots: dict[cst.CSTNode, Slot] = {}
    owners: dict[tuple[str, ...], str] = {}
    for unit in units:
        if unit.kind not in ("graph", "param"):
            continue
        for call, loops in _calls_with_loops(unit.node):
            if call not in makers or call in slots:
                continue
            kind = _slot_kind(analysis, call, roles)
            if kind is None:
                continue
            shared = _identity(analysis, call)
            if _is_one(analysis, call):
                loops = ()
            if shared is not None and shared in owners:
                slots[call] = Slot(owners[shared], loops, kind)
                continue
            target = unit.targets[0] if len(unit.targets) == 1 else None
            if kind == "variable" and unit.value is call and isinstance(target, cst.Name):
                slots[call] = Slot(target.value, loops, kind)
                continue
            attribute = unique(_name(analysis, call, unit, targets, kind), taken)
            slots[call] = Slot(attribute, loops, kind)
            if shared is not None:
                owners[shared] = attribute
    return slots


def share_nested(
    analysis: Analysis,
    slots: dict[cst.CSTNode, Slot],
    function_slots: Mapping[cst.FunctionDef, Mapping[cst.CSTNode, Slot]],
) -> dict[cst.CSTNode, Slot]:
    """Slots of calls that reuse what lives inside another module: the path to it."""
    shared = dict(slots)
    for call, slot in slots.items():
        function = analysis.callees.get(call)
        if slot.kind != "module" or function is None:
            continue
        inside = [c for c in analysis.creations_at(call) if call in c.path]
        if not inside or any(c.reused is None for c in inside):
            continue
        first = inside[0].reused
        path = _path_to(analysis, first, function.node, slots, function_slots) if first else None
        if path is not None:
            shared[call] = Slot(path, (), "shared")
    return shared


def _path_to(
    analysis: Analysis,
    creation: Creation,
    definition: cst.CSTNode,
    slots: Mapping[cst.CSTNode, Slot],
    function_slots: Mapping[cst.FunctionDef, Mapping[cst.CSTNode, Slot]],
) -> str | None:
    """Attribute path of the call of `definition` through which something was first made."""
    parts: list[str] = []
    current: Mapping[cst.CSTNode, Slot] = slots
    for step in creation.path:
        slot = current.get(step) if isinstance(step, cst.Call) else None
        if slot is None and not parts:
            continue  # the call of the root function itself
        if slot is None or slot.loops:
            return None
        parts.append(slot.attribute)
        function = analysis.callees.get(step)
        if function is None:
            return None
        if function.node is definition:
            return ".".join(part for part in parts if part) if len(parts) > 1 else None
        inner = function.node
        current = function_slots.get(inner, {}) if isinstance(inner, cst.FunctionDef) else {}
    return None


def _slot_kind(
    analysis: Analysis, call: cst.Call, roles: Mapping[cst.FunctionDef, Role]
) -> str | None:
    function = analysis.callees.get(call)
    if function is None:
        symbol = analysis.symbols.get(call.func, "")
        if symbol.endswith("global_step"):
            return None
        return "variable" if symbol in ("tf.Variable", "tf.get_variable") else "layer"
    role = roles.get(function.node)  # type: ignore[arg-type]
    if role is None or role.kind not in ("module", "factory", "scoped"):
        return None
    return "variable" if role.kind == "factory" else "module"


def _identity(analysis: Analysis, call: cst.Call) -> tuple[str, ...] | None:
    """TensorFlow names of the variables behind a call: calls with the same share one module."""
    names = {
        variable.name for creation in analysis.creations_at(call) for variable in creation.variables
    }
    return tuple(sorted(names)) or None


def _is_one(analysis: Analysis, call: cst.Call) -> bool:
    """Whether every round of the loops around a call uses the same variables."""
    names = {
        (creation.node, tuple(variable.name for variable in creation.variables))
        for creation in analysis.creations_at(call)
    }
    rounds = sum(creation.node is call for creation in analysis.creations_at(call))
    return rounds > 1 and len(names) == 1


def creations_of(analysis: Analysis, call: cst.Call) -> list[Creation]:
    return [c for c in analysis.creations_at(call) if c.node is call]


def _name(
    analysis: Analysis, call: cst.Call, unit: Unit, targets: Mapping[str, int], kind: str
) -> str:
    """An explicit `name=`, else the assigned name if it is used once, else TensorFlow's."""
    function = analysis.callees.get(call)
    for parameter, argument in _keywords(call, function):
        if parameter in NAMING:
            literal = analysis.values[argument].literal
            if isinstance(literal, str) and literal:
                return identifier(_last_part(literal))
    if kind == "module" and function is not None and _instances(analysis, function.node) == 1:
        return function.name
    for creation in creations_of(analysis, call):
        if isinstance(creation, RecurrentCreation):
            return identifier(creation.hint)
    single = unit.targets[0] if len(unit.targets) == 1 else None
    outermost = [c for c in calls_in(unit.node) if c in creation_nodes(analysis)]
    if isinstance(single, cst.Name) and len(outermost) == 1 and targets[single.value] == 1:
        return single.value
    if function is not None:
        return function.name
    found = creations_of(analysis, call)
    if found and not found[0].scope.startswith("?"):
        name = identifier(_last_part(found[0].scope))
        if len({creation.scope for creation in found}) > 1:
            name = re.sub(r"_?\d+(?=_norm$|$)", "", name) or name  # one list for all of them
        return name
    return identifier(analysis.symbols.get(call.func, "layer").rpartition(".")[2])


def _last_part(scope: str) -> str:
    """``conv1`` of ``block/conv1``, and ``conv1_norm`` of the normalizer in it."""
    outer, _, last = scope.rpartition("/")
    if outer and last in ("BatchNorm", "LayerNorm", "InstanceNorm", "GroupNorm"):
        return f"{outer.rpartition('/')[2]}_norm"
    return last


def _keywords(call: cst.Call, function: Function | None) -> list[tuple[str, cst.BaseExpression]]:
    """Arguments with their parameters' names, as far as the call or the callee tells them."""
    names: list[str] = []
    if function is not None:
        names = [p.name.value for p in function.node.params.params]
    found = []
    for index, argument in enumerate(call.args):
        if argument.keyword is not None:
            found.append((argument.keyword.value, argument.value))
        elif not argument.star and index < len(names):
            found.append((names[index], argument.value))
    return found


def _instances(analysis: Analysis, definition: cst.CSTNode) -> int:
    """How many sets of variables the calls of a function make."""
    calls = {call for call, _ in analysis.calls.get(definition, ())}
    return len({_identity(analysis, call) for call in calls})


def _target_counts(units: Iterable[Unit]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for unit in units:
        for name in unit.names.stores:
            counts[name] = counts.get(name, 0) + 1
    return counts


def _calls_with_loops(
    node: cst.CSTNode, loops: tuple[cst.For, ...] = ()
) -> list[tuple[cst.Call, tuple[cst.For, ...]]]:
    """Calls in the order in which Python evaluates them, with the loops around each."""
    kind = type(node)  # `isinstance` is slow here
    if kind is cst.FunctionDef or kind is cst.Lambda or kind is cst.ClassDef:
        return []
    inner = (*loops, node) if isinstance(node, cst.For) else loops
    found: list[tuple[cst.Call, tuple[cst.For, ...]]] = []
    for child in children(node):
        found += _calls_with_loops(child, inner)
    if kind is cst.Call:
        found.append((node, loops))  # type: ignore[arg-type]
    return found
