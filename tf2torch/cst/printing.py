"""Source text of trees, and where nodes stand in it, without what libcst's own printer keeps.

libcst enters a context for each node that it prints, and its provider of places keeps a range for
every node and a copy of the tree; a report needs the start of a few.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Set
from itertools import accumulate
from threading import RLock
from typing import Any

import libcst as cst
from libcst._nodes.internal import CodegenState

_EMPTY = cst.Module([])


def code_of(node: cst.CSTNode, module: cst.Module = _EMPTY) -> str:
    """The source text of a node, with the indentation of a module."""
    if type(node) is cst.Name and not node.lpar:
        return node.value
    state = _Printer(module.default_indent, module.default_newline)
    node._codegen(state)
    return "".join(state.tokens)


def places(module: cst.Module, wanted: Set[cst.CSTNode]) -> dict[cst.CSTNode, tuple[int, int]]:
    """Line and column, both from 1, of the wanted nodes that are in the module."""
    state = _Marking(module.default_indent, module.default_newline)
    state.wanted = {id(node) for node in wanted}
    module._codegen(state)
    starts = [0, *accumulate(map(len, state.tokens))]
    text = "".join(state.tokens)
    lines = [0] + [at + 1 for at, character in enumerate(text) if character == "\n"]
    found = {}
    for node in wanted:
        index = state.first_token.get(id(node))
        if index is not None:
            at = starts[index]
            line = bisect_right(lines, at)
            found[node] = (line, at - lines[line - 1] + 1)
    return found


class _Printer(CodegenState):
    """Prints without contexts, but for one of which Python runs nothing: a lock that is its own."""

    def __init__(self, default_indent: str, default_newline: str) -> None:
        super().__init__(default_indent, default_newline)
        self.nothing = RLock()

    def record_syntactic_position(self, node: cst.CSTNode, **_: Any) -> Any:
        return self.nothing


class _Marking(_Printer):
    """Prints a module and keeps the number of the first token of the wanted nodes."""

    def __init__(self, default_indent: str, default_newline: str) -> None:
        super().__init__(default_indent, default_newline)
        self.wanted: set[int] = set()
        self.first_token: dict[int, int] = {}

    def before_codegen(self, node: cst.CSTNode) -> None:
        if id(node) in self.wanted:
            self.first_token[id(node)] = len(self.tokens)

    def record_syntactic_position(self, node: cst.CSTNode, **_: Any) -> Any:
        # inside the node's own parentheses, behind the comments above a statement
        if id(node) in self.wanted:
            self.first_token[id(node)] = len(self.tokens)
        return self.nothing
