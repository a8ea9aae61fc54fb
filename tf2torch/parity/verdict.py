"""Compare a record with its replay: all findings, the earliest first, and what was measured."""

from __future__ import annotations

from tf2torch.parity import values, variables
from tf2torch.parity.findings import KINDS, Finding, Measure
from tf2torch.parity.pairs import Pair
from tf2torch.parity.unnamed import unnamed_values


def compare(pair: Pair) -> tuple[list[Finding], dict[str, int], list[Measure]]:
    """All differences, the counts of what was compared, and every comparison."""
    fetched, by_name = values.fetched(pair)
    used, by_use = unnamed_values(pair)
    printed, lines = values.printed(pair)
    stepwise, by_step = variables.steps(pair)
    final, at_end = variables.final_variables(pair)
    kinds = [measure.kind for measure in by_step]
    counts = {
        "runs": sum(1 for _ in pair.record.of("run")),
        "values by name": sum(measure.agrees for measure in by_name),
        "values by place": sum(measure.agrees for measure in by_use),
        "gradients": kinds.count("gradient"),
        "steps": kinds.count("step"),
        "lines of output": lines,
        "variables": len(at_end),
    }
    found = [*values.starts(pair.replay), *fetched, *used, *stepwise, *printed, *final]
    found.sort(key=lambda finding: (finding.run, KINDS.index(finding.kind)))
    return found, counts, [*by_name, *by_use, *by_step, *at_end]
