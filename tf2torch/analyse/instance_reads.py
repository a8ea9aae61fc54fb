"""What one of several instances of a class reads from the collections of their common graph."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import libcst as cst

from tf2torch.analyse.facts import Obj
from tf2torch.analyse.templates import HOLE, Template
from tf2torch.cst.walk import walk
from tf2torch.rulebook.values import UNKNOWN, Value

#: What gets lists of variables and leaves alone those that have no part in it.
_SELECTIVE = frozenset({"gradients", "minimize", "compute_gradients", "apply_gradients", "Saver"})
_HANDED_ON = frozenset({"zip", "list", "tuple"})


@dataclass(frozen=True, eq=False)
class Read:
    """One call that reads a collection.

    Attributes:
        node: the call.
        collection: the collection's name, such as ``trainable_variables``.
        prefix: the scope that is asked for.
        items: what it has, of this instance alone.
        inside: whether it stands in the class's own code.
    """

    node: cst.CSTNode
    collection: str
    prefix: str | None
    items: Sequence[Value]
    inside: bool


def note_read(
    state: Any, node: cst.CSTNode, collection: str, prefix: str | None, items: Sequence[Value]
) -> Sequence[Value]:
    """Keeps that a program with instances of an opened class reads a collection.

    Gives what it reads, which may be of several instances.
    """
    instance = state.instance
    if instance is None or state.shadow:
        return items
    instance.reads.append(Read(node, collection, prefix, tuple(items), instance.is_open))
    return instance.listed(state, node) or items


def prefix_of(scope: Value | None) -> Any:
    """The scope that a call asks for, UNKNOWN if that cannot be told."""
    if scope is None or scope.literal is None:
        return None
    if isinstance(scope.literal, str):
        return scope.literal
    if isinstance(scope.detail, Template) and HOLE not in scope.detail.text:
        return scope.detail.text
    return UNKNOWN


def matches(scope: str, name: str) -> bool:
    """`Graph.get_collection` takes the scope as a regular expression for the start of the name."""
    if "?" in scope:  # what each instance has another text for
        return name.startswith(scope)
    try:
        return re.match(scope, name) is not None
    except re.error:
        return name.startswith(scope)


def scope_of(value: Value) -> str:
    """The name of a member of a collection, as far as it has one."""
    if value.kind == "variable":
        return str(value.detail.name)
    return str(value.detail["scope"] or "") if isinstance(value.detail, Obj) else ""


def seen_of(read: Read, members: Mapping[str, Sequence[Value]]) -> Iterator[str]:
    """Names of what a read sees of another instance."""
    for item in members.get(read.collection, ()):
        name = scope_of(item)
        if read.prefix is None or not name or matches(read.prefix, name):
            yield name or item.kind


def is_harmless(module: cst.Module, read: Read) -> bool:
    """Whether a list of variables is only for what leaves those of other instances alone.

    Gradients by variables that have no part in a loss are None, and optimizers pass over these.
    """
    if not read.collection.endswith("variables"):
        return False
    parents = {child: node for node in walk(module) for child in node.children}
    return _is_selective(read.node, parents, set())


def _is_selective(
    node: cst.CSTNode, parents: Mapping[cst.CSTNode, cst.CSTNode], seen: set[str]
) -> bool:
    parent = parents.get(node)
    while isinstance(parent, (cst.Arg, cst.CompFor)):
        if isinstance(parent, cst.CompFor) and parent.iter is not node:
            return False
        node, parent = parent, parents.get(parent)
    if isinstance(parent, cst.Call) and parent.func is not node:
        name = parent.func.attr if isinstance(parent.func, cst.Attribute) else parent.func
        title = name.value if isinstance(name, cst.Name) else ""
        return title in _SELECTIVE or (title in _HANDED_ON and _is_selective(parent, parents, seen))
    if isinstance(parent, cst.ListComp):
        item = parent.for_in.target
        return item.deep_equals(parent.elt) and _is_selective(parent, parents, seen)
    if not isinstance(parent, cst.Assign) or len(parent.targets) != 1:
        return False
    target = parent.targets[0].target
    if not isinstance(target, cst.Name):
        return False
    if target.value in seen:
        return True
    seen.add(target.value)
    loads = (
        other
        for other in parents
        if isinstance(other, cst.Name)
        and other.value == target.value
        and not isinstance(parents[other], (cst.AssignTarget, cst.Param))
        and not (isinstance(parents[other], cst.Arg) and parents[other].keyword is other)  # type: ignore[attr-defined]
    )
    return all(_is_selective(other, parents, seen) for other in loads)
