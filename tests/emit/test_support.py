"""The support file: only what is used, with what it needs, ready to import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tf2torch.emit import support
from tf2torch.emit.support import available, merged_text, support_text

ROOT = Path(__file__).resolve().parents[2]


def defined(text: str) -> set[str]:
    names = set()
    for node in ast.parse(text).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
    return names


def test_a_function_comes_with_what_it_needs_and_no_more() -> None:
    text = support_text(["max_pool_same"])
    assert defined(text) == {"_per_axis", "same_pad", "max_pool_same"}
    assert text.startswith('"""TensorFlow 1 behaviour')
    assert "import torch.nn.functional as F\n" in text
    assert "from typing" not in text


def test_the_order_of_names_does_not_matter() -> None:
    names = sorted(available())
    assert support_text(names) == support_text(reversed(names)) == support_text(names + names)


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(KeyError):
        support_text(["no_such_function"])


def test_merging_adds_to_what_is_there() -> None:
    one = support_text(["same_pad"])
    both = merged_text(one, ["TFAdam"])
    assert both == support_text(["same_pad", "TFAdam"])
    assert merged_text(one, []) == one


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text + "extra = 1\n", id="something added"),
        pytest.param(lambda text: text.replace("math.ceil", "math.floor"), id="something edited"),
        pytest.param(lambda text: "x = (", id="something else"),
    ],
)
def test_merging_leaves_edited_files_to_people(change) -> None:
    assert merged_text(change(support_text(["same_pad"])), ["TFAdam"]) is None


def test_every_name_stands_alone(tmp_path: Path) -> None:
    """Names that a file uses are defined in it: undefined names are ruff's F821."""
    for name in available():
        text = support_text([name])
        assert "tf2torch." not in text
        (tmp_path / f"{name}.py").write_text(text)
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_the_whole_file_is_formatted_and_imports(tmp_path: Path) -> None:
    path = tmp_path / support.NAME
    path.write_text(support_text(available()))
    options = ["--isolated", "--line-length", "100"]
    for command in (["format", "--check"], ["check", "--select", "E,F,I,W"]):
        ruff = [sys.executable, "-m", "ruff", *command, *options, str(path)]
        result = subprocess.run(ruff, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr
    code = "import tf1_support"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


def test_nothing_is_imported_to_read_the_sources() -> None:
    code = (
        "import sys; from tf2torch.emit.support import available; assert available();"
        "assert 'torch' not in sys.modules and 'tf2torch.support' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
