"""The report of a conversion of weights: one line a status, with indices folded."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tf2torch.weights.errors import printable

#: Status -> what it means.
MEANINGS = {
    "OK": "written",
    "MISSING": "the parameter's variable is not in the checkpoint",
    "UNEXPECTED": "nothing of the map or the model takes this",
    "MISMATCH": "shape, type or layout does not fit",
    "UNUSED RULE": "a rename or ignore pattern that matched nothing",
}
STATUSES = tuple(MEANINGS)


@dataclass(frozen=True)
class Row:
    """What became of one parameter, variable or rule."""

    status: str
    name: str
    detail: str = ""


@dataclass(frozen=True)
class Report:
    """All rows; good if every one is OK."""

    rows: tuple[Row, ...]
    written: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        return all(row.status == "OK" for row in self.rows)

    def counts(self) -> dict[str, int]:
        found = Counter(row.status for row in self.rows)
        return {status: found[status] for status in STATUSES if found[status]}


def folded(rows: Sequence[Row]) -> list[tuple[Row, int]]:
    """Rows that differ in numbers alone as one row, with how many it stands for."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        shape = re.sub(r"\d+", "#", row.name)
        detail = re.sub(r"\d+", "#", row.detail)
        groups.setdefault((row.status, shape, detail), []).append(row)
    result = []
    for members in groups.values():
        first = members[0]
        if len(members) == 1:
            result.append((first, 1))
            continue
        texts = [_fold([getattr(m, part) for m in members]) for part in ("name", "detail")]
        result.append((Row(first.status, *texts), len(members)))
    return result


def _fold(texts: Sequence[str]) -> str:
    """`a.{0...3}.w` from a.0.w to a.3.w: numbers that differ, as ranges."""
    split = [re.split(r"(\d+)", text) for text in texts]
    parts = []
    for column in zip(*split):
        values = list(dict.fromkeys(column))
        if len(values) == 1:
            parts.append(values[0])
            continue
        numbers = sorted(int(value) for value in values)
        runs = numbers == list(range(numbers[0], numbers[-1] + 1)) and len(numbers) > 2
        inner = f"{numbers[0]}...{numbers[-1]}" if runs else ",".join(map(str, numbers[:6]))
        parts.append("{" + inner + (",..." if not runs and len(numbers) > 6 else "") + "}")
    return "".join(parts)


def report_text(report: Report, *, verbose: bool = False) -> str:
    """The table: what is not OK, all of it with `verbose`, a legend, and the sum."""
    shown = [row for row in report.rows if verbose or row.status != "OK"]
    shown.sort(key=lambda row: -STATUSES.index(row.status))
    lines = []
    rows = [(row, f" ({count})" if count > 1 else "") for row, count in folded(shown)]
    width = min(max((len(row.name + times) for row, times in rows), default=0), 60)
    for row, times in rows:
        name = printable(row.name) + times
        lines.append(f"{row.status:<11}  {name:<{width}}  {printable(row.detail)}".rstrip())
    found = [status for status in report.counts() if status != "OK"]
    if found:
        lines += ["", *(f"{status}: {MEANINGS[status]}" for status in found)]
    lines.append(", ".join(f"{count} {status}" for status, count in report.counts().items()))
    return "\n".join(lines).lstrip("\n") + "\n"


def report_json(report: Report) -> str:
    rows = [{"status": r.status, "name": r.name, "detail": r.detail} for r in report.rows]
    data = {"counts": report.counts(), "rows": rows, "written": list(report.written)}
    return json.dumps(data, indent=1, ensure_ascii=True) + "\n"
