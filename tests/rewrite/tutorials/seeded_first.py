import time
from collections import deque

import numpy as np
import tensorflow as tf

np.random.seed(13575)

BATCH_SIZE = 20
USER_NUM = 15
ITEM_NUM = 25
DIM = 4
EPOCH_MAX = 3
DEVICE = "/cpu:0"


def clip(x):
    return np.clip(x, 1.0, 5.0)


def get_data(n=120):
    users = np.random.randint(0, USER_NUM, n)
    items = np.random.randint(0, ITEM_NUM, n)
    rates = clip(3 + 0.1 * (users - 7) + 0.05 * (items - 12) + np.random.randn(n) * 0.3)
    split = int(n * 0.8)
    return (users[:split], items[:split], rates[:split]), (users[split:], items[split:], rates[split:])


class ShuffleIterator(object):
    def __init__(self, inputs, batch_size=10):
        self.inputs = np.transpose(np.vstack(inputs))
        self.batch_size = batch_size
        self.num_cols = self.inputs.shape[1]
        self.len = len(self.inputs)

    def __len__(self):
        return self.len

    def __iter__(self):
        return self

    def __next__(self):
        return self.next()

    def next(self):
        ids = np.random.randint(0, self.len, (self.batch_size,))
        out = self.inputs[ids, :]
        return [out[:, i] for i in range(self.num_cols)]


def inference_svd(user_batch, item_batch, user_num, item_num, dim=5, device="/cpu:0"):
    with tf.device("/cpu:0"):
        bias_global = tf.get_variable("bias_global", shape=[])
        w_bias_user = tf.get_variable("embd_bias_user", shape=[user_num])
        w_bias_item = tf.get_variable("embd_bias_item", shape=[item_num])
        bias_user = tf.nn.embedding_lookup(w_bias_user, user_batch, name="bias_user")
        bias_item = tf.nn.embedding_lookup(w_bias_item, item_batch, name="bias_item")
        w_user = tf.get_variable("embd_user", shape=[user_num, dim],
                                 initializer=tf.truncated_normal_initializer(stddev=0.02))
        w_item = tf.get_variable("embd_item", shape=[item_num, dim],
                                 initializer=tf.truncated_normal_initializer(stddev=0.02))
        embd_user = tf.nn.embedding_lookup(w_user, user_batch, name="embedding_user")
        embd_item = tf.nn.embedding_lookup(w_item, item_batch, name="embedding_item")
    with tf.device(device):
        infer = tf.reduce_sum(tf.multiply(embd_user, embd_item), 1)
        infer = tf.add(infer, bias_global)
        infer = tf.add(infer, bias_user)
        infer = tf.add(infer, bias_item, name="svd_inference")
        regularizer = tf.add(tf.nn.l2_loss(embd_user), tf.nn.l2_loss(embd_item), name="svd_regularizer")
    return infer, regularizer


def optimization(infer, regularizer, rate_batch, learning_rate=0.001, reg=0.1, device="/cpu:0"):
    global_step = tf.train.get_global_step()
    assert global_step is not None
    with tf.device(device):
        cost_l2 = tf.nn.l2_loss(tf.subtract(infer, rate_batch))
        penalty = tf.constant(reg, dtype=tf.float32, shape=[], name="l2")
        cost = tf.add(cost_l2, tf.multiply(regularizer, penalty))
        train_op = tf.train.FtrlOptimizer(learning_rate).minimize(cost, global_step=global_step)
    return cost, train_op


def svd(train, test):
    samples_per_batch = len(train[0]) // BATCH_SIZE
    iter_train = ShuffleIterator(train, batch_size=BATCH_SIZE)
    user_batch = tf.placeholder(tf.int32, shape=[None], name="id_user")
    item_batch = tf.placeholder(tf.int32, shape=[None], name="id_item")
    rate_batch = tf.placeholder(tf.float32, shape=[None])

    infer, regularizer = inference_svd(user_batch, item_batch, user_num=USER_NUM, item_num=ITEM_NUM,
                                       dim=DIM, device=DEVICE)
    global_step = tf.train.get_or_create_global_step()
    _, train_op = optimization(infer, regularizer, rate_batch, learning_rate=0.05, reg=0.05, device=DEVICE)

    init_op = tf.global_variables_initializer()
    with tf.Session() as sess:
        sess.run(init_op)
        print("{} {} {} {}".format("epoch", "train_error", "val_error", "elapsed_time"))
        errors = deque(maxlen=samples_per_batch)
        for i in range(EPOCH_MAX * samples_per_batch):
            users, items, rates = next(iter_train)
            _, pred_batch = sess.run([train_op, infer], feed_dict={user_batch: users,
                                                                   item_batch: items,
                                                                   rate_batch: rates})
            pred_batch = clip(pred_batch)
            errors.append(np.power(pred_batch - rates, 2))
            if i % samples_per_batch == 0:
                train_err = np.sqrt(np.mean(errors))
                pred_batch = sess.run(infer, feed_dict={user_batch: test[0], item_batch: test[1]})
                test_err = np.sqrt(np.mean(np.power(clip(pred_batch) - test[2], 2)))
                print("{:3d} {:f} {:f} step {}".format(i // samples_per_batch, train_err, test_err,
                                                       sess.run(global_step)))


if __name__ == "__main__":
    train_data, test_data = get_data()
    svd(train_data, test_data)
    print("Done!")
