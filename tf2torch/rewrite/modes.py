"""Placeholders that are no data: training flags, keep probabilities, learning rates."""

from __future__ import annotations

from typing import Any

import libcst as cst

from tf2torch.rewrite.writer import Writer
from tf2torch.rulebook.apply import Argument, bind
from tf2torch.rulebook.model import Refusal

_NUMBERS = {"keep_prob", "rate", "learning_rate"}


def training_flags(writer: Writer) -> frozenset[Any]:
    """Identities of placeholders that are passed as `training` to layers."""
    return frozenset(_passed(writer, {"training", "is_training"}))


def number_placeholders(writer: Writer) -> frozenset[Any]:
    """Identities of placeholders that are rates or probabilities."""
    return frozenset(_passed(writer, _NUMBERS))


def _passed(writer: Writer, wanted: set[str]) -> set[Any]:
    analysis = writer.analysis
    found: set[Any] = set()
    for node in list(analysis.values):
        if not isinstance(node, cst.Call):
            continue
        symbol = analysis.symbols.get(node.func)
        if symbol is None:
            continue
        for name, value in _arguments(writer, node, symbol).items():
            if name in wanted and value.kind == "placeholder" and value.detail is not None:
                found.add(value.detail)
    return found


def _arguments(writer: Writer, node: cst.Call, symbol: str) -> dict[str, Any]:
    analysis = writer.analysis
    if symbol.endswith("Optimizer"):
        first = {"learning_rate": writer.value(node.args[0].value)} if node.args else {}
        return first
    rule = analysis.rulebook.find(symbol)
    if rule is None:
        return {}
    arguments = [
        Argument(a.value, writer.value(a.value), a.keyword.value if a.keyword else None, a.star)
        for a in node.args
    ]
    bound = bind(rule, arguments)
    return {} if isinstance(bound, Refusal) else dict(bound.values)
