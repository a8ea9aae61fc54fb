"""The axis order in which a rule's arguments and its result stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import libcst as cst

from tf2torch.rewrite.choice import renumber
from tf2torch.rewrite.layout import FIRST
from tf2torch.rewrite.operands import Typed, unify_all
from tf2torch.rewrite.tensor_arguments import lifted_alone
from tf2torch.rewrite.writer import Unconvertible, Writer
from tf2torch.rulebook.apply import Bound, infer, select
from tf2torch.rulebook.model import Emit, Rule
from tf2torch.rulebook.values import ANYTHING


def layout_of(writer: Writer, rule: Rule, bound: Bound) -> str | Mapping[str, str] | None:
    """How the torch form wants its axes; None where it takes TensorFlow's own order."""
    emit = select(bound, exact=writer.exact)
    if isinstance(emit, Emit) and emit.layout is not None:
        return None if emit.layout == "none" else emit.layout
    data_format = bound.values.get("data_format")
    if data_format is not None and str(data_format.literal).startswith(("NC", "channels_first")):
        return None if rule.layout != "elementwise" else rule.layout
    return rule.layout


def elementwise(
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


def image_first(
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
            bound = lifted_alone(replace(bound, nodes={**bound.nodes, name: item.node}), name)
            first = Typed(bound.nodes[name], item.layout, rank).first()
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


def along_axes(
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


def joined(
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
