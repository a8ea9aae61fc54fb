"""What conversion costs, as ratios to a floor that is measured in the same run.

    python benchmarks/convert.py

Floors: `import libcst` in a fresh process for commands; libcst's parse, empty transform and print
of the same source for conversion in process (processor time, measured in turns, so that other work
on the machine slows both). The best of several runs counts.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import libcst as cst

from tf2torch.pipeline import convert_text, with_deep_stack
from tf2torch.rulebook.loader import Rulebook, load_rulebook

ROOT = Path(__file__).resolve().parents[1]
HEAD = '''"""Train {count} small networks."""
import numpy as np
import tensorflow as tf

images = tf.placeholder(tf.float32, [None, 784], name="images")
labels = tf.placeholder(tf.int64, [None], name="labels")
'''
BLOCK = '''

def network_{n}(x):
    """Two layers over raw variables."""
    with tf.variable_scope("network_{n}"):
        # The hidden layer.
        weights = tf.get_variable("weights", [784, 128])
        biases = tf.get_variable("biases", [128], initializer=tf.zeros_initializer())
        hidden = tf.nn.relu(tf.matmul(x, weights) + biases)
        hidden = tf.layers.dense(hidden, 64, activation=tf.nn.tanh, name="hidden")
        return tf.layers.dense(hidden, 10, name="logits")


logits_{n} = network_{n}(images)
loss_{n} = tf.reduce_mean(
    tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits_{n})
)
train_{n} = tf.train.GradientDescentOptimizer(0.1).minimize(loss_{n})
'''
TAIL = """
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(10):
        feed = {{images: np.random.rand(8, 784), labels: np.random.randint(0, 10, 8)}}
        _, value = sess.run([train_{n}, loss_{n}], feed_dict=feed)
        print("step %d loss %.4f" % (step, value))
"""


def program(lines: int) -> str:
    """A TF1 program of about so many lines."""
    size = BLOCK.count("\n")
    count = max(round((lines - HEAD.count("\n") - TAIL.count("\n")) / size), 1)
    blocks = "".join(BLOCK.format(n=n) for n in range(count))
    return HEAD.format(count=count) + blocks + TAIL.format(n=count - 1)


def best(function: Callable[[], object], times: int = 5) -> float:
    """The shortest time of several calls, in seconds."""
    return min(seconds(function, time.perf_counter) for _ in range(times))


def seconds(function: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    function()
    return clock() - start


def in_turns(functions: Sequence[Callable[[], object]], times: int) -> list[float]:
    """The least processor time of several calls of each function, in seconds."""
    rounds = [
        [seconds(function, time.process_time) for function in functions] for _ in range(times)
    ]
    return [min(times) for times in zip(*rounds, strict=True)]


def command(*arguments: str) -> Callable[[], object]:
    """A command of this Python in a fresh process."""

    def call() -> None:
        result = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True)
        assert result.returncode in (0, 1), result.stderr.decode()

    return call


def cost(text: str, book: Rulebook, times: int = 5) -> tuple[float, float]:
    """Seconds that conversion takes, and libcst's parse, empty transform and print."""
    converted, floor = in_turns(
        (
            lambda: convert_text(text, book),
            lambda: cst.parse_module(text).visit(cst.CSTTransformer()).code,
        ),
        times,
    )
    return converted, floor


def row(label: str, taken: float, base: float, limit: str = "") -> None:
    print(f"{label:<46}{taken * 1e3:9.1f} ms{taken / base:8.2f} x  {limit}")


def main() -> None:
    start = best(command("-c", "import libcst"))
    print(f"{'import libcst, process included':<46}{start * 1e3:9.1f} ms")
    row("tf2torch --help", best(command("-m", "tf2torch", "--help")), start, "limit 1.3")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "program.py"
        path.write_text(program(250))
        run = command("-m", "tf2torch", "convert", str(path), "-o", folder, "--force")
        row("tf2torch convert of 250 lines", best(run), start, "limit 5")

    print("\nin process, against libcst's parse, empty transform and print")
    book = load_rulebook()
    convert_text(program(250), book)  # rules are parsed when first used
    texts = [path.read_text() for path in sorted(ROOT.glob("examples/*/*.py"))]
    texts = [text for text in texts if "tensorflow" in text]
    costs = [cost(text, book, 7) for text in texts]
    total, base = (sum(column) for column in zip(*costs, strict=True))
    lines = sum(text.count("\n") for text in texts)
    row(f"{len(texts)} examples, {lines} lines", total, base, "limit 3")
    for size in (125, 250, 500, 1000, 2000, 4000):
        text = program(size)
        converted, base = cost(text, book, 5 if size < 2000 else 2)
        per_line = converted / text.count("\n") * 1e6
        row(f"a program of {size} lines ({per_line:.0f} us a line)", converted, base)


if __name__ == "__main__":
    with_deep_stack(main)
