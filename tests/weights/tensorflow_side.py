"""Writes files of every kind with TensorFlow, and what TensorFlow's own readers find in them."""

from __future__ import annotations

import os
import pickle
import sys
from typing import Any

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")

import keras
import numpy as np
import tensorflow as tf
import tf_keras

v1 = tf.compat.v1
NUMPY = (
    "float32 float64 float16 int32 uint8 int16 int8 int64 bool complex64 complex128 uint16 uint32"
    " uint64"
).split()
RNG = np.random.RandomState(0)


def variables(old: bool = False) -> None:
    """Variables of every type; `old`: those that V1 checkpoints hold."""
    for name in NUMPY:
        if not old or name not in ("uint16", "uint32", "uint64"):
            v1.Variable((RNG.randn(3, 5) * 50).astype(name), name=f"types/{name}")
    if not old:
        narrow = {"bfloat16": tf.bfloat16, "float8_e5m2": tf.dtypes.experimental.float8_e5m2}
        for name, dtype in narrow.items():
            v1.Variable(tf.cast(RNG.randn(4, 3), dtype), name=f"types/{name}", use_resource=True)
        strings = [[b"ab\0c", "\u00e9t\u00e9".encode(), b"x" * 300], [b"", b"\xff\xfe", b"y"]]
        v1.Variable(tf.constant(strings), name="types/string")
    for dtype, plain in ((tf.qint8, "int8"), (tf.quint8, "uint8"), (tf.qint32, "int32")):
        value = tf.bitcast(RNG.randint(0, 50, [2, 3]).astype(plain), dtype)
        v1.Variable(value, name=f"types/{dtype.name}", use_resource=False)
    v1.Variable(tf.constant(3.5), name="scalar", use_resource=False)
    v1.Variable(tf.zeros([0, 3]), name="empty")
    v1.get_variable("rows", [103, 7], partitioner=v1.fixed_size_partitioner(4))
    v1.get_variable("columns", [30, 70], partitioner=v1.fixed_size_partitioner(3, axis=1))
    v1.get_variable("w/large", [300, 200])


def session() -> Any:
    made = v1.Session(config=v1.ConfigProto(device_count={"CPU": 3}))
    made.run(v1.global_variables_initializer())
    return made


def bundles(folder: str) -> list[str]:
    with tf.Graph().as_default():
        for number in range(3):
            with tf.device(f"/cpu:{number}"), v1.variable_scope(f"on{number}"):
                variables()
        with session() as sess:
            one = v1.train.Saver(max_to_keep=2)
            paths = [one.save(sess, f"{folder}/model.ckpt", step) for step in (3, 7)]
            paths.append(v1.train.Saver(sharded=True).save(sess, f"{folder}/sharded/model"))
    return paths


def old_ones(folder: str) -> list[str]:
    with tf.Graph().as_default():
        variables(old=True)
        with session() as sess:
            saver = v1.train.Saver(write_version=v1.train.SaverDef.V1)
            return [saver.save(sess, f"{folder}/v1/model")]


def sharded_old_ones(folder: str) -> list[str]:
    with tf.Graph().as_default():
        for number in range(3):
            with tf.device(f"/cpu:{number}"):
                v1.get_variable(f"on{number}/w", [4, number + 2])
        v1.get_variable("rows", [103, 7], partitioner=v1.fixed_size_partitioner(4))
        with session() as sess:
            saver = v1.train.Saver(write_version=v1.train.SaverDef.V1, sharded=True)
            return [saver.save(sess, f"{folder}/v1/sharded")]


def objects(folder: str) -> list[str]:
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(4, name="hidden")])
    layer = tf_keras.layers.Dense(5, name="out")
    layer.build((None, 4))
    optimizer = tf_keras.optimizers.legacy.Adam()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(tf.ones([2, 4])) ** 2)
    optimizer.apply_gradients(zip(tape.gradient(loss, layer.weights), layer.weights))
    checkpoint = tf.train.Checkpoint(model=model, layer=layer, optimizer=optimizer)
    return [checkpoint.save(f"{folder}/objects/ckpt")]


def saved_models(folder: str) -> list[str]:
    with tf.Graph().as_default():
        x = v1.placeholder(tf.float32, [None, 3])
        y = v1.layers.dense(x, 2) if hasattr(v1.layers, "dense") else x @ v1.get_variable(
            "dense/kernel", [3, 2])  # fmt: skip
        with session() as sess:
            v1.saved_model.simple_save(sess, f"{folder}/saved1", {"x": x}, {"y": y})
    module = tf.Module()
    module.w = tf.Variable(tf.random.normal([3, 2]), name="w")
    tf.saved_model.save(module, f"{folder}/saved2")
    return [f"{folder}/saved1/variables/variables", f"{folder}/saved2/variables/variables"]


