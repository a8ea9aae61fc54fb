"""Queue runners, readers and scripts around a main function."""

from __future__ import annotations

from pathlib import Path

from tests.rewrite.both import run_both

DATA = """
import numpy as np
import os
rng = np.random.RandomState(0)
data = rng.randn(8, 3).astype(np.float32)
wanted = data.sum(axis=1, keepdims=True)
"""

PROGRAMS = {
    # Lines of text files, parsed and batched over two epochs.
    "csv_reader": """
with open("part_%d.csv" % os.getpid(), "w") as f:
    f.write("a,b,label\\n")
    for i in range(7):
        f.write("%.3f,%.3f,%d\\n" % (i * 0.5, i * 0.25, i % 3))
names = ["part_%d.csv" % os.getpid()]
queue = tf.train.string_input_producer(names, shuffle=False, num_epochs=2)
reader = tf.TextLineReader(skip_header_lines=1)
key, value = reader.read(queue)
a, b, label = tf.decode_csv(value, record_defaults=[[0.0], [0.0], [0]])
features = tf.stack([a, b])
bx, by = tf.train.batch([features, label], batch_size=4, num_threads=1)
total = tf.reduce_sum(bx)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    sess.run(tf.local_variables_initializer())
    coord = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(sess=sess, coord=coord)
    try:
        while not coord.should_stop():
            t, l = sess.run([total, by])
            print("%.3f" % t, l.tolist())
    except tf.errors.OutOfRangeError:
        print("finished")
    finally:
        coord.request_stop()
    coord.join(threads)
""",
    # Records through helper functions; a script that calls its main function itself.
    "tfrecord": """
path = "rec_%d.tfrecord" % os.getpid()
writer = tf.python_io.TFRecordWriter(path)
for i in range(6):
    ex = tf.train.Example(features=tf.train.Features(feature={
        "x": tf.train.Feature(float_list=tf.train.FloatList(value=data[i])),
        "raw": tf.train.Feature(bytes_list=tf.train.BytesList(
            value=[np.array([i, i + 1], np.uint8).tobytes()])),
        "y": tf.train.Feature(int64_list=tf.train.Int64List(value=[i]))}))
    writer.write(ex.SerializeToString())
writer.close()

def read_and_decode(filename_queue):
    reader = tf.TFRecordReader()
    _, serialized = reader.read(filename_queue)
    f = tf.parse_single_example(serialized, features={
        "x": tf.FixedLenFeature([3], tf.float32),
        "raw": tf.FixedLenFeature([], tf.string),
        "y": tf.FixedLenFeature([], tf.int64)})
    raw = tf.decode_raw(f["raw"], tf.uint8)
    raw.set_shape([2])
    return f["x"] * 2.0, tf.cast(raw, tf.float32) / 255.0, tf.cast(f["y"], tf.int32)

def inputs(batch_size, num_epochs):
    if not num_epochs:
        num_epochs = None
    with tf.name_scope("input"):
        q = tf.train.string_input_producer([path], num_epochs=num_epochs, shuffle=False)
        x, raw, y = read_and_decode(q)
        return tf.train.batch(
            [x, raw, y], batch_size=batch_size, capacity=50, allow_smaller_final_batch=True)

def run():
    xs, raws, ys = inputs(4, 2)
    out = tf.reduce_sum(xs) + tf.reduce_sum(raws)
    init = tf.group(tf.global_variables_initializer(), tf.local_variables_initializer())
    sess = tf.Session()
    sess.run(init)
    coord = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(sess=sess, coord=coord)
    n = 0
    try:
        while not coord.should_stop():
            o, y = sess.run([out, ys])
            print(n, "%.3f" % o, y.tolist())
            n += 1
    except tf.errors.OutOfRangeError:
        print("done", n)
    finally:
        coord.request_stop()
    coord.join(threads)
    sess.close()

run()
""",
    # Batches that are fetched and fed again.
    "fetch_batch_feed": """
x, y = tf.train.slice_input_producer([tf.constant(data), tf.constant(wanted)], shuffle=False)
batch = tf.train.batch([x, y], 4)
xp = tf.placeholder(tf.float32, [None, 3])
yp = tf.placeholder(tf.float32, [None, 1])
w = tf.Variable(tf.fill([3, 1], 0.3))
loss = tf.reduce_mean(tf.square(tf.matmul(xp, w) - yp))
step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    coord = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(sess, coord)
    for i in range(3):
        bx, by = sess.run(batch)
        sess.run(step, feed_dict={xp: bx, yp: by})
        print("%.4f" % sess.run(loss, feed_dict={xp: bx, yp: by}))
    coord.request_stop()
    coord.join(threads)
""",
    # One part of what a producer gives, shuffled.
    "shuffle_count": """
x = tf.train.slice_input_producer([np.arange(10)], num_epochs=1, shuffle=True)[0]
b = tf.train.shuffle_batch([x], batch_size=5, capacity=20, min_after_dequeue=5)
with tf.Session() as sess:
    sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
    coord = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(sess=sess, coord=coord)
    seen = []
    try:
        while not coord.should_stop():
            seen.extend(sess.run(b).tolist())
    except tf.errors.OutOfRangeError:
        pass
    finally:
        coord.request_stop()
        coord.join(threads)
    print(sorted(seen))
""",
    # A queue without an end.
    "fixed_steps": """
x, y = tf.train.slice_input_producer([data, wanted], shuffle=False)
bx, by = tf.train.batch([x, y], batch_size=3)
w = tf.Variable(tf.fill([3, 1], 0.3))
loss = tf.reduce_mean(tf.square(tf.matmul(bx, w) - by))
step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
with tf.Session() as sess:
    tf.global_variables_initializer().run()
    coord = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(coord=coord)
    for i in range(5):
        _, l = sess.run([step, loss])
        print("%.4f" % l)
    coord.request_stop()
    coord.join(threads)
""",
    # A script that calls its main function and goes on.
    "script_call": """
table = {"rate": 0.1 + rng.rand() * 0}
def show(v):
    print("%.4f" % v, table["rate"])
def train(steps, lr):
    x = tf.placeholder(tf.float32, [None, 3])
    y = tf.placeholder(tf.float32, [None, 1])
    w = tf.Variable(tf.fill([3, 1], 0.3))
    loss = tf.reduce_mean(tf.square(tf.matmul(x, w) - y))
    step = tf.train.GradientDescentOptimizer(lr).minimize(loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(steps):
            _, l = sess.run([step, loss], {x: data, y: wanted})
            show(l)
        return sess.run(w)
result = train(3, table["rate"])
print("%.4f" % result.sum())
""",
    # Host state of the script that helper functions read.
    "guard_call": """
table = {"rate": 0.1 + rng.rand() * 0}
def show(v):
    print("%.4f" % v, table["rate"])
def train():
    x = tf.placeholder(tf.float32, [None, 3])
    y = tf.placeholder(tf.float32, [None, 1])
    w = tf.Variable(tf.fill([3, 1], 0.3))
    loss = tf.reduce_mean(tf.square(tf.matmul(x, w) - y))
    step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(3):
            _, l = sess.run([step, loss], {x: data, y: wanted})
            show(l)
if __name__ == "__main__":
    train()
""",
}


def test_both_versions_print_the_same(tmp_path: Path) -> None:
    done = run_both(tmp_path, {name: DATA + text for name, text in PROGRAMS.items()})
    for name, pair in done.items():
        assert "TODO" not in pair.rewritten.text, name
        assert pair.converted == pair.original, name
