"""Fetched numbers: what may be one of Python, and what the program wants as one of NumPy."""

from __future__ import annotations

import libcst as cst

from tf2torch.cst.walk import walk
from tf2torch.plan.units import calls_in
from tf2torch.rewrite.writer import Writer, code, parse

#: What numbers of NumPy have and those of Python lack.
_OF_NUMPY = frozenset(
    "dtype shape ndim size nbytes itemsize astype tolist item ravel flatten reshape round mean sum"
    " min max any all copy squeeze tobytes T".split()
)


def gives_number(writer: Writer, node: cst.BaseExpression) -> bool:
    """``sess.run(f(2))``: what the function makes of numbers is a tensor only if its code says so.

    Such functions are converted once, for tensors and numbers alike.
    """
    for call in calls_in(node):
        function = writer.analysis.callees.get(call)
        role = writer.plan.roles.get(function.node) if function is not None else None  # type: ignore[arg-type]
        if role is None or role.kind != "function" or role.extra:
            continue
        returned = writer.analysis.returns.get(role.node)
        if returned is not None and returned.rank not in (0, None):
            continue
        if call.args and not any(_has_tensor(writer, arg.value) for arg in call.args):
            return True
    return False


def _has_tensor(writer: Writer, node: cst.BaseExpression) -> bool:
    value = writer.value(node)
    return value.kind not in ("python", "builtin") or value.shape is not None


def numpy_scalar(writer: Writer, name: str, value: cst.BaseExpression) -> cst.BaseExpression:
    """``loss.item()`` as a number of NumPy, where the program asks it for its dtype or the like."""
    text = code(value)
    if not text.endswith(".item()") or name not in _asked(writer):
        return value
    return parse(f"{text.removesuffix('.item()')}.detach().cpu().numpy()[()]")


def _asked(writer: Writer) -> frozenset[str]:
    """Names that the program takes attributes of which only numbers of NumPy have."""
    cache = writer.analysis.state.cache
    if "asked numbers" not in cache:
        cache["asked numbers"] = frozenset(
            node.value.value
            for node in walk(writer.analysis.source.module)
            if isinstance(node, cst.Attribute)
            and isinstance(node.value, cst.Name)
            and node.attr.value in _OF_NUMPY
        )
    found: frozenset[str] = cache["asked numbers"]
    return found
