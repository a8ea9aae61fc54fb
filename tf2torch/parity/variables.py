"""Compare variables with parameters: gradients, learning rates, values after steps and at the end.

A variable is compared in the layout that its parameter has by the weight map.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from tf2torch.parity.findings import END, Finding, Measure
from tf2torch.parity.mapping import entries_of
from tf2torch.parity.pairs import ROUNDING, Pair
from tf2torch.parity.records import Event
from tf2torch.parity.tolerances import differs, error
from tf2torch.parity.unnamed import ordinal
from tf2torch.weights import layout

#: Two moving averages of one variable give another result in the other order, by a part of a step.
UNORDERED = 1e-3

Parts = Sequence[tuple[str, Any]]


def final_variables(pair: Pair) -> tuple[list[Finding], list[Measure]]:
    """Every variable at the end of the program."""
    found, measures = [], []
    first, last, mapped = pair.record.first_values, pair.record.final_values, pair.weights
    slots = {end for o in mapped.get("optimizers", []) for end in (*o["slots"], *o["powers"])}
    for name in first:
        if name not in mapped["variables"] and not is_slot(name, mapped["variables"], slots):
            text = f"The variable {name!r} is not in the weight map"
            found.append(Finding("missing", text, name=name))
    scale = max((float(np.abs(v).max(initial=0.0)) for v in last.values()), default=0.0)
    for (module, key), parts in entries_of(mapped).items():
        if (module, key) not in pair.final or any(name not in last for name, _ in parts):
            continue
        got = pair.final[module, key]
        wanted = layout.join([(steps, last[name]) for name, steps in parts])
        why = _changed_differently(pair, (module, key), parts, got, wanted, END)
        names = " and ".join(name for name, _ in parts)
        measures.append(
            Measure("variable", names, END, 0, 0, *error(got, wanted, scale), why is None)
        )
        if why is not None:
            text = f"{module}.{key} ({names}) differs at the end.\n{why}"
            found.append(Finding("variable", text, name=f"{module}.{key}"))
    return found, measures


def _ends_alike(pair: Pair, place: tuple[str, str], parts: Parts) -> bool:
    last = pair.record.final_values
    if place not in pair.final or any(name not in last for name, _ in parts):
        return False
    wanted = layout.join([(steps, last[name]) for name, steps in parts])
    return _changed_differently(pair, place, parts, pair.final[place], wanted, END) is None


def _changed_differently(
    pair: Pair, place: tuple[str, str], parts: Parts, got: Any, wanted: Any, run: int
) -> str | None:
    rtol, atol = pair.allowed(run)
    why = differs(got, wanted, rtol, atol)
    if any(name in pair.record.unordered for name, _ in parts):
        rtol = max(rtol, UNORDERED)
    first = pair.record.first_values
    if why is None or got.shape != wanted.shape or any(name not in first for name, _ in parts):
        return why
    start = layout.join([(steps, first[name]) for name, steps in parts])
    noise = pair.noise(*place) if place in pair.final else 0.0
    return None if same_update(got - start, wanted - start, noise, rtol) else why


def same_update(got: Any, wanted: Any, noise: float, rtol: float) -> bool:
    """Whether two changes of a variable agree as a whole, though not in every element.

    Adam and its kin divide a gradient by its own size: an element whose gradient is nothing but
    rounding moves as far as the others, and may do so in the other direction. A bias in front of a
    batch normalization has no other gradients: all its change is `noise`.
    """
    moved = float(np.linalg.norm(wanted))
    allowed = 20 * rtol * moved + ROUNDING / 3 * noise
    if noise < 0.1 * moved:
        allowed = min(allowed, 0.5 * moved)
    return moved > 0 and float(np.linalg.norm(got - wanted)) <= allowed


def is_slot(name: str, mapped: Collection[str], endings: Collection[str]) -> bool:
    """Whether a variable belongs to an optimizer of the weight map."""
    last = name.split("/")[-1]
    for ending in endings:
        if "{}" not in ending:
            if ending in (name, last) or last.startswith(ending + "_"):
                return True
        elif any(name == ending.replace("{}", variable) for variable in mapped):
            return True
        elif name.endswith(ending.replace("{}", "")):
            return True
    return False


# Steps of an optimizer


def steps(pair: Pair) -> tuple[list[Finding], list[Measure]]:
    """Gradients, learning rates and variables, step after step."""
    wanted: dict[str, dict[int, Event]] = {}
    largest: dict[int, float] = {}
    sizes: dict[int, float] = {}
    for event in pair.record.of("update"):
        wanted.setdefault(event["name"], {})[event["nth"]] = event
        if event["gradient"] is not None:
            size = float(np.abs(pair.record.array(event["gradient"])).max(initial=0.0))
            largest[event["run"]] = max(size, largest.get(event["run"], 0.0))
        size = float(np.abs(pair.record.array(event["after"])).max(initial=0.0))
        sizes[event["run"]] = max(size, sizes.get(event["run"], 0.0))
    got: dict[tuple[str, str], dict[int, Event]] = {}
    for event in pair.replay.of("update"):
        got.setdefault((event["module"], event["key"]), {})[event["nth"]] = event
    found: list[Finding] = []
    measures: list[Measure] = []
    for place, parts in entries_of(pair.weights).items():
        rows = [wanted.get(name, {}) for name, _ in parts]
        for nth in sorted(set.intersection(*map(set, rows)) if rows else ()):
            events = [row[nth] for row in rows]
            mine = got.get(place, {}).get(nth)
            if mine is None and place not in got and _ends_alike(pair, place, parts):
                break  # its updates are made without an optimizer, and are right
            finding = _step(pair, place, parts, events, mine, largest, sizes, measures)
            if finding is not None:
                found.append(finding)
                break
    return found, measures


def _step(
    pair: Pair,
    place: tuple[str, str],
    parts: Parts,
    events: Sequence[Event],
    got: Event | None,
    largest: Mapping[int, float],
    sizes: Mapping[int, float],
    measures: list[Measure],
) -> Finding | None:
    """The first difference in one update of one parameter."""
    first = events[0]
    run, line, nth = first["run"], first["line"], ordinal(first["nth"])
    names = " and ".join(name for name, _ in parts)
    title = f"{place[0]}.{place[1]} ({names})"
    if got is None:
        text = f"{title} is not updated the {nth} time, or not by an optimizer"
        return Finding("step", text, line, run=run, name=names)

    if all(event["gradient"] is not None for event in events) and got["gradient"] is not None:
        values = [pair.record.array(event["gradient"]) for event in events]
        wanted = layout.join([(linear(s), value) for (_, s), value in zip(parts, values)])
        mine = pair.replay.array(got["gradient"])
        rtol = pair.allowed_gradient(run)
        why = differs(mine, wanted, rtol, rtol * largest.get(run, 0.0))
        measures.append(
            Measure(
                "gradient", names, run, line, got["line"],
                *error(mine, wanted, largest.get(run, 0.0)), why is None, first["nth"],
            )
        )  # fmt: skip
        if why is not None:
            text = f"The gradient of {title} differs the {nth} time.\n{why}"
            hint = _hint(pair, got, mine, wanted)
            clipped = got["clip"] if " times what" in hint else 0
            at = clipped or got["backward"] or got["line"]
            return Finding("gradient", text + hint, line, at, run, names, sure=bool(clipped))
    rate = first["rate"]
    if rate is not None and not np.isclose(got["rate"], rate, rtol=1e-5, atol=0):
        text = f"The learning rate of {title} is {got['rate']:.9g} the {nth} time, not {rate:.9g}"
        at = got["scheduler"] if got["scheduler"] and first["nth"] > 1 else got["made"]
        made = (("scheduler", got["schedule"]),) if got["schedule"] else ()
        return Finding("step", text, line, at, run, names, made=made)
    values = [pair.record.array(event["after"]) for event in events]
    wanted = layout.join([(s, value) for (_, s), value in zip(parts, values)])
    mine = pair.replay.array(got["after"])
    why = _changed_differently(pair, place, parts, mine, wanted, run)
    if why is not None and got["later"] is not None:
        later = pair.replay.array(got["later"])
        if _changed_differently(pair, place, parts, later, wanted, run) is None:
            mine, why = later, None
    measures.append(
        Measure(
            "step",
            names,
            run,
            line,
            got["line"],
            *error(mine, wanted, sizes.get(run, 0.0)),
            why is None,
            first["nth"],
        )
    )
    if why is None:
        return None
    text = f"{title} differs after its {nth} update, though its gradient agrees.\n{why}"
    return Finding("step", text, line, got["made"], run, names)


def linear(steps: Any) -> Any:
    """The layout of a gradient: nothing is added to it."""
    return [
        [name, {**options[0], "forget_bias": 0.0}]
        if name == "lstm" and options
        else [name, *options]
        for name, *options in layout.steps_of(steps)
    ]


def _hint(pair: Pair, event: Event, got: Any, wanted: Any) -> str:
    """What a wrong gradient looks like."""
    if got.shape != wanted.shape:
        return ""
    norm = float(np.linalg.norm(wanted))
    if norm == 0:
        return ""
    before = event["before"]
    if before is not None:
        rest = got - pair.replay.array(before)
        if np.linalg.norm(rest - wanted) < 1e-3 * norm:
            return "\nThe gradient of the step before is still in it: zero_grad is missing"
    factor = float((got * wanted).sum()) / norm**2
    if np.linalg.norm(got - factor * wanted) < 1e-3 * abs(factor) * norm:
        return f"\nIt is {factor:.6g} times what it should be"
    return ""
