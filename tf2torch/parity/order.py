"""Give shuffled data the order in which the original program's pipeline gave its elements.

The recorder keeps what each iterator or queue returned. An element of the conversion's data is
found in that stream by its values, so the data itself stays the conversion's own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.utils.data import RandomSampler

from tf2torch.parity.records import Record

LOOK_AHEAD = 20_000  # how many elements of an endless source are searched for one


@dataclass
class Pass:
    """The elements of one pass over a recorded pipeline, in order."""

    elements: list[Any] = field(default_factory=list)
    position: int = 0

    @property
    def over(self) -> bool:
        return self.position >= len(self.elements)


def passes_of(record: Record) -> list[Pass]:
    """The recorded pipelines' passes; an iterator that ran out has ended one."""
    found: list[Pass] = []
    current: dict[str, Pass] = {}
    for event in record.events:
        if event["kind"] == "data":
            if event["op"] not in current:
                current[event["op"]] = Pass()
                found.append(current[event["op"]])
            leaves = [leaf for leaf in record.leaves(event["value"]) if leaf.ndim]
            for index in range(min((len(leaf) for leaf in leaves), default=0)):
                current[event["op"]].elements.append(flat([leaf[index] for leaf in leaves]))
        elif event["kind"] == "data_end":
            current.pop(event["op"], None)
    return found


def flat(value: Any) -> Any:
    """An element's numbers, one after the other."""
    if isinstance(value, dict):
        value = [value[key] for key in sorted(value)]
    if isinstance(value, (list, tuple)):
        parts = [flat(item) for item in value]
        return np.concatenate(parts) if parts else np.zeros(0)
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    array = np.asarray(value)
    return array.astype(np.float64).reshape(-1) if array.dtype.kind in "biuf" else np.zeros(0)


def same(a: Any, b: Any) -> bool:
    return bool(a.shape == b.shape and np.allclose(a, b, rtol=1e-4, atol=1e-5))


class Pool:
    """Elements of a source that have not been given yet, found by their values."""

    def __init__(self, source: Iterator[Any]) -> None:
        self._source = source
        self._waiting: list[tuple[Any, Any]] = []

    def take(self, wanted: Any) -> list[Any]:
        """The element equal to `wanted`, in a list, or an empty list."""
        for place, (numbers, element) in enumerate(self._waiting):
            if same(numbers, wanted):
                del self._waiting[place]
                return [element]
        while len(self._waiting) < LOOK_AHEAD:
            for element in self._source:
                numbers = flat(element)
                if same(numbers, wanted):
                    return [element]
                self._waiting.append((numbers, element))
                break
            else:
                break
        return []

    def rest(self) -> Iterator[Any]:
        yield from (element for _, element in self._waiting)
        yield from self._source


class Order:
    """Puts elements in the recorded order."""

    def __init__(self, record: Record) -> None:
        self._passes = passes_of(record)
        self.failures = 0

    def arranged(self, source: Iterator[Any]) -> Iterator[Any]:
        """The elements of a source in the order of the next recorded pass that has them."""
        pool = Pool(source)
        for recorded in self._passes:
            if recorded.over:
                continue
            first = pool.take(recorded.elements[recorded.position])
            if first:
                recorded.position += 1
                yield first[0]
                yield from self._follow(recorded, pool)
                break
        else:
            self.failures += 1
        yield from pool.rest()

    def _follow(self, recorded: Pass, pool: Pool) -> Iterator[Any]:
        while not recorded.over:
            found = pool.take(recorded.elements[recorded.position])
            if not found:
                return
            recorded.position += 1
            yield found[0]

    def passing(self, source: Iterator[Any]) -> Iterator[Any]:
        """The elements of a source in their own order; the pass they belong to is over."""
        first = list(_first(source))
        for recorded in self._passes if first else ():
            if not recorded.position and same(flat(first[0]), recorded.elements[0]):
                recorded.position = len(recorded.elements)
                break
        yield from first
        yield from source

    # Where torch and the support file shuffle

    def install(self) -> None:
        original = RandomSampler.__iter__

        def __iter__(sampler: Any) -> Iterator[int]:
            data = sampler.data_source
            if not self._passes:
                return original(sampler)
            return (number for number, _ in self._numbered(data))

        RandomSampler.__iter__ = __iter__  # type: ignore[method-assign]

    def _numbered(self, data: Any) -> Iterator[tuple[int, Any]]:
        # The running number is text, so that `flat` sees the element alone.
        pairs = ((str(index), data[index]) for index in range(len(data)))
        return ((int(number), element) for number, element in self.arranged(pairs))

    def install_support(self, module: Any) -> None:
        """The support file's pipelines: shuffle marks, and batches take the recorded order."""
        pipeline = getattr(module, "Pipeline", None)
        if pipeline is None:
            return

        def shuffle(source: Any, *_: Any, **options: Any) -> Any:
            made = type(source)(source._start)
            made._shuffled = True
            return made

        pipeline._shuffled = False
        pipeline.shuffle = shuffle
        for name in (
            "map",
            "filter",
            "repeat",
            "take",
            "skip",
            "prefetch",
            "cache",
            "apply",
            "shard",
        ):
            setattr(pipeline, name, _marking(getattr(pipeline, name)))
        for name in ("batch", "padded_batch"):
            setattr(pipeline, name, self._arranging(getattr(pipeline, name)))

    def _arranging(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def batch(source: Any, *arguments: Any, **options: Any) -> Any:
            arrange = self.arranged if source._shuffled else self.passing
            return original(type(source)(lambda: arrange(iter(source))), *arguments, **options)

        return batch


def _marking(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def method(source: Any, *arguments: Any, **options: Any) -> Any:
        made = original(source, *arguments, **options)
        made._shuffled = made._shuffled or source._shuffled
        return made

    return method


def _first(source: Iterator[Any]) -> Iterator[Any]:
    for element in source:
        yield element
        return
