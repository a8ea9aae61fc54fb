"""Runs a rule's case in TensorFlow and in PyTorch and compares what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from tf2torch.rulebook.case_inputs import InputSpec, parse_spec
from tf2torch.rulebook.cases import CaseRefused, Conversion, convert_case
from tf2torch.rulebook.loader import Rulebook
from tf2torch.rulebook.model import Case, Rule
from tf2torch.rulebook.runs.common import Run, make_input
from tf2torch.rulebook.runs.compare import differences
from tf2torch.rulebook.runs.tensorflow_side import NotInThisTensorFlow, run_tensorflow
from tf2torch.rulebook.runs.torch_side import run_torch

_Record = TypeVar("_Record", Case, Conversion)


@dataclass(frozen=True)
class Outcome:
    """Problems of one case, and which emits of its rule it took."""

    problems: tuple[str, ...]
    emits: frozenset[int] = frozenset()


def check_text(book: Rulebook, rule: Rule, case: Case) -> tuple[Outcome, Conversion | None]:
    """Convert a case and compare the text; runs neither framework."""
    try:
        found = convert_case(book, case)
    except CaseRefused as refusal:
        reason = str(refusal)
        if case.refuse is not None and case.refuse in reason:
            return Outcome(()), None
        return Outcome((f"refused: {reason}",)), None
    except ValueError as error:  # a template, condition or function that is not right
        return Outcome((f"{type(error).__name__}: {error}",)), None
    problems = []
    if case.refuse is not None:
        problems.append(f"not refused, but converted to {found.torch}")
    if rule.kind == "remove":
        if not found.removed:
            problems.append("not removed")
        return Outcome(tuple(problems)), None
    wanted = case.forward if case.forward is not None else case.torch
    for label, want, got in (("torch", wanted, found.torch), ("init", case.init, found.init)):
        if want != got and (want is not None or label == "init"):
            problems.append(f"{label}: expected {want!r}, got {got!r}")
    if found.torch is not None:
        compile(found.torch, "<case>", "eval")
    taken = frozenset(
        index
        for other, emit in found.emits
        if other.id == rule.id
        for index, own in enumerate(rule.emits)
        if own.line == emit.line
    )
    return Outcome(tuple(problems), taken), found


def run_case(book: Rulebook, rule: Rule, case: Case) -> Outcome:
    """Everything that a case must satisfy."""
    outcome, found = check_text(book, rule, case)
    if found is None or outcome.problems or case.compare == "text" or rule.kind == "value":
        return outcome
    problems = list(outcome.problems)
    single, expected = _compare_runs(case, found, "float32")
    problems += [f"float32: {p}" for p in single]
    if expected is not None and _has_floats(expected):
        wide = _wide(found)
        if "float32" in case.tf and wide.torch is not None:
            wide = replace(wide, torch=wide.torch.replace(".float()", ".double()"))
        double, _ = _compare_runs(_wide(case), wide, "float64")
        problems += [f"float64: {p}" for p in double]
    return Outcome(tuple(problems), outcome.emits)


def _expected(case: Case, specs: Mapping[str, InputSpec], arrays: Mapping[str, Any]) -> Run:
    try:
        return run_tensorflow(case, specs, arrays)
    except ValueError:
        if all(all(spec.known) for spec in specs.values()):
            raise
        # a size that our rules may not know, but TensorFlow must: channels of a layer
        known = {n: replace(s, known=(True,) * len(s.shape)) for n, s in specs.items()}
        return run_tensorflow(case, known, arrays)


def _wide(record: _Record) -> _Record:
    """A case or its conversion with the dtypes that it spells out in double precision."""
    names = ("tf", "torch", "init")
    texts = {name: getattr(record, name) for name in names if getattr(record, name, None)}
    return replace(record, **{n: t.replace("float32", "float64") for n, t in texts.items()})


def _has_floats(run: Run) -> bool:
    kinds = {np.asarray(value).dtype.kind for value in run.values}
    return bool(kinds & {"f", "c"})


def _compare_runs(case: Case, found: Conversion, precision: str) -> tuple[list[str], Run | None]:
    specs = {name: parse_spec(text) for name, text in case.inputs}
    arrays = {name: make_input(name, spec, precision) for name, spec in specs.items()}
    try:
        expected = _expected(case, specs, arrays)
    except NotInThisTensorFlow:
        return [], None
    except Exception as error:
        if precision == "float64":  # the operation exists in single precision only
            return [], None
        return [f"TensorFlow fails: {type(error).__name__}: {str(error)[:300]}"], None
    try:
        actual = run_torch(case, found, specs, arrays, expected, precision)
    except Exception as error:
        return [f"PyTorch fails: {type(error).__name__}: {str(error)[:300]}"], None
    return differences(case, found, expected, actual, precision), expected
