"""An argument of a call as template functions see it: expression and value."""

from __future__ import annotations

from typing import Final, NamedTuple

import libcst as cst

from tf2torch.rulebook.values import Value

_MODULE: Final = cst.Module([])


class Part(NamedTuple):
    """An argument: its converted expression, None if the user gave none, and its value."""

    node: cst.BaseExpression | None
    value: Value


def code(node: cst.CSTNode) -> str:
    """Source of an expression."""
    return _MODULE.code_for_node(node)
