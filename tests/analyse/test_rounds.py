"""Loops are executed again only while that changes something."""

from __future__ import annotations

from tf2torch.analyse import Analysis, analyse
from tf2torch.config import DEFAULT
from tf2torch.load import load_text
from tf2torch.rulebook.loader import load_rulebook

HEAD = "import tensorflow as tf\nimport numpy as np\n"


def analysed(text: str) -> Analysis:
    return analyse(load_text(HEAD + text), load_rulebook(), DEFAULT)


def nested(depth: int) -> str:
    loops = "".join(
        f"{'    ' * level}for i{level} in np.arange(n):\n" for level in range(1, depth + 1)
    )
    body = "    " * (depth + 1)
    function = f"def work(n):\n{loops}{body}total = np.sum(n)\n    return total\n"
    return function + "x = work(np.random.randint(3))\n"


def test_deeper_loops_take_a_little_longer() -> None:
    few, many = analysed(nested(3)).state.spent, analysed(nested(9)).state.spent
    assert many - few < 6 * 40


def test_rounds_that_are_all_alike_are_executed_twice() -> None:
    text = "def work(n):\n    m = 2 * n\n    return m\nfor _ in range({}):\n    x = work(3)\n"
    assert analysed(text.format(100)).state.spent == analysed(text.format(5)).state.spent


def test_what_a_round_leaves_behind_is_seen_by_the_next() -> None:
    analysis = analysed("a, b, c = 1, 2, 3\nfor _ in range(3):\n    a, b, c = b, c, 0\n")
    assert [analysis.names[name].literal for name in "abc"] == [0, 0, 0]


def test_fields_of_objects_count() -> None:
    text = (
        "class Counter(object):\n"
        "    def __init__(self):\n        self.n = 0\n"
        "    def add(self):\n        self.n += 1\n"
        "counter = Counter()\n"
        "for _ in range(4):\n    counter.add()\n"
        "n = counter.n\n"
    )
    assert analysed(text).names["n"].literal == 4


def test_the_last_value_of_the_variable_of_a_loop_stays() -> None:
    assert analysed("for i in range(7):\n    x = 1\n").names["i"].literal == 6
