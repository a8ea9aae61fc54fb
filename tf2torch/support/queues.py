"""TensorFlow's queue-based inputs as pipelines: they shuffle, repeat and straddle epochs alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .data import Pipeline
from .host import Text


def _produce(
    pipeline: Pipeline, size: int, num_epochs: int | None, shuffle: bool, seed: int | None
) -> Pipeline:
    """Whole epochs, each in a new order, forever or num_epochs times."""
    if shuffle:
        pipeline = pipeline.shuffle(max(size, 1), seed)
    return pipeline.repeat(num_epochs)


def string_input_producer(
    strings: Sequence[str],
    num_epochs: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
) -> Pipeline:
    """tf.train.string_input_producer: shuffles and repeats forever unless told otherwise."""
    texts = [Text(text) for text in strings]
    if not texts:
        raise ValueError("string_input_producer needs at least one string")
    return _produce(Pipeline(lambda: iter(texts)), len(texts), num_epochs, shuffle, seed)


def range_input_producer(
    limit: int, num_epochs: int | None = None, shuffle: bool = True, seed: int | None = None
) -> Pipeline:
    """tf.train.range_input_producer: the numbers below a limit."""
    return _produce(Pipeline.range(int(limit)), int(limit), num_epochs, shuffle, seed)


def slice_input_producer(
    tensor_list: Sequence[Any],
    num_epochs: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
) -> Pipeline:
    """tf.train.slice_input_producer: the slices of several tensors side by side."""
    slices = Pipeline.from_tensor_slices(tuple(tensor_list))
    return _produce(slices, len(tensor_list[0]), num_epochs, shuffle, seed)


def batch_queue(
    examples: Pipeline,
    batch_size: int,
    allow_smaller_final_batch: bool = False,
    dynamic_pad: bool = False,
    enqueue_many: bool = False,
) -> Pipeline:
    """tf.train.batch: batches that straddle epochs; a short last one is dropped."""
    examples = examples.unbatch() if enqueue_many else examples
    join: Callable[..., Pipeline] = examples.padded_batch if dynamic_pad else examples.batch
    return join(batch_size, drop_remainder=not allow_smaller_final_batch)


def shuffle_batch_queue(
    examples: Pipeline,
    batch_size: int,
    capacity: int,
    min_after_dequeue: int,
    seed: int | None = None,
    allow_smaller_final_batch: bool = False,
    enqueue_many: bool = False,
) -> Pipeline:
    """tf.train.shuffle_batch: drawn from a full queue of `capacity` examples.

    TensorFlow's queue holds between min_after_dequeue and capacity examples, as its threads run.
    """
    examples = examples.unbatch() if enqueue_many else examples
    window = max(capacity, min_after_dequeue + 1)
    return examples.shuffle(window, seed).batch(
        batch_size, drop_remainder=not allow_smaller_final_batch
    )
