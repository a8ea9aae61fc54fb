"""Rewrites calls: TensorFlow functions by rule, methods, and the program's own functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import libcst as cst

from tf2torch.analyse import tensors
from tf2torch.analyse.expansion import internal
from tf2torch.analyse.facts import Obj
from tf2torch.cst.templates import TemplateError
from tf2torch.cst.walk import transform
from tf2torch.plan.units import calls_in
from tf2torch.rewrite import (
    control,
    estimators,
    functions,
    layers,
    overrides,
    reader_seeds,
    recipes,
    recurrent,
    regularization,
    scoped,
    sparse,
    unknown_shapes,
)
from tf2torch.rewrite.axis_order import along_axes, elementwise, image_first, joined, layout_of
from tf2torch.rewrite.choice import chosen, method_rule
from tf2torch.rewrite.expressions import convert, typed
from tf2torch.rewrite.gradient_paths import CLIPS
from tf2torch.rewrite.operands import Typed, array_tensor
from tf2torch.rewrite.session_arguments import without_sessions
from tf2torch.rewrite.tensor_arguments import lifted
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, parse
from tf2torch.rulebook.apply import Argument, bind, fill
from tf2torch.rulebook.model import Refusal, Rule
from tf2torch.rulebook.shapes.common import as_tensor
from tf2torch.rulebook.values import Value


def convert_call(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """A call in PyTorch."""
    symbol = writer.analysis.symbols.get(node.func)
    if scope.scoped and symbol is not None:
        drawn = scoped.scoped_call(writer, node, symbol, scope)
        if drawn is not None:
            return drawn
    refused = writer.analysis.state.expansions.refused.get(node)
    if refused is not None:
        rule_id, reason = refused
        raise Unconvertible(rule_id, reason, node)
    losses = regularization.losses_call(writer, node, scope) or regularization.regularizer_call(
        writer, node, scope
    )
    if losses is not None:
        writer.converted(node.func, "collected-losses")
        return losses
    if symbol is not None:
        return _symbol_call(writer, node, symbol, scope)
    stepped = recurrent.cell_call(writer, node, scope)
    if stepped is not None:
        return stepped
    function = writer.analysis.callees.get(node)
    if function is not None and isinstance(function.node, cst.FunctionDef):
        written = functions.program_call(writer, node, function.node, scope)
        if written is not None:
            return written
    if isinstance(node.func, cst.Attribute):
        owner = writer.value(node.func.value)
        if owner.is_tensor or owner.kind in ("object", "operation"):
            return _method_call(writer, node, owner, scope)
        sized = unknown_shapes.call(writer, node, scope)
        if sized is not None:
            return Typed(sized)
    return Typed(plain_call(writer, node, scope))


def plain_call(writer: Writer, node: cst.Call, scope: Scope) -> cst.Call:
    """The same call with its parts converted."""
    if _moves_to_locals(writer, node, scope):
        return node.with_changes(func=cst.Name("locals"))
    given = without_sessions(writer, node)
    if node in writer.analysis.state.indirect:  # ``act(x, name="relu")``
        given = [a for a in given if a.keyword is None or a.keyword.value != "name"]
        given[-1:] = [a.with_changes(comma=cst.MaybeSentinel.DEFAULT) for a in given[-1:]]
    return node.with_changes(
        func=convert(writer, node.func, scope),
        args=[a.with_changes(value=convert(writer, a.value, scope)) for a in given],
    )


def _moves_to_locals(writer: Writer, node: cst.Call, scope: Scope) -> bool:
    """``globals()`` in a script's own code, which stands in a function now."""
    if not isinstance(node.func, cst.Name) or node.func.value != "globals" or node.args:
        return False
    units = writer.plan.graph.units
    return scope.phase == "host" and any(
        unit.scope is None and unit.kind == "host" and node in calls_in(unit.node) for unit in units
    )


