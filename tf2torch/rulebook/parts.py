"""An argument of a call as template functions see it: expression and value."""

from __future__ import annotations

from typing import NamedTuple

import libcst as cst

from tf2torch.cst.printing import code_of
from tf2torch.rulebook.values import Value


class Part(NamedTuple):
    """An argument: its converted expression, None if the user gave none, and its value."""

    node: cst.BaseExpression | None
    value: Value


def code(node: cst.CSTNode) -> str:
    """Source of an expression."""
    return code_of(node)
