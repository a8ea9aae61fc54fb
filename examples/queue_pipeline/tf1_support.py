"""TensorFlow 1 behaviour that PyTorch has no call for, for the converted programs beside this file.

Part of the converted program: written once by its conversion, only what the program uses, and
needing nothing but what it imports. Where PyTorch has a call of almost the same meaning, the
function here keeps TensorFlow's arithmetic, so that the numbers stay those of the original.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from glob import glob
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import IterableDataset, get_worker_info


def as_element(value: Any) -> Any:
    """Numbers as tensors (Python floats as float32, int32 as int64), text as bytes."""
    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, str | bytes):
        return Text(value)
    if isinstance(value, np.ndarray | np.generic):
        array = value
    else:
        array = np.asarray(value)
        value = array if array.dtype.kind in "OSU" else torch.tensor(value)
    if array.dtype.kind in "OSU":
        texts = [Text(text) for text in array.reshape(-1).tolist()]
        return texts if array.ndim else texts[0]
    tensor = torch.as_tensor(value)
    return tensor.long() if tensor.dtype == torch.int32 else tensor


def map_element(function: Callable[..., Any], *elements: Any) -> Any:
    """Apply a function to the components of elements (tuples and dicts) of equal structure."""
    first = elements[0]
    if isinstance(first, dict):
        return {key: map_element(function, *(e[key] for e in elements)) for key in first}
    if isinstance(first, tuple):
        return tuple([map_element(function, *parts) for parts in zip(*elements, strict=True)])
    return function(*elements)


def stack_elements(elements: Sequence[Any]) -> Any:
    """Elements joined to a batch along a new first axis; text becomes a list."""

    def stack(*parts: Any) -> Any:
        if isinstance(parts[0], str | bytes):
            return list(parts)
        return torch.stack([torch.as_tensor(part) for part in parts])

    return map_element(stack, *elements)


class Pipeline(IterableDataset):
    """A tf.data.Dataset: each method gives a new pipeline, each iteration starts from the top.

    Elements are tensors, text, or tuples and dicts of them. A function given to map or filter gets
    the parts of a tuple as its arguments. Give it to DataLoader with batch_size=None and no
    workers, or iterate over it directly.
    """

    def __init__(self, start: Callable[[], Iterator[Any]]) -> None:
        super().__init__()
        self._start = start

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        if worker is not None and worker.num_workers > 1:
            raise ValueError("each of several workers would give every element: use one or none")
        return self._start()

    @staticmethod
    def from_tensor_slices(tensors: Any) -> Pipeline:
        """The slices along the first axis of tensors, of equal length."""
        arrays = map_element(as_element, tensors)
        sizes: list[int] = []
        map_element(lambda a: sizes.append(len(a)), arrays)
        if len(set(sizes)) != 1:
            raise ValueError(f"first axes of different length: {sizes}")

        def start() -> Iterator[Any]:
            for i in range(sizes[0]):
                yield map_element(lambda a, i=i: a[i], arrays)

        return Pipeline(start)

    @staticmethod
    def from_tensors(tensors: Any) -> Pipeline:
        """One element, the tensors themselves."""
        return Pipeline(lambda: iter([map_element(as_element, tensors)]))

    @staticmethod
    def from_generator(generator: Callable[..., Iterable[Any]], dtypes: Any = None) -> Pipeline:
        """What generator() gives, as tensors, of the given dtypes."""

        def start() -> Iterator[Any]:
            for value in generator():
                value = map_element(as_element, value)
                if dtypes is not None:
                    value = map_element(
                        lambda v, d: v.to(d) if isinstance(v, torch.Tensor) else v, value, dtypes
                    )
                yield value

        return Pipeline(start)

    @staticmethod
    def range(*arguments: int) -> Pipeline:
        """The numbers of range(...), as int64."""
        return Pipeline(lambda: (torch.tensor(n) for n in range(*arguments)))

    @staticmethod
    def text_lines(filenames: Any) -> Pipeline:
        """The lines of text files, one after the other, as bytes without line ends."""

        def start() -> Iterator[bytes]:
            for name in file_names(filenames):
                with open(name, "rb") as file:
                    for line in file:
                        yield Text(line.removesuffix(b"\n").removesuffix(b"\r"))

        return Pipeline(start)

    @staticmethod
    def list_files(pattern: Any, shuffle: bool = True, seed: int | None = None) -> Pipeline:
        """The names of the files that match a pattern, in a new order each time."""
        names = sorted(name for part in file_names(pattern) for name in glob(part))
        if not names:
            raise FileNotFoundError(f"no files matched {pattern}")
        files = Pipeline(lambda: (Text(name) for name in names))
        return files.shuffle(len(names), seed) if shuffle else files

    @staticmethod
    def zip(pipelines: Any) -> Pipeline:
        """Elements of several pipelines side by side, until the shortest ends."""

        def start() -> Iterator[Any]:
            iterators = map_element(iter, pipelines)
            while True:
                try:
                    yield map_element(next, iterators)
                except StopIteration:
                    return

        return Pipeline(start)

    def concatenate(self, other: Pipeline) -> Pipeline:
        """The elements of this pipeline, then those of another."""
        return Pipeline(lambda: itertools.chain(self, other))

    def map(self, function: Callable[..., Any]) -> Pipeline:
        """function(element) for each element; a list that it returns counts as a tuple."""

        def start() -> Iterator[Any]:
            for element in self:
                result = _call(function, element)
                yield tuple(result) if isinstance(result, list) else result

        return Pipeline(start)

    def filter(self, predicate: Callable[..., Any]) -> Pipeline:
        """The elements for which the predicate holds."""
        return Pipeline(lambda: (e for e in self if bool(_call(predicate, e))))

    def flat_map(self, function: Callable[..., Iterable[Any]]) -> Pipeline:
        """The elements of the pipeline that the function makes of each element."""
        return Pipeline(lambda: itertools.chain.from_iterable(_call(function, e) for e in self))

    def interleave(
        self, function: Callable[..., Iterable[Any]], cycle_length: int, block_length: int = 1
    ) -> Pipeline:
        """Like flat_map, taking block_length elements in turn from cycle_length pipelines."""

        def start() -> Iterator[Any]:
            inputs, done = iter(self), object()
            slots: list[Any] = [None] * cycle_length
            more = True
            while more or any(slot is not None for slot in slots):
                for n in range(cycle_length):
                    if slots[n] is None and more:
                        element = next(inputs, done)
                        more = element is not done
                        slots[n] = iter(_call(function, element)) if more else None
                    for _ in range(block_length):
                        value = done if slots[n] is None else next(slots[n], done)
                        if value is done:
                            slots[n] = None
                            break
                        yield value

        return Pipeline(start)

    def shuffle(
        self, buffer_size: int, seed: int | None = None, reshuffle_each_iteration: bool = True
    ) -> Pipeline:
        """Draw each element from a window of buffer_size elements, as TensorFlow does."""
        generator = torch.Generator()
        if seed is not None:
            generator.manual_seed(seed)
        else:
            generator.seed()
        first_seed = generator.initial_seed()

        def start() -> Iterator[Any]:
            if not reshuffle_each_iteration:
                generator.manual_seed(first_seed)
            window: list[Any] = []
            for element in self:
                if len(window) < buffer_size:
                    window.append(element)
                    continue
                n = int(torch.randint(buffer_size, (), generator=generator))
                chosen, window[n] = window[n], element
                yield chosen
            for n in torch.randperm(len(window), generator=generator).tolist():
                yield window[n]

        return Pipeline(start)

    def batch(self, batch_size: int, drop_remainder: bool = False) -> Pipeline:
        """Batches; the last one may be short."""

        def start() -> Iterator[Any]:
            iterator = iter(self)
            while elements := list(itertools.islice(iterator, batch_size)):
                if len(elements) == batch_size or not drop_remainder:
                    yield stack_elements(elements)

        return Pipeline(start)

    def padded_batch(
        self,
        batch_size: int,
        padded_shapes: Any = None,
        padding_values: Any = 0,
        drop_remainder: bool = False,
    ) -> Pipeline:
        """Batches of elements padded at the end to a shape; None or -1 is the longest's size."""

        def stack(shape: Any, value: Any, *parts: torch.Tensor) -> torch.Tensor:
            longest = [max(sizes) for sizes in zip(*(part.shape for part in parts), strict=True)]
            wanted = [None] * len(longest) if shape is None else list(shape)
            sizes = [m if n in (None, -1) else n for n, m in zip(wanted, longest, strict=True)]
            padded = []
            for part in parts:
                gaps = [size - n for size, n in zip(sizes, part.shape, strict=True)]
                ends = [n for gap in reversed(gaps) for n in (0, gap)]
                padded.append(F.pad(part, ends, value=value))
            return torch.stack(padded)

        def start() -> Iterator[Any]:
            iterator = iter(self)
            while elements := list(itertools.islice(iterator, batch_size)):
                if len(elements) < batch_size and drop_remainder:
                    return
                yield _pad_components(stack, padded_shapes, padding_values, elements)

        return Pipeline(start)

    def unbatch(self) -> Pipeline:
        """The slices of each element."""
        return self.flat_map(lambda *e: Pipeline.from_tensor_slices(e[0] if len(e) == 1 else e))

    def repeat(self, count: int | None = None) -> Pipeline:
        """The pipeline again and again, each time from the top; None or -1 is without end."""

        def start() -> Iterator[Any]:
            rounds = itertools.count() if count in (None, -1) else range(count or 0)
            for _ in rounds:
                empty = True
                for element in self:
                    empty = False
                    yield element
                if empty:
                    return

        return Pipeline(start)

    def take(self, count: int) -> Pipeline:
        """The first `count` elements; -1 takes all."""
        return Pipeline(lambda: itertools.islice(self, None if count == -1 else count))

    def skip(self, count: int) -> Pipeline:
        """All but the first `count` elements; -1 skips all."""
        return Pipeline(lambda: iter([]) if count == -1 else itertools.islice(self, count, None))

    def shard(self, num_shards: int, index: int) -> Pipeline:
        """Every num_shards-th element, from `index` on."""
        return Pipeline(lambda: itertools.islice(self, index, None, num_shards))

    def enumerate(self, start: int = 0) -> Pipeline:
        """Pairs of a running number and the element."""
        return Pipeline(lambda: ((torch.tensor(n), e) for n, e in enumerate(self, start)))

    def cache(self) -> Pipeline:
        """Keep the elements of the first complete iteration in memory."""
        kept: list[Any] = []
        complete = False

        def start() -> Iterator[Any]:
            nonlocal complete
            if complete:
                yield from kept
                return
            fresh = []
            for element in self:
                fresh.append(element)
                yield element
            kept[:], complete = fresh, True

        return Pipeline(start)

    def to(self, device: torch.device | str) -> Pipeline:
        """The same elements with their tensors on a device."""

        def move(part: Any) -> Any:
            return part.to(device) if isinstance(part, torch.Tensor) else part

        return Pipeline(lambda: (map_element(move, element) for element in self))

    def prefetch(self, buffer_size: int = 1) -> Pipeline:
        """The same elements; they are made when they are asked for."""
        return self

    def apply(self, transformation: Callable[[Pipeline], Pipeline]) -> Pipeline:
        """transformation(self)."""
        return transformation(self)


