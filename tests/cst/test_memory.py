"""What is kept for one conversion, and dropped after it."""

from __future__ import annotations

import gc

import libcst as cst

from tf2torch.config import DEFAULT
from tf2torch.cst.memory import forget, remember
from tf2torch.pipeline import convert_text
from tf2torch.rulebook.loader import load_rulebook


def test_results_are_kept_until_they_are_forgotten() -> None:
    asked: list[cst.CSTNode] = []

    @remember
    def question(node: cst.CSTNode) -> int:
        asked.append(node)
        return len(asked)

    node = cst.Name("x")
    assert question(node) == question(node) == 1
    forget()
    assert question(node) == 2


def test_a_conversion_leaves_no_tree_behind() -> None:
    text = "import tensorflow as tf\nx = tf.zeros([2])\nwith tf.Session() as s:\n    s.run(x)\n"
    convert_text(text, load_rulebook(), DEFAULT)
    gc.collect()
    before = sum(type(item) is cst.Module for item in gc.get_objects())
    for _ in range(3):
        convert_text(text, load_rulebook(), DEFAULT)
    gc.collect()
    assert sum(type(item) is cst.Module for item in gc.get_objects()) <= before
