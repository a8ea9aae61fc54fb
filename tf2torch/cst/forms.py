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
