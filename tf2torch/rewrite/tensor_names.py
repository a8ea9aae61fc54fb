"""Names of tensors, which torch does not have: one that only errors show is its spelling."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tf2torch.cst.names import parameters
from tf2torch.cst.walk import below, children, walk
from tf2torch.rewrite.writer import Scope, Writer, code, parse


def attribute(writer: Writer, node: cst.Attribute, scope: Scope) -> cst.BaseExpression | None:
    """``name = x.name`` -> ``name = "x"`` if nothing but messages reads it; None for all others."""
    if node.attr.value != "name" or not isinstance(node.value, cst.Name):
        return None
    if writer.value(node.value).kind == "variable" and scope.scoped:
        writer.support.add("variable_name")
        writer.converted(node, "variable-name")
        return parse(f"variable_name({node.value.value})")
    if not writer.value(node.value).is_tensor:
        return None
    for function in reversed(below(writer.analysis.source.module, cst.FunctionDef)):
        assigned = [n for n in below(function.body, cst.Assign) if n.value is node]
        if not assigned:
            continue
        target = assigned[0].targets[0].target
        plain = len(assigned[0].targets) == 1 and isinstance(target, cst.Name)
        if plain and _only_told(writer, function, target.value, set()):  # type: ignore[attr-defined]
            writer.converted(node, "tensor-name")
            return parse(repr(code(node.value)))
        return None
    return None


def _only_told(
    writer: Writer, function: cst.FunctionDef, name: str, seen: set[tuple[cst.FunctionDef, str]]
) -> bool:
    """Whether a name of a function only goes into errors, here and in what it is passed to."""
    if (function, name) in seen:
        return True
    seen.add((function, name))
    return all(
        callee is not None and _only_told(writer, callee[0], callee[1], seen)
        for callee in _uses(writer, function.body, name)
    )


def _uses(
    writer: Writer, node: cst.CSTNode, name: str
) -> Iterator[tuple[cst.FunctionDef, str] | None]:
    """Where a name goes: the function and the parameter that take it, None for anything else."""
    if isinstance(node, cst.Raise):
        return
    if isinstance(node, cst.Assert):
        yield from _uses(writer, node.test, name)
        return
    if isinstance(node, cst.Comparison) and _is_none_test(node, name):
        return
    if isinstance(node, cst.Assign):
        yield from _uses(writer, node.value, name)
        for target in node.targets:
            if not isinstance(target.target, cst.Name):
                yield from _uses(writer, target.target, name)
        return
    if isinstance(node, cst.Call):
        yield from _uses(writer, node.func, name)
        for position, arg in enumerate(node.args):
            if isinstance(arg.value, cst.Name) and arg.value.value == name:
                yield _taken_by(writer, node, position, arg)
            else:
                yield from _uses(writer, arg.value, name)
        return
    if isinstance(node, cst.Name):
        if node.value == name:
            yield None
        return
    if isinstance(node, cst.Attribute):
        yield from _uses(writer, node.value, name)
        return
    for child in children(node):
        if any(isinstance(n, cst.Name) and n.value == name for n in walk(child)):
            yield from _uses(writer, child, name)


def _is_none_test(node: cst.Comparison, name: str) -> bool:
    is_name = isinstance(node.left, cst.Name) and node.left.value == name
    others = [target.comparator for target in node.comparisons]
    return is_name and all(isinstance(o, cst.Name) and o.value == "None" for o in others)


def _taken_by(
    writer: Writer, call: cst.Call, position: int, arg: cst.Arg
) -> tuple[cst.FunctionDef, str] | None:
    callee = writer.analysis.callees.get(call)
    if callee is None or not isinstance(callee.node, cst.FunctionDef) or arg.star:
        return None
    names = parameters(callee.node)
    if arg.keyword is not None:
        return (callee.node, arg.keyword.value) if arg.keyword.value in names else None
    return (callee.node, names[position]) if position < len(names) else None
