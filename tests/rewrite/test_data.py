"""Input pipelines: the same batches in the same order, from tf.data and from queues."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rewrite.both import Pair, run_both

PROGRAMS = {
    "one_shot": """
import numpy as np

def double(x, y):
    return x * 2.0, y

xs = np.arange(20, dtype=np.float32).reshape(10, 2)
ys = np.arange(10, dtype=np.int32)
dataset = tf.data.Dataset.from_tensor_slices((xs, ys))
dataset = dataset.map(double).filter(lambda x, y: tf.equal(y % 2, 0)).batch(2).prefetch(1)
iterator = dataset.make_one_shot_iterator()
features, labels = iterator.get_next()
total = tf.reduce_sum(features)

with tf.Session() as sess:
    while True:
        try:
            a, b, c = sess.run([features, labels, total])
            print(a.tolist(), b.tolist(), float(c))
        except tf.errors.OutOfRangeError:
            break
    print("end")
""",
    "initializable": """
import numpy as np

x = tf.placeholder(tf.float32, shape=[None, 2])
batch_size = 3
dataset = tf.data.Dataset.from_tensor_slices(x).repeat(2).batch(batch_size)
iterator = dataset.make_initializable_iterator()
item = iterator.get_next()
mean = tf.reduce_mean(item)
sess = tf.Session()
for size in (4, 5):
    sess.run(iterator.initializer, feed_dict={x: np.ones([size, 2]) * size})
    count = 0
    try:
        while True:
            value = sess.run(mean)
            print("%.3f" % value)
            count += 1
    except tf.errors.OutOfRangeError:
        print("batches", count)
sess.close()
""",
    "switched": """
train = tf.data.Dataset.range(6).batch(2)
test = tf.data.Dataset.range(10, 13).batch(2)
iterator = tf.data.Iterator.from_structure(train.output_types, train.output_shapes)
element = iterator.get_next()
train_init = iterator.make_initializer(train)
test_init = iterator.make_initializer(test)
with tf.Session() as sess:
    for epoch in range(2):
        sess.run(train_init)
        for _ in range(2):
            print("train", sess.run(element))
        sess.run(test_init)
        while True:
            try:
                print("test", sess.run(element))
            except tf.errors.OutOfRangeError:
                break
""",
    "generator": """
def numbers():
    for i in range(1, 6):
        yield [i] * i

dataset = tf.data.Dataset.from_generator(numbers, tf.int64, tf.TensorShape([None]))
dataset = dataset.padded_batch(2, padded_shapes=[None])
batch = dataset.make_one_shot_iterator().get_next()
with tf.Session() as sess:
    for _ in range(3):
        print(sess.run(batch).tolist())
""",
    "mappings": """
import numpy as np

def make(features, label):
    return {"a": features["a"] + 1.0, "b": features["b"]}, label

data = {"a": np.arange(4, dtype=np.float32), "b": np.arange(8, dtype=np.float32).reshape(4, 2)}
dataset = tf.data.Dataset.from_tensor_slices((data, np.arange(4)))
dataset = tf.data.Dataset.zip((dataset.map(make), tf.data.Dataset.range(100, 200))).skip(1).take(2)
(features, label), number = dataset.make_one_shot_iterator().get_next()
with tf.Session() as sess:
    for _ in range(2):
        a, b, l, n = sess.run([features["a"], features["b"], label, number])
        print(float(a), b.tolist(), int(l), int(n))
""",
    "input_function": """
import numpy as np

def inputs(count, batch_size):
    dataset = tf.data.Dataset.from_tensor_slices(np.arange(count, dtype=np.float32))
    dataset = dataset.batch(batch_size)
    iterator = dataset.make_one_shot_iterator()
    values = iterator.get_next()
    scaled = values / 10.0
    return values, scaled

values, scaled = inputs(6, 4)
with tf.Session() as sess:
    while True:
        try:
            one, other = sess.run([values, scaled])
        except tf.errors.OutOfRangeError:
            print("done")
            break
        print(one.tolist(), ["%.2f" % v for v in other])
""",
    "slices_queue": """
import numpy as np

xs = np.arange(20, dtype=np.float32).reshape(10, 2)
ys = np.arange(10)
x, y = tf.train.slice_input_producer([xs, ys], num_epochs=2, shuffle=False)
shifted = x + 0.5
xb, yb = tf.train.batch([shifted, y], batch_size=4, num_threads=1)
with tf.Session() as sess:
    sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
    coord = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(sess=sess, coord=coord)
    try:
        while not coord.should_stop():
            a, b = sess.run([xb, yb])
            print(a.tolist(), b.tolist())
    except tf.errors.OutOfRangeError:
        print("finished")
    finally:
        coord.request_stop()
    coord.join(threads)
""",
    "csv_queue": """
with open("numbers.csv", "w") as f:
    f.write("a,b,c\\n")
    for i in range(7):
        f.write("%d,%.1f,%s\\n" % (i, i / 2.0, "xyz"[i % 3]))

