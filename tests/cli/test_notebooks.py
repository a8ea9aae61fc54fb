"""Notebooks in, notebooks out: cells keep their places, magics their text, findings their cells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tf2torch.diagnostics import LoadError
from tf2torch.load.notebook import read, write

ROOT = Path(__file__).resolve().parents[2]


def cell(kind: str, text: str, number: int) -> dict[str, Any]:
    made: dict[str, Any] = {"cell_type": kind, "id": f"c{number}", "metadata": {}}
    if kind == "code":
        made |= {"execution_count": number, "outputs": [{"output_type": "stream", "text": "old"}]}
    return {**made, "source": text.splitlines(keepends=True)}


CELLS = [
    ("markdown", "# A model"),
    ("code", "!pip install tensorflow\n%matplotlib inline"),
    ("code", "import numpy as np\nimport tensorflow as tf\n%load_ext autoreload\nfiles = !ls\n"
             "print(len(files))\ndata = np.ones([4, 3], np.float32)"),
    ("code", "def net(x):\n    start = tf.ones_initializer()\n"
             "    return tf.layers.dense(x, 1, kernel_initializer=start)\n\n"
             "x = tf.placeholder(tf.float32, [None, 3])\ny = net(x)\n"
             "step = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(y))"),
    ("markdown", "Training:"),
    ("code", "%%time\nsess = tf.InteractiveSession()\nsess.run(tf.global_variables_initializer())\n"
             "for i in range(2):\n    sess.run(step, {x: data})"),
    ("code", "%%bash\necho tf.layers"),
    ("code", "print(y.eval({x: data}).sum())\ntf.nothing_like_this(3)"),
]  # fmt: skip
NOTEBOOK: dict[str, Any] = {
    "cells": [cell(kind, text, number) for number, (kind, text) in enumerate(CELLS)],
    "metadata": {"kernelspec": {"name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


def convert(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tf2torch", "convert", *arguments]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


def texts(path: Path) -> list[tuple[str, str]]:
    cells = json.loads(path.read_text())["cells"]
    return [(item["cell_type"], "".join(item["source"])) for item in cells]


def test_a_notebook_stays_a_notebook(tmp_path: Path) -> None:
    (tmp_path / "n.ipynb").write_text(json.dumps(NOTEBOOK))
    done = convert(tmp_path, "n.ipynb", "--output-format", "concise")
    assert done.returncode == 1
    assert "n.ipynb:cell 8:2:" in done.stdout and "unknown-symbol" in done.stdout
    cells = texts(tmp_path / "n_torch.ipynb")
    untouched = [("markdown", "# A model"), ("code", CELLS[1][1]), ("code", CELLS[6][1])]
    assert [item for item in cells if item in untouched] == untouched
    kinds = [kind for kind, _ in cells]
    assert kinds == ["markdown", "code", "code", "code", "code", "markdown", "code", "code", "code"]
    assert cells[2][1].startswith("import numpy as np\nimport torch") and "class " in cells[2][1]
    assert cells[3][1] == "%load_ext autoreload\nfiles = !ls\nprint(len(files))"
    assert cells[6][1].startswith("%%time\n") and ".backward()" in cells[6][1]
    assert "TODO(tf2torch: unknown-symbol)" in cells[8][1]
    assert "__notebook" not in (tmp_path / "n_torch.ipynb").read_text()
    document = json.loads((tmp_path / "n_torch.ipynb").read_text())
    assert document["metadata"] == NOTEBOOK["metadata"]
    assert not any(item.get("outputs") for item in document["cells"] if "bash" not in str(item)
                   and "pip" not in str(item))  # fmt: skip
    assert len({item["id"] for item in document["cells"]}) == len(document["cells"])


def test_converted_cells_run(tmp_path: Path) -> None:
    cells = [item for item in NOTEBOOK["cells"] if item["cell_type"] == "code"]
    plain = [{**item, "source": [s for s in item["source"] if s[:1] not in "%!"]} for item in cells]
    kept = [item for item in plain if "bash" not in str(item) and "echo" not in str(item)]
    for item in kept:
        item["source"] = [s for s in item["source"] if "files" not in s and "nothing_like" not in s]
    (tmp_path / "n.ipynb").write_text(json.dumps({**NOTEBOOK, "cells": kept}))
    assert convert(tmp_path, "n.ipynb").returncode == 0
    program = "\n".join(text for _, text in texts(tmp_path / "n_torch.ipynb"))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert abs(float(done.stdout) - (4 * (3 * (1 - 0.8) - 0.8))) < 1e-5, done.stderr


def test_folders_convert_their_notebooks(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "n.ipynb").write_text(json.dumps(NOTEBOOK))
    assert convert(tmp_path, "src", "-o", "out").returncode == 1
    assert "class " in (tmp_path / "out" / "n.ipynb").read_text()


@pytest.mark.parametrize("data", [b"no json", b"{}", b'{"worksheets": []}', b'{"cells": [1]}'])
def test_what_is_no_notebook_is_said(data: bytes) -> None:
    with pytest.raises(LoadError, match="no notebook of format 4"):
        read(data, "n.ipynb")


def test_a_program_with_a_main_of_its_own_keeps_it() -> None:
    text = "def main():\n    print(1)\n\nmain()"
    notebook = read(json.dumps({"cells": [cell("code", text, 0)]}).encode(), "n.ipynb")
    made = json.loads(write(notebook, "__notebook_cell__(0)\n" + text + "\n"))
    assert "".join(made["cells"][0]["source"]) == text
