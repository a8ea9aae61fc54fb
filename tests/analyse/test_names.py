"""Analysis gives variables the names and shapes that TensorFlow gives them."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent

import pytest

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow.compat.v1 as tf

from tf2torch.analyse import Analysis, analyse
from tf2torch.config import Options
from tf2torch.load import load_text
from tf2torch.rulebook.loader import load_rulebook

PROGRAMS = {
    "default names are numbered": """
        a = tf.Variable(tf.zeros([2]))
        b = tf.Variable(tf.zeros([3]))
        c = tf.Variable(tf.zeros([4]), name="c")
        d = tf.Variable(tf.zeros([4]), name="C")
    """,
    "name scopes name raw variables, variable scopes the others": """
        with tf.name_scope("n"):
            a = tf.Variable(tf.zeros([2]), name="w")
            b = tf.get_variable("w", [2])
        with tf.variable_scope("v"):
            c = tf.Variable(tf.zeros([2]), name="w")
            d = tf.get_variable("w", [2])
        with tf.variable_scope("v"):
            e = tf.Variable(tf.zeros([2]), name="w")
    """,
    "layers are numbered in their scope": """
        x = tf.placeholder(tf.float32, [None, 4])
        h = tf.layers.dense(x, 3)
        with tf.variable_scope("s"):
            h = tf.layers.dense(h, 3)
            h = tf.layers.dense(h, 3)
        h = tf.layers.dense(h, 3)
        h = tf.layers.dense(h, 3, name="named")
    """,
    "a reused scope makes nothing new": """
        def net(x, reuse):
            with tf.variable_scope("net", reuse=reuse):
                return tf.layers.dense(tf.layers.dense(x, 3), 2)

        x = tf.placeholder(tf.float32, [None, 4])
        one = net(x, False)
        two = net(x, True)
    """,
    "names computed in a loop": """
        x = tf.placeholder(tf.float32, [None, 4])
        for i in range(3):
            with tf.variable_scope("layer_%d" % i):
                w = tf.get_variable("w", [4, 4])
                x = tf.matmul(x, w)
    """,
    "variables in dictionaries, made by a function": """
        def weight(shape, name):
            return tf.Variable(tf.random_normal(shape), name=name)

        sizes = {"a": [2, 3], "b": [3, 4]}
        weights = {key: weight(sizes[key], "w_" + key) for key in ["a", "b"]}
    """,
    "reuse_variables inside a scope": """
        with tf.variable_scope("s") as scope:
            a = tf.get_variable("w", [2])
            scope.reuse_variables()
            b = tf.get_variable("w", [2])
        c = tf.get_variable("w", [3])
    """,
    "a scope object opened again": """
        with tf.variable_scope("outer") as outer:
            a = tf.get_variable("a", [2])
        with tf.variable_scope("other"):
            with tf.variable_scope(outer):
                b = tf.get_variable("b", [2])
    """,
}


def analysed(text: str) -> Analysis:
    source = load_text("import tensorflow as tf\n" + dedent(text), Path("program.py"))
    return analyse(source, load_rulebook(), Options())


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_variable_names(text: str) -> None:
    with tf.Graph().as_default():
        exec(dedent(text), {"tf": tf})
        expected = [variable.op.name for variable in tf.global_variables()]
    found: list[str] = []
    for creation in analysed(text).creations:
        found += [v.name for v in creation.variables if v.name not in found]
    assert found == expected


SHAPES = """
    x = tf.placeholder(tf.float32, [None, 28, 28, 1])
    conv = tf.layers.conv2d(x, 8, 5, strides=2, padding="same")
    pool = tf.layers.max_pooling2d(conv, 3, 2)
    flat = tf.layers.flatten(pool)
    parts = tf.split(flat, 2, axis=1)
    joined = tf.concat(parts, 1)
    total = tf.reduce_sum(joined * 2.0, axis=1, keep_dims=True)
    row = x[0, :, 3:-2, 0]
    wide = tf.expand_dims(row, -1) + tf.zeros([5])
"""


def test_shapes() -> None:
    names: dict[str, object] = {"tf": tf}
    with tf.Graph().as_default():
        exec(dedent(SHAPES), names)
        known = {n: v for n, v in names.items() if isinstance(v, tf.Tensor)}
        expected = {n: tuple(v.shape.as_list()) for n, v in known.items()}
        types = {n: v.dtype.name for n, v in known.items()}
    values = analysed(SHAPES).names
    found = {n: tuple(d.size for d in values[n].shape or ()) for n in expected}
    assert found == expected
    assert {n: values[n].dtype for n in types} == types
