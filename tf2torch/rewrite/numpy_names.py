"""Names that numpy has dropped since TensorFlow 1: the conversion runs beside a current numpy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import libcst as cst

from tf2torch.cst.walk import below, transform

_BUILTINS: Final = {"unicode": "str", "long": "int"} | {
    name: name for name in ("float", "int", "bool", "object", "str", "complex")
}
_RENAMED: Final[Mapping[str, str]] = {
    "float_": "float64",
    "complex_": "complex128",
    "unicode_": "str_",
    "string_": "bytes_",
    "Inf": "inf",
    "Infinity": "inf",
    "infty": "inf",
    "PINF": "inf",
    "NaN": "nan",
    "product": "prod",
    "cumproduct": "cumprod",
    "sometrue": "any",
    "alltrue": "all",
    "round_": "round",
    "row_stack": "vstack",
}


_MENTIONS: Final = re.compile(
    rf"\bnewshape\s*=|\.\s*({'|'.join([*_BUILTINS, *_RENAMED, 'NINF'])})\b"
)


def modern_numpy(module: cst.Module, text: str) -> cst.Module:
    """``np.float`` -> ``float``, ``np.reshape(x, newshape=s)`` -> ``np.reshape(x, s)``

    `text` is the program's source: most mention none of these names.
    """
    if _MENTIONS.search(text) is None:
        return module
    names = _numpy_names(module)
    if not names:
        return module

    def change(node: cst.CSTNode) -> cst.CSTNode:
        if isinstance(node, cst.Attribute) and _is_numpy(node.value, names):
            return _attribute(node)
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
            if node.func.attr.value == "reshape" and _is_numpy(node.func.value, names):
                return node.with_changes(args=[_positional(arg) for arg in node.args])
        return node

    changed = transform(module, change)
    assert isinstance(changed, cst.Module)
    return changed


def _attribute(node: cst.Attribute) -> cst.BaseExpression:
    name = node.attr.value
    if name in _BUILTINS:
        return cst.Name(_BUILTINS[name], lpar=node.lpar, rpar=node.rpar)
    if name == "NINF":
        inner = node.with_changes(attr=cst.Name("inf"), lpar=(), rpar=())
        return cst.UnaryOperation(
            cst.Minus(), inner, lpar=[cst.LeftParen()], rpar=[cst.RightParen()]
        )
    return node.with_changes(attr=cst.Name(_RENAMED[name])) if name in _RENAMED else node


def _positional(arg: cst.Arg) -> cst.Arg:
    if arg.keyword is None or arg.keyword.value != "newshape":
        return arg
    return arg.with_changes(keyword=None, equal=cst.MaybeSentinel.DEFAULT)


def _is_numpy(node: cst.BaseExpression, names: frozenset[str]) -> bool:
    return isinstance(node, cst.Name) and node.value in names


def _numpy_names(module: cst.Module) -> frozenset[str]:
    found: set[str] = set()
    for node in below(module, cst.Import):
        for item in node.names:
            if isinstance(item.name, cst.Name) and item.name.value == "numpy":
                name = item.asname.name if item.asname is not None else item.name
                if isinstance(name, cst.Name):
                    found.add(name.value)
    return frozenset(found)
