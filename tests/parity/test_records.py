"""What a record holds of loops, of further graphs, and of variables that nobody makes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.parity.pairs import PROGRAMS, copied
from tf2torch.parity.draws import Draws
from tf2torch.parity.mapping import by_graph, graphs_of, map_path
from tf2torch.parity.programs import Options, check_replay, record_program
from tf2torch.parity.reasons import reason
from tf2torch.parity.records import Record

LOOPS = """\
import tensorflow as tf
tf.set_random_seed(1)
def inner(j, t):
    return j + 1, t + tf.random_uniform([2])
def body(i, s):
    a = tf.random_normal([2])
    _, u = tf.while_loop(lambda j, t: j < 2, inner, [0, a])
    late = tf.cond(tf.equal(i, 1), lambda: tf.random_uniform([2]), lambda: tf.zeros([2]))
    return i + 1, s + tf.nn.dropout(u + late, keep_prob=0.5) + tf.random_normal([2])
_, total = tf.while_loop(lambda i, s: i < 3, body, [0, tf.zeros([2])])
both = total + tf.random_uniform([2])
before = len(tf.get_default_graph().get_operations())
with tf.Session() as sess:
    for _ in range(2):
        found = sess.run(both)
        print(found)
assert len(tf.get_default_graph().get_operations()) == before
"""


def test_draws_in_loops_come_in_the_order_of_the_text(tmp_path: Path) -> None:
    program = tmp_path / "loops.py"
    program.write_text(LOOPS)
    assert record_program(program, tmp_path / "record") is None
    record = Record(tmp_path / "record")
    events = [event for event in record.of("draw") if event["run"] == 1]
    names = [re.sub(r"/(random_\w+|dropout).*", r":\1", event["op"]) for event in events]
    inner = ["while/while:random_uniform"] * 2
    start, end = ["while:random_normal", *inner], ["while:dropout", "while:random_normal_1"]
    assert names == [
        *start, *end, *start, "while/cond:random_uniform", *end, *start, *end,
        "random_uniform/RandomUniform",
    ]  # fmt: skip
    total = np.zeros(2)
    values = iter([np.asarray(record.array(event["value"][0])) for event in events])
    for step in range(3):
        u = next(values) + next(values) + next(values)
        late = next(values) if step == 1 else 0.0
        total += (u + late) * (next(values) >= 0.5) / 0.5 + next(values)
    fetched = next(event for event in record.of("assign") if event["name"] == "found")
    np.testing.assert_allclose(total + next(values), record.array(fetched["value"]), rtol=1e-5)
    assert {event["rate"] for event in events if "dropout" in event["op"]} == {0.5}


def written(folder: Path, *events: dict[str, Any]) -> Record:
    folder.mkdir(exist_ok=True)
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    return Record(folder)


def draw(run: int, op: str, rate: float | None = None, looped: bool = True) -> dict[str, Any]:
    return {
        "kind": "draw", "type": "uniform", "run": run, "op": op, "shape": [2], "rate": rate,
        "looped": looped, "value": [], "source": None,
    }  # fmt: skip


def test_the_draws_of_an_op_in_a_loop_go_to_one_place(tmp_path: Path) -> None:
    draws = Draws(written(tmp_path, draw(1, "a"), draw(1, "a"), draw(1, "a")), lambda: 0)

    def ask() -> Any:
        taken = draws.take("uniform", lambda one: True)
        return taken and taken[0]

    found = []
    for _ in range(4):  # one step more than the original makes
        found.append(ask())
        assert ask() is None  # what it draws here the original never computes
    assert found == [*draws.draws, None]


def test_a_mask_has_its_rate(tmp_path: Path) -> None:
    record = written(tmp_path, draw(1, "a", 0.1, False), draw(1, "b", 0.4, False))
    draws = Draws(record, lambda: 0)
    rates = [draws.take("uniform", lambda one: True, rate=r) for r in (0.4, 0.3)]
    assert [taken[0].event["op"] for taken in rates if taken] == ["b", "a"]


def test_a_mask_that_was_left_out_is_taken_and_gives_nothing(tmp_path: Path) -> None:
    skipped = {**draw(1, "b", 0.1, False), "left_out": True}
    record = written(tmp_path, draw(1, "a", 0.1, False), skipped, draw(1, "c", 0.1, False))
    draws = Draws(record, lambda: 0)
    found = [draws.take("uniform", lambda one: True, rate=0.1) for _ in range(3)]
    assert [taken and taken[0].event["op"] for taken in found] == ["a", None, "c"]
    assert not draws.missing and not draws.unused()


def test_a_step_ends_the_runs_before_it(tmp_path: Path) -> None:
    runs = [{"kind": "run", "id": n, "updates": 0 if n in (2, 4) else None} for n in range(1, 6)]
    group = {"kind": "group", "id": 0, "names": ["w", "step"]}
    record = written(tmp_path, group, *runs, *(draw(n, "a", looped=False) for n in range(1, 6)))
    draws = Draws(record, lambda: 0)
    draws.mapped = frozenset(["w", "b"])

    def ask() -> int:
        taken = draws.take("uniform", lambda one: True)
        return taken[0].run if taken else 0

    draws.step(frozenset(["b"]))  # another optimizer
    assert draws.finished == 0
    draws.step(frozenset(["w"]))
    assert (draws.finished, ask(), ask(), ask(), ask()) == (2, 2, 3, 4, 0)
    draws.step(frozenset(["w"]))
    assert ask() == 5


def test_graphs_that_the_map_does_not_tell_apart_are_one(tmp_path: Path) -> None:
    def update(name: str, nth: int) -> dict[str, Any]:
        return {"kind": "update", "name": name, "nth": nth}

    events = [
        update("w", 1), update("w", 2), update("graph 1/w", 1), update("graph 10/w", 1),
        {"kind": "made", "names": ["graph 1/w", "w"]},
        {"kind": "updates", "counts": {"graph 10/w": 1, "graph 1/w": 3, "w": 2}},
    ]  # fmt: skip
    written(tmp_path, *events)
    folded = Record(tmp_path, graphs=1)
    assert [(e["name"], e["nth"]) for e in folded.of("update")] == [
        ("w", 1), ("w", 2), ("w", 3), ("w", 6)
    ]  # fmt: skip
    assert folded.made == {"w"}
    assert Record(tmp_path, graphs=2).made == {"w", "graph 1/w"}
    row = {"module": "Model", "key": "w", "layout": ["identity"]}
    assert graphs_of({"variables": {"w": row}}) == 1
    assert graphs_of(by_graph({"variables": {"w": [row, {**row, "graph": 1}]}})) == 2


def test_the_map_of_a_folder_is_found(tmp_path: Path) -> None:
    original, converted = tmp_path / "app/sub/train.py", tmp_path / "out/sub/train.py"
    for path in (original, converted):
        path.parent.mkdir(parents=True)
    shared, own = tmp_path / "out/app.weights.json", tmp_path / "out/sub/train.weights.json"
    assert map_path(original, converted) == own
    shared.touch()
    assert map_path(original, converted) == shared
    own.touch()
    assert map_path(original, converted) == own


@pytest.mark.parametrize("made", [False, True])
def test_a_variable_that_one_program_makes_has_a_counterpart(
    records: dict[str, Path], tmp_path: Path, made: bool
) -> None:
    converted = copied(tmp_path, "images")
    file = converted.with_suffix(".weights.json")
    weights = json.loads(file.read_text())
    row = {"module": "Model", "key": "other.weight", "layout": ["identity"]}
    weights["variables"]["other/kernel"] = row
    change = json.dumps(weights)
    right = file.read_text()
    if made:
        right, change = "self.bn = ", "self.other = nn.Linear(2, 2)\n        self.bn = "
        file.write_text(json.dumps(weights))
        assert right in converted.read_text()
        converted.write_text(converted.read_text().replace(right, change, 1))
    else:
        file.write_text(change)
    options = Options(exact=True, rounding=False)
    report = check_replay(
        PROGRAMS / "images.py", converted, records["images"], tmp_path / "replay", options
    )
    assert bool(report) is not made
    if made:
        assert report.findings[0].text == "Model.other.weight has no recorded value"


def test_a_trained_parameter_needs_a_variable(records: dict[str, Path], tmp_path: Path) -> None:
    converted = copied(tmp_path, "images")
    text = converted.read_text()
    for right, wrong in (
        ("self.bn = ", "self.extra = nn.Parameter(torch.zeros(3))\n        self.bn = "),
        ("net = net / counts", "net = net / counts + 0 * self.extra.sum()"),
    ):
        assert right in text
        text = text.replace(right, wrong, 1)
    converted.write_text(text)
    options = Options(exact=True, rounding=False)
    report = check_replay(
        PROGRAMS / "images.py", converted, records["images"], tmp_path / "replay", options
    )
    assert [finding.text for finding in report.findings] == [
        "Model.extra is trained, and no variable of the weight map is its counterpart"
    ]


def test_reasons_leave_out_what_tensorflow_says_about_itself() -> None:
    noise = "WARNING: All log messages before absl::InitializeLog() is called\nI0000 00:00:1 x\n"
    assert reason("original", -11, noise) == "The original was ended by SIGSEGV"
    text = reason("original", 1, noise + "SystemExit: 'no data'\n")
    assert text == "The original ended by sys.exit('no data'):\nSystemExit: 'no data'"
    text = reason("original", 1, "EOFError: EOF when reading a line")
    assert text.startswith("The original reads its standard input, which is empty here:")


def test_a_program_that_leaves_by_the_back_door_is_recorded(tmp_path: Path) -> None:
    program = tmp_path / "leaves.py"
    program.write_text("import os\nprint('done')\nos._exit(0)\n")
    assert record_program(program, tmp_path / "record") is None
    assert Record(tmp_path / "record").stdout == "done\n"


ROWS = """\
import tensorflow as tf
table = tf.get_variable("in/table", [6, 2], use_resource=RESOURCE)
rows = tf.nn.embedding_lookup(table, [1, 4, 1])
labels = tf.constant([[1], [2], [3]], tf.int64)
w = tf.get_variable("w", [5, 2])
loss = tf.reduce_sum(tf.square(rows))
loss += tf.reduce_sum(tf.nn.sampled_softmax_loss(w, tf.zeros([5]), labels, rows, 2, 5))
train = tf.train.OPTIMIZER(0.1).minimize(loss)
kept = tf.scatter_sub(tf.Variable([1.0, 2.0]), [0], [1.0])
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for _ in range(2):
        sess.run(train)
    sess.run(kept)
