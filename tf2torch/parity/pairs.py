"""What there is to compare: a record, its replay, and how far apart they may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np

from tf2torch.parity.findings import END
from tf2torch.parity.mapping import entries_of
from tf2torch.parity.records import Event, Record
from tf2torch.parity.tolerances import Tolerance, distance
from tf2torch.parity.uses import Fetch, Match, Search, matches, search_in

ROUNDING = 30.0  # both programs round, and neither is exact


@dataclass(frozen=True)
class Pair:
    """What there is to compare: both records, the map between them and what may differ."""

    record: Record
    replay: Record
    weights: Mapping[str, Any]
    tolerance: Tolerance
    ignore: frozenset[str] = frozenset()
    rounded: tuple[Record, ...] = ()  # replays that differ from `replay` in nothing but rounding

    @cached_property
    def steps(self) -> dict[int, int]:
        """Training steps made before each run."""
        found, trained = {}, 0
        for run in self.record.of("run"):
            found[run["id"]] = trained
            trained += bool(run["train"])
        found[END] = trained
        return found

    @cached_property
    def rounding(self) -> list[tuple[int, float]]:
        """How far rounding has carried the conversion by each run, relative to the values."""
        found = []
        here = sequences(self.replay)
        for other in self.rounded:
            there = sequences(other)
            for name, events in sequences(self.record).items():
                for event, a, b in zip(events, on_host(here, name), on_host(there, name)):
                    parts = zip(self.replay.leaves(a["value"]), other.leaves(b["value"]))
                    far = max((distance(x, y) for x, y in parts), default=0.0)
                    found.append((event["run"], far))
            found += self._rounding_of_uses(search_in(other))
        found.sort()
        return list(zip((run for run, _ in found), accumulate((far for _, far in found), max)))

    def _rounding_of_uses(self, other: Search) -> Iterator[tuple[int, float]]:
        for fetch, match in self.uses:
            if match is not None:
                both = match.values(self.search.sites), match.values(other.sites)
                for run, mine, there in zip(fetch.runs, *both):
                    yield run, max((distance(x, y) for x, y in zip(mine, there)), default=0.0)

    @cached_property
    def search(self) -> Search:
        """The places of the conversion that take or store values."""
        return search_in(self.replay)

    @cached_property
    def uses(self) -> list[tuple[Fetch, Match | None]]:
        """Fetched values without a name, with their counterparts."""
        return matches(self.record, self.search)

    def allowed(self, run: int) -> tuple[float, float]:
        """Relative and absolute tolerance at a run."""
        rtol, atol = self.tolerance.after(self.steps.get(run, 0))
        far = max((far for at, far in self.rounding if at <= run), default=0.0)
        return max(rtol, self.with_margin(far)), atol

    @staticmethod
    def with_margin(far: float) -> float:
        """The tolerance that goes with what rounding has been seen to do."""
        return ROUNDING * far

    @cached_property
    def gradient_rounding(self) -> list[tuple[int, float]]:
        """How far rounding has carried the gradients by each run, relative to the largest."""
        runs = {(e["name"], e["nth"]): e["run"] for e in self.record.of("update")}
        names = {place: parts[0][0] for place, parts in entries_of(self.weights).items()}
        found: list[tuple[int, float]] = []
        here = gradients(self.replay)
        largest: dict[int, float] = {}
        apart: dict[int, float] = {}
        for other in self.rounded:
            there = gradients(other)
            for (place, nth), mine in here.items():
                run = runs.get((names.get(place, ""), nth))
                if run is None or (place, nth) not in there:
                    continue
                difference = np.abs(mine - there[place, nth]).max(initial=0.0)
                apart[run] = max(apart.get(run, 0.0), float(difference))
                largest[run] = max(largest.get(run, 0.0), float(np.abs(mine).max(initial=0.0)))
        most = 0.0
        for run in sorted(apart):
            most = max(most, apart[run] / largest[run] if largest[run] else 0.0)
            found.append((run, most))
        return found

    def allowed_gradient(self, run: int) -> float:
        """Tolerance of a gradient at a run, relative to the largest gradient of the run."""
        far = max((far for at, far in self.gradient_rounding if at <= run), default=0.0)
        return max(5 * self.allowed(run)[0], self.with_margin(far))

    @cached_property
    def final(self) -> dict[tuple[str, str], Any]:
        return final_values(self.replay)

    def noise(self, module: str, key: str) -> float:
        """How far rounding has carried a parameter, as a norm."""
        found = [final_values(other).get((module, key)) for other in self.rounded]
        here = self.final[module, key]
        return max((float(np.linalg.norm(here - v)) for v in found if v is not None), default=0.0)


def gradients(replay: Record) -> dict[tuple[tuple[str, str], int], Any]:
    """By parameter and number of the update."""
    return {
        ((e["module"], e["key"]), e["nth"]): replay.array(e["gradient"])
        for e in replay.of("update")
    }


def final_values(replay: Record) -> dict[tuple[str, str], Any]:
    return {(e["module"], e["key"]): replay.array(e["value"]) for e in replay.of("final")}


def sequences(record: Record) -> dict[str, list[Event]]:
    """For every name its assignments in order."""
    found: dict[str, list[Event]] = {}
    for event in record.of("assign"):
        found.setdefault(event["name"], []).append(event)
    return found


def same_scope(events: list[Event], wanted: Event, strict: bool = False) -> list[Event]:
    """Assignments in the function that the original made them in, if that is still known.

    What stood at module level may have moved to `main`.
    """
    scopes = ("", "main") if not wanted["scope"] else (wanted["scope"],)
    found = [event for event in events if event["scope"] in scopes]
    return found if found or strict else events


def on_host(assigned: Mapping[str, list[Event]], name: str) -> list[Event]:
    """A name's values on the host, or as tensors where it has no others.

    What the program makes of a fetched value, under the same name, is no fetched value.
    """
    events = assigned.get(name, [])
    host = [event for event in events if not event["tensor"]]
    return [event for event in host if event.get("fetched")] or host or events
