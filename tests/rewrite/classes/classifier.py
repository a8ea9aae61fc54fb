"""Stanford style: build methods called by build(), attributes named like methods, a property."""
import os
import numpy as np
import tensorflow as tf


class Classifier(object):
    rate = 0.1

    def __init__(self, n_in, n_out=3):
        self.n_in = n_in
        self.n_out = n_out
        self.gstep = tf.Variable(0, dtype=tf.int32, trainable=False, name='global_step')
        self.history = []

    def _create_inputs(self):
        with tf.name_scope('data'):
            self.x = tf.placeholder(tf.float32, [None, self.n_in])
            self.y = tf.placeholder(tf.int32, [None])
            self.training = tf.placeholder_with_default(False, [], name='training')

    def inference(self):
        h = self.x
        for i in range(2):
            h = tf.layers.dense(h, 8, activation=tf.nn.tanh, name='hidden_%d' % i)
        h = tf.layers.batch_normalization(h, training=self.training, momentum=0.9, name='bn')
        self.logits = tf.layers.dense(h, self.n_out, name='logits')

    def loss(self):
        with tf.name_scope('loss'):
            entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=self.y, logits=self.logits)
            self.loss = tf.reduce_mean(entropy, name='loss')

    def optimize(self):
        update_ops = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        with tf.control_dependencies(update_ops):
            self.opt = tf.train.MomentumOptimizer(self.rate, 0.9).minimize(self.loss, global_step=self.gstep)

    def eval(self):
        with tf.name_scope('predict'):
            preds = tf.nn.softmax(self.logits)
            correct = tf.equal(tf.argmax(preds, 1, output_type=tf.int32), self.y)
            self.accuracy = tf.reduce_sum(tf.cast(correct, tf.float32))

    def build(self):
        self._create_inputs()
        self.inference()
        self.loss()
        self.optimize()
        self.eval()

    @property
    def steps(self):
        return len(self.history)

    def train_one_epoch(self, sess, data, labels, step):
        total = 0
        for lo in range(0, len(data), 8):
            feed = {self.x: data[lo:lo + 8], self.y: labels[lo:lo + 8], self.training: True}
            _, l = sess.run([self.opt, self.loss], feed_dict=feed)
            step += 1
            total += l
        self.history.append(total)
        return step

    def eval_once(self, sess, data, labels):
        correct = sess.run(self.accuracy, {self.x: data, self.y: labels})
        print('accuracy %.3f' % (correct / len(data)))

    def train(self, data, labels, n_epochs):
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            step = self.gstep.eval()
            for epoch in range(n_epochs):
                step = self.train_one_epoch(sess, data, labels, step)
                print('epoch', epoch, 'step', step, 'total %.5f' % self.history[-1])
                self.eval_once(sess, data, labels)
            print(self.steps, sess.run(self.gstep))


if __name__ == '__main__':
    rng = np.random.RandomState(0)
    data = rng.randn(32, 5).astype(np.float32)
    labels = (data[:, 0] > 0).astype(np.int32)
    model = Classifier(n_in=5)
    model.build()
    model.train(data, labels, n_epochs=3)
