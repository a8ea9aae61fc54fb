"""Decide in double precision what single precision cannot tell.

Training amplifies rounding, in some programs a millionfold. A tolerance that follows it tells
nothing in the end, and an accuracy that jumps by a whole image has no tolerance at all. Doubles
leave eight more digits between rounding and a difference in meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tf2torch.parity.findings import END, NUMBERS, Finding
from tf2torch.parity.pairs import Pair
from tf2torch.parity.reports import Report

CEILING = 1e-2  # a relative tolerance above this proves nothing
SURE_UPDATES = 4  # in which rounding has not grown


def first_loose_run(pair: Pair, runs: list[int]) -> int:
    """The first of some runs in which rounding alone is as large as a difference; 0 if none."""

    def loose(run: int) -> bool:
        rows = (pair.rounding, pair.gradient_rounding)
        return any(at <= run and pair.with_margin(far) > CEILING for row in rows for at, far in row)

    return next((run for run in sorted(runs) if loose(run)), 0)


def doubtful(report: Report) -> bool:
    """Whether single precision leaves open if the programs agree."""
    if not report.ran or report.precision != "float32":
        return False
    return not any(sure(report, f) for f in report.findings) and bool(
        report.findings or report.loose
    )


def sure(report: Report, finding: Finding) -> bool:
    """Whether a finding cannot come from rounding that has grown."""
    if finding.kind not in NUMBERS or finding.run <= report.early:
        return True
    same = (m for m in report.measures if (m.run, m.name) == (finding.run, finding.name))
    return any(np.isinf(measure.absolute) for measure in same)


def decided(report: Report, in_double: Callable[[], Report]) -> Report:
    """The report, or where it leaves a doubt the verdict of double precision."""
    if not doubtful(report):
        return report
    doubles = in_double()
    start = min([f.run for f in report.findings if f.run != END] + [report.loose or END])
    place = f"from run {start} on" if start != END else "at the end"
    grown = f"Rounding has grown too far for float32 {place}"
    if not doubles.ran:
        reason = doubles.findings[0].text.splitlines()[0]
        note = Finding("draw", f"{grown}, and double precision cannot decide: {reason}")
        return replace(report, notes=(*report.notes, note))
    if not doubles:
        note = Finding("draw", f"{grown}: these are the differences in double precision")
        return replace(
            doubles, precision=report.precision, notes=(note,), sites=report.sites,
            measures=doubles.measures,
        )  # fmt: skip
    worst = max((m.relative for m in doubles.measures if np.isfinite(m.relative)), default=0.0)
    text = f"{grown}: in double precision all agree, to {worst:.1e} of the largest"
    measures = tuple(replace(measure, agrees=True) for measure in report.measures)
    sites = tuple(replace(site, agrees=True) for site in report.sites)
    return replace(
        report, findings=(), measures=measures, sites=sites,
        notes=(*report.notes, Finding("draw", text)),
    )  # fmt: skip
