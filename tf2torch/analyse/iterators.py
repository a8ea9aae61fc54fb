"""Iterators of data sets, and what is drawn from them."""

from __future__ import annotations

from typing import Any

import libcst as cst

from tf2torch.analyse import tensors
from tf2torch.analyse.calls import GraphCall, Handler
from tf2torch.analyse.elements import (
    MODULES,
    convert_leaves,
    element_of,
    fresh,
    make,
    typed_structure,
)
from tf2torch.analyse.facts import Obj
from tf2torch.rulebook.values import ANYTHING, UNKNOWN, Value


def _iterator(call: GraphCall) -> Value:
    source = call.receiver if call.receiver is not None else call.value(0, "dataset")
    started = "initializable" not in call.symbol
    return make("Iterator", call, element_of(source), started=started)


def _from_structure(call: GraphCall) -> Value:
    element = typed_structure(call.value(0, "output_types"), call.value(1, "output_shapes"))
    return make("Iterator", call, element, started=False)


def _from_handle(call: GraphCall) -> Value:
    element = typed_structure(call.value(1, "output_types"), call.value(2, "output_shapes"))
    return make("Iterator", call, element, started=False, handle=True)


def _get_next(call: GraphCall) -> Value:
    assert call.receiver is not None
    return draw(call, element_of(call.receiver))


def draw(call: GraphCall, element: Value) -> Value:
    """Tensors that each run draws anew."""
    state = call.state
    if not state.shadow:
        state.draws.append((call.node, state.path))
        state.draw_nodes.add(call.node)
        state.draw_nodes.update(step for step in state.path if isinstance(step, cst.Call))
    return fresh(state, element)


def _string_handle(call: GraphCall) -> Value:
    """What chooses an iterator when it is fed: fetching it tells which one it is."""
    return Value("object", detail=Obj("IteratorHandle", {"iterator": call.receiver}, call.node))


def _make_initializer(call: GraphCall) -> Value:
    given = call.argument(0, "dataset")
    record = {"call": call, "iterator": call.receiver, "dataset": given}
    return Value("operation", detail=Obj("IteratorInit", record, call.node))


def _output_types(owner: Value) -> Value:
    return convert_leaves(
        element_of(owner),
        lambda leaf: Value("dtype", literal=leaf.dtype or UNKNOWN, detail=f"tf.{leaf.dtype}"),
    )


def _output_shapes(owner: Value) -> Value:
    def shape(leaf: Value) -> Value:
        dims = None if leaf.shape is None else [tensors.dim_value(d) for d in leaf.shape]
        return tensors.shape_value(dims)

    return convert_leaves(element_of(owner), shape)


def attribute(owner: Value, name: str) -> Value | None:
    """``dataset.output_types``, ``iterator.initializer``; None for everything else."""
    kind = owner.detail.type
    if kind in ("Dataset", "Iterator"):
        if name == "output_types":
            return _output_types(owner)
        if name == "output_shapes":
            return _output_shapes(owner)
    if kind == "Iterator" and name == "initializer":
        # One value however often it is read, so that loops see the same operation.
        record: Any = owner.detail.fields
        made = Value(
            "operation", detail=Obj("IteratorInit", {"iterator": owner}, owner.detail.node)
        )
        return record.setdefault("initializer", made)
    return None


_MAKERS: dict[str, Handler] = {
    "Iterator.from_structure": _from_structure,
    "Iterator.from_string_handle": _from_handle,
    "make_one_shot_iterator": _iterator,
    "make_initializable_iterator": _iterator,
}

HANDLERS: dict[str, Handler] = {
    **{f"{m}.{name}": handler for m in MODULES for name, handler in _MAKERS.items()},
    "tf.data.get_output_types": lambda call: _output_types(call.value(0) or ANYTHING),
    "tf.data.get_output_shapes": lambda call: _output_shapes(call.value(0) or ANYTHING),
}

METHODS: dict[str, Handler] = {
    "Dataset.make_one_shot_iterator": _iterator,
    "Dataset.make_initializable_iterator": _iterator,
    "Iterator.get_next": _get_next,
    "Iterator.string_handle": _string_handle,
    "Iterator.make_initializer": _make_initializer,
}
