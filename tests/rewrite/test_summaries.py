"""Event files: both versions of a program write the same tags, steps and values."""

from __future__ import annotations

from pathlib import Path

from tests.rewrite.both import run_both

DATA = """
import numpy as np
rng = np.random.RandomState(0)
data = rng.randn(8, 3).astype(np.float32)
wanted = data.sum(axis=1, keepdims=True)
x = tf.placeholder(tf.float32, [None, 3])
y = tf.placeholder(tf.float32, [None, 1])
"""

HELPER = """
def variable_summaries(var):
    with tf.name_scope("summaries"):
        mean = tf.reduce_mean(var)
        tf.summary.scalar("mean", mean)
        with tf.name_scope("stddev"):
            stddev = tf.sqrt(tf.reduce_mean(tf.square(var - mean)))
        tf.summary.scalar("stddev", stddev)
        tf.summary.histogram("histogram", var)
"""

RUN = """
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    writer = tf.summary.FileWriter(__file__ + ".events")
    for i in range(3):
        summary, _ = sess.run([merged, step], {x: data, y: wanted})
        writer.add_summary(summary, i)
    writer.close()
"""

#: Where variables are recorded: TensorFlow reads them before or after a step of the same run.
APART = RUN.replace("summary, _ = sess.run([merged, step],", "summary = sess.run(merged,").replace(
    "    writer.close()", "        sess.run(step, {x: data, y: wanted})\n    writer.close()"
)

PROGRAMS = {
    # Layers that record themselves, in scopes that their callers name.
    "layers": HELPER
    + """
def nn_layer(t, a, b, layer_name, act=tf.nn.relu):
    with tf.name_scope(layer_name):
        with tf.name_scope("weights"):
            weights = tf.Variable(tf.fill([a, b], 0.2))
            variable_summaries(weights)
        with tf.name_scope("Wx"):
            before = tf.matmul(t, weights)
            tf.summary.histogram("before", before)
        after = act(before, name="activation")
        tf.summary.scalar("zeros", tf.nn.zero_fraction(after))
        return after


hidden = nn_layer(x, 3, 4, "layer1")
out = nn_layer(hidden, 4, 1, "layer2", act=tf.identity)
with tf.name_scope("loss"):
    loss = tf.reduce_mean(tf.square(out - y))
tf.summary.scalar("loss", loss)
step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
merged = tf.summary.merge_all()
"""
    + APART,
    # The same helper at the top of the graph: TensorFlow numbers its scopes.
    "numbered": HELPER
    + """
w = tf.Variable(tf.fill([3, 1], 0.3))
b = tf.Variable(tf.zeros([1]))
variable_summaries(w)
variable_summaries(b)
loss = tf.reduce_mean(tf.square(tf.matmul(x, w) + b - y))
tf.summary.scalar("mean", loss)
step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
merged = tf.summary.merge_all()
"""
    + APART,
    # A loop over scopes with names of their own, and a family.
    "loop": """
h = x
for i in range(2):
    with tf.variable_scope("block%d" % i):
        w = tf.get_variable("w", [3, 3], initializer=tf.constant_initializer(0.2 + i))
        h = tf.tanh(tf.matmul(h, w))
        tf.summary.scalar("largest value", tf.reduce_max(h))
loss = tf.reduce_mean(tf.square(tf.reduce_sum(h, 1, keepdims=True) - y))
tf.summary.scalar("loss", loss, family="training")
step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
merged = tf.summary.merge_all()
"""
    + RUN,
    # A fetched summary outlives other runs; only some of the summaries are merged.
    "kept": HELPER
    + """
w = tf.Variable(tf.fill([3, 1], 0.3))
out = tf.matmul(x, w)
variable_summaries(out)
loss = tf.reduce_mean(tf.square(out - y))
one = tf.summary.scalar("one", loss)
two = tf.summary.scalar("two", tf.reduce_max(out))
only = tf.summary.merge([one])
merged = tf.summary.merge_all()
step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)


def show(writer, text, number):
    writer.add_summary(text, number)


with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    writer = tf.summary.FileWriter(__file__ + ".events")
    for i in range(3):
        all_of_it, one_of_it, _ = sess.run([merged, only, step], {x: data, y: wanted})
        sess.run(loss, {x: data[:2], y: wanted[:2]})
        show(writer, all_of_it, i)
        writer.add_summary(one_of_it, 10 + i)
    writer.close()
""",
    # Images as TensorFlow scales and names them.
    "images": """
w = tf.Variable(tf.fill([3, 1], 0.3))
loss = tf.reduce_mean(tf.square(tf.matmul(x, w) - y))
step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
pictures = tf.reshape(x, [-1, 2, 2, 3])
tf.summary.image("signed", pictures, max_outputs=1)
tf.summary.image("positive", tf.abs(pictures))
merged = tf.summary.merge_all()
"""
    + RUN,
}

