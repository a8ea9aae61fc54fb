"""Compares every kind of TensorFlow side with a torch module; prints a line for each.

A process of its own: a Keras model needs TensorFlow in the process that makes it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tf2torch.parity import MetaGraph, compare

EXPORT = """
import sys
import numpy as np
import tensorflow
import tensorflow.compat.v1 as tf

class Affine(tensorflow.Module):
    def __init__(self):
        self.w = tensorflow.Variable(np.arange(12.0).reshape(3, 4).astype("f"), name="w")
        self.b = tensorflow.Variable(np.ones(4, "f"), name="b")
    @tensorflow.function(input_signature=[tensorflow.TensorSpec([None, 3], name="x")])
    def __call__(self, x):
        return {"y": tensorflow.matmul(x, self.w) + self.b}

folder = sys.argv[1]
model = Affine()
tensorflow.saved_model.save(model, folder + "/new", {"serving_default": model.__call__})
with tf.Graph().as_default():
    tf.set_random_seed(1)
    x, a = [tf.placeholder(tf.float32, [None, 3], name=name) for name in "xa"]
    w = tf.get_variable("w", [3, 4], use_resource=False)
    b = tf.get_variable("b", [4], initializer=tf.ones_initializer(), use_resource=False)
    unsaved = tf.get_variable("unsaved", [], use_resource=False)
    y = tf.add(tf.matmul(x, w) + b, tf.reduce_sum(a, 1, keepdims=True), name="y")
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        tf.train.Saver([w, b]).save(session, folder + "/model.ckpt")
        tf.saved_model.simple_save(session, folder + "/old", {"x": x, "a": a}, {"y": y})
"""
WEIGHTS = {"w": ("layer.weight", ["transpose"]), "b": "layer.bias"}


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)
        self.norm = nn.BatchNorm1d(4, eps=1e-3)


class Affine(Layer):
    def forward(self, x: Any) -> Any:
        return {"y": self.layer(x)}


class Two(Layer):
    def forward(self, x: Any, a: Any) -> Any:
        return self.layer(x) + a.sum(1, keepdim=True)


class Normalised(Layer):
    def forward(self, x: Any) -> Any:
        return self.norm(self.layer(x))


class Scaled(Layer):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(3))

    def forward(self, x: Any) -> Any:
        return x * self.scale


def show(title: str, *given: Any, **options: Any) -> None:
    print(f"{title}: {compare(*given, **options)}", flush=True)


def main(folder: Path) -> None:
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1"}
    subprocess.run([sys.executable, "-c", EXPORT, str(folder)], check=True, env=environment)
    one, both = ["float32[5, 3]"], {"x": "float32[5, 3]", "a": "float32[5, 3]"}
    show("objects", folder / "new", Affine(), one, weights=WEIGHTS)
    meta = MetaGraph(str(folder / "model.ckpt"), ["x:0", "a:0"], ["y"])
    for dtype in ("float32", "float64"):
        show(f"graph {dtype}", folder / "old", Two(), both, weights=WEIGHTS, dtype=dtype)
        show(f"meta {dtype}", meta, Two(), one * 2, weights=WEIGHTS, dtype=dtype)
    show("swapped", folder / "old", Two(), one * 2, weights=WEIGHTS)  # a comes before x
    show("unnamed", folder / "model.ckpt", Two(), one * 2, weights=WEIGHTS)
    show("nowhere", folder / "nowhere", Two(), one * 2, weights=WEIGHTS)

    import tensorflow as tf

    layers = [
        tf.keras.layers.Dense(4, name="dense"),
        tf.keras.layers.BatchNormalization(name="norm"),
    ]
    model = tf.keras.Sequential([tf.keras.Input((3,)), *layers])
    weights = {
        "dense/kernel": ("layer.weight", ["transpose"]), "dense/bias": "layer.bias",
        "norm/gamma": "norm.weight", "norm/moving_mean": "norm.running_mean",
        "norm/moving_variance": "norm.running_var",
    }  # fmt: skip
    show("keras", model, Normalised().eval(), one, weights=weights)
    show("keras training", model, Normalised().train(), one, weights=weights)
    show("keras float64", model, Normalised().eval(), one, weights=weights, dtype="float64")
    show("no such", model, Normalised().eval(), one, weights={"kern": "layer.weight"})
    scale = tf.Variable(np.arange(3.0, dtype="f"), name="scale")
    show("function", tf.function(lambda x: x * scale), Scaled(), one, weights={"scale": "scale"})

    def graph(x: Any) -> Any:  # TensorFlow has its threads here now, so this runs here too
        import tensorflow.compat.v1 as tf

        return x * tf.get_variable("scale", [3])

    show("beside", graph, Scaled(), one, weights={"scale": "scale"})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
