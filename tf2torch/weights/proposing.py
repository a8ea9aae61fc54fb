"""`--model`: the proposal for a model or a state dict, and its table."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from tf2torch.weights.checkpoint import Checkpoint
from tf2torch.weights.errors import printable
from tf2torch.weights.expectations import expected, expected_of_shapes
from tf2torch.weights.models import load_model
from tf2torch.weights.pairing import Proposal, propose
from tf2torch.weights.report import Row, folded

_MOST = 6


def proposal_for(checkpoint: Checkpoint, spec: str) -> tuple[str, Proposal]:
    """The root module's name and the proposal for `package.module:Class`, or for a file."""
    if os.path.isfile(spec):
        from tf2torch.weights.reverse import open_state

        shapes = {key: entry.shape for key, entry in open_state(spec).entries.items()}
        return "Model", propose(checkpoint, expected_of_shapes(shapes), shapes)
    model = load_model(spec)
    ways = {k: v for k, v in expected(model.module).items() if k in model.shapes}
    ways = {key: way for key, way in ways.items() if key not in model.tied}
    return type(model.module).__name__, propose(checkpoint, ways, model.shapes)


def table(proposal: Proposal, *, verbose: bool = False) -> str:
    """What is open, and with `verbose` what is settled; a sum."""
    rows = []
    if verbose:
        rows += [Row("SETTLED", k, f"from {n}: {why}") for k, (n, _, why) in proposal.pairs.items()]
    for key, choices in proposal.open.items():
        names = [_choice(name, steps, choices) for name, steps in choices]
        names = list(dict.fromkeys(names))
        text = ", ".join(names[:_MOST]) + (", ..." if len(names) > _MOST else "")
        rows.append(Row("OPEN", key, f"one of {text}" if names else "no variable of its shape"))
    rows += [Row("LEFT OVER", name, "nothing takes it") for name in proposal.left]
    lines = []
    for row, count in folded(rows):
        name = row.name + (f" ({count})" if count > 1 else "")
        lines.append(f"{row.status:<9}  {printable(name)}  {printable(row.detail)}")
    sums = f"{len(proposal.pairs)} settled, {len(proposal.open)} open, {len(proposal.left)} left"
    return "\n".join([*lines, sums]) + "\n"


def _choice(name: str, steps: Any, choices: Sequence[tuple[str, Any]]) -> str:
    """A variable, and its layout where that too is to be chosen."""
    several = sum(name == other for other, _ in choices) > 1
    return f"{name} ({' '.join(map(str, steps))})" if several else name


# The map


def map_text(proposal: Proposal, module: str, source: str) -> str:
    """The proposal as a TOML map, with what is open as comments to be chosen from."""
    lines = [f"# Weight map from {source}.", "# Lines that begin with # are to be settled.", ""]
    lines += [f"module = {_quoted(module)}"]
    left = ", ".join(_quoted(name) for name in proposal.left)
    lines += [f"# ignore = [{left}]  # nothing takes these"] if left else []
    lines += ["", "[variables]"]
    by_variable: dict[str, list[str]] = {}
    for key, (name, steps, _) in proposal.pairs.items():
        target = f"{{ key = {_quoted(key)}, layout = {_toml(steps)} }}"
        by_variable.setdefault(name, []).append(target)
    for name, targets in by_variable.items():
        value = targets[0] if len(targets) == 1 else "[" + ", ".join(targets) + "]"
        lines.append(f"{_quoted(name)} = {value}")
    for key, rows in proposal.open.items():
        lines += ["", f"# {key}: {'one of' if rows else 'no variable of its shape'}"]
        for name, steps in rows:
            target = f"{{ key = {_quoted(key)}, layout = {_toml(steps)} }}"
            lines.append(f"# {_quoted(name)} = {target}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=True)


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    return _quoted(value) if isinstance(value, str) else str(value)
