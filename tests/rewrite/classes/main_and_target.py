import numpy as np
import tensorflow as tf
from collections import deque
import random


class DQN:
    """Q network with its own scope."""

    def __init__(self, session, input_size, output_size, name="main"):
        self.session = session
        self.input_size = input_size
        self.output_size = output_size
        self.net_name = name
        self._build_network()

    def _build_network(self, h_size=10, l_rate=1e-1):
        with tf.variable_scope(self.net_name):
            self._X = tf.placeholder(tf.float32, [None, self.input_size], name="input_x")
            W1 = tf.get_variable("W1", shape=[self.input_size, h_size],
                                 initializer=tf.glorot_uniform_initializer())
            layer1 = tf.nn.tanh(tf.matmul(self._X, W1))
            W2 = tf.get_variable("W2", shape=[h_size, self.output_size],
                                 initializer=tf.glorot_uniform_initializer())
            self._Qpred = tf.matmul(layer1, W2)
        self._Y = tf.placeholder(shape=[None, self.output_size], dtype=tf.float32)
        self._loss = tf.reduce_mean(tf.square(self._Y - self._Qpred))
        self._train = tf.train.MomentumOptimizer(l_rate, 0.9).minimize(self._loss)

    def predict(self, state):
        x = np.reshape(state, [1, self.input_size])
        return self.session.run(self._Qpred, feed_dict={self._X: x})

    def update(self, x_stack, y_stack):
        return self.session.run([self._loss, self._train],
                                feed_dict={self._X: x_stack, self._Y: y_stack})


def get_copy_var_ops(*, dest_scope_name="target", src_scope_name="main"):
    op_holder = []
    src_vars = tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope=src_scope_name)
    dest_vars = tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope=dest_scope_name)
    for src_var, dest_var in zip(src_vars, dest_vars):
        op_holder.append(dest_var.assign(src_var.value()))
    return op_holder


def replay_train(mainDQN, targetDQN, train_batch):
    x_stack = np.empty(0).reshape(0, 4)
    y_stack = np.empty(0).reshape(0, 2)
    for state, action, reward, next_state, done in train_batch:
        Q = mainDQN.predict(state)
        if done:
            Q[0, action] = reward
        else:
            Q[0, action] = reward + 0.9 * np.max(targetDQN.predict(next_state))
        y_stack = np.vstack([y_stack, Q])
        x_stack = np.vstack([x_stack, state])
    return mainDQN.update(x_stack, y_stack)


def main():
    rng = np.random.RandomState(0)
    random.seed(1)
    replay_buffer = deque()
    with tf.Session() as sess:
        mainDQN = DQN(sess, 4, 2, name="main")
        targetDQN = DQN(sess, 4, 2, name="target")
        tf.global_variables_initializer().run()
        copy_ops = get_copy_var_ops(dest_scope_name="target", src_scope_name="main")
        sess.run(copy_ops)
        for episode in range(4):
            state = rng.randn(4)
            for step in range(5):
                action = int(np.argmax(mainDQN.predict(state)))
                next_state = state + rng.randn(4) * 0.1
                replay_buffer.append((state, action, 1.0, next_state, step == 4))
                state = next_state
            if episode % 2 == 1:
                for _ in range(3):
                    batch = random.sample(list(replay_buffer), 5)
                    loss, _ = replay_train(mainDQN, targetDQN, batch)
                print("episode", episode, "loss %.5f" % loss)
                sess.run(copy_ops)


if __name__ == "__main__":
    main()
