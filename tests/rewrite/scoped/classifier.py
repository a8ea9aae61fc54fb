"""A classifier around a network whose widths a configuration gives, with checks that name tensors."""

import json

import tensorflow as tf


class Config(object):
    def __init__(self, text):
        for key, value in json.loads(text).items():
            setattr(self, key, value)


def check_rank(tensor, rank, name=None):
    if name is None:
        name = tensor.name
    if tensor.shape.ndims != rank:
        where = tf.get_variable_scope().name
        raise ValueError("%s in %s has not rank %d" % (name, where, rank))


def sizes_of(tensor, rank=None, name=None):
    if name is None:
        name = tensor.name
    if rank is not None:
        check_rank(tensor, rank, name)
    static, dynamic = tensor.shape.as_list(), tf.shape(tensor)
    return [dynamic[i] if size is None else size for i, size in enumerate(static)]


class Network(object):
    def __init__(self, config, words, scope=None):
        batch, length = sizes_of(words, rank=2)
        with tf.variable_scope(scope, default_name="net"):
            table = tf.get_variable("table", [config.words, config.width])
            h = tf.reshape(tf.gather(table, words), [batch, length, config.width])
            for number in range(config.layers):
                with tf.variable_scope("layer_%d" % number):
                    h = h + tf.layers.dense(h, config.width, activation=tf.tanh, name="inner")
            self.pooled = tf.layers.dense(h[:, 0], config.width, name="pool")

    def get_pooled(self):
        return self.pooled


def create_model(config, words, labels, classes):
    network = Network(config=config, words=words)
    output = network.get_pooled()
    width = output.shape[-1].value
    weights = tf.get_variable("weights", [classes, width])
    with tf.variable_scope("loss"):
        logits = tf.matmul(output, weights, transpose_b=True)
        log_probs = tf.nn.log_softmax(logits, axis=-1)
        each = -tf.reduce_sum(tf.one_hot(labels, depth=classes) * log_probs, axis=-1)
        return tf.reduce_mean(each), logits


def main():
    config = Config('{"words": 9, "width": 4, "layers": 2}')
    words = tf.placeholder(tf.int32, [2, 3])
    labels = tf.placeholder(tf.int32, [2])
    loss, logits = create_model(config, words, labels, 3)
    train = tf.train.AdamOptimizer(0.01).minimize(loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for step in range(3):
            feed = {words: [[step, 1, 2], [8, 7, step]], labels: [step, 1]}
            _, value, shown = sess.run([train, loss, logits], feed_dict=feed)
            print(value, shown)


main()
