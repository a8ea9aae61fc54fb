"""A small language model whose widths only its inputs tell."""

import json

import tensorflow as tf

SIZES = '{"words": 11, "positions": 12, "width": 6, "layers": 2}'


def sizes():
    return json.loads(SIZES)


def lengths(x):
    static = x.shape.as_list()
    dynamic = tf.shape(x)
    return [dynamic[i] if size is None else size for i, size in enumerate(static)]


def scaled(x, scope):
    with tf.variable_scope(scope):
        width = x.shape[-1].value
        gain = tf.get_variable("gain", [width], initializer=tf.constant_initializer(1))
        return x * gain * tf.rsqrt(tf.reduce_mean(tf.square(x), axis=-1, keepdims=True) + 1e-5)


def linear(x, scope, width):
    with tf.variable_scope(scope):
        *start, size = lengths(x)
        w = tf.get_variable("w", [size, width], initializer=tf.random_normal_initializer(stddev=1))
        return tf.reshape(tf.matmul(tf.reshape(x, [-1, size]), w), start + [width])


def layer(x, scope, past):
    with tf.variable_scope(scope):
        width = x.shape[-1].value
        h = linear(scaled(x, "norm"), "inner", width * 2)
        k, v = tf.split(h, 2, axis=2)
        present = tf.stack([k, v], axis=1)
        if past is not None:
            before, values = tf.unstack(past, axis=1)
            k, v = tf.concat([before, k], axis=1), tf.concat([values, v], axis=1)
        weights = tf.nn.softmax(tf.matmul(x, k, transpose_b=True))
        return x + linear(tf.matmul(weights, v), "outer", width), present


def model(config, words, past=None, scope="model", reuse=False):
    with tf.variable_scope(scope, reuse=reuse):
        results = {}
        batch, steps = lengths(words)
        places = tf.get_variable("places", [config["positions"], config["width"]])
        table = tf.get_variable("table", [config["words"], config["width"]])
        start = 0 if past is None else tf.shape(past)[-2]
        h = tf.gather(table, words) + tf.gather(places, start + tf.range(steps))
        pasts = tf.unstack(past, axis=1) if past is not None else [None] * config["layers"]
        presents = []
        for number, past in enumerate(pasts):
            h, present = layer(h, "h%d" % number, past=past)
            presents.append(present)
        results["present"] = tf.stack(presents, axis=1)
        flat = tf.reshape(scaled(h, "last"), [batch * steps, config["width"]])
        logits = tf.matmul(flat, table, transpose_b=True)
        results["logits"] = tf.reshape(logits, [batch, steps, config["words"]])
        return results
