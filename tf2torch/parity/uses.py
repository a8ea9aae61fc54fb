"""Compare fetched values that have no name: those that a program stores, adds, returns, prints.

What a statement stores is compared with what the same statement of the conversion stores. Where
there is none, the counterpart of a fetch is a place that takes as many values out of tensors: one
that names the same tensor, or else one that takes the same values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from tf2torch.parity.records import Event, Record, references
from tf2torch.parity.tolerances import error

Leaves = list[Any]
Site = tuple[int, str]  # line and place in it
TEXT = ("print", "=")  # sinks whose values are compared as text
MOST_TURNS = 16
SAME = 1e-3  # of the largest element: what is as near is the same value, right or wrong


@dataclass(frozen=True)
class Fetch:
    """What a fetch of the original gives, or a statement stores, in order."""

    line: int
    scope: str
    sink: str
    part: str | None  # of what the statement stores; of a fetch None
    label: str  # the name of the tensor
    sure: bool  # whether it has to have a counterpart
    runs: tuple[int, ...]
    values: tuple[Leaves, ...]

    @property
    def name(self) -> str:
        return self.label or self.sink


@dataclass(frozen=True)
class Match:
    """A fetch with its counterpart: the values of a site, every `turns`-th from `start` on."""

    fetch: Fetch
    site: Site
    turns: int = 1
    start: int = 0
    far: float = 0.0  # the largest difference, relative to the largest element

    def values(self, sites: Mapping[Site, list[Leaves]]) -> list[Leaves]:
        return sites.get(self.site, [])[self.start :: self.turns]


@dataclass(frozen=True)
class Place:
    """What stands at a line of a conversion."""

    scope: str
    sink: str
    names: frozenset[str]


def sites_of(replay: Record) -> dict[Site, list[Leaves]]:
    """For each place of the conversion the values that it has taken or stored."""
    found: dict[Site, list[Leaves]] = {}
    for event in replay.of("cross"):
        found.setdefault((event["line"], event["place"]), []).append(replay.leaves(event["value"]))
    return found


def stored(record: Record) -> Iterator[Fetch]:
    """What the statements of the original store."""
    groups: dict[tuple[Any, ...], list[Event]] = {}
    for event in record.of("store"):
        key = tuple(event[k] for k in ("line", "scope", "sink", "part", "sure"))
        groups.setdefault(key, []).append(event)
    for (line, scope, sink, part, sure), events in groups.items():
        values = [record.leaves(event["value"]) for event in events]
        if any(values):
            runs = tuple(event["run"] for event in events)
            yield Fetch(line, scope, sink, part, "", sure, runs, tuple(values))


def unnamed(record: Record) -> Iterator[Fetch]:
    """The fetches of the original that get no name, one for each tensor."""
    named = {(event["line"], event["scope"]) for event in record.of("assign")}
    groups: dict[tuple[Any, ...], list[Event]] = {}
    for event in record.of("use"):
        if (event["line"], event["scope"]) not in named:
            key = tuple(event[k] for k in ("line", "scope", "sink", "place"))
            groups.setdefault(key, []).append(event)
    for (line, scope, sink, _), events in groups.items():
        yield from single(record, Fetch(line, scope, sink, None, "", True, (), ()), events)


def single(record: Record, model: Fetch, events: list[Event]) -> Iterator[Fetch]:
    """For each tensor in fetched values one fetch."""
    rows = [record.leaves(event["value"]) for event in events]
    runs = [event["run"] for event in events]
    for index in range(max(map(len, rows), default=0)):
        labels = [e["labels"][index] for e in events if len(e["labels"]) > index]
        has = [at for at, row in enumerate(rows) if len(row) > index]
        yield replace(
            model, label=next(iter(labels), "") or model.label, runs=tuple(runs[at] for at in has),
            values=tuple([rows[at][index]] for at in has),
        )  # fmt: skip


def flattened(leaves: Leaves) -> Leaves:
    """All numbers of nested values in one array."""
    return [np.concatenate([np.asarray(leaf, np.float64).reshape(-1) for leaf in leaves])]


def alike(got: Leaves, wanted: Leaves) -> tuple[Leaves, Leaves]:
    """Both values leaf by leaf, or flat where they are nested in another way."""
    if [leaf.shape for leaf in got] == [leaf.shape for leaf in wanted]:
        return got, wanted
    if got and wanted and len(got) != len(wanted):
        return flattened(got), flattened(wanted)
    return got, wanted


def far(got: Leaves, wanted: Leaves) -> float:
    got, wanted = alike(got, wanted)
    if len(got) != len(wanted):
        return np.inf
    return max((error(a, b)[1] for a, b in zip(got, wanted)), default=0.0)


def same_sizes(got: Leaves, wanted: Leaves) -> bool:
    return [leaf.size for leaf in got] == [leaf.size for leaf in wanted]


def closest(fetch: Fetch, sites: Mapping[Site, list[Leaves]], keys: list[Site]) -> Match | None:
    """Of some places with as many values the one whose values are nearest."""
    best: Match | None = None
    count = len(fetch.values)
    for key in keys:
        turns, rest = divmod(len(sites[key]), count)
        for start in range(turns if not rest and turns <= MOST_TURNS else 0):
            match = Match(fetch, key, turns, start)
            first = match.values(sites)[0]
            if fetch.part is None and not same_sizes(first, fetch.values[0]):
                continue
            worst = max(map(far, match.values(sites), fetch.values))
            if best is None or worst < best.far:
                best = replace(match, far=worst)
    return best


def base(name: str) -> str:
    return name.split(":")[0].split("/")[-1].split(".")[-1].split("[")[0]


def same_function(fetch: Fetch, place: Place) -> bool:
    if not fetch.scope:
        return place.scope in ("", "main")
    return base(fetch.scope) == base(place.scope)


@dataclass(frozen=True)
class Search:
    """Looks for counterparts among the places of a conversion."""

    sites: Mapping[Site, list[Leaves]]
    places: Mapping[int, Place]

    def _where(self, kinds: tuple[str, ...], fits: Callable[[Place], bool]) -> list[Site]:
        return [
            (line, name)
            for line, name in self.sites
            if name.startswith(kinds) and line in self.places and fits(self.places[line])
        ]

    def _stores(self, fetch: Fetch) -> list[Site]:
        """What statements like the original's store in the same part."""

        def fits(place: Place) -> bool:
            return place.sink == fetch.sink and same_function(fetch, place)

        return [key for key in self._where(("whole",), fits) if key[1] == f"whole {fetch.part}"]

    def of_store(self, fetch: Fetch) -> Match | None:
        """The statement that stores the same."""
        return closest(fetch, self.sites, self._stores(fetch))

    def times(self, fetch: Fetch) -> int:
        """How often the conversion stores what the original does, in all such statements."""
        return sum(len(self.sites[key]) for key in self._stores(fetch))

    def of_fetch(self, fetch: Fetch) -> Match | None:
        """A place that takes the same values; else the nearest that does or names the same."""
        label = base(fetch.label)
        tiers: list[Callable[[Place], bool]] = [
            lambda place: place.sink == fetch.sink and same_function(fetch, place),
            lambda place: label in place.names and same_function(fetch, place),
            partial(same_function, fetch),
            lambda place: True,
        ]
        near: Match | None = None
        for number, fits in enumerate(tiers):
            match = closest(fetch, self.sites, self._where(("at", "name"), fits))
            if match is not None and match.far < SAME:
                return match
            if number < 2:
                near = near or match
        return near


def matches(record: Record, search: Search) -> list[tuple[Fetch, Match | None]]:
    """Every use of a fetched value without a name, with its counterpart if there is one."""
    found: list[tuple[Fetch, Match | None]] = []
    done: set[tuple[int, str]] = set()
    for fetch in stored(record):
        place, match = (fetch.line, fetch.scope), search.of_store(fetch)
        if match is not None:
            found.append((fetch, match))
            done.add(place)
        elif 0 < search.times(fetch) < len(fetch.runs):
            found.append((fetch, None))
            done.add(place)
    left = texts(record)
    for fetch in unnamed(record):
        # A statement that stores something made of several fetches stores all of them.
        if (fetch.line, fetch.scope) not in done - left:
            found.append((fetch, search.of_fetch(fetch)))
    return found


def texts(record: Record) -> set[tuple[int, str]]:
    """The places that make something of fetched values which is no number."""
    return {
        (event["line"], event["scope"])
        for event in record.of("store")
        if event["sure"] and not any(references(event["value"]))
    }


def search_in(replay: Record) -> Search:
    places = {
        event["line"]: Place(event["scope"], event["sink"], frozenset(event["names"]))
        for event in replay.of("place")
    }
    return Search(sites_of(replay), places)
