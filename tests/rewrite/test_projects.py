"""Programs of several files: converted as one, written back to their files, and compared.

Each folder of `projects` has a program that is run under TensorFlow; its conversion runs from the
same initial values, and every fetched value, gradient, printed line and variable has to agree.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tf2torch.cli import main
from tf2torch.parity import check_pair

PROJECTS = Path(__file__).parent / "projects"
ENTRIES = [
    ("classifier", "train.py"),
    ("package", "run.py"),
    ("sizes", "main.py"),
    ("sampler", "free.py"),
    ("sampler", "prompted.py"),
]


def convert(folder: Path, out: Path) -> Result:
    return CliRunner().invoke(main, ["convert", str(folder), "-o", str(out), "--exact"])


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.parametrize(("name", "entry"), ENTRIES)
def test_both_projects_compute_the_same(name: str, entry: str, tmp_path: Path) -> None:
    result = convert(PROJECTS / name, tmp_path / "out")
    assert result.exit_code == 0, result.output
    files = list((tmp_path / "out").rglob("*.py"))
    assert not [path for path in files if "tensorflow" in path.read_text()]
    report = check_pair(PROJECTS / name / entry, tmp_path / "out" / entry, exact=True)
    assert report, str(report)


def test_files_keep_their_places_headers_and_imports(tmp_path: Path) -> None:
    convert(PROJECTS / "classifier", tmp_path / "out")
    out = tmp_path / "out"
    assert (out / "data.py").read_bytes() == (PROJECTS / "classifier" / "data.py").read_bytes()
    assert (
        (out / "model.py").read_text()
        == '''"""The network."""
from torch import nn

from ops import *


class Classifier(nn.Module):
    """Two layers and a loss."""

    def __init__(self, inputs, hidden, classes):
        super().__init__()
        self.hidden = Linear(inputs, hidden)
        self.out = Linear(hidden, classes)

    def forward(self, x):
        h = leaky(self.hidden(x))
        return self.out(h)
'''
    )
    assert (out / "train.py").read_text().startswith("#!/usr/bin/env python\n")
    convert(PROJECTS / "package", tmp_path / "package")
    run = (tmp_path / "package" / "run.py").read_text()
    assert "from net import graph as g\n" in run
    assert "self.network = g.Network(SIZE, 3)" in run
    assert "self.side = net.layers.Dense(SIZE, 1)" in run
    graph = (tmp_path / "package" / "net" / "graph.py").read_text()
    assert "from . import layers\n" in graph
    assert "SIZE = 8\n" in graph


def test_the_model_of_a_program_is_not_in_front_of_what_it_calls(tmp_path: Path) -> None:
    convert(PROJECTS / "sampler", tmp_path / "out")
    for entry in ("free.py", "prompted.py"):
        text = (tmp_path / "out" / entry).read_text()
        assert "class Model(nn.Module):\n" in text
        assert "import sample\n" in text
    assert "class Model" not in (tmp_path / "out" / "model.py").read_text()
    weights = json.loads((tmp_path / "out" / "sampler.weights.json").read_text())
    assert weights["variables"]["model/h{}/outer/w"] == [
        {"module": f"{file}.Model", "key": "sequence.model.h{=}.outer.w", "layout": ["identity"]}
        for file in ("free", "prompted")
    ]


def test_a_loop_of_unknown_length_builds_its_layers_again(tmp_path: Path) -> None:
    convert(PROJECTS / "sizes", tmp_path / "out")
    text = (tmp_path / "out" / "main.py").read_text()
    assert (
        """
        x_size = 3
        for i, size in enumerate(sizes):
            self.fully_connected.append(blocks.FullyConnected(x_size, size))
            self.fully_connected_1.append(blocks.FullyConnected(size, size * 2))
            self.scale.append(nn.Parameter(torch.ones(size)))
            x_size = size
        self.out = blocks.FullyConnected(x_size, 1)
