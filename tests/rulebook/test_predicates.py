"""The three-valued conditions of rules."""

from __future__ import annotations

from typing import Any

import pytest

from tf2torch.rulebook.predicates import Facts, PredicateError, holds
from tf2torch.rulebook.values import ANYTHING, Dim, Value, constant, dims, tensor

FACTS = Facts(
    {
        "x": tensor("float32", dims(None, 28, 28, 3)),
        "i": tensor("int64", dims(5)),
        "v": Value("variable", dtype="float32_ref", shape=dims(3)),
        "p": Value("placeholder", dtype="float32", shape=(Dim(None, "n"),)),
        "u": ANYTHING,
        "axis": constant((1, 2)),
        "none": constant(None),
        "yes": constant(True),
        "size": constant(2),
        "same": constant("SAME"),
        "t": Value("dtype", literal="float64"),
        "list": Value("sequence", detail=(tensor("float32"), constant(3))),
        "host": Value("sequence", detail=(constant(1), constant(3))),
        "format": constant("NCHW"),
    },
    frozenset({"axis", "x"}),
)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("given(axis)", True),
        ("given(size)", False),
        ("literal(axis) == [1, 2]", True),
        ("literal(axis) == []", False),
        ("literal(u) == 1", None),
        ("literal(none) is None", True),
        ("literal(none) is not None", False),
        ("literal(yes) == 1", False),
        ("literal(size) in (1, 2)", True),
        ("literal(size) not in (1, 2)", False),
        ("literal(size) < 3", True),
        ("literal(same) < 3", False),
        ("literal(u) < 3", None),
        ("rank(x) == 4", True),
        ("rank(axis) == 1", True),
        ("rank(size) == 0", True),
        ("rank(u) == 4", None),
        ("kind(x) == 'float'", True),
        ("kind(i) == 'int'", True),
        ("kind(v) == 'float'", True),
        ("kind(size) == 'python'", True),
        ("kind(host) == 'python'", True),
        ("kind(list) == 'float'", True),
        ("none(none)", True),
        ("none(u)", None),
        ("kind(u) == 'int'", None),
        ("is_(v) == 'variable'", True),
        ("is_(u) == 'variable'", None),
        ("dtype(v) == 'float32'", True),
        ("dtype(t) == 'float64'", True),
        ("dtype(size) == 'int32'", True),
        ("shape(i) == (5,)", True),
        ("shape(x) == (1, 28, 28, 3)", None),
        ("shape(x) == (1, 28, 28, 4)", False),
        ("shape(x) == (28, 28, 3)", False),
        ("dim(x, -1) == 3", True),
        ("dim(x, 0) == 3", None),
        ("length(list) == 2", True),
        ("length(axis) == 2", True),
        ("layout(format) == 'channels_first'", True),
        ("layout(none) == 'channels_last'", True),
        ("ones(size)", False),
        ("ones(u)", None),
        ("differentiable(v)", True),
        ("differentiable(p)", False),
        ("differentiable(i)", False),
        ("differentiable(x)", None),
        ("exact", False),
        ("version() >= (2, 0)", True),
        ("rank(u) == 4 or given(x)", True),
        ("rank(u) == 4 and given(x)", None),
        ("rank(u) == 4 and given(size)", False),
        ("not rank(u) == 4", None),
        ("not (given(size) or rank(x) == 3)", True),
    ],
)
def test_holds(condition: str, expected: bool | None) -> None:
    assert holds(condition, FACTS) is expected


def test_no_condition_holds() -> None:
    assert holds(None, FACTS) is True


def test_exact() -> None:
    assert holds("exact", Facts({}, exact=True)) is True


@pytest.mark.parametrize(
    "condition",
    [
        "__import__('os')",
        "rnak(x) == 2",
        "x == 2",
        "rank(2) == 2",
        "literal(x).real == 1",
        "1 < rank(x) < 3",
        "rank(x) + 1 == 3",
        "rank(x) ==",
        "[i for i in (1,)]",
        "rank()",
        "rank(x=x)",
    ],
)
def test_nothing_else_is_understood(condition: str) -> None:
    with pytest.raises(PredicateError):
        holds(condition, FACTS)


def test_unknown_has_no_truth_value() -> None:
    unknown: Any = ANYTHING.literal
    with pytest.raises(TypeError):
        bool(unknown)
