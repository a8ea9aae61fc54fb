"""Names that a file reads anywhere."""

from __future__ import annotations

import libcst as cst

from tf2torch.cst.memory import remember
from tf2torch.cst.walk import read
from tf2torch.rewrite.writer import Writer


def loaded(writer: Writer) -> set[str]:
    """Names that the file reads anywhere."""
    return _names_read(writer.analysis.source.module)


@remember
def _names_read(module: cst.Module) -> set[str]:
    finder = _Loads()
    read(module, finder)
    return finder.names


class _Loads(cst.CSTVisitor):
    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_AssignTarget(self, node: cst.AssignTarget) -> bool:
        self._target(node.target)
        return False

    def _target(self, node: cst.CSTNode) -> None:
        if isinstance(node, (cst.Tuple, cst.List)):
            for element in node.elements:
                self._target(element.value)
        elif not isinstance(node, cst.Name):
            read(node, self)

    def visit_For(self, node: cst.For) -> bool:
        self._target(node.target)
        for child in (node.iter, node.body, node.orelse):
            if child is not None:
                read(child, self)
        return False

    def visit_CompFor(self, node: cst.CompFor) -> bool:
        self._target(node.target)
        for child in (node.iter, *node.ifs, node.inner_for_in):
            if child is not None:
                read(child, self)
        return False

    def visit_Name(self, node: cst.Name) -> None:
        self.names.add(node.value)