def file_names(names: Any) -> list[str]:
    """Names of files, given as one name, several, or elements of a pipeline."""
    if isinstance(names, str | bytes | Path):
        names = [names]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def _call(function: Callable[..., Any], element: Any) -> Any:
    """Call with the parts of a tuple as arguments, with anything else as the one argument."""
    return function(*element) if isinstance(element, tuple) else function(element)


def _pad_components(
    stack: Callable[..., Any], shapes: Any, values: Any, elements: Sequence[Any]
) -> Any:
    """stack(shape, value, *parts) for each component; shapes are nested like the elements."""
    first = elements[0]
    if isinstance(first, dict | tuple):
        keys = list(first) if isinstance(first, dict) else list(range(len(first)))
        padded = {
            key: _pad_components(
                stack,
                None if shapes is None else shapes[key],
                values[key] if isinstance(values, dict | tuple | list) else values,
                [element[key] for element in elements],
            )
            for key in keys
        }
        return padded if isinstance(first, dict) else tuple(padded.values())
    return stack(shapes, values, *elements)


class Text(bytes):
    """Bytes that equal a str of the same text, as a string in TensorFlow's graph does."""

    def __new__(cls, text: str | bytes) -> Text:
        return super().__new__(cls, text.encode() if isinstance(text, str) else text)

    def __eq__(self, other: object) -> bool:
        return bytes.__eq__(self, other.encode() if isinstance(other, str) else other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = bytes.__hash__


def _produce(
    pipeline: Pipeline, size: int, num_epochs: int | None, shuffle: bool, seed: int | None
) -> Pipeline:
    """Whole epochs, each in a new order, forever or num_epochs times."""
    if shuffle:
        pipeline = pipeline.shuffle(max(size, 1), seed)
    return pipeline.repeat(num_epochs)


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
