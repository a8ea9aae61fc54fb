"""A flat script under ``if __name__ == "__main__"`` is module code; its conversion has a guard."""

from __future__ import annotations

import libcst as cst

from tf2torch.analyse.placing import is_guard
from tf2torch.analyse.wording import called, library_names, names_below
from tf2torch.cst.walk import below, children

Origins = dict[cst.CSTNode, cst.CSTNode]

_GRAPH = frozenset("placeholder placeholder_with_default Variable get_variable constant".split())


def without_guard(module: cst.Module, origins: Origins) -> cst.Module:
    """The module with the code of its guard behind the rest, if that code builds a graph."""
    guards = [node for node in module.body if is_guard(node)]
    if len(guards) != 1 or module.body[-1] is not guards[0]:
        return module
    guard = cst.ensure_type(guards[0], cst.If)
    library = library_names(module)
    if guard.orelse is not None or not _builds(guard.body, library):
        return module
    if any(names_below(node) & library for node in below(module, cst.ClassDef)):
        return module
    if not isinstance(guard.body, cst.IndentedBlock):
        return module
    first, *rest = guard.body.body
    above = [*guard.leading_lines, *first.leading_lines]  # type: ignore[attr-defined]
    made = first.with_changes(leading_lines=above)
    origins[made] = origins.get(first, first)
    new = module.with_changes(body=[*module.body[:-1], made, *rest])
    origins[new] = origins.get(module, module)
    return new


def _builds(node: cst.CSTNode, library: frozenset[str]) -> bool:
    """Whether code itself makes tensors, not only in functions that it defines."""
    if isinstance(node, (cst.FunctionDef, cst.ClassDef, cst.Lambda)):
        return False
    if isinstance(node, cst.Call) and called(node) in _GRAPH and names_below(node.func) & library:
        return True
    return any(_builds(child, library) for child in children(node))
