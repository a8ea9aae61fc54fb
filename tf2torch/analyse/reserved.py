"""Keeps a program's names clear of those that every conversion uses itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import libcst as cst

from tf2torch.cst.walk import below, children, walk

RESERVED: Final = frozenset("torch nn F device model".split())


def renamed(
    module: cst.Module, roots: Sequence[cst.FunctionDef], taken: set[str]
) -> dict[cst.CSTNode, str]:
    """``model = tf.nn.softmax(x)`` -> ``model_ = ...``: `model` is what the conversion calls.

    `roots` are the functions whose code becomes session code. The result gives the nodes that get
    another name; `taken` grows by the new ones.
    """
    if not RESERVED & taken:
        return {}
    aliases = _aliases(module)
    found: dict[cst.CSTNode, str] = {}
    scopes: tuple[cst.Module | cst.FunctionDef, ...] = (module, *roots)
    for scope in scopes:
        names = {name: _free(name, taken) for name in sorted(_values_of(scope, aliases) & taken)}
        if names:
            _collect(scope, names, frozenset(), found)
    return found


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _collect(
    node: cst.CSTNode,
    names: dict[str, str],
    hidden: frozenset[str],
    found: dict[cst.CSTNode, str],
) -> None:
    """The nodes below one that mean these names, as far as no function binds them itself."""
    if isinstance(node, cst.Name):
        if node.value in names and node.value not in hidden:
            found[node] = names[node.value]
    elif isinstance(node, (cst.Attribute, cst.Arg)):
        _collect(node.value, names, hidden, found)
    elif not isinstance(node, (cst.Import, cst.ImportFrom)):
        for child in children(node):
            inner = hidden
            if isinstance(child, cst.FunctionDef):
                inner = hidden | _bound_in(child)
            _collect(child, names, inner, found)


def _bound_in(function: cst.FunctionDef) -> frozenset[str]:
    parts = walk(function)
    shared = {
        item.name.value for part in parts if isinstance(part, cst.Global) for item in part.names
    }
    own = {part.name.value for part in parts if isinstance(part, cst.Param)}
    own |= {name for part in parts for name, _ in _bindings(part)}
    return frozenset(own - shared)


def _values_of(scope: cst.Module | cst.FunctionDef, aliases: frozenset[str]) -> set[str]:
    """Reserved names that a scope binds to values which stay in its code."""
    body = scope.body if isinstance(scope, cst.Module) else scope.body.body
    bound: dict[str, bool] = {}
    for node in _own_nodes(body):
        for name, value in _bindings(node):
            if name in RESERVED:
                bound[name] = bound.get(name, True) and not _is_foreign(value, aliases)
    return {name for name, stays in bound.items() if stays}


def _own_nodes(body: Sequence[cst.CSTNode]) -> Iterator[cst.CSTNode]:
    stack = list(body)
    stack.reverse()
    while stack:
        node = stack.pop()
        if type(node) not in _DEFINITIONS:
            yield node
            stack += reversed(children(node))


_DEFINITIONS: Final = frozenset({cst.FunctionDef, cst.ClassDef})
_BINDING: Final = frozenset({cst.Assign, cst.For, cst.WithItem})


def _bindings(node: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode]]:
    if type(node) not in _BINDING:
        return
    if isinstance(node, cst.Assign):
        for target in node.targets:
            yield from ((name, node.value) for name in _targets(target.target))
    elif isinstance(node, cst.For):
        yield from ((name, node.iter) for name in _targets(node.target))
    elif isinstance(node, cst.WithItem) and node.asname is not None:
        yield from ((name, node.item) for name in _targets(node.asname.name))


def _targets(target: cst.CSTNode) -> set[str]:
    if isinstance(target, cst.Name):
        return {target.value}
    if isinstance(target, (cst.Tuple, cst.List)):
        return set().union(*(_targets(element.value) for element in target.elements))
    return set()


def _aliases(module: cst.Module) -> frozenset[str]:
    """Names of classes and of what is imported."""
    found: set[str] = set()
    for node in below(module, cst.ClassDef, cst.Import, cst.ImportFrom):
        if isinstance(node, cst.ClassDef):
            found.add(node.name.value)
        elif isinstance(node, (cst.Import, cst.ImportFrom)):
            for item in () if isinstance(node.names, cst.ImportStar) else node.names:
                name: cst.CSTNode = item.asname.name if item.asname is not None else item.name
                while isinstance(name, cst.Attribute):
                    name = name.value
                assert isinstance(name, cst.Name)
                found.add(name.value)
    return frozenset(found)


def _is_foreign(value: cst.CSTNode, aliases: frozenset[str]) -> bool:
    """``nn = tf.nn``, an alias; ``model = Net()``, ``model = tf.keras.Model()``, objects."""
    called = value.func if isinstance(value, cst.Call) else value
    base: cst.CSTNode = called
    while isinstance(base, cst.Attribute):
        base = base.value
    if not isinstance(base, cst.Name) or base.value not in aliases:
        return False
    last = called.attr.value if isinstance(called, cst.Attribute) else base.value
    return not isinstance(value, cst.Call) or (last[:1].isupper() and last != "Variable")
