"""Where the code of an opened class goes: in front of what makes or uses its instance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import libcst as cst

from tf2torch.analyse.inlining import Origins, arguments_of
from tf2torch.analyse.methods import Method
from tf2torch.analyse.sections import INSTANCE, Cannot
from tf2torch.cst.names import plain_names
from tf2torch.cst.walk import walk


@dataclass(frozen=True, eq=False)
class Place:
    """Where the only instance of a class is made.

    Attributes:
        function: the function around the statement, None for the module.
        name: what the instance is called there.
        given: the constructor's arguments.
    """

    function: cst.FunctionDef | None
    name: str
    given: Mapping[str, cst.BaseExpression]
    bound: set[str]


def place_of(
    module: cst.Module,
    node: cst.ClassDef,
    methods: Mapping[str, Method],
    instances: Mapping[str | None, str],
    sections: Sequence[str],
    makes: frozenset[str],
) -> Place:
    """Where a class without session code is used: graph and session become code of that place."""
    if not instances or len(sections) > 1 or "__init__" not in makes:
        raise Cannot("no session in the class")
    title, name = next(iter(instances.items()))
    function = next((f for f in module.body if title_of(f) == title), None) if title else None
    if function is not None:
        for other in module.body:
            if title_of(other) in instances and other is not function:
                if Method(other, instances[title_of(other)], tuple(walk(other.body))).loads:  # type: ignore[arg-type]
                    raise Cannot("another function uses the instance")
    given = _given(function or module, node, methods["__init__"].node)
    if given is None:
        raise Cannot("the constructor's arguments are not told one by one")
    scope = [function] if function is not None else [n for n in module.body if title_of(n) is None]
    bound_here = {n for item in scope if item is not node for n in plain_names(item)}
    assert function is None or isinstance(function, cst.FunctionDef)
    return Place(function, name, given, bound_here)


def _given(
    scope: cst.CSTNode, node: cst.ClassDef, definition: cst.FunctionDef
) -> dict[str, cst.BaseExpression] | None:
    """The constructor's arguments in the first call of a class below `scope`."""
    call = next(
        item
        for item in walk(scope)
        if isinstance(item, cst.Call)
        and isinstance(item.func, cst.Name)
        and item.func.value == node.name.value
    )
    params = definition.params.with_changes(params=definition.params.params[1:])
    if definition.params.star_kwarg is not None:
        return None
    return arguments_of(call, definition.with_changes(params=params))


def given_names(
    module: cst.Module,
    node: cst.ClassDef,
    methods: Mapping[str, Method],
    instances: Mapping[str | None, str],
) -> dict[str, cst.BaseExpression]:
    """Strings that the only instance is made with, such as the name of its variable scope.

    Those that the class compares with something decide what it builds; they stay open.
    """
    given = _given(module, node, methods["__init__"].node) if instances else None
    compared = {
        name
        for item in walk(node)
        if isinstance(item, cst.Comparison)
        for inner in walk(item)
        if isinstance(inner, cst.Name)
        for name in (inner.value,)
    }
    return {
        name: value
        for name, value in (given or {}).items()
        if isinstance(value, cst.SimpleString) and name not in compared
    }


def inside(
    module: cst.Module,
    node: cst.ClassDef,
    place: Place,
    rest: Mapping[Any, Any],
    region: list[Any],
    origins: Origins,
) -> cst.Module:
    """The module with the region in front of the statement that makes the instance."""
    title = node.name.value

    def makes(item: cst.CSTNode) -> bool:
        small = item.body[0] if isinstance(item, cst.SimpleStatementLine) else None
        value = small.value if isinstance(small, cst.Assign) else None
        return (
            isinstance(value, cst.Call)
            and isinstance(value.func, cst.Name)
            and value.func.value == title
        )

    def block(body: Sequence[Any]) -> list[Any] | None:
        for index, item in enumerate(body):
            if makes(item):
                target = cst.AssignTarget(cst.Name(INSTANCE))
                small = item.body[0].with_changes(targets=[target])
                made = item.with_changes(body=[small])
                origins[small], origins[made] = item.body[0], item
                return [*body[:index], *region, made, *body[index + 1 :]]
            if isinstance(item, cst.With):
                inner = block(item.body.body)
                if inner is not None:
                    new = item.with_changes(body=item.body.with_changes(body=inner))
                    origins[new] = origins.get(item, item)
                    return [*body[:index], new, *body[index + 1 :]]
        return None

    body = [rest[item] for item in module.body if item is not node]
    if place.function is None:
        body = _without_guard(body)
        made = block(body)
        if made is None:
            raise Cannot("the instance is made under a condition")
        return module.with_changes(body=made)
    changed = rest[place.function]
    inner = block(changed.body.body)
    if inner is None:
        raise Cannot("the instance is made under a condition")
    new = changed.with_changes(body=changed.body.with_changes(body=inner))
    origins[new] = origins.get(changed, changed)
    return module.with_changes(body=[new if item is changed else item for item in body])


def placed(
    module: cst.Module,
    node: cst.ClassDef,
    defined: list[cst.FunctionDef],
    region: list[Any],
) -> list[Any]:
    """The module's statements with the region in front of the first that may make an instance."""
    body = list(module.body)
    start = body.index(node)
    programs = {
        item.name.value for item in body if isinstance(item, (cst.FunctionDef, cst.ClassDef))
    }
    end = len(body)
    for index in range(start + 1, len(body)):
        item = body[index]
        if isinstance(item, (cst.FunctionDef, cst.ClassDef)):
            continue
        if is_guard(item):
            end = index
            break
        called = (n.func for n in walk(item) if isinstance(n, cst.Call))
        if any(isinstance(func, cst.Name) and func.value in programs for func in called):
            end = index
            break
    later = [item for item in body[end:] if isinstance(item, (cst.FunctionDef, cst.ClassDef))]
    rest = [item for item in body[end:] if item not in later]
    before = [*body[:start], *defined, *body[start + 1 : end], *later]
    return [*before, *region, *rest]


def is_guard(node: cst.CSTNode) -> bool:
    """``if __name__ == "__main__":``"""
    return isinstance(node, cst.If) and "__name__" in set(plain_names(node.test))


def _without_guard(body: Sequence[Any]) -> list[Any]:
    """Module code with what stands under ``if __name__ == "__main__"`` put behind it."""
    done: list[Any] = []
    for item in body:
        if is_guard(item):
            done += item.body.body
        else:
            done.append(item)
    return done


def title_of(node: cst.CSTNode) -> str | None:
    return node.name.value if isinstance(node, cst.FunctionDef) else None
