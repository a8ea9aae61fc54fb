"""Input queues, readers and parsers of records."""

from __future__ import annotations

from tf2torch.analyse import tensors
from tf2torch.analyse.calls import GraphCall, Handler
from tf2torch.analyse.elements import (
    SOMETHING,
    TEXT,
    batch_dim,
    batched,
    element_of,
    fresh,
    is_array_literal,
    literal_dtype,
    make,
    slices,
)
from tf2torch.analyse.iterators import draw
from tf2torch.rulebook.values import ANYTHING, Dim, Value


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


HANDLERS: dict[str, Handler] = {
    **{
        f"{module}.{name}": handler
        for module in ("tf", "tf.io")
        for name, handler in (
            ("FixedLenFeature", _feature),
            ("VarLenFeature", _feature),
            ("parse_single_example", _parse_example),
            ("read_file", _read_file),
            ("decode_csv", _decode_csv),
        )
    },
    "tf.train.string_input_producer": _strings,
    "tf.train.range_input_producer": _range_producer,
    "tf.train.slice_input_producer": _slice_producer,
    **{
        f"tf.{name}": _reader
        for name in ("TextLineReader", "TFRecordReader", "WholeFileReader", "IdentityReader")
    },
    **{
        f"tf.train.{name}": _batch_queue
        for name in ("batch", "shuffle_batch", "maybe_batch", "maybe_shuffle_batch")
    },
}

METHODS: dict[str, Handler] = {"Dataset.dequeue": _dequeue, "Reader.read": _read}
