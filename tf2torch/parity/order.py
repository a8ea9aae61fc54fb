"""Give shuffling samplers the order in which the original program's pipeline gave its elements.

The recorder keeps what each iterator or queue returned. An element of the conversion's data set is
found in that stream by its values, so the data itself stays the conversion's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import RandomSampler

from tf2torch.parity.records import Record


class Stream:
    """The elements of one recorded pipeline; None marks the end of a pass."""

    def __init__(self) -> None:
        self.elements: list[Any] = []
        self.position = 0


def streams_of(record: Record) -> list[Stream]:
    streams: dict[str, Stream] = {}
    for event in record.events:
        if event["kind"] == "data":
            stream = streams.setdefault(event["op"], Stream())
            leaves = record.leaves(event["value"])
            count = min((len(leaf) for leaf in leaves if leaf.ndim), default=0)
            for index in range(count):
                stream.elements.append(flat([leaf[index] for leaf in leaves if leaf.ndim]))
        elif event["kind"] == "data_end" and event["op"] in streams:
            streams[event["op"]].elements.append(None)
    return list(streams.values())


def flat(value: Any) -> Any:
    """An element's numbers, one after the other."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        parts = [flat(item) for item in value]
        return np.concatenate(parts) if parts else np.zeros(0)
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    array = np.asarray(value)
    return array.astype(np.float64).reshape(-1) if array.dtype.kind in "biuf" else np.zeros(0)


class Order:
    """Finds recorded elements among those of a data set."""

    def __init__(self, record: Record, seed: int = 0) -> None:
        self._streams = streams_of(record)
        self._rng = np.random.RandomState(seed)
        self.failures = 0

    def indices(self, dataset: Any) -> list[int] | None:
        """The order of the next pass over a data set, or None if no recorded stream has it."""
        rows = [flat(dataset[index]) for index in range(len(dataset))]
        if not rows or len({len(row) for row in rows}) != 1:
            return None
        matrix = np.stack(rows)
        direction = self._rng.randn(matrix.shape[1])
        keys = matrix @ direction
        ranks = np.argsort(keys, kind="stable")
        for stream in self._streams:
            found = self._pass(stream, matrix, keys, ranks, direction)
            if found:
                rest = sorted(set(range(len(rows))) - set(found))
                return found + rest
        self.failures += 1
        return None

    @staticmethod
    def _pass(stream: Stream, matrix: Any, keys: Any, ranks: Any, direction: Any) -> list[int]:
        taken: dict[int, None] = {}
        position = stream.position
        ordered = keys[ranks]
        while position < len(stream.elements) and len(taken) < len(matrix):
            element = stream.elements[position]
            if element is None:
                # The end of a pass: what is missing was dropped with the last short batch.
                position += 1
                if taken:
                    break
                continue
            if element.shape != matrix.shape[1:]:
                break
            key = float(element @ direction)
            slack = 1e-4 * (1 + float(np.abs(element) @ np.abs(direction)))
            low, high = np.searchsorted(ordered, [key - slack, key + slack])
            near = [int(index) for index in ranks[low:high] if int(index) not in taken]
            match = [i for i in near if np.allclose(matrix[i], element, rtol=1e-4, atol=1e-5)]
            if not match:
                break
            taken[match[0]] = None
            position += 1
        if taken:
            stream.position = position
        return list(taken)

    def install(self) -> None:
        original = RandomSampler.__iter__

        def __iter__(sampler: Any) -> Iterator[int]:
            found = self.indices(sampler.data_source)
            return original(sampler) if found is None else iter(found)

        RandomSampler.__iter__ = __iter__  # type: ignore[method-assign]
