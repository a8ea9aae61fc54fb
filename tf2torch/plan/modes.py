"""Placeholders that are no data: training flags, keep probabilities, learning rates."""

from __future__ import annotations

from typing import Any

import libcst as cst

from tf2torch.analyse import ANYTHING, Analysis
from tf2torch.analyse.recurrent import CELLS
from tf2torch.rulebook.apply import Argument, bind
from tf2torch.rulebook.model import Refusal

_NUMBERS = {"keep_prob", "rate", "learning_rate"}


def training_flags(analysis: Analysis) -> frozenset[Any]:
    """Identities of placeholders that are passed as `training` to layers."""
    return frozenset(_passed(analysis, {"training", "is_training"}))


def number_placeholders(analysis: Analysis) -> frozenset[Any]:
    """Identities of placeholders that are rates or probabilities."""
    return frozenset(_passed(analysis, _NUMBERS))


def _passed(analysis: Analysis, wanted: set[str]) -> set[Any]:
    found: set[Any] = set()
    for node in list(analysis.values):
        if type(node) is not cst.Call:  # `isinstance` is slow here
            continue
        symbol = analysis.symbols.get(node.func)
        if symbol is None:
            continue
        for name, value in _arguments(analysis, node, symbol).items():
            if name in wanted and value.kind == "placeholder" and value.detail is not None:
                found.add(value.detail)
    return found


def _arguments(analysis: Analysis, node: cst.Call, symbol: str) -> dict[str, Any]:
    if symbol.endswith("Optimizer"):
        first = (
            {"learning_rate": analysis.values.get(node.args[0].value, ANYTHING)}
            if node.args
            else {}
        )
        return first
    if symbol in CELLS:
        kept = [a for a in node.args if a.keyword is None or a.keyword.value.endswith("keep_prob")]
        values = [analysis.values.get(a.value, ANYTHING) for a in kept]
        return {"keep_prob": next((v for v in values if v.kind == "placeholder"), ANYTHING)}
    rule = analysis.rulebook.find(symbol)
    if rule is None:
        return {}
    arguments = [
        Argument(
            a.value,
            analysis.values.get(a.value, ANYTHING),
            a.keyword.value if a.keyword else None,
            a.star,
        )
        for a in node.args
    ]
    bound = bind(rule, arguments)
    return {} if isinstance(bound, Refusal) else dict(bound.values)
