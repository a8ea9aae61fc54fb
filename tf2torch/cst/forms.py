"""Small forms of source that several stages recognise."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

#: The sign of ``f(name=value)``.
TIGHT = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))


class _Filling(cst.CSTTransformer):
    def __init__(self, names: Mapping[str, cst.BaseExpression]) -> None:
        self.names = names

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        return updated_node.with_changes(attr=original_node.attr)

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:
        return updated_node.with_changes(keyword=original_node.keyword)

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        return self.names.get(original_node.value, updated_node)


def with_names(
    node: cst.BaseExpression, names: Mapping[str, cst.BaseExpression]
) -> cst.BaseExpression:
    """The expression with others in the place of names, but for attributes and keywords."""
    return node.visit(_Filling(names))  # type: ignore[return-value]


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
