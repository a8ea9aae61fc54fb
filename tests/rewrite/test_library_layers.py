"""Layers as objects, slim's scopes, streaming metrics, distributions: both versions print alike."""

from __future__ import annotations

from pathlib import Path

from tests.rewrite.both import convert_text, run_both

DATA = """
import numpy as np
rng = np.random.RandomState(0)
data = rng.randn(8, 3).astype(np.float32)
images = rng.rand(4, 8, 8, 2).astype(np.float32)
labels = rng.randint(0, 3, 8)
"""

#: Initial values are constants, so that both versions start alike.
PROGRAMS = {
    # A layer that is used twice shares its weights; weights are read in TensorFlow's layout.
    "layer_objects": """
start = tf.constant_initializer(0.3)
hidden = tf.layers.Dense(4, activation=tf.nn.tanh, kernel_initializer=start, name="hidden")
out = tf.layers.Dense(3, use_bias=False, kernel_initializer=start)
norm = tf.layers.BatchNormalization(momentum=0.8)
x = tf.placeholder(tf.float32, [None, 3])
y = tf.placeholder(tf.int64, [None])
logits = out(hidden(x)) + out(norm(hidden(2.0 * x), training=True))
loss = tf.losses.sparse_softmax_cross_entropy(y, logits)
with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
    step = tf.train.GradientDescentOptimizer(0.5).minimize(loss, var_list=hidden.variables)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for _ in range(3):
        _, value = sess.run([step, loss], {x: data, y: labels})
        print("%.4f" % value)
    print(sess.run(hidden.kernel).shape, "%.4f" % sess.run(hidden.kernel)[0].sum())
    print("%.4f" % sess.run(out.kernel).sum())
""",
    # Keras keeps updates and dropout of a model that nobody trains with out of the graph.
    "sequential": """
model = tf.keras.Sequential()
model.add(tf.keras.layers.Conv2D(4, 3, strides=2, padding="same", activation="relu",
                                 kernel_initializer=tf.constant_initializer(0.1)))
model.add(tf.keras.layers.BatchNormalization())
model.add(tf.keras.layers.LeakyReLU(0.1))
model.add(tf.keras.layers.Dropout(0.5))
model.add(tf.keras.layers.MaxPool2D())
model.add(tf.keras.layers.Flatten())
model.add(tf.keras.layers.Dense(3, kernel_initializer="zeros", bias_initializer="ones"))
x = tf.placeholder(tf.float32, [None, 8, 8, 2])
y = tf.placeholder(tf.int32, [None])
logits = model(x)
loss = tf.losses.sparse_softmax_cross_entropy(y, logits)
step = tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for _ in range(3):
        _, value = sess.run([step, loss], {x: images, y: labels[:4]})
        print("%.4f" % value)
""",
    "keras_functions": """
from tensorflow.keras import backend as K
model = tf.keras.Sequential([
    tf.keras.layers.Dense(4, activation=tf.keras.activations.tanh,
                          kernel_initializer=tf.constant_initializer(0.2),
                          kernel_regularizer=tf.keras.regularizers.l2(0.1)),
    tf.keras.layers.Activation("softplus"),
    tf.keras.layers.Reshape((2, 2)),
    tf.keras.layers.Lambda(lambda t: t[:, 0] - 0.5 * t[:, 1]),
])
ids = tf.placeholder(tf.int32, [None, 2])
x = tf.placeholder(tf.float32, [None, 3])
rows = tf.keras.layers.Embedding(5, 2, embeddings_initializer="ones")(ids)
out = tf.keras.layers.Add()([model(x), K.sum(rows, axis=1)])
loss = K.mean(K.square(out - 1.0)) + tf.add_n(model.losses) + K.epsilon()
loss += K.mean(tf.keras.losses.mean_absolute_error(K.ones_like(out), out))
step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(3):
        feed = {x: data, ids: [[i, 1]] * 8}
        print("%.4f" % sess.run([step, loss], feed)[1])
    print(sess.run(K.argmax(out), feed).tolist())
""",
    "functional_model": """
inputs = tf.keras.layers.Input(shape=(3,))
start = tf.constant_initializer(0.3)
h = tf.keras.layers.Dense(4, activation="sigmoid", kernel_initializer=start)(inputs)
outputs = tf.keras.layers.Dense(2, kernel_initializer=start)(h)
model = tf.keras.Model(inputs=inputs, outputs=outputs)
x = tf.placeholder(tf.float32, [None, 3])
loss = tf.reduce_mean(tf.square(model(x) - 1.0))
step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for _ in range(3):
        print("%.4f" % sess.run([step, loss], {x: data})[1])
""",
    # Nested scopes, a scope from a function, a normalizer, repeated layers, unnamed losses.
    "arg_scopes": """
import tf_slim as slim


def scope(weight_decay, is_training):
    params = {"decay": 0.8, "is_training": is_training, "updates_collections": None}
    with slim.arg_scope([slim.conv2d, slim.fully_connected],
                        weights_initializer=tf.constant_initializer(0.1),
                        weights_regularizer=slim.l2_regularizer(weight_decay)):
        with slim.arg_scope([slim.conv2d], normalizer_fn=slim.batch_norm,
                            normalizer_params=params) as result:
            return result


def net(x):
    end_points = {}
    with tf.variable_scope("net"):
        h = slim.repeat(x, 2, slim.conv2d, 4, [3, 3], scope="conv")
        end_points["conv"] = h
        with slim.arg_scope([slim.conv2d], activation_fn=tf.nn.elu):
            h = slim.conv2d(h, 3, 3, stride=2)
            h = slim.conv2d(h, 3, 1, activation_fn=None)
        h = slim.stack(slim.flatten(h), slim.fully_connected, [5, 4])
        return slim.fully_connected(h, 3, activation_fn=None, scope="logits"), end_points


x = tf.placeholder(tf.float32, [None, 8, 8, 2])
y = tf.placeholder(tf.int32, [None])
with slim.arg_scope(scope(0.01, True)):
    logits, end_points = net(x)
tf.losses.sparse_softmax_cross_entropy(y, logits)
loss = tf.losses.get_total_loss()
step = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for _ in range(3):
        _, value = sess.run([step, loss], {x: images, y: labels[:4]})
        seen = sess.run(end_points["conv"], {x: images})
        print("%.4f %.4f" % (value, seen.mean()))
""",
    # The same function in both modes: its own flag decides.
    "arg_scope_twice": """
import tf_slim as slim


@slim.add_arg_scope
def block(x, size, gain=1.0, scope=None):
    with tf.variable_scope(scope, "block", [x]):
        return gain * slim.fully_connected(x, size, weights_initializer=tf.ones_initializer())


def net(x, is_training, reuse=None):
    with tf.variable_scope("net", reuse=reuse):
        with slim.arg_scope([slim.fully_connected], normalizer_fn=slim.batch_norm,
                            normalizer_params={"is_training": is_training, "decay": 0.5}):
            with slim.arg_scope([block], gain=0.5):
                h = block(x, 4, scope="a")
                return block(h, 2, gain=2.0, scope="b")


x = tf.placeholder(tf.float32, [None, 3])
loss = tf.reduce_mean(tf.square(net(x, True) - 1.0))
test = net(x, False, reuse=True)
with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
    step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for _ in range(3):
        _, value = sess.run([step, loss], {x: data})
        print("%.4f %.4f" % (value, sess.run(test, {x: data}).sum()))
""",
    # Metrics over epochs, reset by name; a result in other arithmetic; a group of updates.
    "metrics": """
x = tf.placeholder(tf.float32, [None, 3])
y = tf.placeholder(tf.int64, [None])
prediction = tf.argmax(x, 1)
with tf.name_scope("metrics"):
    accuracy = tf.metrics.accuracy(y, prediction)
    precision, precision_update = tf.metrics.precision(y > 0, prediction > 0)
    recall, recall_update = tf.metrics.recall(y > 0, prediction > 0)
    update = tf.group(accuracy[1], precision_update, recall_update)
f1 = 2.0 * precision * recall / (precision + recall)
loss, loss_update = tf.metrics.mean(tf.square(x), weights=tf.abs(x), name="loss")
iou, iou_update = tf.metrics.mean_iou(y, prediction, 3)
reset = tf.variables_initializer(
    tf.get_collection(tf.GraphKeys.LOCAL_VARIABLES, scope="metrics"))
with tf.Session() as sess:
    sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
    for epoch in range(2):
        sess.run(reset)
        for i in range(0, 8, 4):
            feed = {x: data[i:i + 4], y: labels[i:i + 4] * epoch}
            _, mean = sess.run([update, loss_update], feed)
            matrix = sess.run(iou_update, feed)
            print("%.4f" % mean, matrix.sum())
        values = sess.run([accuracy[0], precision, recall, iou])
        print(" ".join("%.4f" % value for value in values), "%.4f" % sess.run(loss))
    print("%.4f" % sess.run(f1))
""",
    "distributions": """
x = tf.placeholder(tf.float32, [None, 3])
scale = tf.exp(0.1 * x)
one = tf.distributions.Normal(loc=x, scale=scale)
other = tf.distributions.Normal(0.0, 2.0)
choice = tf.distributions.Categorical(logits=x)
coin = tf.distributions.Bernoulli(probs=tf.sigmoid(x))
values = [
    tf.reduce_sum(tf.distributions.kl_divergence(one, other)),
    tf.reduce_sum(one.entropy()), tf.reduce_sum(one.log_prob(x + 0.5)),
    tf.reduce_sum(other.prob(x)), tf.reduce_sum(one.cdf(0.3)),
    tf.reduce_sum(one.mean() * one.stddev() + one.loc),
    tf.reduce_sum(choice.log_prob(tf.argmax(x, 1))), tf.reduce_sum(choice.entropy()),
    tf.reduce_sum(coin.log_prob(tf.cast(x > 0, tf.int32))), tf.reduce_sum(coin.mode()),
]
shapes = [one.sample(), one.sample(2), other.sample([4]), choice.sample(), coin.sample()]
with tf.Session() as sess:
    found = sess.run(values, {x: data})
    print(" ".join("%.2f" % value for value in found))
    drawn = sess.run(shapes, {x: data})
    print([(value.shape, value.dtype) for value in drawn])
""",
    # Rows that no batch looked up stay, with momentum too.
    "row_wise": """
ids = tf.placeholder(tf.int32, [None])
table = tf.get_variable("table", [6, 2], initializer=tf.constant_initializer(0.5))
bias = tf.get_variable("bias", [6], initializer=tf.zeros_initializer())
tied = tf.get_variable("tied", [6, 2], initializer=tf.constant_initializer(0.2))
out = tf.nn.embedding_lookup(table, ids) * tf.gather(tied, ids)
loss = tf.reduce_sum(tf.square(tf.reduce_sum(out, 1) + tf.gather(bias, ids) - 1.0))
loss += 0.1 * tf.nn.l2_loss(tied)
step = tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(4):
        _, value = sess.run([step, loss], {ids: [i, i, (i + 2) % 6]})
        print("%.4f" % value)
    for row in sess.run(table) + sess.run(tied):
        print("%.4f %.4f" % (row[0], row[1]))
    biases = sess.run(bias)
    print(" ".join("%.4f" % value for value in biases))
""",
}


