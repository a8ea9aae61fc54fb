"""Names of optimizer slots: TensorFlow numbers them where several optimizers share variables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tf2torch.analyse.facts import Obj
from tf2torch.rewrite import training
from tf2torch.rewrite.sparse import row_wise_class
from tf2torch.rewrite.writer import Writer


def optimizer_entries(writer: Writer) -> list[dict[str, Any]]:
    """The optimizers of the weight map, in the order in which they make their slots.

    The second Adam over a variable `w` has the slots ``w/Adam_2`` and ``w/Adam_3``; they are listed
    by these names, beside the patterns for the variables that it shares with no other.
    """
    found: dict[int, dict[str, Any]] = {}
    made: dict[tuple[str, str], int] = {}  # slots of a kind that a variable has
    powers_made: dict[str, int] = {}
    owners: dict[tuple[int, str], bool] = {}
    for record in _train_ops(writer):
        optimizer = record["optimizer"].detail
        short = optimizer["symbol"].rpartition(".")[2]
        if short not in training.SLOTS:
            continue
        name, slots, powers = training.SLOTS[short]
        entry = found.get(id(optimizer))
        if entry is None:
            table = training.TABLE
            entry = found[id(optimizer)] = {
                "tf": name,
                "torch": row_wise_class(writer, short)
                or (table[short][0] if short in table else "torch.optim.Adam"),
                "slots": dict(slots),
                "powers": [_numbered(power, powers_made) for power in powers],
            }
        for variable in _variables(writer, record) if slots else ():
            if owners.setdefault((id(optimizer), variable), False):
                continue
            owners[id(optimizer), variable] = True
            for pattern, state in slots.items():
                base = re.sub(r"_\d+$", "", pattern).replace("{}", variable)
                count = made.get((variable, base), 0)
                made[variable, base] = count + 1
                actual = base + (f"_{count}" if count else "")
                if actual != pattern.replace("{}", variable):
                    entry["slots"][actual] = state
    return list(found.values())


def _numbered(name: str, made: dict[str, int]) -> str:
    count = made.get(name, 0)
    made[name] = count + 1
    return f"{name}_{count}" if count else name


def _train_ops(writer: Writer) -> Iterator[Obj]:
    seen: set[int] = set()
    for value in writer.analysis.values.values():
        record = value.detail
        if value.kind == "operation" and isinstance(record, Obj) and id(record) not in seen:
            if record.type in ("Train", "Apply"):
                seen.add(id(record))
                yield record


def _variables(writer: Writer, record: Obj) -> list[str]:
    """Names of the variables that an op trains."""
    given = record["variables"]
    if given is not None:
        known = (v for v in given if v.kind == "variable" and v.detail is not None)
        return [value.detail.name for value in known]
    made = (v for creation in writer.analysis.creations for v in creation.variables)
    return [variable.name for variable in made if variable.trainable]
