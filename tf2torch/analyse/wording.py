"""What code says about TensorFlow before anything is known of its values."""

from __future__ import annotations

from typing import Final

import libcst as cst

from tf2torch.cst.walk import below

_RUNS: Final = frozenset({"run", "eval"})


def names_below(node: cst.CSTNode) -> set[str]:
    return {item.value for item in below(node, cst.Name)}


def called(node: cst.CSTNode) -> str:
    if not isinstance(node, cst.Call):
        return ""
    return last_name(node.func)


def last_name(node: cst.CSTNode) -> str:
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


def runs_graph(node: cst.CSTNode) -> bool:
    return any(
        isinstance(call.func, cst.Attribute) and call.func.attr.value in _RUNS
        for call in below(node, cst.Call)
    )


def library_names(module: cst.Module) -> frozenset[str]:
    """Names that stand for TensorFlow, and functions that use it."""
    found: set[str] = set()
    for node in below(module, cst.Import, cst.ImportFrom):
        if isinstance(node, cst.ImportFrom) and node.module is not None:
            base: cst.CSTNode = node.module
        elif isinstance(node, cst.Import):
            base = node.names[0].name
        else:
            continue
        while isinstance(base, cst.Attribute):
            base = base.value
        if last_name(base) == "tensorflow" and not isinstance(node.names, cst.ImportStar):
            for item in node.names:
                found.add(last_name(item.asname.name if item.asname is not None else item.name))
    size = -1
    functions = {
        node.name.value: names_below(node.body)
        for node in module.body
        if isinstance(node, cst.FunctionDef)
    }
    while size != len(found):
        size = len(found)
        found |= {name for name, read in functions.items() if read & found}
    return frozenset(found)