queue = tf.train.string_input_producer(["numbers.csv"], num_epochs=1, shuffle=False)
reader = tf.TextLineReader(skip_header_lines=1)
key, line = reader.read(queue)
a, b, c = tf.decode_csv(line, record_defaults=[[0], [0.0], [""]])
features = tf.stack([tf.cast(a, tf.float32), b])
batch, names = tf.train.batch([features, c], batch_size=3, allow_smaller_final_batch=True)
with tf.Session() as sess:
    sess.run(tf.local_variables_initializer())
    coord = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(coord=coord)
    try:
        while True:
            rows, texts = sess.run([batch, names])
            print(rows.tolist(), [t.decode() for t in texts])
    except tf.errors.OutOfRangeError:
        pass
    coord.request_stop()
    coord.join(threads)
""",
    "records": """
import numpy as np

def parse(record):
    features = tf.parse_single_example(record, features={
        "x": tf.FixedLenFeature([3], tf.float32),
        "label": tf.FixedLenFeature([], tf.int64),
        "name": tf.FixedLenFeature([], tf.string),
    })
    return features["x"], features["label"], features["name"]

writer = tf.python_io.TFRecordWriter("items.tfrecords")
for i in range(5):
    example = tf.train.Example(features=tf.train.Features(feature={
        "x": tf.train.Feature(float_list=tf.train.FloatList(value=[i, i + 0.5, -i])),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[i * 10])),
        "name": tf.train.Feature(bytes_list=tf.train.BytesList(value=[("n%d" % i).encode()])),
    }))
    writer.write(example.SerializeToString())
writer.close()
dataset = tf.data.TFRecordDataset(["items.tfrecords"]).map(parse).batch(2)
x, label, name = dataset.make_one_shot_iterator().get_next()
with tf.Session() as sess:
    while True:
        try:
            a, b, c = sess.run([x, label, name])
            print(a.tolist(), b.tolist(), [t.decode() for t in c])
        except tf.errors.OutOfRangeError:
            break
""",
    "text_in_queue": """
with open("present.csv", "w") as f:
    for i in range(4):
        f.write("%s,%d\\n" % (["Present", "Absent"][i % 2], i))

def examples(filenames):
    queue = tf.train.string_input_producer(filenames, num_epochs=1, shuffle=False)
    reader = tf.TextLineReader()
    _, value = reader.read(queue)
    content = tf.decode_csv(value, record_defaults=[[""], [0]])
    present = tf.equal(content[0], tf.constant("Present"))
    flag = tf.cond(present, lambda: tf.constant(1.0), lambda: tf.constant(0.0))
    flags, numbers = tf.train.batch([flag, content[1]], batch_size=2)
    return flags, numbers

flags, numbers = examples(["present.csv"])
with tf.Session() as sess:
    sess.run(tf.local_variables_initializer())
    coord = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(coord=coord)
    for _ in range(2):
        a, b = sess.run([flags, numbers])
        print(a.tolist(), b.tolist())
    coord.request_stop()
    coord.join(threads)
""",
    "text_lines": """
with open("lines.txt", "w") as f:
    f.write("one\\ntwo\\nthree\\n")
dataset = tf.data.TextLineDataset(["lines.txt"]).skip(1)
line = dataset.make_one_shot_iterator().get_next()
with tf.Session() as sess:
    print(sess.run(line))
    print(sess.run(line))
""",
    "training": """
import numpy as np

xs = np.linspace(-1, 1, 12).astype(np.float32).reshape(12, 1)
ys = 3 * xs + 1
dataset = tf.data.Dataset.from_tensor_slices((xs, ys)).batch(5).repeat()
iterator = dataset.make_one_shot_iterator()
x, y = iterator.get_next()
w = tf.Variable(tf.zeros([1, 1]))
b = tf.Variable(tf.zeros([1]))
loss = tf.reduce_mean(tf.square(tf.matmul(x, w) + b - y))
train_op = tf.train.GradientDescentOptimizer(0.3).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(20):
        _, value = sess.run([train_op, loss])
        if step % 5 == 0:
            print("%d %.4f" % (step, value))
    print(sess.run(w).shape)
""",
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    return run_both(tmp_path_factory.mktemp("data"), PROGRAMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_batches(pairs: dict[str, Pair], name: str) -> None:
    pair = pairs[name]
    findings = [d.message for d in pair.rewritten.diagnostics if d.severity.value == "error"]
    assert not findings, pair.rewritten.text
    assert "Traceback" not in pair.original
    assert pair.converted == pair.original, pair.rewritten.text


def test_shuffled_queue_keeps_its_window(tmp_path: Path) -> None:
    from tests.rewrite.both import convert_text

    text = """
import tensorflow as tf
x = tf.train.range_input_producer(100).dequeue()
batch = tf.train.shuffle_batch([x], batch_size=8, capacity=50, min_after_dequeue=20)
with tf.Session() as sess:
    coord = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(coord=coord)
    print(sess.run(batch))
    coord.request_stop()
    coord.join(threads)
"""
    made = convert_text(tmp_path, "window", text)
    assert (
        "shuffle_batch_queue(examples, batch_size=8, capacity=50, min_after_dequeue=20)"
        in made.text
    )
    assert "coord" not in made.text


def test_drawn_tensor_in_host_code_is_refused(tmp_path: Path) -> None:
    from tests.rewrite.both import convert_text

    text = """
import tensorflow as tf
x = tf.data.Dataset.range(3).make_one_shot_iterator().get_next()
def evaluate(sess, value):
    return sess.run(value)
with tf.Session() as sess:
    print(evaluate(sess, x))
"""
    made = convert_text(tmp_path, "outside", text)
    assert "TODO(tf2torch: data) 'x' is new in every run and used outside of runs" in made.text
