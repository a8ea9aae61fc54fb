"""Trains a small network with TensorFlow's optimizers: checkpoints on the way, and the end."""

from __future__ import annotations

import os
import pickle
import sys
from typing import Any

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
STEPS, SAVED = 24, 11
RNG = np.random.RandomState(0)
X = RNG.randn(STEPS, 16, 6)
Y = RNG.randn(STEPS, 16, 3)

# Numbers that float32 holds exactly, powers too: TensorFlow keeps these in that type.
RATE, BETAS, EPSILON = 0.0625, (0.5, 0.5), 2.0**-27
OPTIMIZERS = {
    "adam": lambda lr: v1.train.AdamOptimizer(lr, *BETAS, EPSILON),
    "momentum": lambda lr: v1.train.MomentumOptimizer(lr, 0.875),
    "nesterov": lambda lr: v1.train.MomentumOptimizer(lr, 0.75, use_nesterov=True),
    "rmsprop": lambda lr: v1.train.RMSPropOptimizer(lr, 0.75, 0.5, EPSILON),
    "centered": lambda lr: v1.train.RMSPropOptimizer(lr, 0.75, 0.5, EPSILON, centered=True),
    "adagrad": lambda lr: v1.train.AdagradOptimizer(lr, 0.25),
    "adadelta": lambda lr: v1.train.AdadeltaOptimizer(lr, 0.875, EPSILON),
    "ftrl": lambda lr: v1.train.FtrlOptimizer(lr, l1_regularization_strength=2.0**-12),
    "schedule": lambda lr: v1.train.AdamOptimizer(lr, *BETAS, EPSILON),
    "named": lambda lr: v1.train.AdamOptimizer(lr, *BETAS, EPSILON, name="Trainer"),
}


def network(x: Any) -> Any:
    kernel = v1.get_variable("a/kernel", [6, 5], tf.float64)
    bias = v1.get_variable("a/bias", [5], tf.float64, v1.ones_initializer())
    hidden = tf.tanh(x @ kernel + bias)
    last = v1.get_variable(
        "b/kernel", [5, 3], tf.float64, partitioner=v1.fixed_size_partitioner(2, 1)
    )
    return hidden @ tf.convert_to_tensor(last)


def train(kind: str, folder: str, resource: bool) -> dict[str, Any]:
    with tf.Graph().as_default():
        v1.set_random_seed(1)
        v1.get_variable_scope().set_use_resource(resource)
        x = v1.placeholder(tf.float64, [None, 6])
        y = v1.placeholder(tf.float64, [None, 3])
        loss = tf.reduce_mean((network(x) - y) ** 2)
        step = v1.train.get_or_create_global_step()
        rate: Any = RATE
        if kind == "schedule":
            rate = v1.train.exponential_decay(RATE, step, 4, 0.75)
        op = OPTIMIZERS[kind](rate).minimize(loss, global_step=step)
        saver = v1.train.Saver()
        with v1.Session() as sess:
            sess.run(v1.global_variables_initializer())
            losses = []
            for number in range(STEPS):
                if number == SAVED:
                    saver.save(sess, f"{folder}/{kind}-{resource}/model", write_state=False)
                feed = {x: X[number], y: Y[number]}
                losses.append(sess.run([loss, op], feed)[0])
            end = f"{folder}/{kind}-{resource}/end"
            saver.save(sess, end, write_state=False)
            reader = tf.train.load_checkpoint(end)
            names = ("a/kernel", "a/bias", "b/kernel")
            return {"losses": losses, **{name: reader.get_tensor(name) for name in names}}


def main(folder: str) -> None:
    v1.disable_resource_variables()
    found: dict[str, Any] = {"x": X, "y": Y}
    for kind in OPTIMIZERS:
        for resource in (False, True):
            os.makedirs(f"{folder}/{kind}-{resource}")
            found[f"{kind}-{resource}"] = train(kind, folder, resource)
    with open(f"{folder}/training.pickle", "wb") as file:
        pickle.dump(found, file)


if __name__ == "__main__":
    main(sys.argv[1])
