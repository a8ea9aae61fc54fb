"""Fetches that torch may have as Python numbers, because nothing in them was made a tensor."""

from __future__ import annotations

import libcst as cst

from tf2torch.plan.units import calls_in
from tf2torch.rewrite.writer import Writer


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
