"""Loops and branches of the scoped tier: TensorFlow traces the code in them once."""

from __future__ import annotations

import libcst as cst

from tf2torch.cst.forms import TIGHT
from tf2torch.diagnostics import Outcome
from tf2torch.rewrite.arguments import argument
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.operands import Typed
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer

#: Functions of the support file, and their arguments: place and names.
_FORMS = {
    "tf.while_loop": (
        "scoped_while_loop",
        ((0, ("cond",)), (1, ("body",)), (2, ("loop_vars",)), (8, ("maximum_iterations",))),
    ),
    "tf.cond": (
        "scoped_cond",
        ((0, ("pred",)), (1, ("true_fn", "fn1")), (2, ("false_fn", "fn2"))),
    ),
}
#: What only tells TensorFlow how to build a loop.
_HINTS = ((3, "shape_invariants"), (4, "parallel_iterations"))


def is_traced(writer: Writer, node: cst.Call, scope: Scope) -> bool:
    """Whether a loop or a branch makes variables of the scopes that are open around it."""
    return scope.scoped and bool(writer.analysis.creations_at(node))


def traced_call(writer: Writer, node: cst.Call, symbol: str, scope: Scope) -> Typed | None:
    """``tf.while_loop(c, b, [x])`` -> ``scoped_while_loop(c, b, [x])``; None for other calls."""
    if symbol not in _FORMS or not is_traced(writer, node, scope):
        return None
    name, places = _FORMS[symbol]
    args: list[cst.Arg] = []
    for place, keywords in places:
        given = argument(node, place, *keywords)
        if given is not None:
            written = convert(writer, given, scope)
            arg = cst.Arg(written)
            if place > 2:
                arg = cst.Arg(written, keyword=cst.Name(keywords[0]), equal=TIGHT)
            args.append(arg)
    if len(args) < 3:
        raise Unconvertible("scoped-loop", f"{symbol} without all that it needs", node)
    for place, hint in _HINTS if symbol == "tf.while_loop" else ():
        value = argument(node, place, hint)
        if value is not None:
            writer.settle(value, Outcome.ABSORBED, "while-loop")
    writer.support.add(name)
    writer.converted(node.func, symbol)
    return Typed(cst.Call(cst.Name(name), args))


def traced_body(
    writer: Writer, node: cst.Call, function: cst.BaseExpression, scope: Scope
) -> cst.BaseExpression:
    """A function that runs for each row: ``traced_once(fn)`` where its rows share variables."""
    if not is_traced(writer, node, scope):
        return function
    writer.support.add("traced_once")
    return cst.Call(cst.Name("traced_once"), [cst.Arg(function)])
