"""Small forms of source that several stages recognise."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from tf2torch.cst.walk import with_children

#: The sign of ``f(name=value)``.
TIGHT = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))


def with_names(
    node: cst.BaseExpression, names: Mapping[str, cst.BaseExpression]
) -> cst.BaseExpression:
    """The expression with others in the place of names, but for attributes and keywords."""

    def change(node: cst.CSTNode) -> cst.CSTNode:
        if isinstance(node, cst.Name):
            return names.get(node.value, node)
        if isinstance(node, (cst.Attribute, cst.Arg)):
            return node.with_changes(value=change(node.value))
        return with_children(node, change)

    return change(node)  # type: ignore[return-value]


def is_text(small: cst.CSTNode | None) -> bool:
    """Whether a simple statement is only a string, as docstrings are."""
    return isinstance(small, cst.Expr) and isinstance(
        small.value, (cst.SimpleString, cst.ConcatenatedString)
    )


def is_docstring(node: cst.CSTNode) -> bool:
    """Whether a statement is only a string."""
    return isinstance(node, cst.SimpleStatementLine) and is_text(node.body[0])


def dotted_name(node: cst.CSTNode | None) -> str:
    """``tf.nn.relu`` as text; empty for what is no chain of names."""
    if isinstance(node, cst.Attribute):
        return f"{dotted_name(node.value)}.{node.attr.value}"
    return node.value if isinstance(node, cst.Name) else ""


def is_call_of(node: cst.CSTNode | None, name: str) -> bool:
    """Whether a node is ``name(...)``."""
    return (
        isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == name
    )


def named_value(statement: cst.CSTNode) -> tuple[str | None, cst.BaseExpression | None]:
    """``x = value`` -> ``x``, ``value``; None twice for other statements."""
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    if isinstance(small, cst.Assign) and len(small.targets) == 1:
        target = small.targets[0].target
        if isinstance(target, cst.Name):
            return target.value, small.value
    return None, None


def appended(node: cst.CSTNode | None) -> tuple[str, cst.BaseExpression] | None:
    """``items.append(x)`` -> ``items``, ``x``; None for other expressions."""
    if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Attribute):
        return None
    owner, method = node.func.value, node.func.attr.value
    if not isinstance(owner, cst.Name) or method != "append" or len(node.args) != 1:
        return None
    return owner.value, node.args[0].value
