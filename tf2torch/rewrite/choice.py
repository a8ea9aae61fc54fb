"""The rule and the form of it that apply."""

from __future__ import annotations

from dataclasses import replace

import libcst as cst

from tf2torch.rewrite import layout
from tf2torch.rewrite.writer import Unconvertible, Writer, parse
from tf2torch.rulebook.apply import Bound, select
from tf2torch.rulebook.model import Emit, Refusal, Rule
from tf2torch.rulebook.values import UNKNOWN, Value


def method_rule(writer: Writer, owner: Value, kind: str, name: str) -> Rule | None:
    book = writer.analysis.rulebook
    if owner.kind == "variable":
        found = book.find(f"Variable.{name}")
        if found is not None:
            return found
    return book.find(f"{kind}.{name}")


def chosen(writer: Writer, rule: Rule, bound: Bound, node: cst.CSTNode) -> Emit:
    """The emit that applies; what it needs and assumes is noted."""
    emit = select(bound, exact=writer.exact)
    if isinstance(emit, Refusal):
        raise Unconvertible(rule.id, emit.reason, node)
    writer.support.update((*rule.support, *emit.support))
    writer.imports.update((*rule.imports, *emit.imports))
    if emit.assume and not _holds(emit.assume, bound):
        writer.note(node, rule.id, f"assumed: {emit.assume}")
    return emit


def _holds(assumption: str, bound: Bound) -> bool:
    """Whether the analysis knows what a form assumes: nothing is assumed then."""
    subject, _, claim = assumption.partition(" ")
    if not assumption.endswith("floating point"):
        return False
    if claim == "is floating point":
        value = bound.values.get(subject)
        return value is not None and value.category == "float"
    given = [bound.values[name] for name in bound.nodes]
    return any(v.category == "float" for v in given if v.is_tensor) and all(
        v.category == "float" for v in given if v.is_tensor
    )


def renumber(bound: Bound, axes: tuple[str, ...], rank: int) -> Bound | None:
    """`bound` with its axis arguments counted with channels first; None if one is not known."""
    nodes, values = dict(bound.nodes), dict(bound.values)
    for name in axes:
        literal = bound.values[name].literal if name in bound.values else UNKNOWN
        if name not in bound.nodes and not isinstance(literal, int):
            continue  # a default of None names no axis
        if isinstance(literal, int):
            axis = layout.axis_first(literal, rank)
            nodes[name], values[name] = parse(str(axis)), Value("python", literal=axis)
        elif isinstance(literal, tuple) and all(isinstance(item, int) for item in literal):
            found = layout.axes_first(literal, rank)
            nodes[name] = parse(f"[{', '.join(map(str, found))}]")
            values[name] = Value("python", literal=tuple(found))
        elif literal is UNKNOWN:
            return None
    return replace(bound, nodes=nodes, values=values)
