"""Data sets: what their elements are."""

from __future__ import annotations

from tf2torch.analyse import tensors
from tf2torch.analyse.calls import GraphCall, Handler
from tf2torch.analyse.elements import (
    MODULES,
    SOMETHING,
    TEXT,
    as_tensors,
    batch_dim,
    batched,
    convert_leaves,
    dataset,
    element_of,
    fresh,
    slices,
    typed_structure,
)
from tf2torch.analyse.facts import Obj
from tf2torch.rulebook.values import ANYTHING, Dim, Value

# -- making data sets ----------------------------------------------------------------------------


def _from_slices(call: GraphCall) -> Value:
    given = call.argument(0, "tensors")
    return dataset(call, SOMETHING if given is None else slices(given.value, given.node))


def _from_tensors(call: GraphCall) -> Value:
    given = call.argument(0, "tensors")
    return dataset(call, SOMETHING if given is None else as_tensors(given.value, given.node))


def _from_generator(call: GraphCall) -> Value:
    types, shapes = call.value(1, "output_types"), call.value(2, "output_shapes")
    return dataset(call, typed_structure(types, shapes))


def _range(call: GraphCall) -> Value:
    return dataset(call, tensors.result_like("int64", ()))


def _text(call: GraphCall) -> Value:
    return dataset(call, TEXT)


def _zip(call: GraphCall) -> Value:
    given = call.value(0, "datasets") or ANYTHING
    return dataset(call, convert_leaves(given, element_of))


# -- transformations -----------------------------------------------------------------------------


def _same(call: GraphCall) -> Value:
    return dataset(call, element_of(call.receiver))


def applied(call: GraphCall, function: Value | None, element: Value) -> Value:
    """What a function of the program makes of an element."""
    if function is not None and function.kind == "symbol":
        known = function.detail.endswith(("TFRecordDataset", "TextLineDataset"))
        return dataset(call, TEXT) if known else SOMETHING
    if function is None or function.kind != "function":
        return SOMETHING
    values = list(element.detail) if element.kind == "sequence" else [element]
    values = [fresh(call.state, value) for value in values]
    result = call.state.follow(
        call.state, function.detail, [(None, value) for value in values], call.node, certain=True
    )
    call.state.element_functions.add(function.detail.node)
    return result


def _map(call: GraphCall) -> Value:
    result = applied(call, call.value(0, "map_func"), element_of(call.receiver))
    if result.kind not in ("sequence", "mapping") and not result.is_tensor:
        result = SOMETHING
    return dataset(call, result)


def _filter(call: GraphCall) -> Value:
    applied(call, call.value(0, "predicate"), element_of(call.receiver))
    return _same(call)


def _flat_map(call: GraphCall) -> Value:
    return dataset(
        call, element_of(applied(call, call.value(0, "map_func"), element_of(call.receiver)))
    )


def _batch(call: GraphCall) -> Value:
    drop = call.literal(1, "drop_remainder", default=False)
    size = batch_dim(call.value(0, "batch_size"), drop)
    return dataset(call, batched(element_of(call.receiver), size))


def _padded_batch(call: GraphCall) -> Value:
    def pad(leaf: Value) -> Value:
        shape = None if leaf.shape is None else tuple(Dim() for _ in range(len(leaf.shape) + 1))
        return tensors.result_like(leaf.dtype, shape)

    return dataset(call, convert_leaves(element_of(call.receiver), pad))


def _unbatch(call: GraphCall) -> Value:
    return dataset(call, slices(element_of(call.receiver)))


def _enumerate(call: GraphCall) -> Value:
    number = tensors.result_like("int64", ())
    return dataset(call, Value("sequence", detail=(number, element_of(call.receiver))))


def _transformation(call: GraphCall) -> Value:
    """``tf.contrib.data.map_and_batch(f, 32)``: applied to a data set later."""
    return Value(
        "object", detail=Obj("Transformation", {"symbol": call.symbol, "call": call}, call.node)
    )


def _apply(call: GraphCall) -> Value:
    given = call.value(0, "transformation_func", "transformation_fn")
    element = element_of(call.receiver)
    if given is not None and given.kind == "function":
        result = call.state.follow(
            call.state, given.detail, [(None, call.receiver)], call.node, certain=True
        )
        return result if is_dataset(result) else dataset(call, SOMETHING)
    if given is None or given.kind != "object" or given.detail.type != "Transformation":
        return dataset(call, SOMETHING)
    made: GraphCall = given.detail["call"]
    name = made.symbol.rpartition(".")[2]
    if name == "map_and_batch":
        drop = made.literal(None, "drop_remainder", default=False)
        result = applied(made, made.value(0, "map_func"), element)
        return dataset(call, batched(result, batch_dim(made.value(1, "batch_size"), drop)))
    if name == "batch_and_drop_remainder":
        return dataset(call, batched(element, batch_dim(made.value(0, "batch_size"), True)))
    if name in ("parallel_interleave",):
        return dataset(call, element_of(applied(made, made.value(0, "map_func"), element)))
    if name == "unbatch":
        return dataset(call, slices(element))
    return dataset(call, element)


def is_dataset(value: Value) -> bool:
    return value.kind == "object" and value.detail.type == "Dataset"


_MAKERS: dict[str, Handler] = {
    "Dataset.from_tensor_slices": _from_slices,
    "Dataset.from_tensors": _from_tensors,
    "Dataset.from_generator": _from_generator,
    "Dataset.range": _range,
    "Dataset.zip": _zip,
    "Dataset.list_files": _text,
    "TextLineDataset": _text,
    "TFRecordDataset": _text,
    "FixedLengthRecordDataset": _text,
}

_TRANSFORMATIONS = (
    "map_and_batch shuffle_and_repeat batch_and_drop_remainder parallel_interleave unbatch"
    " prefetch_to_device copy_to_device ignore_errors"
).split()

HANDLERS: dict[str, Handler] = {
    f"{module}.{name}": handler
    for module in MODULES
    for name, handler in (*_MAKERS.items(), *((name, _transformation) for name in _TRANSFORMATIONS))
}

METHODS: dict[str, Handler] = {
    **{
        f"Dataset.{name}": _same
        for name in (
            "shuffle repeat prefetch take skip cache shard concatenate with_options".split()
        )
    },
    "Dataset.map": _map,
    "Dataset.filter": _filter,
    "Dataset.flat_map": _flat_map,
    "Dataset.interleave": _flat_map,
    "Dataset.batch": _batch,
    "Dataset.padded_batch": _padded_batch,
    "Dataset.unbatch": _unbatch,
    "Dataset.enumerate": _enumerate,
    "Dataset.apply": _apply,
}
