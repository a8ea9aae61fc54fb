"""Variables that only count training steps: Python integers in the output."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import libcst as cst

from tf2torch.analyse import Analysis
from tf2torch.analyse.facts import Obj, Variable
from tf2torch.plan.units import Unit


@dataclass(frozen=True, eq=False)
class Counters:
    """Step counters.

    Attributes:
        names: for each root name of a counter the one that the output uses.
        variables: counters by TensorFlow name, with that name.
        bare: those without a statement of their own: no name of the source holds them.
    """

    names: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    bare: tuple[str, ...] = ()


def find_counters(analysis: Analysis, units: Iterable[Unit], taken: Iterable[str]) -> Counters:
    """The variables that optimizers increment, with the names that hold them."""
    wanted: dict[str, Variable] = {}
    for record in train_records(analysis):
        step = record["global_step"]
        if step is not None and step.value.kind == "variable" and step.value.detail is not None:
            wanted.setdefault(step.value.detail.name, step.value.detail)
    names: dict[str, str] = {}
    variables: dict[str, str] = {}
    for unit in units:
        for target in unit.targets:
            value = analysis.values.get(target)
            if not isinstance(target, cst.Name) or value is None or value.kind != "variable":
                continue
            if value.detail is not None and value.detail.name in wanted:
                primary = variables.setdefault(value.detail.name, target.value)
                names[target.value] = primary
    bare = []
    used = set(taken)
    for name in wanted:
        if name not in variables:
            chosen = "global_step"
            while chosen in used:
                chosen += "_"
            used.add(chosen)
            variables[name] = names[chosen] = chosen
            bare.append(chosen)
    return Counters(names, variables, tuple(bare))


def train_records(analysis: Analysis) -> list[Obj]:
    """The train ops of a program, each once."""
    found: dict[int, Obj] = {}
    for value in analysis.values.values():
        if value.kind == "operation" and isinstance(value.detail, Obj):
            if value.detail.type in ("Train", "Apply"):
                found[id(value.detail)] = value.detail
    return list(found.values())


def touched(analysis: Analysis) -> set[str]:
    """TensorFlow names of the variables that something beside optimizers sets."""
    found: set[str] = set()
    for node, value in list(analysis.values.items()):
        if not isinstance(node, cst.Call):
            continue
        symbol = analysis.symbols.get(node.func, "")
        if symbol in _SETTERS and node.args:
            found |= _variables(analysis, node.args[0].value)
        elif isinstance(node.func, cst.Attribute) and node.func.attr.value in _METHODS:
            found |= _variables(analysis, node.func.value)
        if (
            value.kind == "object"
            and isinstance(value.detail, Obj)
            and value.detail.type == "Saver"
        ):
            given = value.detail["var_list"]
            if given is not None and given.value.literal is not None:
                found |= {leaf.name for leaf in _leaves(given.value)}
    return found


_SETTERS = frozenset(
    "tf.assign tf.assign_add tf.assign_sub tf.variables_initializer tf.initialize_variables".split()
)
_METHODS = frozenset("assign assign_add assign_sub load".split())


def _variables(analysis: Analysis, node: cst.BaseExpression) -> set[str]:
    value = analysis.values.get(node)
    return set() if value is None else {leaf.name for leaf in _leaves(value)}


def _leaves(value: object) -> list[Variable]:
    from tf2torch.plan.units import contents

    return [
        leaf.detail
        for leaf in contents(value)  # type: ignore[arg-type]
        if leaf.kind == "variable" and leaf.detail is not None
    ]
