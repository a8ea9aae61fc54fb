"""``# tf2torch: keep`` comments: statements that stay as they are, on the user's word."""

from __future__ import annotations

import re

import libcst as cst

_KEEP = re.compile(r"#\s*tf2torch:\s*keep\b[\s:,-]*(.*)")


def keep_reason(node: cst.CSTNode) -> str | None:
    """What the comment behind a statement or right above it says; None if there is none.

    A compound statement has the comment behind its first line.
    """
    if isinstance(node, cst.SimpleStatementLine):
        comments = [node.trailing_whitespace.comment]
    else:
        block = getattr(node, "body", None)
        comments = [block.header.comment] if isinstance(block, cst.IndentedBlock) else []
    above = getattr(node, "leading_lines", ())
    if above:
        comments.append(above[-1].comment)
    for comment in comments:
        found = _KEEP.match(comment.value) if comment is not None else None
        if found is not None:
            return found[1].strip() or "tf2torch: keep"
    return None
