"""Which names hold the instance of a class that a program makes once."""

from __future__ import annotations

import libcst as cst

from tf2torch.cst.names import local_names, plain_names
from tf2torch.cst.walk import walk


def instances_of(module: cst.Module, node: cst.ClassDef) -> dict[str | None, str]:
    """Name of the only instance in each function, and at module level (key None).

    Empty if the module makes no instance, several, or one that it does not name.
    """
    name = node.name.value
    functions = {f.name.value: f for f in module.body if isinstance(f, cst.FunctionDef)}
    made: list[tuple[str | None, str]] = []
    calls = 0
    for item in module.body:
        if item is node:
            continue
        place = item.name.value if isinstance(item, cst.FunctionDef) else None
        for inner in walk(item):
            calls += isinstance(inner, cst.Call) and _is_name(inner.func, name)
            if isinstance(inner, cst.Assign) and len(inner.targets) == 1:
                target = inner.targets[0].target
                if isinstance(inner.value, cst.Call) and _is_name(inner.value.func, name):
                    if isinstance(target, cst.Name):
                        made.append((place, target.value))
            elif isinstance(inner, cst.WithItem) and isinstance(inner.item, cst.Call):
                if _is_name(inner.item.func, name):
                    return {}
    if calls != 1 or len(made) != 1:
        return {}
    found = dict(made)
    _hand_on(module, functions, found)
    if None in found:
        for title, function in functions.items():
            if found[None] not in local_names(function) and mentions(function, found[None]):
                found.setdefault(title, found[None])
    return found


def _hand_on(
    module: cst.Module, functions: dict[str, cst.FunctionDef], found: dict[str | None, str]
) -> None:
    """Adds the functions that get the instance as an argument in every call."""
    changed = True
    while changed:
        changed = False
        passed: dict[str, list[str | None]] = {}
        for item in module.body:
            place = item.name.value if isinstance(item, cst.FunctionDef) else None
            for call in walk(item):
                if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Name):
                    continue
                function = functions.get(call.func.value)
                if function is not None:
                    passed.setdefault(call.func.value, []).append(
                        _parameter(call, function, found.get(place))
                    )
        for title, given in passed.items():
            if title not in found and given and given[0] and len(set(given)) == 1:
                found[title] = given[0]
                changed = True


def _parameter(call: cst.Call, function: cst.FunctionDef, instance: str | None) -> str | None:
    """The parameter that takes the instance in a call."""
    names = [p.name.value for p in function.params.params]
    for index, argument in enumerate(call.args):
        if instance is not None and _is_name(argument.value, instance) and not argument.star:
            if argument.keyword is not None:
                return argument.keyword.value
            return names[index] if index < len(names) else None
    return None


def _is_name(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name


def mentions(node: cst.FunctionDef, name: str) -> bool:
    """Whether a function's own code has a name."""
    return name in set(plain_names(node.body))
