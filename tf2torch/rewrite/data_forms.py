"""How calls of tf.data and of queue producers are written: functions and their parameters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Form:
    """How a call is written: TensorFlow's parameters in order, and those that stay.

    `kept` maps TensorFlow's name to the support function's; what is neither kept nor dropped is
    refused when it is given.
    """

    function: str
    parameters: tuple[str, ...]
    kept: dict[str, str]
    support: str = "Pipeline"
    dropped: tuple[str, ...] = ()


def form(function: str, kept: str, dropped: str = "", support: str = "Pipeline") -> Form:
    """`kept` lists TensorFlow's parameters in order, ``tf_name=our_name`` where they differ."""
    order, names = [], {}
    for part in kept.split():
        name, _, ours = part.partition("=")
        order.append(name)
        names[name] = ours or name
    return Form(function, tuple(order), names, support, tuple(dropped.split()))


MAKERS = {
    "Dataset.from_tensor_slices": form("Pipeline.from_tensor_slices", "tensors", "name"),
    "Dataset.from_tensors": form("Pipeline.from_tensors", "tensors", "name"),
    "Dataset.zip": form("Pipeline.zip", "datasets=pipelines", "name"),
    "TextLineDataset": form("Pipeline.text_lines", "filenames", "buffer_size num_parallel_reads"),
    "TFRecordDataset": form(
        "record_pipeline",
        "filenames compression_type",
        "buffer_size num_parallel_reads",
        "record_pipeline",
    ),
    "Dataset.list_files": form("Pipeline.list_files", "file_pattern=pattern shuffle seed"),
}


PRODUCERS = {
    "tf.train.string_input_producer": form(
        "string_input_producer",
        "string_tensor=strings num_epochs shuffle seed",
        "capacity shared_name name cancel_op element_shape",
        "string_input_producer",
    ),
    "tf.train.range_input_producer": form(
        "range_input_producer",
        "limit num_epochs shuffle seed",
        "capacity shared_name name",
        "range_input_producer",
    ),
    "tf.train.slice_input_producer": form(
        "slice_input_producer",
        "tensor_list num_epochs shuffle seed",
        "capacity shared_name name",
        "slice_input_producer",
    ),
}


_SHUFFLED = (
    *("batch_size", "capacity", "min_after_dequeue", "seed", "enqueue_many"),
    "allow_smaller_final_batch",
)
BATCHES = {
    "tf.train.batch": Form(
        "batch_queue",
        (
            "tensors",
            "batch_size",
            "num_threads",
            "capacity",
            "enqueue_many",
            "shapes",
            "dynamic_pad",
            "allow_smaller_final_batch",
        ),
        {
            name: name
            for name in ("batch_size", "enqueue_many", "dynamic_pad", "allow_smaller_final_batch")
        },
        "batch_queue",
        ("tensors", "num_threads", "capacity", "shapes", "shared_name", "name"),
    ),
    "tf.train.shuffle_batch": Form(
        "shuffle_batch_queue",
        (
            "tensors",
            "batch_size",
            "capacity",
            "min_after_dequeue",
            "num_threads",
            "seed",
            "enqueue_many",
            "shapes",
            "allow_smaller_final_batch",
        ),
        {name: name for name in (_SHUFFLED)},
        "shuffle_batch_queue",
        ("tensors", "num_threads", "shapes", "shared_name", "name"),
    ),
}


READERS = {
    "tf.TextLineReader": "read_lines",
    "tf.TFRecordReader": "read_queued_records",
    "tf.WholeFileReader": "read_files",
    "tf.IdentityReader": "read_names",
}


METHODS = {
    "map": form("map", "map_func=function", "num_parallel_calls deterministic"),
    "filter": form("filter", "predicate"),
    "flat_map": form("flat_map", "map_func=function"),
    "interleave": form(
        "interleave", "map_func=function cycle_length block_length", "num_parallel_calls"
    ),
    "shuffle": form("shuffle", "buffer_size seed reshuffle_each_iteration"),
    "batch": form("batch", "batch_size drop_remainder"),
    "padded_batch": form("padded_batch", "batch_size padded_shapes padding_values drop_remainder"),
    "unbatch": form("unbatch", ""),
    "repeat": form("repeat", "count"),
    "take": form("take", "count"),
    "skip": form("skip", "count"),
    "shard": form("shard", "num_shards index"),
    "enumerate": form("enumerate", "start"),
    "cache": form("cache", "", "filename"),
    "concatenate": form("concatenate", "dataset=other"),
}


#: Methods that only tune how fast elements come.
TUNING = frozenset({"prefetch", "with_options"})
