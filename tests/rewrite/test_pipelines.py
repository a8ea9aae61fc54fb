"""Input pipelines: data sets, iterators and the loops that draw from them."""

from __future__ import annotations

from pathlib import Path

from tests.rewrite.both import run_both

DATA = """
import numpy as np
rng = np.random.RandomState(0)
data = rng.randn(8, 3).astype(np.float32)
wanted = data.sum(axis=1, keepdims=True)
"""

PROGRAMS = {
    # A data set of fed arrays.
    "placeholder_dataset": """
fx = tf.placeholder(data.dtype, data.shape)
fy = tf.placeholder(tf.float32, [None, 1])
ds = tf.data.Dataset.from_tensor_slices((fx, fy)).repeat(2).batch(4)
it = ds.make_initializable_iterator()
batch = it.get_next()
total = tf.reduce_sum(batch[0]) + tf.reduce_sum(batch[1])
with tf.Session() as sess:
    sess.run(it.initializer, feed_dict={fx: data, fy: wanted})
    try:
        while True:
            print("%.4f" % sess.run(total))
    except tf.errors.OutOfRangeError:
        print("end")
""",
    # An iterator that a fed handle chooses.
    "feedable": """
train = tf.data.Dataset.from_tensor_slices((data, wanted)).repeat().batch(4)
test = tf.data.Dataset.from_tensor_slices((data[:4], wanted[:4])).batch(2)
handle = tf.placeholder(tf.string, shape=[])
it = tf.data.Iterator.from_string_handle(handle, train.output_types, train.output_shapes)
bx, by = it.get_next()
w = tf.Variable(tf.fill([3, 1], 0.3))
loss = tf.reduce_mean(tf.square(tf.matmul(bx, w) - by))
step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
train_it = train.make_one_shot_iterator()
test_it = test.make_initializable_iterator()
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    th = sess.run(train_it.string_handle())
    vh = sess.run(test_it.string_handle())
    for epoch in range(2):
        for _ in range(3):
            sess.run(step, feed_dict={handle: th})
        sess.run(test_it.initializer)
        for _ in range(2):
            print("%.4f" % sess.run(loss, feed_dict={handle: vh}))
""",
    # Generators, a filter, padding; lambdas with the names of drawn tensors.
    "generator": """
def gen():
    for i in range(6):
        yield data[i], i
def gen2(n):
    def inner():
        for i in range(n):
            yield [i] * (i + 1)
    return inner
shapes = (tf.TensorShape([3]), tf.TensorShape([]))
ds = tf.data.Dataset.from_generator(gen, (tf.float32, tf.int64), shapes)
ds = ds.map(lambda a, i: (a * 2.0, i + 1)).filter(lambda a, i: tf.not_equal(i, 3))
ds = ds.batch(2, drop_remainder=True)
a, i = ds.make_one_shot_iterator().get_next()
ds2 = tf.data.Dataset.from_generator(gen2(5), tf.int32, tf.TensorShape([None]))
ds2 = ds2.padded_batch(2, padded_shapes=[None], padding_values=-1)
seq = ds2.make_one_shot_iterator().get_next()
lengths = tf.reduce_sum(tf.cast(tf.not_equal(seq, -1), tf.int32), axis=1)
with tf.Session() as sess:
    while True:
        try:
            av, iv = sess.run([a, i])
            print("%.4f" % av.sum(), iv.tolist())
        except tf.errors.OutOfRangeError:
            break
    for _ in range(3):
        s, l = sess.run([seq, lengths])
        print(s.tolist(), l.tolist())
""",
    # Host code inside of a map.
    "py_func": """
def load(i):
    return (data[i] * 3).astype(np.float32), np.int32(i * i)
def parse(i):
    a, b = tf.py_func(load, [i], [tf.float32, tf.int32])
    a.set_shape([3])
    b.set_shape([])
    return a, b
ds = tf.data.Dataset.range(6).map(parse, num_parallel_calls=2).prefetch(1).batch(4)
a, b = ds.make_one_shot_iterator().get_next()
out = tf.reduce_sum(a, axis=1)
with tf.Session() as sess:
    for _ in range(2):
        o, bb = sess.run([out, b])
        print(["%.3f" % v for v in o], bb.tolist())
""",
    # An input function over a dict of features.
    "input_fn": """
def input_fn(x, y, batch_size=4, epochs=None, shuffle=False):
    ds = tf.data.Dataset.from_tensor_slices({"x": x, "y": y})
    if shuffle:
        ds = ds.shuffle(100)
    ds = ds.repeat(epochs).batch(batch_size)
    return ds.make_one_shot_iterator().get_next()
features = input_fn(data, wanted, epochs=2)
w = tf.Variable(tf.fill([3, 1], 0.3))
loss = tf.reduce_mean(tf.square(tf.matmul(features["x"], w) - features["y"]))
step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    n = 0
    try:
        while True:
            _, value = sess.run([step, loss])
            n += 1
            print(n, "%.4f" % value)
    except tf.errors.OutOfRangeError:
        print("done", n)
""",
    # Data sets of data sets, side by side and one behind the other.
    "zip_flat_map": """
a = tf.data.Dataset.range(5)
b = tf.data.Dataset.from_tensor_slices(data[:5])
z = tf.data.Dataset.zip((a, b)).skip(1).take(3)
c = a.flat_map(lambda v: tf.data.Dataset.from_tensors(v).repeat(2))
c = c.concatenate(tf.data.Dataset.range(10, 12))
i, r = z.make_one_shot_iterator().get_next()
v = c.batch(4).make_one_shot_iterator().get_next()
s = tf.reduce_sum(r)
with tf.Session() as sess:
    for _ in range(3):
        iv, sv = sess.run([i, s])
        print(iv, "%.4f" % sv)
    for _ in range(3):
        print(sess.run(v).tolist())
""",
}


def test_both_versions_print_the_same(tmp_path: Path) -> None:
    done = run_both(tmp_path, {name: DATA + text for name, text in PROGRAMS.items()})
    for name, pair in done.items():
        assert "TODO" not in pair.rewritten.text, name
        assert pair.converted == pair.original, name