def test_programs_print_the_same(tmp_path: Path) -> None:
    pairs = run_both(tmp_path, {name: DATA + text for name, text in PROGRAMS.items()})
    for name, pair in pairs.items():
        assert "Traceback" not in pair.original, pair.original
        assert pair.converted == pair.original, f"{name}\n{pair.rewritten.text}"
        assert not [d for d in pair.rewritten.diagnostics if d.severity.value == "error"]


def _errors(folder: Path, text: str) -> set[str]:
    made = convert_text(folder, "program", "import tensorflow as tf\n" + text)
    return {d.rule for d in made.diagnostics if d.severity.value == "error"}


def test_what_a_scope_gives_must_be_known(tmp_path: Path) -> None:
    text = """
slim = tf.contrib.slim
x = tf.placeholder(tf.float32, [None, 3])
with slim.arg_scope(functions, activation_fn=tf.nn.tanh):
    y = slim.fully_connected(x, 2)
"""
    assert _errors(tmp_path, text) >= {"arg-scope"}


def test_layers_that_differ_by_round_are_refused(tmp_path: Path) -> None:
    text = """
x = tf.placeholder(tf.float32, [None, 3])
h = tf.tanh(x)
for layer in [tf.layers.Dense(4), tf.layers.Dense(2)]:
    h = layer(h)
with tf.Session() as sess:
    print(sess.run(h, {x: data}))
"""
    assert _errors(tmp_path, text) == {"layer-object"}


def test_updates_of_models_are_refused(tmp_path: Path) -> None:
    text = """
model = tf.keras.Sequential([tf.keras.layers.Dense(2), tf.keras.layers.BatchNormalization()])
x = tf.placeholder(tf.float32, [None, 3])
loss = tf.reduce_sum(model(x, training=True))
with tf.Session() as sess:
    print(sess.run([loss, model.updates], {x: data}))
"""
    assert _errors(tmp_path, text) >= {"layer-object"}


def test_todos_show_the_program_and_not_what_it_was_written_out_as(tmp_path: Path) -> None:
    text = """
x = tf.placeholder(tf.float32, None)
y = tf.keras.layers.Dense(2, activation="relu")(x)
with tf.Session() as sess:
    print(sess.run(y, {x: data}))
"""
    made = convert_text(tmp_path, "program", "import tensorflow as tf\n" + text)
    assert '#   y = tf.keras.layers.Dense(2, activation="relu")(x)' in made.text
    assert "_scope" not in made.text
