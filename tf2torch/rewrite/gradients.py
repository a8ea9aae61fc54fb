"""Gradients that the program takes itself, or works on between the loss and the optimizer."""

from __future__ import annotations

from collections.abc import Callable

import libcst as cst

from tf2torch.cst.memory import remember
from tf2torch.cst.names import names_in
from tf2torch.cst.walk import below
from tf2torch.plan.units import Unit, calls_in
from tf2torch.rewrite.arguments import argument
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.operands import Typed, fill_method
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, parse
from tf2torch.rulebook.values import Value


def _argument(node: cst.Call, position: int, name: str) -> cst.BaseExpression | None:
    """An argument; what stars spread is not known."""
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


def gradients_call(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """``tf.gradients(y, xs)`` -> ``torch.autograd.grad(y, xs)``"""
    ys, xs = argument(node, 0, "ys"), argument(node, 1, "xs")
    if ys is None or xs is None:
        raise Unconvertible("gradients", "tf.gradients needs ys and xs", node)
    target = writer.value(ys)
    y = convert(writer, ys, scope)
    if target.kind == "sequence":
        y = parse(f"sum(y.sum() for y in {code(y)})")
    elif target.rank != 0:
        y = fill_method(y, "sum()")
    grad_ys = argument(node, 2, "grad_ys")
    if grad_ys is not None and writer.value(grad_ys).literal is not None:
        raise Unconvertible("gradients", "tf.gradients with grad_ys", node)
    x = convert(writer, xs, scope)
    suffix = ", create_graph=True" if _differentiated_again(writer, node) else ", retain_graph=True"
    if _only_gradient(writer, node):
        suffix = ""
    return Typed(parse(f"torch.autograd.grad({code(y)}, {code(x)}{suffix})"))


def _unit_of(writer: Writer, node: cst.Call) -> Unit | None:
    return _units_by_call(writer).get(node)


@remember
def _units_by_call(writer: Writer) -> dict[cst.Call, Unit]:
    return {
        call: unit for unit in reversed(writer.plan.graph.units) for call in calls_in(unit.node)
    }


def _losses(writer: Writer) -> list[set[str]]:
    """Names read by everything that is differentiated in the program."""
    found = []
    for node, value in writer.analysis.values.items():
        if value.kind == "operation" and value.detail is not None and value.detail.type == "Train":
            found.append(names_in(value.detail["loss"].node).loads)
        if isinstance(node, cst.Call):
            symbol = writer.analysis.symbols.get(node.func)
            is_method = (
                isinstance(node.func, cst.Attribute) and node.func.attr.value == "compute_gradients"
            )
            if (symbol == "tf.gradients" or is_method) and node.args:
                found.append(names_in(node.args[0].value).loads)
    return found


def _differentiated_again(writer: Writer, node: cst.Call) -> bool:
    """Whether a gradient goes into something that is differentiated in its turn."""
    unit = _unit_of(writer, node)
    if unit is None:
        return True
    graph = writer.plan.graph
    limit = len(graph.units) + 1
    return any(unit in graph.closure(names, set(), limit) for names in _losses(writer))


def _only_gradient(writer: Writer, node: cst.Call) -> bool:
    """Whether no run needs another backward pass through the same graph."""
    unit = _unit_of(writer, node)
    if unit is None or _differentiated_again(writer, node) or _is_repeated(writer, unit, node):
        return False
    for site, needed in writer.plan.sites.values():
        if unit not in needed:
            continue
        others = [u for u in needed if u is not unit and _takes_gradient(writer, u)]
        trains = any(
            leaf.record is not None and leaf.record.type == "Train" for leaf in site.tree.leaves()
        )
        if others or trains:
            return False
    return True


def _is_repeated(writer: Writer, unit: Unit, node: cst.Call) -> bool:
    """Whether the statement takes this or another gradient once more."""
    taken = [
        call
        for call in calls_in(unit.node)
        if writer.analysis.symbols.get(call.func) == "tf.gradients"
    ]
    rounds = below(unit.node, cst.For, cst.While, cst.ListComp, cst.GeneratorExp, cst.DictComp)
    return len(taken) > 1 or any(node in calls_in(item) for item in rounds)


def _takes_gradient(writer: Writer, unit: Unit) -> bool:
    return any(
        writer.analysis.symbols.get(call.func) == "tf.gradients" for call in calls_in(unit.node)
    )


METHODS: dict[str, Callable[[Writer, cst.Call, Scope], Typed]] = {
    "Optimizer.compute_gradients": _compute_gradients,
}
