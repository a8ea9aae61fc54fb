"""Trees of source in plain layout, several times faster than with libcst's parser.

Python's own parser tells what a line is. Its tree becomes libcst's wherever the text between the
parts of each node is what a printer would write there; everything else is left to libcst.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import libcst as cst

_INTEGER: Final = re.compile(r"0|[1-9][0-9]*")
_FLOAT: Final = re.compile(r"[0-9]+\.[0-9]+|[0-9]+(?:\.[0-9]+)?e-?[0-9]+")
_STRING: Final = re.compile(r"\"[^\"\\]*\"|'[^'\\]*'")

#: Punctuation is shared by all trees: nothing depends on which comma a comma is.
_COMMA: Final = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
_EQUAL: Final = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))

_BINARY: Final[dict[type[ast.operator], tuple[str, type[cst.BaseBinaryOp]]]] = {
    ast.Add: ("+", cst.Add),
    ast.Sub: ("-", cst.Subtract),
    ast.Mult: ("*", cst.Multiply),
    ast.Div: ("/", cst.Divide),
    ast.FloorDiv: ("//", cst.FloorDivide),
    ast.Mod: ("%", cst.Modulo),
    ast.Pow: ("**", cst.Power),
    ast.MatMult: ("@", cst.MatrixMultiply),
}


class _OtherLayout(Exception):
    """Raised where the text is not laid out in the one way that is known here."""


def expression(text: str) -> cst.BaseExpression | None:
    """The expression that a line is; None if that is for libcst to find out."""
    try:
        body = _parsed(text)
        if len(body) != 1 or not isinstance(body[0], ast.Expr):
            return None
        found = body[0].value
        _check(text, body[0], (found,))
        return _expression(text, found) if found.end_col_offset == len(text) else None
    except _OtherLayout:
        return None


def statements(text: str) -> list[cst.BaseStatement] | None:
    """The simple statements that a text has, one on each line; None as above."""
    lines = text.split("\n")
    try:
        body = _parsed(text)
        if len(body) != len(lines) - 1 or lines[-1]:
            return None
        return [
            cst.SimpleStatementLine([_statement(line, node)]) for line, node in zip(lines, body)
        ]
    except _OtherLayout:
        return None


def _parsed(text: str) -> list[ast.stmt]:
    if not text.isascii():  # Python's parser counts bytes
        raise _OtherLayout
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _OtherLayout from None


def _check(text: str, node: Any, parts: Sequence[Any]) -> None:
    """Whether a node consists of these nodes and pieces of text, and nothing else."""
    at = node.col_offset
    for part in parts:
        if isinstance(part, str):
            if not text.startswith(part, at):
                raise _OtherLayout
            at += len(part)
        else:
            if part.col_offset != at:
                raise _OtherLayout
            at = part.end_col_offset
    if at != node.end_col_offset:
        raise _OtherLayout


# -- statements ----------------------------------------------------------------------------------


def _statement(text: str, node: ast.stmt) -> cst.BaseSmallStatement:
    if node.col_offset or node.end_col_offset != len(text) or node.lineno != node.end_lineno:
        raise _OtherLayout
    if isinstance(node, ast.Expr):
        _check(text, node, (node.value,))
        return cst.Expr(_expression(text, node.value))
    if isinstance(node, ast.Assign):
        parts: list[Any] = []
        for target in node.targets:
            parts += (target, " = ")
        _check(text, node, (*parts, node.value))
        targets: list[Any] = [_expression(text, target) for target in node.targets]
        value = _expression(text, node.value)
        return cst.Assign([cst.AssignTarget(target) for target in targets], value)
    if isinstance(node, ast.Return) and node.value is not None:
        _check(text, node, ("return ", node.value))
        value = _expression(text, node.value)
        return cst.Return(value, whitespace_after_return=cst.SimpleWhitespace(" "))
    raise _OtherLayout


# -- expressions ---------------------------------------------------------------------------------


def _expression(text: str, node: ast.expr) -> cst.BaseExpression:
    build = _EXPRESSIONS.get(type(node))
    if build is None:
        raise _OtherLayout
    return build(text, node)


def _name(text: str, node: ast.Name) -> cst.BaseExpression:
    return cst.Name(node.id)


def _constant(text: str, node: ast.Constant) -> cst.BaseExpression:
    source = text[node.col_offset : node.end_col_offset]
    if source in ("None", "True", "False"):
        return cst.Name(source)
    if _INTEGER.fullmatch(source):
        return cst.Integer(source)
    if _FLOAT.fullmatch(source):
        return cst.Float(source)
    if _STRING.fullmatch(source):
        return cst.SimpleString(source)
    raise _OtherLayout


def _attribute(text: str, node: ast.Attribute) -> cst.BaseExpression:
    _check(text, node, (node.value, f".{node.attr}"))
    if isinstance(node.value, ast.Constant):
        raise _OtherLayout
    return cst.Attribute(_expression(text, node.value), cst.Name(node.attr))


def _call(text: str, node: ast.Call) -> cst.BaseExpression:
    given: list[ast.expr | ast.keyword] = [*node.args, *node.keywords]
    given.sort(key=lambda item: item.col_offset)
    _check(text, node, (node.func, "(", *_separated(given), ")"))
    args = [_argument(text, item, item is given[-1]) for item in given]
    return cst.Call(_expression(text, node.func), args)


def _argument(text: str, node: ast.expr | ast.keyword, last: bool) -> cst.Arg:
    value = node if isinstance(node, ast.expr) else node.value
    star: Literal["", "*", "**"] = ""
    keyword = None
    if isinstance(node, ast.Starred):
        star, value = "*", node.value
        _check(text, node, (star, value))
    elif isinstance(node, ast.keyword) and node.arg is None:
        star = "**"
        _check(text, node, (star, value))
    elif isinstance(node, ast.keyword):
        keyword = cst.Name(str(node.arg))
        _check(text, node, (f"{node.arg}=", value))
    elif isinstance(node, ast.GeneratorExp):
        raise _OtherLayout
    return cst.Arg(
        _expression(text, value),
        keyword=keyword,
        equal=cst.MaybeSentinel.DEFAULT if keyword is None else _EQUAL,
        comma=cst.MaybeSentinel.DEFAULT if last else _COMMA,
        star=star,
    )


def _separated(items: Sequence[Any]) -> list[Any]:
    parts: list[Any] = []
    for item in items:
        parts += (", ", item)
    return parts[1:]


def _elements(text: str, items: Sequence[ast.expr]) -> list[cst.Element]:
    values = [_expression(text, item) for item in items]
    elements = [cst.Element(value, comma=_COMMA) for value in values[:-1]]
    return [*elements, *(cst.Element(value) for value in values[-1:])]


def _list(text: str, node: ast.List) -> cst.BaseExpression:
    _check(text, node, ("[", *_separated(node.elts), "]"))
    return cst.List(_elements(text, node.elts))


def _tuple(text: str, node: ast.Tuple) -> cst.BaseExpression:
    if len(node.elts) < 2:
        raise _OtherLayout
    parts = _separated(node.elts)
    elements = _elements(text, node.elts)
    if text[node.col_offset] == "(" and text[node.end_col_offset - 1] == ")":  # type: ignore[operator]
        _check(text, node, ("(", *parts, ")"))
        return cst.Tuple(elements)
    _check(text, node, parts)
    return cst.Tuple(elements, lpar=(), rpar=())


def _binary(text: str, node: ast.BinOp) -> cst.BaseExpression:
    sign, operator = _BINARY.get(type(node.op), (None, None))
    if operator is None:
        raise _OtherLayout
    _check(text, node, (node.left, f" {sign} ", node.right))
    return cst.BinaryOperation(
        _expression(text, node.left), operator(), _expression(text, node.right)
    )


def _unary(text: str, node: ast.UnaryOp) -> cst.BaseExpression:
    if not isinstance(node.op, ast.USub):
        raise _OtherLayout
    _check(text, node, ("-", node.operand))
    return cst.UnaryOperation(cst.Minus(), _expression(text, node.operand))


def _conditional(text: str, node: ast.IfExp) -> cst.BaseExpression:
    _check(text, node, (node.body, " if ", node.test, " else ", node.orelse))
    return cst.IfExp(
        test=_expression(text, node.test),
        body=_expression(text, node.body),
        orelse=_expression(text, node.orelse),
    )


def _subscript(text: str, node: ast.Subscript) -> cst.BaseExpression:
    if isinstance(node.slice, (ast.Tuple, ast.Slice)):
        raise _OtherLayout
    _check(text, node, (node.value, "[", node.slice, "]"))
    index = cst.SubscriptElement(cst.Index(_expression(text, node.slice)))
    return cst.Subscript(_expression(text, node.value), [index])


_EXPRESSIONS: Final[dict[type[ast.expr], Callable[[str, Any], cst.BaseExpression]]] = {
    ast.Name: _name,
    ast.Constant: _constant,
    ast.Attribute: _attribute,
    ast.Call: _call,
    ast.List: _list,
    ast.Tuple: _tuple,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.IfExp: _conditional,
    ast.Subscript: _subscript,
}
