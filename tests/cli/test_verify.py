"""`tf2torch verify`: verdicts, exit statuses, reports."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tf2torch.cli import main

ORIGINAL = """\
import sys

import numpy as np
import tensorflow as tf

rng = np.random.RandomState(0)
x = tf.placeholder(tf.float32, [None, 3], name="x")
hidden = tf.layers.dense(x, 4, activation=tf.nn.tanh, name="hidden")
loss = tf.reduce_mean(tf.square(hidden - 1.0))
train_op = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(int(sys.argv[1])):
        _, value = sess.run([train_op, loss], {x: rng.rand(8, 3)})
        print("step %d loss %.5f" % (step, value))
"""


def verify(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["verify", *arguments])


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A program and its conversion."""
    folder = tmp_path_factory.mktemp("pair")
    original, converted = folder / "train.py", folder / "train_torch.py"
    original.write_text(ORIGINAL)
    result = CliRunner().invoke(main, ["convert", str(original), "-o", str(converted)])
    assert result.exit_code == 0, result.output
    return original, converted


def faulty(pair: tuple[Path, Path], folder: Path, right: str, wrong: str) -> Path:
    target = folder / "train_torch.py"
    text = pair[1].read_text()
    assert right in text
    target.write_text(text.replace(right, wrong))
    shutil.copy(pair[1].with_suffix(".weights.json"), target.with_suffix(".weights.json"))
    return target


def test_without_a_conversion_it_converts_first(pair: tuple[Path, Path]) -> None:
    result = verify(str(pair[0]), "--", "3")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0].split() == ["line", "runs", "values", "max", "abs", "max", "rel", "original"]
    row = next(line for line in lines if "sess.run([train_op, loss]" in line)
    assert row.split()[:3] == ["14", "3", "15"] and "agree" in row
    assert lines[-1] == (
        "train.py and train_torch.py agree (float32 on cpu): 4 runs, 3 values by name, "
        "6 gradients, 6 steps, 3 lines of output, 2 variables compared"
    )


class Page(HTMLParser):
    """What a page loads, and whether its elements are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.open: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [v or "" for k, v in attrs if k in ("src", "href")]
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_paths_may_be_relative(pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pair[0].parent)
    result = verify(pair[0].name, pair[1].name, "--", "2")
    assert result.exit_code == 0, result.output


def test_a_difference_names_its_line_and_writes_a_page(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    target = faulty(pair, tmp_path, "torch.tanh", "torch.sigmoid")
    page = tmp_path / "report.html"
    given = [str(pair[0]), str(target), "--trace-lines", "--report", str(page), "--", "3"]
    result = verify(*given)
    assert result.exit_code == 1, result.output
    lines = result.output.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("FAILED"))
    assert re.fullmatch(
        r"FAILED  'hidden' is the first value that differs\.   \(run 2 of 4\)", lines[at]
    )
    assert re.fullmatch(r"  train\.py:8 +hidden = tf\.layers\.dense\(.*", lines[at + 1])
    assert re.fullmatch(r"  train_torch\.py:\d+ +return torch\.sigmoid\(.*", lines[at + 2])
    assert "  converted by layers-dense, tanh: see `tf2torch rules show`" in lines
    assert "  This is no rounding: the two programs differ in meaning." in lines
    assert lines[-1].startswith("train.py and train_torch.py differ in ")

    parsed = Page()
    parsed.feed(page.read_text())
    loads = [place for place in parsed.loads if not place.startswith("#")]
    assert not parsed.open and loads == ["data:,"] and "script" not in parsed.tags
    assert parsed.tags.count("svg") == 2  # values and gradients; behind them no step is measured
    marked = re.findall(r"<span class=mark id=\w+-cpu>(.*?)</span>", page.read_text())
    assert [text.split()[1] for text in marked] == ["hidden", "return"]


def test_bisect_names_the_step(pair: tuple[Path, Path], tmp_path: Path) -> None:
    wrong = "train_op.step() if step != 17 else None"
    target = faulty(pair, tmp_path, "train_op.step()", wrong)
    result = verify(str(pair[0]), str(target), "--bisect", "--format", "json", "--", "40")
    assert result.exit_code == 1
    report = json.loads(result.output)
    assert (report["agree"], report["ran"], report["precision"]) == (False, True, "float32")
    assert report["compared"]["runs"] == 41
    assert "Bisected to step 18 of 40, variable hidden/" in report["findings"][0]["text"]


BROKEN = {
    "crash": ("raise ValueError('no such mode')\n", "The original ended with exit status 1:"),
    "file": ("open('data.csv')\n", "The original needs a file that is not there: 'data.csv':"),
    "module": ("import no_such_module\n", "The original needs the module no_such_module, which"),
    "contrib": (
        "import tensorflow as tf\ntf.contrib.layers.flatten\n",
        "The original needs tf.contrib or tf.estimator, which this TensorFlow lacks: --tf-python",
    ),
    "hang": ("while True: pass\n", "The original did not end within 5 seconds."),
    "op": (
        "import tensorflow as tf\n"
        "box = tf.image.sample_distorted_bounding_box([8, 8, 3], [[[0., 0., 1., 1.]]])\n"
        "with tf.Session() as sess:\n"
        "    print(sess.run(box[0]))\n",
        "The op SampleDistortedBoundingBoxV2 draws random numbers that cannot be recorded",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_run_has_a_reason(name: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(BROKEN[name][0])
    (tmp_path / "program_torch.py").write_text("")
    (tmp_path / "program_torch.weights.json").write_text('{"version": 1, "variables": {}}')
    timeout = "5" if name == "hang" else "120"
    result = verify(str(program), str(tmp_path / "program_torch.py"), "--timeout", timeout)
    assert result.exit_code == 2, result.output
    assert result.output.splitlines()[0].startswith(BROKEN[name][1]), result.output


@pytest.mark.parametrize("device", ["cuda", "all"])
def test_a_device_that_is_not_there_is_named(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    result = verify(str(pair[0]), str(pair[1]), "--device", device, "--", "3")
    assert result.exit_code == 2
    lines = result.output.splitlines()
    assert lines[-3].startswith("There is no device cuda: "), result.output
    assert lines[-1] == "could not compare train.py and train_torch.py"
    agreed = [line for line in lines if "agree (float32 on cpu)" in line]
    assert len(agreed) == (device == "all")


def test_usage_is_checked(pair: tuple[Path, Path], tmp_path: Path) -> None:
    assert verify(str(pair[0]), "--tf-python", str(tmp_path / "nowhere")).exit_code == 2
    assert verify(str(pair[0]), "--report", str(tmp_path / "report.txt")).exit_code == 2
    (tmp_path / "alone.py").write_text("")
    result = verify(str(pair[0]), str(tmp_path / "alone.py"))
    assert result.exit_code == 2 and "alone.weights.json is not there" in result.output