#: A list that a loop of unknown length fills with summaries of every gradient.
LISTED = (
    """
a = tf.get_variable("a", [3, 4], initializer=tf.constant_initializer(0.2))
b = tf.get_variable("b", [4, 1], initializer=tf.constant_initializer(0.4))
loss = tf.reduce_mean(tf.square(tf.matmul(tf.matmul(x, a), b) - y))
optimizer = tf.train.GradientDescentOptimizer(0.1)
grads_and_vars = optimizer.compute_gradients(loss)
found = []
for g, v in grads_and_vars:
    if g is not None:
        grown = tf.summary.histogram("{}/grad/hist".format(v.name), g)
        found.append(grown)
        found.append(tf.summary.scalar("zeros/" + v.op.name, tf.nn.zero_fraction(g)))
gradients = tf.summary.merge(found)
loss_summary = tf.summary.scalar("loss", loss)
merged = tf.summary.merge([loss_summary, gradients])
step = optimizer.apply_gradients(grads_and_vars)
"""
    + RUN
)


def events(folder: Path) -> list[tuple[object, ...]]:
    """Step, tag and value of every summary in a folder of event files."""
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

    found: list[tuple[object, ...]] = []
    for path in sorted(folder.glob("*tfevents*")):
        for event in LegacyEventFileLoader(str(path)).Load():
            for value in event.summary.value:
                kind = value.WhichOneof("value")
                shown: object = None
                if kind == "simple_value":
                    shown = round(value.simple_value, 4)
                elif kind == "histo":
                    histogram = value.histo
                    shown = (histogram.num, round(histogram.sum, 3), round(histogram.max, 4))
                elif kind == "image":
                    shown = _pixels(value.image.encoded_image_string)
                found.append((event.step, value.tag, shown))
    return sorted(found, key=str)


def _pixels(png: bytes) -> list[list[list[int]]]:
    import io

    import numpy as np
    from PIL import Image

    pixels: list[list[list[int]]] = np.asarray(Image.open(io.BytesIO(png))).tolist()
    return pixels


def test_both_versions_write_the_same_events(tmp_path: Path) -> None:
    done = run_both(tmp_path, {name: DATA + text for name, text in PROGRAMS.items()})
    for name, pair in done.items():
        assert (pair.original, pair.converted) == ("", ""), name
        assert "TODO" not in pair.rewritten.text
        wanted = events(tmp_path / f"{name}.py.events")
        assert wanted
        assert events(tmp_path / f"{name}_torch.py.events") == wanted, name


def test_lists_of_summaries_and_names_of_parameters(tmp_path: Path) -> None:
    pair = run_both(tmp_path, {"listed": DATA + LISTED})["listed"]
    assert (pair.original, pair.converted) == ("", "")
    assert "TODO" not in pair.rewritten.text
    assert "found" not in pair.rewritten.text
    notes = [item for item in pair.rewritten.diagnostics if item.rule == "summary-tag"]
    assert [item.severity.value for item in notes] == ["note", "note"]
    wanted = [
        (step, str(tag).replace("_0/", "/"), shown)
        for step, tag, shown in events(tmp_path / "listed.py.events")
    ]
    assert len(wanted) == 15
    assert events(tmp_path / "listed_torch.py.events") == wanted
