"""Where nodes stand in the source, in one print of the tree.

libcst's own provider keeps a range for every node and a copy of the tree; a report needs the start
of a few.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Set
from contextlib import contextmanager
from itertools import accumulate

import libcst as cst
from libcst._nodes.internal import CodegenState


def places(module: cst.Module, wanted: Set[cst.CSTNode]) -> dict[cst.CSTNode, tuple[int, int]]:
    """Line and column, both from 1, of the wanted nodes that are in the module."""
    state = _Printer(wanted, module)
    module._codegen(state)
    starts = [0, *accumulate(map(len, state.tokens))]
    text = "".join(state.tokens)
    lines = [0] + [at + 1 for at, character in enumerate(text) if character == "\n"]
    found = {}
    for node, index in state.first_token.items():
        at = starts[index]
        line = bisect_right(lines, at)
        found[node] = (line, at - lines[line - 1] + 1)
    return found


class _Printer(CodegenState):
    """Prints a module and keeps the number of the first token of the wanted nodes."""

    def __init__(self, wanted: Set[cst.CSTNode], module: cst.Module) -> None:
        super().__init__(module.default_indent, module.default_newline)
        self.wanted = wanted
        self.first_token: dict[cst.CSTNode, int] = {}

    def before_codegen(self, node: cst.CSTNode) -> None:
        if node in self.wanted:
            self.first_token[node] = len(self.tokens)

    @contextmanager
    def record_syntactic_position(
        self,
        node: cst.CSTNode,
        *,
        start_node: cst.CSTNode | None = None,
        end_node: cst.CSTNode | None = None,
    ) -> Iterator[None]:
        # inside the node's own parentheses, behind the comments above a statement
        if node in self.wanted:
            self.first_token[node] = len(self.tokens)
        yield
