"""Arguments of calls in the source."""

from __future__ import annotations

import libcst as cst


def argument(node: cst.Call, position: int | None, *names: str) -> cst.BaseExpression | None:
    """The source expression at a position or under one of the names."""
    free = [arg for arg in node.args if arg.keyword is None]
    if position is not None and position < len(free):
        return free[position].value
    return next(
        (arg.value for arg in node.args if arg.keyword is not None and arg.keyword.value in names),
        None,
    )
