"""Gradients that the program works on between the loss and the optimizer."""

from __future__ import annotations

from collections.abc import Callable

import libcst as cst

from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.operands import Typed
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, parse
from tf2torch.rulebook.values import Value


def _argument(node: cst.Call, position: int, name: str) -> cst.BaseExpression | None:
    free = [arg.value for arg in node.args if arg.keyword is None and not arg.star]
    if position < len(free):
        return free[position]
    return next(
        (a.value for a in node.args if a.keyword is not None and a.keyword.value == name), None
    )


def _compute_gradients(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """``optimizer.compute_gradients(loss)`` -> ``compute_gradients(loss, model.parameters())``"""
    from tf2torch.rewrite.training import loss_text

    loss, given = _argument(node, 0, "loss"), _argument(node, 1, "var_list")
    if loss is None:
        raise Unconvertible("gradients", "compute_gradients without a loss", node)
    weighted = _argument(node, 5, "grad_loss")
    if weighted is not None and writer.value(weighted).literal is not None:
        raise Unconvertible("gradients", "compute_gradients with grad_loss", node)
    text = loss_text(writer.value(loss), code(convert(writer, loss, scope)))
    writer.support.add("compute_gradients")
    return Typed(parse(f"compute_gradients({text}, {_parameters(writer, node, given, scope)})"))


def _parameters(
    writer: Writer, node: cst.Call, given: cst.BaseExpression | None, scope: Scope
) -> str:
    """The parameters that a call differentiates by: the given ones, or all that are trained."""
    from tf2torch.rewrite.variables_list import list_text

    if given is not None and writer.value(given).literal is not None:
        written = code(convert(writer, given, scope))
        return f"[{written}]" if writer.value(given).kind == "variable" else written
    pairs = writer.value(node)
    if pairs.kind != "sequence" or scope.model is None:
        raise Unconvertible("gradients", "which variables are trained is not known", node)
    variables = tuple(pair.detail[1] for pair in pairs.detail)
    text = list_text(writer, Value("sequence", detail=variables), node, scope.model)
    whole = f"list({scope.model}.parameters())"
    return f"{scope.model}.parameters()" if text == whole else text


METHODS: dict[str, Callable[[Writer, cst.Call, Scope], Typed]] = {
    "Optimizer.compute_gradients": _compute_gradients,
}