"""


@pytest.mark.parametrize("resource", ["False", "True"])
@pytest.mark.parametrize("optimizer", ["GradientDescentOptimizer", "AdamOptimizer"])
def test_updates_of_rows_are_updates(tmp_path: Path, optimizer: str, resource: str) -> None:
    program = tmp_path / "rows.py"
    program.write_text(ROWS.replace("RESOURCE", resource).replace("OPTIMIZER", optimizer))
    assert record_program(program, tmp_path / "record") is None
    record = Record(tmp_path / "record")
    found = [(event["name"], event["nth"]) for event in record.of("update")]
    assert sorted(found) == [("in/table", 1), ("in/table", 2), ("w", 1), ("w", 2)]
    first = next(event for event in record.of("update") if event["name"] == "in/table")
    gradient = record.array(first["gradient"])
    assert not gradient[[0, 2, 3, 5]].any() and gradient[[1, 4]].all()
    if optimizer == "GradientDescentOptimizer":
        assert first["rate"] == pytest.approx(0.1)
        change = record.first_values["in/table"] - record.array(first["after"])
        np.testing.assert_allclose(change, 0.1 * gradient, rtol=1e-5, atol=1e-7)
    assert [run["train"] for run in record.of("run")] == [False, True, True, False]


def test_initialisations_are_told_apart_by_model(tmp_path: Path) -> None:
    rows = [(1, ["a", "b"]), (2, ["c"]), (3, ["a"]), (4, ["b", "late"]), (5, ["c"]), (6, ["c"])]
    events = [
        {"kind": "variables", "when": "init", "run": run, "value": {n: {"at": run} for n in names}}
        for run, names in rows
    ]
    (tmp_path / "events.jsonl").write_text("".join(f"{json.dumps(e)}\n" for e in events))
    record = Record(tmp_path)
    first, second = record.rounds({"a", "b", "late"})
    assert (first.first, first.last, second.first, second.last) == (1, 1, 3, 4)
    assert {name: at["at"] for name, at in second.values.items()} == {"a": 3, "b": 4, "late": 4}
    assert [made.first for made in record.rounds({"c"})] == [2, 5, 6]