"""
        in text
    )
    rows = json.loads((tmp_path / "out" / "sizes.weights.json").read_text())["variables"]
    assert rows["layer{}/w"]["key"] == "fully_connected.{}.w"
    assert rows["scale{}"]["key"] == "scale.{}"


def test_findings_are_at_the_place_in_their_file(tmp_path: Path) -> None:
    folder = written(
        tmp_path / "in",
        {
            "ops.py": "# A comment.\nimport tensorflow as tf\n\n"
            "def f(x):\n    return tf.nothing(x)\n",
            "run.py": "import tensorflow as tf\nimport ops\nx = tf.placeholder(tf.float32, [2])\n"
            "print(tf.Session().run(ops.f(x), {x: [1., 2.]}))\n",
        },
    )
    result = convert(folder, tmp_path / "out")
    assert result.exit_code == 1
    assert f"{folder}/ops.py:5:12 unknown-symbol tf.nothing" in result.output
    assert "raise NotImplementedError" in (tmp_path / "out" / "ops.py").read_text()


def test_what_an_imported_file_does_as_a_script_is_a_todo(tmp_path: Path) -> None:
    guard = 'if __name__ == "__main__":\n    print(tf.Session().run(f(tf.zeros([2]))))\n'
    folder = written(
        tmp_path / "in",
        {
            "ops.py": f"import tensorflow as tf\n\ndef f(x):\n    return tf.exp(x)\n\n{guard}",
            "run.py": "import tensorflow as tf\nfrom ops import f\n"
            "x = tf.placeholder(tf.float32, [2])\nprint(tf.Session().run(f(x), {x: [1., 2.]}))\n",
        },
    )
    result = convert(folder, tmp_path / "out")
    assert result.exit_code == 1
    text = (tmp_path / "out" / "ops.py").read_text()
    assert "# TODO(tf2torch: imported-script)" in text
    assert "return torch.exp(x)" in text


def test_a_module_as_a_value_leaves_the_files_alone(tmp_path: Path) -> None:
    folder = written(
        tmp_path / "in",
        {
            "ops.py": "import tensorflow as tf\n\ndef f(x):\n    return tf.exp(x)\n",
            "run.py": "import tensorflow as tf\nimport ops\nprint(getattr(ops, 'f'))\n",
        },
    )
    result = convert(folder, tmp_path / "out")
    assert "not-linked warning: its files are converted one by one" in result.output
    assert "return torch.exp(x)" in (tmp_path / "out" / "ops.py").read_text()


def test_files_that_import_each_other(tmp_path: Path) -> None:
    folder = written(
        tmp_path / "in",
        {
            "a.py": "import tensorflow as tf\nimport b\n\ndef f(x):\n    return b.g(x) + 1\n",
            "b.py": "import tensorflow as tf\nimport a\n\ndef g(x):\n    return tf.exp(x)\n",
        },
    )
    result = convert(folder, tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "return b.g(x) + 1" in (tmp_path / "out" / "a.py").read_text()
    assert "return torch.exp(x)" in (tmp_path / "out" / "b.py").read_text()


SHARED = {
    "net.py": '''import tensorflow as tf


def dense(x, size, scope):
    with tf.variable_scope(scope):
        w = tf.get_variable("w", [x.shape[1].value, size])
        return tf.matmul(x, w)


class Net(object):
    def __init__(self, size):
        self.x = tf.placeholder(tf.float32, [None, size])
        self.out = tf.nn.relu(dense(self.x, 3, "a"))


def scaled(x):
    """Halves."""
    return tf.multiply(x, 0.5)
''',
    "train.py": """import numpy as np
import tensorflow as tf
from net import Net

net = Net(4)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    print(sess.run(net.out, {net.x: np.ones([2, 4])}))
""",
    "look.py": """import tensorflow as tf
from net import Net, scaled

x = tf.placeholder(tf.float32, [2])
with tf.Session() as sess:
    print(sess.run(scaled(x), {x: [1.0, 2.0]}))
