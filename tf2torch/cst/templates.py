"""Source templates with `{field}` holes that are filled by substitution in the syntax tree."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import libcst as cst

from tf2torch.cst.parsing import parse_expression, parse_simple
from tf2torch.cst.precedence import ANY, fit, parenthesize, precedence
from tf2torch.cst.printing import code_of

_FIELD: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
_HOLE: Final = re.compile(r"_hole_(\d+)_")


class TemplateError(ValueError):
    """A template that does not parse, or a required field without a value."""


@dataclass(frozen=True)
class Field:
    """One hole: `{x}`, `{x?}`, `{x|default}`, `{x*}` or `{f(x)}`.

    `?` drops the argument of a call if x is absent; `*` puts the items of a list or tuple display
    there as arguments or elements of their own.
    """

    name: str | None
    call: str | None = None
    optional: bool = False
    default: str | None = None
    spread: bool = False


@dataclass(frozen=True)
class Template:
    """A parsed template: the tree with holes, and where they are."""

    text: str
    tree: cst.BaseExpression
    fields: tuple[Field, ...]
    plan: _Plan | int


@dataclass(frozen=True)
class _Plan:
    """Which children of a node lead to holes: field -> plan, or field -> {index: plan}."""

    children: Mapping[str, Any] = field(default_factory=dict)


class _Drop(Exception):
    """Raised at an absent `{x?}`, caught at the argument that holds it."""


#: Answer of a field's callback for "the user did not give this".
ABSENT: Final = object()


@cache
def parse_template(text: str) -> Template:
    """Parse `text`; raises TemplateError if it is no expression."""
    fields: list[Field] = []

    def hole(match: re.Match[str]) -> str:
        if match[0] == "{{" or match[0] == "}}":
            return match[0][0]
        fields.append(_field(match[1].strip(), text))
        return f"_hole_{len(fields) - 1}_"

    source = _FIELD.sub(hole, text)
    try:
        tree = cst.parse_expression(source)
    except cst.ParserSyntaxError as error:
        raise TemplateError(f"template does not parse: {text}: {error.message}") from None
    plan = _plan(tree)
    return Template(text, tree, tuple(fields), _Plan() if plan is None else plan)


def _field(inner: str, template: str) -> Field:
    name, bar, default = inner.partition("|")
    name = name.strip()
    optional, spread = "?" in name[-2:], "*" in name[-2:]
    name = name.rstrip("?*")
    fallback = default.strip() if bar else None
    if name.isidentifier():
        return Field(name, None, optional, fallback, spread)
    if re.fullmatch(r"\w+\(.*\)", name, re.DOTALL):
        return Field(None, name, optional, fallback)
    raise TemplateError(f"bad field {{{inner}}} in template: {template}")


def _plan(node: Any) -> _Plan | int | None:
    if not isinstance(node, cst.CSTNode):
        return None
    if isinstance(node, cst.Name):
        match = _HOLE.fullmatch(node.value)
        return int(match[1]) if match else None
    children: dict[str, Any] = {}
    for name in node.__dataclass_fields__:
        child = getattr(node, name)
        if isinstance(child, cst.CSTNode):
            sub = _plan(child)
            if sub is not None:
                children[name] = sub
        elif isinstance(child, (list, tuple)):
            subs = {i: s for i, item in enumerate(child) if (s := _plan(item)) is not None}
            if subs:
                children[name] = subs
    return _Plan(children) if children else None


def substitute(
    template: str | Template, value_of: Callable[[Field], cst.BaseExpression | object]
) -> cst.BaseExpression:
    """Fill `template`; `value_of` gives a field's expression or source text, or ABSENT.

    Source text may be several arguments, elements or indices: ``:2, 1``.

    Before: ``{x}.sum(dim={axis?})`` with x = ``a + b`` and no axis
    After:  ``(a + b).sum()``
    """
    parsed = parse_template(template) if isinstance(template, str) else template
    used: set[int] = set()

    def resolve(index: int) -> _Resolved:
        hole = parsed.fields[index]
        node = value_of(hole)
        if node is ABSENT:
            if hole.default is None and (hole.optional or hole.call is not None):
                raise _Drop
            if hole.default is None:
                raise TemplateError(f"no value for {{{hole.name or hole.call}}}")
            node = parse_expression(hole.default)
        if isinstance(node, str):
            return node
        assert isinstance(node, cst.BaseExpression)
        if hole.spread and isinstance(node, (cst.List, cst.Tuple)):
            return _items_text(node)
        if id(node) in used:  # one node must not stand twice in a tree
            return node.deep_clone()
        used.add(id(node))
        return node

    try:
        result: cst.BaseExpression = _rebuild(parsed.tree, parsed.plan, resolve, False)
        return result
    except _Drop:
        raise TemplateError(f"`?` outside a call's argument in template: {parsed.text}") from None


_Resolved = cst.BaseExpression | str


def _rebuild(node: Any, plan: Any, resolve: Callable[[int], _Resolved], bracketed: bool) -> Any:
    if isinstance(plan, int):
        found = resolve(plan)
        result = parse_expression(found) if isinstance(found, str) else found
        if node.lpar:
            return result if result.lpar else parenthesize(result)
        return _one_line(result) if not bracketed else _bare(result)
    changes: dict[str, Any] = {}
    inside = bracketed or bool(getattr(node, "lpar", ()))
    for name, sub in plan.children.items():
        child = getattr(node, name)
        enclosed = inside or _encloses(node, name)
        if isinstance(sub, dict):
            changes[name] = _rebuild_items(child, sub, resolve, enclosed)
        else:
            new = _rebuild(child, sub, resolve, enclosed)
            changes[name] = fit(new, node, name) if isinstance(new, cst.BaseExpression) else new
    return node.with_changes(**changes)


def _rebuild_items(
    items: Any, plans: Mapping[int, Any], resolve: Callable[[int], _Resolved], inside: bool
) -> list[Any]:
    result: list[Any] = []
    for i, item in enumerate(items):
        if i not in plans:
            result.append(item)
            continue
        try:
            hole = _direct(item, plans[i])
            if hole is None:
                result.append(_rebuild(item, plans[i], resolve, inside))
                continue
            found = resolve(hole)
            if getattr(item, "star", "") and isinstance(found, (cst.List, cst.Tuple)):
                found = _items_text(found)
            if isinstance(found, str):
                result += _parse_items(item, found)
            else:
                result.append(_rebuild(item, plans[i], _always(found), inside))
        except _Drop:
            if not isinstance(item, cst.Arg):
                raise
    if result and len(result) != len(items):
        result[-1] = result[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return result


def _always(node: cst.BaseExpression) -> Callable[[int], _Resolved]:
    return lambda _: node


def _direct(item: Any, plan: _Plan) -> int | None:
    """The hole that is all there is to an argument, element or index."""
    if isinstance(item, (cst.Arg, cst.Element)) and not getattr(item, "keyword", None):
        found = plan.children.get("value")
    elif isinstance(item, cst.SubscriptElement) and isinstance(item.slice, cst.Index):
        found = plan.children["slice"].children.get("value")
    else:
        return None
    return found if isinstance(found, int) and getattr(item, "star", "") != "**" else None


def _items_text(node: cst.List | cst.Tuple) -> str:
    if not node.elements:
        return ""
    *first, last = node.elements
    items = [*first, last.with_changes(comma=cst.MaybeSentinel.DEFAULT)]
    return code_of(cst.List(items))[1:-1]


def _parse_items(item: Any, text: str) -> Sequence[Any]:
    """Arguments, elements or indices as the source text has them."""
    opening, closing = "_(", ")"
    if isinstance(item, cst.Arg):
        simple = parse_simple(text)
        if simple is not None:
            return [cst.Arg(simple)]
    else:
        opening, closing = ("_[" if isinstance(item, cst.SubscriptElement) else "["), "]"
    node = cst.parse_expression(opening + text + closing)
    if isinstance(node, cst.Call):
        return node.args
    assert isinstance(node, (cst.Subscript, cst.List))
    return node.slice if isinstance(node, cst.Subscript) else node.elements


def _encloses(node: cst.CSTNode, name: str) -> bool:
    """Whether a child in this place stands between brackets, where lines may break."""
    return (
        (isinstance(node, cst.Call) and name == "args")
        or (isinstance(node, cst.Subscript) and name == "slice")
        or isinstance(node, (cst.List, cst.Set, cst.Dict, cst.ListComp, cst.SetComp, cst.DictComp))
    )


def _bare(node: cst.BaseExpression) -> cst.BaseExpression:
    return node if precedence(node) >= ANY else parenthesize(node)


def _one_line(node: cst.BaseExpression) -> cst.BaseExpression:
    """Parenthesise an expression that breaks lines, as it leaves the brackets it stood in."""
    node = _bare(node)
    if node.lpar or isinstance(node, (cst.Name, cst.Integer, cst.Float)):
        return node
    code = code_of(node)
    if "\n" not in code and "\r" not in code:
        return node
    depth = 0
    for char in code:
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char in "\r\n" and depth == 0:
            return parenthesize(node)
    return node
