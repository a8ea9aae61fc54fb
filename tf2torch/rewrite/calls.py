"""Rewrites calls: TensorFlow functions by rule, methods, and the program's own functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import libcst as cst

from tf2torch.analyse import tensors
from tf2torch.analyse.expansion import internal
from tf2torch.analyse.facts import Obj
from tf2torch.plan.units import calls_in
from tf2torch.rewrite import (
    control,
    estimators,
    functions,
    overrides,
    reader_seeds,
    recurrent,
    regularization,
    sparse,
)
from tf2torch.rewrite.choice import chosen, method_rule, renumber
from tf2torch.rewrite.expressions import convert, typed
from tf2torch.rewrite.layout import FIRST
from tf2torch.rewrite.operands import Typed, array_tensor, unify_all
from tf2torch.rewrite.session_arguments import without_sessions
from tf2torch.rewrite.tensor_arguments import lifted
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, parse
from tf2torch.rulebook.apply import Argument, Bound, bind, fill, infer, select
from tf2torch.rulebook.model import Emit, Refusal, Rule
from tf2torch.rulebook.shapes.common import as_tensor
from tf2torch.rulebook.values import ANYTHING, Value


def convert_call(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """A call in PyTorch."""
    symbol = writer.analysis.symbols.get(node.func)
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
        Typed(arg.value) if is_recipe(writer, arg.value) else typed(writer, arg.value, scope)
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
    layout = _layout(writer, rule, bound)
    if layout == "list":
        bound, order, rank = _joined(writer, rule, bound, args, items)
    elif rule.axes and layout in (None, "elementwise"):
        bound, order, rank = _axes(writer, rule, bound, items)
    elif layout == "elementwise":
        bound, order, rank = _elementwise(writer, bound, args, items)
    elif layout is not None:
        bound, order, rank = _image(writer, rule, bound, args, items, node)
    if rule.kind == "layer":
        return functions.layer_call(writer, node, rule, bound, scope, order, rank)
    emit = chosen(writer, rule, bound, node)
    text = emit.torch
    if text is None:
        raise Unconvertible(rule.id, f"{rule.tf[0]} has no expression form", node)
    written = fill(text, lifted(rule, text, bound))
    if scope.phase == "init":
        written = without_device(written)
    result = Typed(written, order, rank)
    return functions.after(writer, rule, bound, result, node, scope)


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
    if known.rank != 1 or any(item.is_tensor and not item.host for item in value.detail or ()):
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


def _layout(writer: Writer, rule: Rule, bound: Bound) -> str | Mapping[str, str] | None:
    """How the torch form wants its axes; None where it takes TensorFlow's own order."""
    emit = select(bound, exact=writer.exact)
    if isinstance(emit, Emit) and emit.layout is not None:
        return None if emit.layout == "none" else emit.layout
    data_format = bound.values.get("data_format")
    if data_format is not None and str(data_format.literal).startswith(("NC", "channels_first")):
        return None if rule.layout != "elementwise" else rule.layout
    return rule.layout


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


def _elementwise(
    writer: Writer, bound: Bound, args: Sequence[cst.Arg], items: Sequence[Typed]
) -> tuple[Bound, str | None, int | None]:
    if not any(item.layout for item in items):
        return bound, None, None
    done, order, rank = unify_all(writer, [arg.value for arg in args], list(items))
    if order is None:
        return bound, None, None
    return _with_nodes(bound, items, done), order, rank


def _with_nodes(bound: Bound, before: Sequence[Typed], after: Sequence[Typed]) -> Bound:
    """`bound` with the arguments in another axis order."""
    nodes = dict(bound.nodes)
    for name, node in bound.nodes.items():
        for old, new in zip(before, after, strict=True):
            if old.layout is None and node is old.node:
                nodes[name] = new.node
            elif old.layout is not None and node.deep_equals(old.last()):
                nodes[name] = new.node
    return replace(bound, nodes=nodes)


def _image(
    writer: Writer,
    rule: Rule,
    bound: Bound,
    args: Sequence[cst.Arg],
    items: Sequence[Typed],
    node: cst.Call,
) -> tuple[Bound, str | None, int | None]:
    """Puts the channels of the image argument first, unless the program has them there."""
    name = _image_parameter(rule, bound)
    if name is None:
        return bound, None, None
    value = bound.values[name]
    data_format = bound.values.get("data_format")
    if data_format is not None and isinstance(data_format.literal, str):
        if data_format.literal.lower().startswith(("nc", "channels_first")):
            return bound, None, None
    rank = value.rank or _rank_by_name(rule)
    if rank is None or rank not in (3, 4, 5):
        if rank == 2:
            return bound, None, None
        raise Unconvertible(rule.id, "the rank of the input is not known", node)
    for item in items:
        if _is_node(bound.nodes[name], item):
            first = Typed(item.node, item.layout, rank).first()
            return replace(bound, nodes={**bound.nodes, name: first}), FIRST, rank
    return bound, None, None


