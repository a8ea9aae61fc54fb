"""`tf2torch rules`: list, show and check."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tf2torch.cli import run

GOOD = """
[[rule]]
id = "my-double"
tf = ["tf.my_double"]
signature = "x, name=None"
drop = ["name"]
summary = "Twice x."

[[rule.emit]]
torch = "2 * {x}"

[[rule.case]]
x = "float32[2]"
tf = "tf.my_double(x + 1)"
torch = "2 * (x + 1)"
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    (tmp_path / "mine.toml").write_text(GOOD)
    return tmp_path


def test_list_names_every_symbol(mine: Path, capsys: pytest.CaptureFixture) -> None:
    assert run(["rules", "list", "--rules", str(mine)]) == 0
    out, err = capsys.readouterr()
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines()}
    assert rows["my-double"] == ["expr", "tf.my_double"]
    assert rows["relu"][1] == "tf.nn.relu"
    assert err.endswith("symbols\n")


def test_list_as_json(mine: Path, capsys: pytest.CaptureFixture) -> None:
    assert run(["rules", "list", "--format", "json", "--rules", str(mine)]) == 0
    records = {record["id"]: record for record in json.loads(capsys.readouterr().out)}
    assert records["my-double"] == {
        "id": "my-double",
        "kind": "expr",
        "tf": ["tf.my_double"],
        "signature": "x, name=None",
        "summary": "Twice x.",
        "docs": "",
        "reason": "",
        "torch": [{"when": "", "templates": ["2 * {x}"], "note": ""}],
        "weights": [],
        "cases": 1,
    }


@pytest.mark.parametrize("name", ["my-double", "tf.my_double"])
def test_show_by_id_and_by_symbol(name: str, mine: Path, capsys: pytest.CaptureFixture) -> None:
    assert run(["rules", "show", name, "--rules", str(mine)]) == 0
    assert capsys.readouterr().out == (
        "my-double (expr)\n\n"
        "  tf.my_double(x, name=None)\n\n"
        "Twice x.\n\n"
        "otherwise:\n  2 * {x}\n\n"
        "  tf.my_double(x + 1)\n  -> 2 * (x + 1)\n\n"
        f"{mine}/mine.toml:2\n"
    )


def test_show_suggests_what_is_close(capsys: pytest.CaptureFixture) -> None:
    assert run(["rules", "show", "tf.reduce_meen"]) == 2
    assert "did you mean tf.reduce_mean" in capsys.readouterr().err


def test_check_compares_the_text(mine: Path, capsys: pytest.CaptureFixture) -> None:
    assert run(["rules", "check", "--text", str(mine)]) == 0
    assert capsys.readouterr().out == "1 rules, 1 cases: 0 failed, 0 missing\n"
    bad = GOOD.replace('torch = "2 * (x + 1)"', 'torch = "2 * x + 1"')
    (mine / "mine.toml").write_text(bad)
    assert run(["rules", "check", "--text", str(mine)]) == 1
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"{mine}/mine.toml:12 my-double torch: expected '2 * x + 1', got")


def test_check_wants_a_case(mine: Path, capsys: pytest.CaptureFixture) -> None:
    (mine / "mine.toml").write_text(GOOD.split("[[rule.case]]")[0])
    assert run(["rules", "check", "--text", str(mine)]) == 1
    assert "mine.toml:2 my-double has no case" in capsys.readouterr().out


def test_check_runs_both_frameworks(mine: Path, capsys: pytest.CaptureFixture) -> None:
    wrong = GOOD.replace("my_double", "negative").replace("my-double", "my-negative")
    (mine / "mine.toml").write_text(wrong)
    assert run(["rules", "check", str(mine)]) == 1
    out = capsys.readouterr().out
    assert "my-negative float32: result: differs by" in out
    assert "my-negative float64: result: differs by" in out
    right = wrong.replace("2 * ", "-")
    (mine / "mine.toml").write_text(right)
    assert run(["rules", "check", str(mine)]) == 0, capsys.readouterr().out


def test_a_fault_in_a_rule_is_told_with_its_line(mine: Path, capsys: pytest.CaptureFixture) -> None:
    (mine / "mine.toml").write_text(GOOD.replace("summary", "sumary"))
    assert run(["rules", "check", str(mine)]) == 2
    expected = "mine.toml:7: unknown key 'sumary'; did you mean 'summary'?"
    assert expected in capsys.readouterr().err
