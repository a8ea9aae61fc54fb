"""Fetched values without a name are compared: stored, added, returned, decided by, printed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.parity.pairs import replayed
from tf2torch.parity.crossings import places
from tf2torch.parity.recorder.uses import Uses, sink_of


def wrapped(text: str) -> str:
    return ast.unparse(Uses().visit(ast.parse(text)))


def test_what_is_not_named_gets_a_probe() -> None:
    assert wrapped("loss = sess.run(a)\nsess.run(train)") == (
        "loss = __tf2torch_use__(1, '', '=', 1, True, sess.run(a))\nsess.run(train)".replace(
            "'='", "'loss'"
        )
    )
    assert wrapped("def f():\n    return 2 * x.eval()") == (
        "def f():\n    return __tf2torch_store__(2, 'f', 'return', '', True, "
        "2 * __tf2torch_use__(2, 'f', 'return', 1, False, x.eval()))"
    )
    assert wrapped("h['a'].append(3)\nh['a'].append(b)") == (
        "h['a'].append(3)\n"
        "h['a'].append(__tf2torch_store__(2, '', \"h['a'].append\", '0', False, b))"
    )


def test_statements_are_known_by_what_they_do_with_values() -> None:
    text = "a.b[1] = f(\n  x)\nwhile go(\n  y):\n    n += 1\n    print(z)\n"
    assert [sink_of(node) for node in ast.parse(text).body] == ["a.b[]", "while"]
    found = places(ast.parse(text))
    assert [found[line]["sink"] for line in range(1, 7)] == [
        "a.b[]", "a.b[]", "while", "while", "n", "print",
    ]  # fmt: skip
    assert found[2]["names"] == ["a", "b", "f", "x"] and found[4]["names"] == ["go", "y"]


def test_uses_agree(records: dict[str, Path], tmp_path: Path) -> None:
    report = replayed(records, tmp_path, "uses")
    assert report and report.counts["values by place"] > 40, str(report)


CHANGES = {
    "append": ("losses.append(", "losses.append(1.001 * "),
    "sum": ("total += ", "total += 1.001 * "),
    "item": ("best[i] = ", "best[i] = 1.001 * "),
    "return": ("return measure(data, labels)[0]", "return 1.001 * measure(data, labels)[0]"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_fault_in_a_use_is_found(
    records: dict[str, Path], tmp_path: Path, change: tuple[str, str]
) -> None:
    report = replayed(records, tmp_path, "uses", change)
    assert not report
    text = (tmp_path / "uses_torch.py").read_text().splitlines()
    assert change[1] in text[report.findings[0].converted_line - 1], str(report)


def test_a_value_that_is_taken_less_often_is_missing(
    records: dict[str, Path], tmp_path: Path
) -> None:
    change = ('history["near"].append(', 'if i: history["near"].append(')
    first = replayed(records, tmp_path, "uses", change).findings[0]
    assert first.kind == "missing"
    assert "is used 3 times, in the conversion 2" in first.text


def test_another_decision_is_found(records: dict[str, Path], tmp_path: Path) -> None:
    change = ("loss.item() < 0.28", "loss.item() < 10.0")
    assert not replayed(records, tmp_path, "uses", change)
