"""Data sets, iterators and input queues: what their elements are, and where they are drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import libcst as cst

from tf2torch.analyse import tensors
from tf2torch.analyse.calls import GraphCall
from tf2torch.analyse.elements import (
    SOMETHING,
    TEXT,
    as_tensors,
    batch_dim,
    batched,
    convert_leaves,
    dataset,
    element_of,
    fresh,
    is_array_literal,
    literal_dtype,
    make,
    slices,
    typed_structure,
)
from tf2torch.analyse.facts import Obj
from tf2torch.rulebook.values import ANYTHING, UNKNOWN, Dim, Value

Handler = Callable[[GraphCall], Value]


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


# -- iterators -----------------------------------------------------------------------------------


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


# -- queues --------------------------------------------------------------------------------------


def _count_epochs(call: GraphCall, position: int, scopes: int) -> None:
    """Names the local variable in which an input producer counts epochs."""
    naming = call.state.naming
    outer = naming.name_scope
    for _ in range(scopes):
        naming.enter_name_scope(call.text(None, "name") or "input_producer")
    limit = call.value(position, "num_epochs")
    if limit is not None and limit.literal is not None:
        naming.enter_name_scope("limit_epochs")
        call.state.pipeline_variables.append(naming.unique("epochs"))
    naming.leave_name_scope(outer)


def _strings(call: GraphCall) -> Value:
    _count_epochs(call, 1, 1)
    return make("Dataset", call, TEXT, queue=True)


def _range_producer(call: GraphCall) -> Value:
    _count_epochs(call, 1, 1)
    return make("Dataset", call, tensors.result_like("int32", ()), queue=True)


def _slice_producer(call: GraphCall) -> Value:
    _count_epochs(call, 1, 2)
    given = call.value(0, "tensor_list") or ANYTHING
    element = (
        slices(given) if given.kind == "sequence" and not is_array_literal(given) else SOMETHING
    )
    return draw(call, element)


def _reader(call: GraphCall) -> Value:
    return make("Reader", call, TEXT)


def _read(call: GraphCall) -> Value:
    return draw(call, Value("sequence", detail=(TEXT, TEXT)))


def _dequeue(call: GraphCall) -> Value:
    return draw(call, element_of(call.receiver))


def _batch_queue(call: GraphCall) -> Value:
    """``tf.train.batch([image, label], 32)``"""
    given = call.value(0, "tensors", "tensor_list") or ANYTHING
    smaller = call.literal(None, "allow_smaller_final_batch", default=False)
    size = batch_dim(call.value(1, "batch_size"), smaller is False)
    element = given if given.is_tensor or given.kind in ("sequence", "mapping") else SOMETHING
    if element.kind == "sequence" and len(element.detail) == 1:
        element = element.detail[0]
    if call.literal(None, "enqueue_many", default=False) is True:
        element = slices(element)
    return draw(call, batched(element, size))


def _decode_csv(call: GraphCall) -> Value:
    """One tensor for each default, of its dtype."""
    defaults = call.value(1, "record_defaults")
    if defaults is None or defaults.kind != "sequence":
        return SOMETHING
    columns = []
    for default in defaults.detail:
        dtype = default.dtype if default.is_tensor else literal_dtype(default.literal)
        columns.append(tensors.result_like(dtype, ()))
    return fresh(call.state, Value("sequence", detail=tuple(columns)))


def _read_file(call: GraphCall) -> Value:
    return fresh(call.state, TEXT)


def _feature(call: GraphCall) -> Value:
    """``tf.FixedLenFeature([3], tf.float32)``: a host value that knows what it describes."""
    variable = call.symbol.endswith("VarLenFeature")
    given = call.value(0 if variable else 1, "dtype")
    dtype = given.literal if given is not None and isinstance(given.literal, str) else None
    shape = (Dim(),) if variable else tensors.shape_from(call.value(0, "shape"))
    return Value("python", dtype=dtype, shape=shape)


def _parse_example(call: GraphCall) -> Value:
    features = call.value(1, "features")
    if features is None or features.kind != "mapping":
        return SOMETHING
    pairs = tuple(
        (key, tensors.result_like(item.dtype, item.shape)) for key, item in features.detail
    )
    return fresh(call.state, Value("mapping", detail=pairs))


_MODULES = ("tf.data", "tf.contrib.data", "tf.data.experimental")
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
    "Iterator.from_structure": _from_structure,
    "Iterator.from_string_handle": _from_handle,
    "make_one_shot_iterator": _iterator,
    "make_initializable_iterator": _iterator,
}
_TRANSFORMATIONS = (
    "map_and_batch shuffle_and_repeat batch_and_drop_remainder parallel_interleave unbatch"
    " prefetch_to_device copy_to_device ignore_errors"
).split()

HANDLERS: dict[str, Handler] = {
    **{f"{module}.{name}": handler for module in _MODULES for name, handler in _MAKERS.items()},
    **{f"{module}.{name}": _transformation for module in _MODULES for name in _TRANSFORMATIONS},
    "tf.data.get_output_types": lambda call: _output_types(call.value(0) or ANYTHING),
    "tf.data.get_output_shapes": lambda call: _output_shapes(call.value(0) or ANYTHING),
    **{
        f"{module}.{name}": handler
        for module in ("tf", "tf.io")
        for name, handler in (
            ("FixedLenFeature", _feature),
            ("VarLenFeature", _feature),
            ("parse_single_example", _parse_example),
        )
    },
    "tf.read_file": _read_file,
    "tf.io.read_file": _read_file,
    "tf.decode_csv": _decode_csv,
    "tf.io.decode_csv": _decode_csv,
    "tf.train.string_input_producer": _strings,
    "tf.train.range_input_producer": _range_producer,
    "tf.train.slice_input_producer": _slice_producer,
    "tf.TextLineReader": _reader,
    "tf.TFRecordReader": _reader,
    "tf.WholeFileReader": _reader,
    "tf.IdentityReader": _reader,
    **{
        f"tf.train.{name}": _batch_queue
        for name in ("batch", "shuffle_batch", "maybe_batch", "maybe_shuffle_batch")
    },
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
    "Dataset.make_one_shot_iterator": _iterator,
    "Dataset.make_initializable_iterator": _iterator,
    "Dataset.dequeue": _dequeue,
    "Iterator.get_next": _get_next,
    "Iterator.string_handle": _string_handle,
    "Iterator.make_initializer": _make_initializer,
    "Reader.read": _read,
}

__all__ = ["HANDLERS", "METHODS", "attribute"]
