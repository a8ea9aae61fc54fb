"""Compare fetched values that have no name, or another one in the conversion."""

from __future__ import annotations

import numpy as np

from tf2torch.parity.findings import Finding, Measure
from tf2torch.parity.pairs import Pair
from tf2torch.parity.records import Event
from tf2torch.parity.tolerances import differs, error
from tf2torch.parity.uses import Fetch, Match, alike, single

PRINTED = "print"  # what has no other counterpart is compared as text


def unnamed_values(pair: Pair) -> tuple[list[Finding], list[Measure]]:
    """What the original stores, adds, returns, prints or decides by."""
    found: list[Finding] = []
    measures: list[Measure] = []
    for fetch, match in pair.uses:
        if fetch.label and fetch.label in pair.ignore:
            continue
        if match is not None:
            difference, measured = compared(pair, fetch, match)
            found += difference
            measures += measured
        elif fetch.sink != PRINTED:
            found.append(missing(fetch, pair.search.times(fetch)))
    return found, measures


def missing(fetch: Fetch, times: int) -> Finding:
    """A use without a counterpart; `times` says how often the conversion does the same."""
    if times:
        text = f"{fetch.name!r} is used {len(fetch.runs)} times, in the conversion {times}"
        run = fetch.runs[min(times, len(fetch.runs) - 1)]
        return Finding("missing", text, fetch.line, run=run, name=fetch.label)
    what = f"The value of {fetch.label!r}" if fetch.label else "The value"
    text = f"{what} that is fetched here has no counterpart in the conversion"
    return Finding("missing", text, fetch.line, run=fetch.runs[0], name=fetch.label)


def renamed(pair: Pair, name: str, events: list[Event]) -> tuple[list[Finding], list[Measure]]:
    """A fetched value whose name the conversion does not have."""
    first = events[0]
    model = Fetch(first["line"], first["scope"], "", None, name, True, (), ())
    matches = [(f, pair.search.of_fetch(f)) for f in single(pair.record, model, events)]
    if not matches or any(match is None for _, match in matches):
        text = f"The fetched value {name!r} has no counterpart in the conversion"
        return [Finding("missing", text, first["line"], run=first["run"], name=name)], []
    rows = [compared(pair, fetch, match) for fetch, match in matches if match is not None]
    return [f for found, _ in rows for f in found][:1], [m for _, found in rows for m in found]


def compared(pair: Pair, fetch: Fetch, match: Match) -> tuple[list[Finding], list[Measure]]:
    """The first difference of a fetch from its counterpart, and what was measured until then."""
    measures = []
    line = match.site[0]
    got = match.values(pair.search.sites)
    for number, (mine, wanted, run) in enumerate(zip(got, fetch.values, fetch.runs), 1):
        a, b = alike(mine, wanted)
        why: str | None = f"It has {len(a)} parts, expected {len(b)}" if len(a) != len(b) else None
        errors = [error(x, y) for x, y in zip(a, b)] if why is None else [(np.inf, np.inf)]
        rtol, atol = pair.allowed(run)
        reasons = [differs(x, y, rtol, atol) for x, y in zip(a, b)] if why is None else [why]
        why = next((reason for reason in reasons if reason is not None), None)
        absolute, relative = (max(column) for column in zip(*errors or [(0.0, 0.0)]))
        measures.append(
            Measure("value", fetch.name, run, fetch.line, line, absolute, relative, why is None)
        )
        if why is not None:
            text = f"{fetch.name!r} differs the {ordinal(number)} time it is used.\n{why}"
            return [Finding("value", text, fetch.line, line, run, fetch.label)], measures
    return [], measures


def ordinal(number: int) -> str:
    teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
