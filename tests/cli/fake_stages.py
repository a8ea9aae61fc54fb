"""Stages that stand in for the real ones: `tf.x` becomes `torch.x`, `tf.todo` stays to be done."""

from __future__ import annotations

import re
import sys
import types
from typing import Any

import pytest

from tf2torch.diagnostics import Diagnostic, Outcome, Reference, Severity


class Plan:
    def __init__(self, source: Any, options: Any) -> None:
        self.source, self.options = source, options

    def describe(self) -> str:
        return f"module Model\n  exact {self.options.exact}\n"


def rewrite(plan: Plan, shared: frozenset[str]) -> Any:
    text, references, findings = plan.source.text, [], []
    if "crash" in text:
        raise KeyError("crash")
    for match in re.finditer(r"\btf\.(\w+)", text):
        line = text.count("\n", 0, match.start()) + 1
        column = match.start() - text.rfind("\n", 0, match.start())
        todo = match[1] == "todo"
        outcome = Outcome.TODO if todo else Outcome.CONVERTED
        number = 0 if "twice" in text else len(references)
        references.append(Reference(number, match[0], line, column, outcome, "fake"))
        if todo:
            message, help = "tf.todo has no counterpart", "write it by hand"
            place = (plan.source.path, line, column)
            findings.append(Diagnostic(*place, "fake", Severity.ERROR, message, help))
    support = ("same_pad",) if "same_pad" in text else ()
    new = text.replace("import tensorflow as tf", "import torch").replace("tf.", "torch.")
    if "unparsable" in text:
        new += "= =\n"
    variable = {"module": "Model", "key": "w", "layout": ["identity"]}
    return types.SimpleNamespace(
        text=new,
        support=support,
        weights={"version": 1, "variables": {"w": variable}, "optimizers": []},
        diagnostics=tuple(findings),
        references=tuple(references),
    )


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts the stand-ins in the place of the stages."""
    stages = {
        "analyse": {"analyse": lambda source, rulebook, options: (source, options)},
        "plan": {"make_plan": lambda analysis: Plan(*analysis)},
        "rewrite": {"rewrite": rewrite},
    }
    for name, members in stages.items():
        module = types.ModuleType(f"tf2torch.{name}")
        module.__dict__.update(members)
        monkeypatch.setitem(sys.modules, f"tf2torch.{name}", module)
