"""Give torch's random functions the draws that the original program made."""

from __future__ import annotations

import bisect
import contextlib
import itertools
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from tf2torch.parity.records import Record

#: A place that asks for draws: the frames of its call, with the objects whose methods they run.
Site = tuple[tuple[Any, int, int], ...]


def calling_site() -> Site:
    found = []
    frame: Any = sys._getframe(1)
    while frame:
        found.append((frame.f_code, frame.f_lineno, id(frame.f_locals.get("self"))))
        frame = frame.f_back
    return tuple(found)


@dataclass
class Draw:
    """One recorded draw; `values` are read when it is used."""

    type: str
    run: int
    shape: tuple[int, ...]
    event: Any
    used: bool = False

    @property
    def left_out(self) -> bool:
        """Whether the original did not compute it; the conversion may, for nobody."""
        return bool(self.event.get("left_out"))

    @property
    def loop(self) -> tuple[int, str] | None:
        """The op in a loop that has made it and others in the same run, if so."""
        return (self.run, self.event["op"]) if self.event["looped"] else None


class Draws:
    """The recorded draws in order, and what has been asked of them."""

    def __init__(self, record: Record, place: Callable[[], int]) -> None:
        self._record = record
        self._place = place
        self._native = 0
        self._first = 0
        self._finished = 0
        self._named_runs: list[int] = []
        self._sites: dict[tuple[int, str], Site] = {}
        self._steps: dict[frozenset[str], int] = {}
        self._bounds: dict[frozenset[str], float] = {}
        self._stepped = 0
        self.mapped: frozenset[str] = frozenset()  # the variables that have parameters
        self.missing: list[dict[str, Any]] = []
        self.draws = [
            Draw(event["type"], event["run"], tuple(event["shape"]), event)
            for event in record.of("draw")
        ]

    @contextlib.contextmanager
    def native(self) -> Iterator[None]:
        """Inside, torch draws for itself: initial values are replaced afterwards."""
        self._native += 1
        try:
            yield
        finally:
            self._native -= 1

    @property
    def is_native(self) -> bool:
        return self._native > 0

    def name_runs(self, runs: Iterable[int]) -> None:
        """The runs whose end the conversion makes known, by an assignment to a fetched name."""
        self._named_runs = sorted(set(runs))

    def finish(self, run: int) -> None:
        """A run's fetches have been assigned: its draws and all before are over."""
        self._finished = max(self._finished, run)

    def step(self, names: frozenset[str]) -> None:
        """An optimizer has updated these variables, as the next run does that updates them.

        That run may have more draws, those before it are over.
        """
        for group, runs in self._record.updating:
            if group & self.mapped == names:
                count = self._steps.get(group, 0)
                self._steps[group] = count + 1
                if count < len(runs):
                    self._stepped = max(self._stepped, runs[count])
                    self._finished = max(self._finished, runs[count] - 1)
                    self._bounds[group] = runs[count + 1] if count + 1 < len(runs) else math.inf

    @property
    def finished(self) -> int:
        """The last run whose fetches have been assigned, or whose update has been made."""
        return max(self._finished, self._stepped)

    def _last_run(self) -> float:
        """The conversion cannot be further than the first run it has not finished."""
        place = bisect.bisect_right(self._named_runs, self._finished)
        named = self._named_runs[place] if place < len(self._named_runs) else math.inf
        return min(named, *self._bounds.values(), math.inf)

    def unused(self) -> list[Draw]:
        return [draw for draw in self.draws if not (draw.used or draw.left_out)]

    def take(
        self, kind: str, fits: Callable[[Draw], Any], rate: float | None = None
    ) -> tuple[Draw, Any] | None:
        """The first unused draw of a kind that `fits` (which returns None where it does not).

        Of several, one with the right `rate` of dropout. The draws of one op in a loop all go to
        one place of the conversion: another place may draw what the original never computes.
        None too where the original has left this draw out.
        """
        while self._first < len(self.draws) and self._over(self.draws[self._first]):
            self._first += 1
        last = self._last_run()
        site: Site | None = None
        other: tuple[Draw, Any] | None = None
        for draw in itertools.islice(self.draws, self._first, None):
            if draw.run > last:
                break
            if self._over(draw) or draw.type != kind or (found := fits(draw)) is None:
                continue
            if draw.loop is not None:
                site = site or calling_site()
                if self._sites.get(draw.loop, site) != site:
                    continue
            known = draw.event["rate"]
            if rate is None or known is None or abs(known - rate) < 1e-5:
                if draw.left_out:
                    draw.used = True
                    return None
                return self._taken(draw, found, site)
            if draw.left_out:
                continue
            other = other or (draw, found)
        if other is not None:
            return self._taken(*other, site)
        self.missing.append({"type": kind, "line": self._place()})
        return None

    def _taken(self, draw: Draw, found: Any, site: Site | None) -> tuple[Draw, Any]:
        draw.used = True
        if draw.loop is not None and site is not None:
            self._sites[draw.loop] = site
        return draw, found

    def _over(self, draw: Draw) -> bool:
        return draw.used or draw.run <= self._finished

    def values(self, draw: Draw) -> list[Any]:
        return [self._record.array(value) for value in draw.event["value"]]

    def source(self, draw: Draw) -> Any:
        return self._record.array(draw.event["source"])

    def tensor(
        self,
        kind: str,
        size: Sequence[int],
        broadcast: bool = False,
        rate: float | None = None,
    ) -> torch.Tensor | None:
        """The next draw of a kind in the given size, in whichever layout it was made."""
        size = tuple(size)
        taken = self.take(kind, lambda draw: arrangement(draw.shape, size, broadcast), rate)
        if taken is None:
            return None
        draw, arrange = taken
        value = torch.from_numpy(np.array(arrange(self.values(draw)[0]), order="C"))
        return value.to(torch.get_default_dtype()) if value.is_floating_point() else value


def arrangement(
    made: tuple[int, ...], asked: tuple[int, ...], broadcast: bool = False
) -> Callable[[Any], Any] | None:
    """How a draw in TensorFlow's layout becomes one in torch's, if it can."""

    def fits(shape: tuple[int, ...]) -> bool:
        if shape == asked:
            return True
        same = len(shape) == len(asked)
        return broadcast and same and all(a == b or a == 1 for a, b in zip(shape, asked))

    if len(made) >= 3:
        axes = (0, len(made) - 1, *range(1, len(made) - 1))
        if made != asked and fits(tuple(made[axis] for axis in axes)):
            return lambda value: np.transpose(value, axes)
    if fits(made):
        return lambda value: value
    if int(np.prod(made)) == int(np.prod(asked)) and len(made) != len(asked):
        return lambda value: value.reshape(asked)
    return None
