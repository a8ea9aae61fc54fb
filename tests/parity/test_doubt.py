"""What single precision leaves open is decided in double precision, and only that."""

from __future__ import annotations

import math
from pathlib import Path

from tf2torch.parity.doubt import decided, doubtful
from tf2torch.parity.findings import END, Finding, Measure
from tf2torch.parity.reports import Report

PLACES = Path("a.py"), Path("a_torch.py")


def report(*findings: Finding, loose: int = 0, far: float = 1e-3, **options: object) -> Report:
    measures = tuple(Measure("value", f.name, f.run, 1, 1, far, far, False) for f in findings)
    return Report(*PLACES, findings, measures=measures, early=5, loose=loose, **options)  # type: ignore[arg-type]


def late(kind: str = "value", run: int = 40) -> Finding:
    return Finding(kind, "'loss' differs", run=run, name="loss")


def test_what_is_open() -> None:
    assert not doubtful(report())
    assert doubtful(report(loose=7))
    assert doubtful(report(late()))
    assert doubtful(report(late("output", END)))
    assert not doubtful(report(late(run=5)))  # rounding has not grown yet
    assert not doubtful(report(late(), late("missing")))
    assert not doubtful(report(late(), far=math.inf))  # no rounding makes a NaN
    assert not doubtful(report(late(), precision="float64"))
    assert not doubtful(report(Finding("run", "It crashed")))


def test_doubles_decide() -> None:
    agree = Report(*PLACES, (), measures=(Measure("value", "loss", 1, 1, 1, 1e-15, 1e-14, True),))
    found = decided(report(late()), lambda: agree)
    assert found and found.measures[0].agrees
    assert found.notes[0].text == (
        "Rounding has grown too far for float32 from run 40 on: in double precision all agree, "
        "to 1.0e-14 of the largest"
    )
    differ = report(late(run=20), precision="float64")
    found = decided(report(loose=7), lambda: differ)
    assert not found and found.findings[0].run == 20 and found.precision == "float32"
    assert found.notes[0].text.startswith("Rounding has grown too far for float32 from run 7 on: ")
    broken = Report(*PLACES, (Finding("run", "No kernel for doubles\ntraceback"),))
    found = decided(report(late()), lambda: broken)
    assert not found and found.findings[0].text == "'loss' differs"
    assert found.notes[0].text.endswith("double precision cannot decide: No kernel for doubles")


def test_a_sure_finding_needs_no_doubles() -> None:
    def never() -> Report:
        raise AssertionError

    assert not decided(report(late(run=3)), never)
    assert decided(report(), never)
