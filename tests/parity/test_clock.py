"""Programs that read the clock, or order sets, do the same on both sides."""

from __future__ import annotations

import ast
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tf2torch.cli import main
from tf2torch.parity import check_pair
from tf2torch.parity.programs import Options, hashing_note, pair_of
from tf2torch.parity.recorder.clock import NOW, Clock, Readings

READS = """\
import datetime, time
from time import time as now
from timeit import default_timer as timer
day = datetime.date
found = [now(), timer(), time.monotonic(), time.time_ns(), time.strftime("%f %H %M %S")]
found += [datetime.datetime.now(), datetime.datetime.utcnow(), day.today(), time.ctime()]
found += [time.strftime("%Y", time.gmtime(0)), datetime.datetime.now(datetime.timezone.utc)]
"""


def run(folder: Path, text: str, clock: Clock) -> dict[str, Any]:
    names = {NOW: clock.now}
    tree = ast.fix_missing_locations(Readings().visit(ast.parse(text)))
    clock.install()
    try:
        exec(compile(tree, str(folder / "program.py"), "exec"), names)
    finally:
        clock.remove()
    return names


def test_readings_come_back(tmp_path: Path) -> None:
    first = Clock(str(tmp_path / "program.py"))
    wanted = run(tmp_path, READS, first)["found"]
    time.sleep(1.1)
    again = Clock(str(tmp_path / "program.py"), first.readings)
    assert run(tmp_path, READS, again)["found"] == wanted
    assert time.time() > first.readings["time"][-1] + 1
    assert wanted[9] == "1970" and abs(wanted[0] - time.time()) < 60


def test_a_clock_that_is_read_more_often_goes_on(tmp_path: Path) -> None:
    clock = Clock(str(tmp_path / "program.py"), {"time": [10.0, 12.0], "clock": [3.0]})
    text = "import time\nfound = [time.time() for _ in range(2)] + [time.perf_counter()]\n"
    text += "while time.time() < 12.05: pass\n"
    assert run(tmp_path, text, clock)["found"] == [10.0, 12.0, 3.0]


def test_libraries_go_by_the_real_clock(tmp_path: Path) -> None:
    clock = Clock(str(tmp_path / "program.py"), {"time": [10.0] * 9, "monotonic": [5.0] * 9})
    text = "import threading, time, logging\nthreading.Event().wait(0.01)\n"
    text += "found = logging.makeLogRecord({}).created, []\n"
    text += "thread = threading.Thread(target=lambda: found[1].append(time.time()))\n"
    text += "thread.start()\nthread.join()\n"
    created, in_thread = run(tmp_path, text, clock)["found"]
    assert created > 1e9 and in_thread[0] > 1e9


def test_methods_of_the_same_name_are_left_alone(tmp_path: Path) -> None:
    text = "class A:\n    def now(self, x, y=0): return x + y\nfound = A().now(1, y=2)\n"
    assert run(tmp_path, text, Clock(str(tmp_path / "program.py")))["found"] == 3


TIMED = """\
import datetime
import time

import tensorflow as tf

words = {"alpha", "beta", "gamma", "delta", "epsilon"}
for word in words:
    print(word)
w = tf.Variable(tf.ones([2]), name="w")
loss = tf.reduce_sum(tf.square(w))
train = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    start, steps = time.time(), 0
    while time.time() - start < 0.2:
        sess.run(train)
        steps += 1
    print("%d steps in %.6f s" % (steps, time.time() - start))
    print(datetime.datetime.now().isoformat(), sess.run(loss))
"""


def test_clocks_and_sets_are_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "random")
    program, converted = tmp_path / "timed.py", tmp_path / "timed_torch.py"
    program.write_text(TIMED)
    result = CliRunner().invoke(main, ["convert", str(program), "-o", str(converted)])
    assert result.exit_code == 0, result.output
    report = check_pair(program, converted)
    assert report, str(report)
    assert report.counts["lines of output"] == 7


def test_pythons_that_hash_differently_are_told(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("for word in {'a', 'b'}: print(word)\n")
    weights = tmp_path / "map.json"
    weights.write_text('{"version": 1, "variables": {}}')
    event = '{"kind": "clock", "readings": {}, "hashing": "siphash99"}\n'
    (tmp_path / "events.jsonl").write_text(event)
    pair = pair_of(program, tmp_path, tmp_path, Options(weights=weights))
    assert "(siphash99, here" in hashing_note(pair, program)[0].text
    program.write_text("print(1)\n")
    assert not hashing_note(pair, program)
