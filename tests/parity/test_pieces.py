"""The checker's parts on their own: number tolerances, draws, orders, probes."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tf2torch.parity.draws import arrangement
from tf2torch.parity.order import Order, Pass, flat
from tf2torch.parity.pairs import Pair
from tf2torch.parity.patches import permutation
from tf2torch.parity.recorder import probes
from tf2torch.parity.recorder.writing import Writer
from tf2torch.parity.records import Record
from tf2torch.parity.tolerances import Tolerance, differs, last_place, line_differs
from tf2torch.parity.values import graph_note, ordinal, printed, stacked_states
from tf2torch.parity.variables import is_slot, same_update


@pytest.mark.parametrize(
    ("got", "wanted", "apart"),
    [
        ("loss 0.123", "loss 0.124", False),  # one in the last digit: both were rounded
        ("loss 0.123", "loss 0.126", True),
        ("step 12 loss 1.5", "step 13 loss 1.5", True),
        ("[0.5 0.25]", "[0.50000001 0.25      ]", False),
        ("loss nan", "loss 1.0", True),
        ("loss nan", "loss nan", False),
        ("1.5e-07", "1.6e-07", False),
        ("cost 1.0", "loss 1.0", True),
        ("[np.float32(0.5), np.int64(3)]", "[0.5, 3]", False),
        ("[np.float32(0.5)]", "[0.8]", True),
        ("shape (None, 4) None", "shape (?, 4) ?", True),
        ("shape (None, 4, None)", "shape (?, 4, ?)", False),
    ],
)
def test_lines_are_compared_by_words_and_numbers(got: str, wanted: str, apart: bool) -> None:
    assert line_differs(got, wanted, 1e-6, 1e-9) is apart


def test_last_place() -> None:
    assert [last_place(text) for text in ("12", "1.50", "2e-3", "1.25e2")] == [
        0.0, pytest.approx(0.01), pytest.approx(1e-3), pytest.approx(1.0)
    ]  # fmt: skip


def test_a_difference_is_described_with_counts_and_places() -> None:
    wanted = np.zeros((3, 4), np.float32)
    wanted[:] = 1.0
    got = wanted.copy()
    got[2, 3], got[0, 1] = 1.5, 1.25
    assert differs(got, wanted, 1e-6, 1e-6) == (
        "Mismatched elements: 2 / 12 (16.7%)\n"
        "Greatest absolute difference: 0.5 at index (2, 3) (up to 1.0e-06 allowed)\n"
        "Greatest relative difference: 0.5 at index (2, 3) (up to 1.0e-06 allowed)\n"
        "Would pass with atol=0.5 or rtol=0.25\n"
        "Greatest difference in units of the last place: 4.19e+06\n"
        "First difference: got 1.25, expected 1"
    )
    assert differs(got[0], wanted, 1, 1) == "The shapes differ: [4], expected [3, 4]"
    assert differs(wanted, wanted, 0, 0) is None


def test_whole_numbers_have_no_tolerance() -> None:
    assert differs(np.array(1000), np.array(1001), 0.1, 10.0) is not None


def test_an_update_agrees_as_a_whole() -> None:
    wanted = np.ones(1000)
    got = wanted.copy()
    got[0] = -1.0
    assert same_update(got, wanted, 0.0, 0.01)
    assert not same_update(0.5 * wanted, wanted, 0.0, 0.01)
    assert not same_update(wanted, 0 * wanted, 0.0, 0.01)


def test_slots_belong_to_their_optimizer() -> None:
    endings = {"{}/Adam", "{}/Adam_1", "beta1_power", "u/Adam_2"}
    assert is_slot("w/Adam_1", {"w"}, endings)
    assert is_slot("training/beta1_power_1", {"w"}, endings)
    assert is_slot("u/Adam_2", {"w"}, endings)
    assert not is_slot("v", {"w"}, endings)


def test_ordinals() -> None:
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 21, 113)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "21st", "113th"
    ]  # fmt: skip


def test_lstm_states_are_restacked() -> None:
    c0, h0, c1, h1 = (np.full((2, 3), n) for n in range(4))
    h, c = stacked_states([c0, h0, c1, h1])
    np.testing.assert_array_equal(h[:, 0, 0], [1, 3])
    np.testing.assert_array_equal(c[:, 0, 0], [0, 2])


def test_draws_are_arranged_for_channels_first() -> None:
    made = np.arange(2 * 4 * 5 * 3).reshape(2, 4, 5, 3)
    arrange = arrangement(made.shape, (2, 3, 4, 5))
    assert arrange is not None
    np.testing.assert_array_equal(arrange(made), made.transpose(0, 3, 1, 2))
    assert arrangement((2, 1, 1, 3), (2, 3, 4, 5)) is None
    assert arrangement((2, 1, 1, 3), (2, 3, 4, 5), broadcast=True) is not None
    merged = arrangement((6, 4), (2, 3, 4))
    assert merged is not None and merged(np.zeros((6, 4))).shape == (2, 3, 4)
    assert arrangement((7,), (6,)) is None


def test_permutation_of_equal_rows() -> None:
    source = np.array([[1, 1], [2, 2], [1, 1]])
    found = permutation(source, source[[2, 1, 0]])
    assert sorted(found) == [0, 1, 2]
    np.testing.assert_array_equal(source[found], source[[2, 1, 0]])


def test_elements_come_in_the_recorded_order(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text("")
    order = Order(Record(tmp_path))
    rows = torch.arange(12.0).reshape(6, 2)
    # The last two of the first pass were dropped with a short batch.
    for picked in ([4, 0, 5, 2], [1, 2, 3, 0]):
        order._passes.append(Pass([flat(rows[n]) for n in picked]))
    first = [int(row[0]) // 2 for row in order.arranged(iter(rows))]
    second = [int(row[0]) // 2 for row in order.arranged(iter(rows))]
    assert first == [4, 0, 5, 2, 1, 3]
    assert second == [1, 2, 3, 0, 4, 5]
    assert order.failures == 0
    list(order.arranged(iter(rows)))
    assert order.failures == 1


def test_probes_follow_assignments() -> None:
    seen: list[tuple[int, str, bool, tuple[str, ...], tuple[object, ...]]] = []
    source = (
        "class Box: pass\n"
        "box = Box()\n"
        "def run(x):\n"
        "    _, (a, box.b) = 0, (x, x + 1)\n"
        "    c = 5\n"
        "    return a\n"
        "value = run(3)\n"
    )
    tree = ast.fix_missing_locations(probes.Instrument().visit(ast.parse(source)))
    exec(compile(tree, "program", "exec"), {probes.PROBE: lambda *given: seen.append(given)})
    assert [(line, scope, names) for line, scope, _, names, _ in seen] == [
        (2, "", ("box",)),
        (4, "run", ("a", "box.b")),
        (7, "", ("value",)),
    ]
    assert seen[1][4] == (3, 4)


def test_the_writer_s_record_is_read_back(tmp_path: Path) -> None:
    writer = Writer(str(tmp_path))
    nested = {"a": [np.arange(3), (1.5, None)], "b": "text"}
    writer.event("assign", name="x", value=writer.value(nested))
    writer.event("end", error=None)
    writer.close()
    record = Record(tmp_path)
    leaves = record.leaves(next(iter(record.of("assign")))["value"])
    np.testing.assert_array_equal(leaves[0], [0, 1, 2])
    assert float(leaves[1]) == 1.5 and len(leaves) == 2
    assert record.error is None


def test_replay_imports_no_tensorflow() -> None:
    code = "import sys, tf2torch.parity.replay; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_descriptions_of_the_graph_may_have_no_counterpart(tmp_path: Path) -> None:
    nodes = ['Tensor("add:0", shape=(), dtype=float32)', "(?, 3) at <dtype: 'float32'>"]
    nodes += ["W is <tf.Variable 'W:0' shape=(2,) dtype=float32_ref>", "(None, 4)", "(?,)"]
    lines = ["loss 0.5", *nodes[:3], "Tensor of rank 2", "(2, 4)", *nodes[3:], "f(None)", "end"]
    kept = ["loss 0.5", "Tensor of rank 2", "torch.Size([2, 4])", "(None, 4)", "f(None)", "end"]
    for name, text in (("record", lines), ("replay", kept), ("short", [*kept[:2], *kept[4:]])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "stdout.txt").write_text("\n".join(text))
    record = Record(tmp_path / "record")
    pair = Pair(record, Record(tmp_path / "replay"), {}, Tolerance())
    assert printed(pair) == ([], 6)
    assert [note.text[-1] for note in graph_note(pair)] == ["4"]
    findings, _ = printed(Pair(record, Record(tmp_path / "short"), {}, Tolerance()))
    assert findings[0].text.splitlines() == [
        "Line 3 of the output differs.", "got      f(None)", "expected (2, 4)"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("got", "wanted", "same"),
    [
        ("torch.float32 x", "<dtype: 'float32'> x", True),
        ("torch.int64", "<dtype: 'int32'>", False),
        ("float32", "torch.float32", True),
        ("torch.Size([3])", "(3,)", True),
        ("torch.Size([3, 4])", "TensorShape([Dimension(3), Dimension(4)])", True),
        ("torch.Size([3, 4])", "(3, 5)", False),
        ("<Model object at 0x7f01>", "<Model object at 0x55aa>", True),
    ],
)
def test_types_and_shapes_have_a_name_in_each_framework(got: str, wanted: str, same: bool) -> None:
    assert line_differs(got, wanted, 1e-5, 1e-6) is not same


def test_start_values_are_no_fetched_values() -> None:
    source = "a, b = 0, -1\nc = []\nd = f(1)\ne, g = d, 0\n"
    tree = probes.Instrument().visit(ast.parse(source))
    probed = [node.value.args[1] for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    assert len(probed) == 2
