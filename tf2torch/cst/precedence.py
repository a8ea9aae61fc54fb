"""Operator precedence of libcst expressions, to know where a replaced part needs parentheses."""

from __future__ import annotations

from typing import Final

import libcst as cst

ATOM: Final = 17
POSTFIX: Final = 16
COMPARISON: Final = 6
ANY: Final = 1

_BINARY: Final[dict[type[cst.BaseBinaryOp], int]] = {
    cst.BitOr: 7,
    cst.BitXor: 8,
    cst.BitAnd: 9,
    cst.LeftShift: 10,
    cst.RightShift: 10,
    cst.Add: 11,
    cst.Subtract: 11,
    cst.Multiply: 12,
    cst.Divide: 12,
    cst.FloorDivide: 12,
    cst.Modulo: 12,
    cst.MatrixMultiply: 12,
    cst.Power: 14,
}
_UNARY: Final = 13
_POWER: Final = 14


#: What most expressions are: the tests below take time.
_ATOMS: Final = frozenset({cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.SimpleString})


#: Most expressions stand in these, which ask for nothing.
_LOOSE: Final = frozenset(
    {cst.Arg, cst.Element, cst.Index, cst.Assign, cst.AssignTarget, cst.Expr, cst.Return}
)


def precedence(node: cst.BaseExpression) -> int:
    """How tightly `node` holds together; higher is tighter, 0 always wants parentheses."""
    if node.lpar or type(node) in _ATOMS:
        return ATOM
    if isinstance(node, cst.BinaryOperation):
        return _BINARY[type(node.operator)]
    if isinstance(node, cst.UnaryOperation):
        return 5 if isinstance(node.operator, cst.Not) else _UNARY
    if isinstance(node, cst.BooleanOperation):
        return 3 if isinstance(node.operator, cst.Or) else 4
    if isinstance(node, cst.Comparison):
        return COMPARISON
    if isinstance(node, cst.IfExp):
        return 2
    if isinstance(node, cst.Lambda):
        return ANY
    if isinstance(node, (cst.Integer, cst.Float)):
        return 15  # `3.sum()` does not parse
    if isinstance(node, cst.Await):
        return 15
    if isinstance(node, (cst.NamedExpr, cst.Yield, cst.GeneratorExp, cst.Tuple)):
        return 0
    return ATOM


def required(parent: cst.CSTNode, field: str) -> int:
    """Least precedence an expression needs to stand without parentheses as `parent.field`."""
    if type(parent) in _LOOSE:
        return ANY
    if isinstance(parent, cst.BinaryOperation):
        level = _BINARY[type(parent.operator)]
        if level == _POWER:
            return 15 if field == "left" else _UNARY
        return level if field == "left" else level + 1
    if isinstance(parent, cst.BooleanOperation):
        return 3 if isinstance(parent.operator, cst.Or) else 4
    if isinstance(parent, cst.UnaryOperation):
        return 5 if isinstance(parent.operator, cst.Not) else _UNARY + 1
    if isinstance(parent, (cst.Comparison, cst.ComparisonTarget)):
        return COMPARISON + 1
    if isinstance(parent, cst.IfExp):
        return 2 if field == "orelse" else 3
    if isinstance(parent, (cst.Attribute, cst.Await)):
        return POSTFIX
    if isinstance(parent, cst.Call) and field == "func":
        return POSTFIX
    if isinstance(parent, cst.Subscript) and field == "value":
        return POSTFIX
    if isinstance(parent, cst.StarredElement):
        return 7
    return ANY


def parenthesize(node: cst.BaseExpression) -> cst.BaseExpression:
    """`node` between one more pair of parentheses."""
    return node.with_changes(
        lpar=[cst.LeftParen(), *node.lpar], rpar=[*node.rpar, cst.RightParen()]
    )


def fit(node: cst.BaseExpression, parent: cst.CSTNode, field: str) -> cst.BaseExpression:
    """`node`, parenthesised if it could not stand bare as `parent.field`."""
    return parenthesize(node) if precedence(node) < required(parent, field) else node