""",
}


def test_a_shared_file_has_each_definition_as_the_programs_need_it(tmp_path: Path) -> None:
    folder = written(tmp_path / "in", SHARED)
    result = convert(folder, tmp_path / "out")
    assert result.exit_code == 0, result.output
    text = (tmp_path / "out" / "net.py").read_text()
    assert "class Net(nn.Module):" in text
    assert "return x * 0.5" in text or "torch.mul(x, 0.5)" in text
    assert "TODO" not in text
    for name in ("train.py", "look.py"):
        report = check_pair(folder / name, tmp_path / "out" / name, exact=True)
        assert report, str(report)


def test_a_definition_needed_in_two_forms_is_told_by_name(tmp_path: Path) -> None:
    program = (
        "import tensorflow as tf\nfrom ops import shift, scaled\n\n"
        "x = tf.placeholder(tf.float32, [2])\nwith tf.Session() as sess:\n"
        "    print(sess.run(scaled(shift(x, {by})), {{x: [1.0, 2.0]}}))\n"
    )
    ops = (
        "import tensorflow as tf\n\n\ndef scaled(x):\n    return tf.multiply(x, 0.5)\n\n\n"
        "def shift(x, by):\n    return x + tf.cast(by, tf.float32)\n"
    )
    two = program.format(by="tf.constant(1)")
    files = {"ops.py": ops, "one.py": program.format(by="1"), "two.py": two}
    result = convert(written(tmp_path / "in", files), tmp_path / "out")
    assert "several programs need 'shift' of this file in different forms" in result.output
    assert "scaled" in (tmp_path / "out" / "ops.py").read_text()


WIDTHS = {
    "net.py": """import tensorflow as tf


def linear(x, scope, width):
    with tf.variable_scope(scope):
        w = tf.get_variable("w", [x.shape[-1].value, width])
        return tf.matmul(x, w)


def model(x, width):
    with tf.variable_scope("model"):
        return linear(tf.nn.relu(linear(x, "first", width)), "last", width)
""",
    "known.py": """import tensorflow as tf
import net

x = tf.placeholder(tf.float32, [None, 4])
y = net.model(x, 3)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    print(sess.run(y, {x: [[1.0, 2.0, 3.0, 4.0]]}))
""",
    "same.py": """import tensorflow as tf
import net

x = tf.placeholder(tf.float32, [None, 4])
y = net.model(x, 3)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    print(sess.run(tf.reduce_sum(y), {x: [[1.0, 2.0, 3.0, 4.0]]}))
""",
}


def test_a_function_that_became_a_module_is_there_for_all_programs(tmp_path: Path) -> None:
    folder = written(tmp_path / "in", WIDTHS)
    result = convert(folder, tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "class Model(nn.Module):" in (tmp_path / "out" / "net.py").read_text()
    for name in ("known.py", "same.py"):
        report = check_pair(folder / name, tmp_path / "out" / name, exact=True)
        assert report, str(report)


def test_a_function_that_programs_need_in_two_forms_keeps_its_scopes(tmp_path: Path) -> None:
    opened = """import json
import tensorflow as tf
import net

config = json.loads('{"width": 3}')
x = tf.placeholder(tf.float32)
z = tf.reshape(x, [-1, config["width"]])
y = net.model(z, config["width"])
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    print(sess.run(y, {x: [[1.0, 2.0, 3.0]]}))
"""
    folder = written(tmp_path / "in", {**WIDTHS, "opened.py": opened})
    result = convert(folder, tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "model keeps its variable scopes: several programs need it" in result.output
    for name in ("known.py", "opened.py"):
        report = check_pair(folder / name, tmp_path / "out" / name, exact=True)
        assert report, str(report)


def test_options_of_an_imported_file_stay_there(tmp_path: Path) -> None:
    files = {
        "options.py": "import tensorflow as tf\n\nflags = tf.flags\nFLAGS = flags.FLAGS\n"
        'flags.DEFINE_float("scale", 2.0, "A factor.")\n\n\n'
        "def scaled(x):\n    return tf.multiply(x, FLAGS.scale)\n",
        "main.py": "import tensorflow as tf\nfrom options import scaled\n\n\n"
        "def main(_):\n    x = tf.placeholder(tf.float32, [2])\n    y = scaled(x)\n"
        "    with tf.Session() as sess:\n        print(sess.run(y, {x: [1.0, 2.0]}))\n\n\n"
        'if __name__ == "__main__":\n    tf.app.run()\n',
    }
    folder = written(tmp_path / "in", files)
    result = convert(folder, tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "parser.add_argument(" in (tmp_path / "out" / "options.py").read_text()
    assert "add_argument" not in (tmp_path / "out" / "main.py").read_text()
    report = check_pair(folder / "main.py", tmp_path / "out" / "main.py", exact=True)
    assert report, str(report)
