"""Import statements: which names stand for TensorFlow and its modules."""

from __future__ import annotations

import libcst as cst

from tf2torch.analyse import tensors
from tf2torch.analyse.state import State
from tf2torch.cst.forms import dotted_name
from tf2torch.rulebook.values import Value


def import_modules(state: State, node: cst.Import) -> None:
    """``import tensorflow as tf``"""
    for alias in node.names:
        dotted = dotted_name(alias.name)
        symbol = canonical_module(dotted)
        if symbol is not None:
            state.symbols[alias] = symbol
        if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
            value = Value("symbol", detail=symbol) if symbol else Value("python", detail=dotted)
            state.frame.assign(alias.asname.name.value, value)
        else:
            top = dotted.partition(".")[0]
            value = Value("symbol", detail="tf") if symbol else Value("python", detail=top)
            state.frame.assign(top, value)


def import_names(state: State, node: cst.ImportFrom) -> None:
    """``from tensorflow import nn``"""
    module = dotted_name(node.module) if node.module is not None else ""
    symbol = canonical_module(module) if not node.relative else None
    if symbol is not None:
        state.symbols[node] = symbol
    if isinstance(node.names, cst.ImportStar):
        if symbol is not None:
            state.frame.names["*"] = Value("symbol", detail=symbol)
        return
    for alias in node.names:
        name = dotted_name(alias.name)
        target = alias.asname.name.value if alias.asname else name  # type: ignore[union-attr]
        if symbol is not None:
            full = canonical_module(f"{module}.{name}") or f"{symbol}.{name}"
            state.frame.assign(target, tensors.symbol_value(full))
        elif module == "__future__":
            continue
        else:
            state.frame.assign(target, Value("python", detail=f"{module}.{name}"))


def canonical_module(dotted: str) -> str | None:
    """``tensorflow.compat.v1.nn`` -> ``tf.nn``; None for other packages."""
    parts = dotted.split(".")
    if parts[0] == "tf_slim":
        return ".".join(["tf.contrib.slim", *parts[1:]])
    if parts[0] != "tensorflow":
        return None
    rest = parts[1:]
    if rest[:2] == ["compat", "v1"]:
        rest = rest[2:]
    if rest[:2] == ["python", "platform"] and len(rest) > 2 and rest[2] in _PLATFORM:
        rest = [*_PLATFORM[rest[2]], *rest[3:]]
    return ".".join(["tf", *rest])


#: Modules that programs import from where they are defined.
_PLATFORM = {
    "app": ["app"],
    "flags": ["app", "flags"],
    "gfile": ["gfile"],
    "tf_logging": ["logging"],
}
