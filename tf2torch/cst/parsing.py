"""Trees of pieces of source, without libcst's parser where it takes longer than need be."""

from __future__ import annotations

import re
from keyword import iskeyword
from typing import Final

import libcst as cst

from tf2torch.cst import plain

_CHAIN: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\(\))*", re.ASCII)
_LINK: Final = re.compile(r"\.?(\w+)|\(\)", re.ASCII)
_DIGITS: Final = re.compile(r"0|[1-9][0-9]*", re.ASCII)


def parse_expression(text: str) -> cst.BaseExpression:
    """The expression that a text is; raises ParserSyntaxError."""
    node = parse_simple(text) or plain.expression(text)
    return cst.parse_expression(text) if node is None else node


def parse_statements(text: str) -> list[cst.BaseStatement]:
    """The statements of a text; raises ParserSyntaxError."""
    if not text:
        return []
    found = plain.statements(text)
    return list(cst.parse_module(text).body) if found is None else found


def parse_simple(text: str) -> cst.BaseExpression | None:
    """``7`` or ``a.b().c``; None if the text is anything else."""
    return cst.Integer(text) if _DIGITS.fullmatch(text) else with_links(None, text)


def with_links(base: cst.BaseExpression | None, text: str) -> cst.BaseExpression | None:
    """``a.b().c``, behind an expression if one is given; None if the text is anything else."""
    if not _CHAIN.fullmatch(text):
        return None
    node = base
    for link in _LINK.finditer(text):
        name = link[1]
        if name is None:
            assert node is not None
            node = cst.Call(node)
        elif iskeyword(name) and name not in ("None", "True", "False"):
            return None
        else:
            node = cst.Name(name) if node is None else cst.Attribute(node, cst.Name(name))
    return node