def frozen(folder: str) -> dict[str, Any]:
    with tf.Graph().as_default() as graph:
        found = {}
        for name in (*NUMPY, "bfloat16"):
            value = (RNG.randn(3, 5) * 50).astype(name if name != "bfloat16" else "float32")
            for kind, array in (("many", value), ("one", value[:1, :1])):
                tensor = tf.constant(array, getattr(tf, name), name=f"{kind}/{name}")
                found[f"{kind}/{name}"] = tf.make_ndarray(tensor.op.get_attr("value"))
        tensor = v1.constant(2.5, shape=[4, 4], name="repeated")
        found["repeated"] = tf.make_ndarray(tensor.op.get_attr("value"))
        found["text"] = tf.make_ndarray(
            tf.constant([b"a", b"\0b"], name="text").op.get_attr("value")
        )
        with open(f"{folder}/frozen.pb", "wb") as file:
            file.write(graph.as_graph_def().SerializeToString())
    return found


def keras_files(folder: str) -> dict[str, Any]:
    found = {}
    for kind, library in (("keras2", tf_keras), ("keras3", keras)):
        model = library.Sequential(
            [
                library.layers.Input((8, 8, 3)),
                library.layers.Conv2D(4, 3, name="conv"),
                library.layers.BatchNormalization(name="norm"),
                library.layers.Flatten(),
                library.layers.Dense(2, name="dense"),
            ]
        )
        model.compile("adam", "mse")
        model.fit(RNG.randn(4, 8, 8, 3), RNG.randn(4, 2), verbose=0)
        values = [np.asarray(w) for w in model.get_weights()]
        for suffix in (".h5", ".keras"):
            model.save(f"{folder}/{kind}{suffix}")
            found[f"{folder}/{kind}{suffix}"] = values
        model.save_weights(f"{folder}/{kind}.weights.h5")
        found[f"{folder}/{kind}.weights.h5"] = values
        layers = library.layers
        inner = library.Sequential([layers.Input((4, 3)), layers.Dense(5), layers.Dense(3)])
        x = layers.Input((4, 3))
        both = layers.Bidirectional(layers.LSTM(2, return_sequences=True), name="both")
        model = library.Model(x, layers.GRU(3, name="last")(both(inner(x))))
        model.compile("adam", "mse")
        model.fit(RNG.randn(4, 4, 3), RNG.randn(4, 3), verbose=0)
        for suffix in (".h5", ".keras"):
            path = f"{folder}/{kind}_nested{suffix}"
            model.save(path)
            found[path] = [np.asarray(w) for w in model.get_weights()]
            found[path] += [RNG.randn(2, 4, 3)]
            found[path] += [np.asarray(model(found[path][-1]))]
    return found


def main(folder: str) -> None:
    os.makedirs(f"{folder}/sharded")
    os.makedirs(f"{folder}/v1")
    v1.disable_resource_variables()
    paths = bundles(folder) + old_ones(folder) + sharded_old_ones(folder) + saved_models(folder)
    paths += objects(folder)
    found: dict[str, Any] = {}
    for path in paths:
        reader = tf.train.load_checkpoint(path)
        types = reader.get_variable_to_dtype_map()
        found[path] = {name: plain(read(path, reader, name, types[name])) for name in types}
    found[f"{folder}/frozen.pb"] = {k: plain(v) for k, v in frozen(folder).items()}
    found["keras"] = keras_files(folder)
    with open(f"{folder}/expected.pickle", "wb") as file:
        pickle.dump(found, file)


def read(path: str, reader: Any, name: str, dtype: Any) -> Any:
    try:
        return reader.get_tensor(name)
    except tf.errors.UnimplementedError:  # types that only the op knows in V1 files
        return tf.raw_ops.Restore(file_pattern=path, tensor_name=name, dt=dtype).numpy()


def plain(value: Any) -> Any:
    """(type, shape, bytes) of an array, so that it unpickles without TensorFlow."""
    array = np.array(value, object) if isinstance(value, bytes) else np.asarray(value)
    if array.dtype == object:
        return "object", array.shape, array.reshape(-1).tolist()
    return array.dtype.name, array.shape, array.tobytes()


if __name__ == "__main__":
    main(sys.argv[1])
