"""Names of the scopes that calls get when they are written out."""

from __future__ import annotations

import libcst as cst


def string(text: str) -> cst.BaseExpression:
    """A text as a literal."""
    return cst.SimpleString(repr(text))


def with_suffix(scope: cst.BaseExpression, suffix: str) -> cst.BaseExpression:
    """``scope + "/suffix"``, added here if the scope is a literal."""
    if isinstance(scope, cst.SimpleString):
        return string(f"{text_of(scope)}/{suffix}")
    scope = scope.deep_clone()
    if not isinstance(scope, (cst.Name, cst.Attribute, cst.Call, cst.Subscript)):
        scope = scope.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return cst.BinaryOperation(scope, cst.Add(), string("/" + suffix))


def text_of(node: cst.BaseExpression) -> str:
    """What a literal says, nothing for other expressions."""
    return str(node.evaluated_value) if isinstance(node, cst.SimpleString) else ""
