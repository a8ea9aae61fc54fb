"""Names that TensorFlow 1.15 gives operations without a `name=`: they push other names aside.

The table was written by ``scripts/list_tf1_op_names.py`` under the real TensorFlow 1.15.5.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import libcst as cst

from tf2torch.rulebook.model import Rule

_DATA: Final = Path(__file__).parent / "data" / "op_names.tsv"

#: Names of operations that Python's operators make.
OPERATORS: Final[dict[type, str]] = {
    cst.Add: "add",
    cst.Subtract: "sub",
    cst.Multiply: "mul",
    cst.Divide: "truediv",
    cst.FloorDivide: "floordiv",
    cst.Modulo: "mod",
    cst.Power: "pow",
    cst.MatrixMultiply: "matmul",
    cst.BitAnd: "and",
    cst.BitOr: "or",
    cst.LessThan: "Less",
    cst.LessThanEqual: "LessEqual",
    cst.GreaterThan: "Greater",
    cst.GreaterThanEqual: "GreaterEqual",
    cst.Minus: "Neg",
}


@cache
def _table() -> dict[str, tuple[str, ...]]:
    lines = _DATA.read_text(encoding="utf-8").splitlines()
    return {name: tuple(rest.split()) for name, rest in (line.split("\t") for line in lines)}


def op_names(symbol: str, rule: Rule) -> tuple[str, ...]:
    """Names, without case, that a call adds to the scope it stands in."""
    table = _table()
    known = next((table[name] for name in (symbol, *rule.tf) if name in table), ())
    return known