def _is_node(node: cst.BaseExpression, item: Typed) -> bool:
    if item.layout is None:
        return node is item.node
    return node.deep_equals(item.last())


def _image_parameter(rule: Rule, bound: Bound) -> str | None:
    if rule.layout is None or isinstance(rule.layout, str):
        names = [p.name for p in rule.parameters if p.name in bound.nodes]
        return names[0] if names else None
    if rule.layout is not None:
        for name, kind in rule.layout.items():
            if kind == "image" and name in bound.nodes:
                return name
    return None


def _rank_by_name(rule: Rule) -> int | None:
    name = rule.tf[0]
    for digits, rank in (("1d", 3), ("3d", 5), ("2d", 4)):
        if digits in name:
            return rank
    return (
        4 if any(part in name for part in ("pool", "conv", "resize", "lrn", "local_resp")) else None
    )


def _axes(
    writer: Writer, rule: Rule, bound: Bound, items: Sequence[Typed]
) -> tuple[Bound, str | None, int | None]:
    """Keeps channels first through operations along axes, if the axes are known numbers."""
    images = [item for item in items if item.layout is not None]
    if len(images) != 1:
        return bound, None, None
    image, rank = images[0], images[0].rank or 4
    moved, result = renumber(bound, rule.axes, rank), infer(bound)
    if moved is None or result.kind != "tensor" or result.rank is None:
        return bound, None, None
    axes = bound.values.get(rule.axes[0], ANYTHING).literal
    if result.rank == rank:
        order = FIRST
        known = axes is not None  # a default of None may mean any axis
    else:
        order = None
        known = result.rank == 0 if axes is None else _order_stays(axes, rank)
    if not known:
        return bound, None, None
    for name, written in bound.nodes.items():
        if _is_node(written, image):
            nodes = {**moved.nodes, name: image.node}
            return replace(moved, nodes=nodes), order, rank if order else None
    return bound, None, None


def _order_stays(axes: object, rank: int) -> bool:
    """Whether the axes that a reduction leaves stand in one order, channels first or last."""
    listed = axes if isinstance(axes, tuple) else (axes,)
    gone = {axis % rank for axis in listed if isinstance(axis, int)}
    return rank - 1 in gone or gone >= set(range(1, rank - 1))


def _joined(
    writer: Writer, rule: Rule, bound: Bound, args: Sequence[cst.Arg], items: Sequence[Typed]
) -> tuple[Bound, str | None, int | None]:
    """Keeps channels first in a list of images that is joined along an axis."""
    for arg, item in zip(args, items, strict=True):
        if not any(part.layout for part in item.parts):
            continue
        assert isinstance(arg.value, (cst.List, cst.Tuple))
        assert isinstance(item.node, (cst.List, cst.Tuple))
        nodes = [element.value for element in arg.value.elements]
        done, order, rank = unify_all(writer, nodes, list(item.parts))
        moved = renumber(bound, rule.axes, rank or 4)
        if order is None or moved is None:
            continue
        elements = [
            element.with_changes(value=part.node)
            for element, part in zip(item.node.elements, done, strict=True)
        ]
        written = item.node.with_changes(elements=elements)
        names = [name for name, node in bound.nodes.items() if node is item.node]
        if names:
            return replace(moved, nodes={**moved.nodes, names[0]: written}), order, rank
    return bound, None, None


def without_device(node: cst.BaseExpression) -> cst.BaseExpression:
    """Drops ``device=device``: what a constructor makes moves with its module."""
    return node.visit(_Device())  # type: ignore[return-value]


class _Device(cst.CSTTransformer):
    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        kept = [
            arg
            for arg in updated_node.args
            if not (
                arg.keyword is not None
                and arg.keyword.value == "device"
                and isinstance(arg.value, cst.Name)
                and arg.value.value == "device"
            )
        ]
        if len(kept) == len(updated_node.args):
            return updated_node
        if kept:
            kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        return updated_node.with_changes(args=kept)


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