def _symbol_call(writer: Writer, node: cst.Call, symbol: str, scope: Scope) -> Typed:
    special = control.find(symbol)
    if special is not None:
        writer.converted(node.func, symbol)
        return special(writer, node, scope)
    rule = writer.analysis.rulebook.find(symbol)
    made = writer.value(node)
    if made.kind == "object" and made.detail.type == "Layer":
        raise Unconvertible("layer-object", "which layer is called here is not known", node)
    if rule is None:
        raise Unconvertible("unknown-symbol", f"{symbol} has no rule yet", node)
    result = apply_rule(writer, rule, node, node.args, scope, None)
    result = overrides.overridden(writer, node, result, scope)
    writer.converted(node.func, rule.id)
    if symbol.endswith(".read_data_sets"):
        return Typed(reader_seeds.seeded(writer, node, result.node))
    if symbol in sparse.LOOKUPS:
        return sparse.lookup(writer, node, symbol, result)
    if symbol in CLIPS:
        return sparse.clip(writer, node, symbol, result)
    return result


def _method_call(writer: Writer, node: cst.Call, owner: Value, scope: Scope) -> Typed:
    assert isinstance(node.func, cst.Attribute)
    name = node.func.attr.value
    kind = owner.detail.type if isinstance(owner.detail, Obj) else "Tensor"
    special = control.find_method("Variable" if owner.kind == "variable" else kind, name)
    if special is not None:
        return special(writer, node, scope)
    rule = method_rule(writer, owner, kind, name)
    if rule is None:
        if owner.kind == "object" and kind in ("Dimension", "TensorShape"):
            return Typed(plain_call(writer, node, scope))
        raise Unconvertible("unknown-method", estimators.message(kind, name), node)
    return apply_rule(writer, rule, node, node.args, scope, node.func.value)


def apply_rule(
    writer: Writer,
    rule: Rule,
    node: cst.Call,
    args: Sequence[cst.Arg],
    scope: Scope,
    receiver: cst.BaseExpression | None,
) -> Typed:
    """Applies a rule to a call of the source; layouts follow the rule's declaration."""
    if rule.kind == "refuse":
        raise Unconvertible(rule.id, rule.reason or f"{rule.tf[0]} has no counterpart", node)
    args, _ = internal(args)
    items = [
        Typed(arg.value) if is_recipe(writer, arg.value) else _operand(writer, arg.value, scope)
        for arg in args
    ]
    given = [
        Argument(
            item.last(),
            tensors.plain(writer.value(arg.value)),
            arg.keyword.value if arg.keyword is not None else None,
            arg.star,
        )
        for arg, item in zip(args, items, strict=True)
    ]
    if rule.layout == "elementwise" and any(g.value.is_tensor for g in given):
        axes = _axis_arguments(rule, given, receiver is not None)
        given = [g if index in axes else _tensor_argument(g) for index, g in enumerate(given)]
    if rule.layout == "elementwise" and scope.phase != "init":
        given = _arrays_as_tensors(given)
    owner = None
    if receiver is not None:
        owner_item = typed(writer, receiver, scope)
        owner = Argument(owner_item.last(), tensors.plain(writer.value(receiver)))
    bound = bind(rule, given, owner)
    if isinstance(bound, Refusal):
        raise Unconvertible(rule.id, bound.reason, node)
    if rule.kind in ("remove",):
        raise Unconvertible(rule.id, rule.note or "is used as a value", node)
    order: str | None = None
    rank: int | None = None
    layout = layout_of(writer, rule, bound)
    if layout == "list":
        bound, order, rank = joined(writer, rule, bound, args, items)
    elif rule.axes and layout in (None, "elementwise"):
        bound, order, rank = along_axes(writer, rule, bound, items)
    elif layout == "elementwise":
        bound, order, rank = elementwise(writer, bound, args, items)
    elif layout is not None:
        bound, order, rank = image_first(writer, rule, bound, args, items, node)
    if rule.kind == "layer":
        return layers.layer_call(writer, node, rule, bound, scope, order, rank)
    emit = chosen(writer, rule, bound, node)
    text = emit.torch
    if text is None and rule.kind == "initializer":
        return Typed(recipes.function(writer, rule, bound, node))
    if text is None:
        raise Unconvertible(rule.id, f"{rule.tf[0]} has no expression form", node)
    try:
        written = fill(text, lifted(rule, text, bound))
    except TemplateError as error:
        raise Unconvertible(
            rule.id, f"{rule.tf[0]} stands where it has no value: {error}", node
        ) from None
    if scope.phase == "init":
        written = without_device(written)
    result = Typed(written, order, rank)
    return layers.after(writer, rule, bound, result, node, scope)


