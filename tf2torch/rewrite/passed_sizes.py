"""What a model needs to know of data: the sizes alone, where it uses nothing else of an array."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import libcst as cst

from tf2torch.cst.walk import children, walk
from tf2torch.plan.units import Unit
from tf2torch.rewrite.writer import code


def size_expression(node: cst.CSTNode) -> tuple[str, str] | None:
    """The name at the root of ``x.shape[1]`` or ``len(x)``, and the name that its size gets."""
    if isinstance(node, cst.Subscript) and len(node.slice) == 1:
        part, owner = node.slice[0].slice, node.value
        index = part.value if isinstance(part, cst.Index) else None
        if isinstance(index, cst.UnaryOperation):
            index = index.expression
        if not isinstance(owner, cst.Attribute) or owner.attr.value != "shape":
            return None
        return _named(owner.value) if isinstance(index, cst.Integer) else None
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "len":
        return _named(node.args[0].value) if len(node.args) == 1 else None
    return None


def _named(node: cst.BaseExpression) -> tuple[str, str] | None:
    last = node.attr.value if isinstance(node, cst.Attribute) else None
    while isinstance(node, cst.Attribute):
        node = node.value
    return (node.value, f"{last or node.value}_size") if isinstance(node, cst.Name) else None


class _Sizes:
    """Which names are only read for their sizes, and the expressions that do it."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, str]] = {}
        self.others: set[str] = set()

    def look(self, node: cst.CSTNode) -> None:
        kind = type(node)
        known = size_expression(node) if kind is cst.Subscript or kind is cst.Call else None
        if known is not None:
            self.found.setdefault(known[0], {})[code(node)] = known[1]
        elif kind is cst.Name:
            self.others.add(node.value)  # type: ignore[attr-defined]
        elif kind is cst.Attribute or kind is cst.Arg:
            self.look(node.value)  # type: ignore[attr-defined]
        else:
            for child in children(node):
                self.look(child)


class _Replace(cst.CSTTransformer):
    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def on_visit(self, node: cst.CSTNode) -> bool:
        return not (size_expression(node) is not None and code(node) in self.names)

    def on_leave(self, original_node: cst.CSTNode, updated_node: cst.CSTNode) -> cst.CSTNode:  # type: ignore[override]
        if size_expression(original_node) is not None and code(original_node) in self.names:
            return cst.Name(self.names[code(original_node)])
        return updated_node


def find_sizes(
    parts: Iterable[cst.CSTNode], wanted: Iterable[str], units: Sequence[Unit], taken: set[str]
) -> dict[str, str]:
    """Names for the size expressions over names that nothing else is used of."""
    visitor = _Sizes()
    for part in parts:
        visitor.look(part)
    own = {
        code(unit.value): target.value
        for unit in units
        if unit.kind == "host" and unit.value is not None and len(unit.targets) == 1
        if isinstance(target := unit.targets[0], cst.Name)
    }
    names: dict[str, str] = {}
    for name in wanted:
        if name in visitor.others:
            continue
        for text, label in sorted(visitor.found.get(name, {}).items()):
            chosen = own.get(text)
            if chosen is None:
                free = (label, *(f"{label}_{n}" for n in range(1, 99)))
                used = {*names.values(), *taken}
                chosen = next(n for n in free if n not in used)
            names[text] = chosen
    return names


def replace_sizes(node: cst.CSTNode, names: Mapping[str, str]) -> cst.CSTNode:
    """`node` with size expressions as the names that stand for them."""
    if not names or not any(True for item in walk(node) if size_expression(item)):
        return node
    return node.visit(_Replace(names))  # type: ignore[return-value]


def texts_of(arguments: Sequence[tuple[str, str]]) -> set[str]:
    """Names that the arguments of a constructor read."""
    found: set[str] = set()
    for _, text in arguments:
        node = cst.parse_expression(text)
        found |= {n.value for n in _names(node)}
    return found


def _names(node: cst.CSTNode) -> list[cst.Name]:
    if isinstance(node, cst.Name):
        return [node]
    if isinstance(node, cst.Attribute):
        return _names(node.value)
    return [name for child in children(node) for name in _names(child)]