def _operand(writer: Writer, node: cst.BaseExpression, scope: Scope) -> Typed:
    """An argument; an item of a list of variables as TensorFlow sees it."""
    found = typed(writer, node, scope)
    if isinstance(node, cst.Subscript) and writer.value(node).kind == "variable":
        from tf2torch.rewrite import views

        return Typed(views.seen(writer, node, scope, found.last()))
    return found


def _axis_arguments(rule: Rule, given: Sequence[Argument], method: bool) -> set[int]:
    """Positions of the arguments that are axes: lists of numbers that stay lists."""
    names = [p.name for p in rule.parameters if not p.star and not (method and p.name == "self")]
    axes = {name for name in names if rule.alias.get(name, name) in rule.axes}
    return {
        index
        for index, argument in enumerate(given)
        if (argument.keyword or (names[index] if index < len(names) else "")) in axes
    }


def _tensor_argument(argument: Argument) -> Argument:
    """An argument; a list of numbers becomes a tensor, since torch does not compute with lists."""
    value = argument.value
    if value.kind != "sequence" and not (value.host and value.rank):
        return argument
    known = as_tensor(value)
    items = value.detail if value.kind == "sequence" else ()
    if known.rank != 1 or any(item.is_tensor and not item.host for item in items):
        return argument
    device = cst.ensure_type(parse("f(device=device)"), cst.Call).args
    call = cst.Call(parse("torch.as_tensor"), [cst.Arg(argument.node), *device])
    return replace(argument, node=call, value=Value("tensor", dtype=known.dtype, shape=known.shape))


def _arrays_as_tensors(given: Sequence[Argument]) -> list[Argument]:
    """Arguments with numpy arrays as tensors, of the dtype of the tensors beside them."""
    dtype = next((g.value.dtype for g in given if g.value.is_tensor and not g.value.host), None)
    return [
        replace(
            argument,
            node=array_tensor(argument.node, dtype),
            value=Value("tensor", dtype=dtype or argument.value.dtype, shape=argument.value.shape),
        )
        if argument.value.kind == "python" and argument.value.rank and not argument.star
        else argument
        for argument in given
    ]


def is_recipe(writer: Writer, node: cst.BaseExpression) -> bool:
    """Initializers and regularizers: read by the layer that gets them, never written as values."""
    value = writer.value(node)
    if value.kind == "object":
        return value.detail.type in ("Initializer", "Regularizer")
    if value.kind == "symbol":
        if value.detail.startswith("tf.GraphKeys."):
            writer.converted(node, "collection")
            return True  # the name of a collection that a layer adds to
        rule = writer.analysis.rulebook.find(value.detail)
        return rule is not None and rule.kind in ("initializer", "regularizer")
    return False


def without_device(node: cst.BaseExpression) -> cst.BaseExpression:
    """Drops ``device=device``: what a constructor makes moves with its module."""
    return transform(node, _without_device)  # type: ignore[return-value]


def _without_device(node: cst.CSTNode) -> cst.CSTNode:
    if type(node) is not cst.Call:
        return node
    kept = [
        arg
        for arg in node.args
        if not (
            arg.keyword is not None
            and arg.keyword.value == "device"
            and isinstance(arg.value, cst.Name)
            and arg.value.value == "device"
        )
    ]
    if len(kept) == len(node.args):
        return node
    if kept:
        kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return node.with_changes(args=kept)


def apply_to(writer: Writer, rule: Rule, item: Typed, value: Value, node: cst.Call) -> Typed:
    """Applies a one-argument rule, such as an activation, to a written expression."""
    keeps = rule.layout == "elementwise"
    argument = item.node if keeps else item.last()
    bound = bind(rule, [Argument(argument, value)])
    if isinstance(bound, Refusal):
        raise Unconvertible(rule.id, bound.reason, node)
    emit = chosen(writer, rule, bound, node)
    written = fill(emit.torch or "", bound)
    return Typed(written, item.layout if keeps else None, item.rank)
