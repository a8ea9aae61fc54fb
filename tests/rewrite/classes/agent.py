"""An agent with a graph of its own; an early return; a schedule and its step."""
import numpy as np
import tensorflow as tf


class Agent:
    def __init__(self, size, actions, seed):
        self.size, self.actions = size, actions
        self.graph = tf.Graph()
        with self.graph.as_default():
            tf.set_random_seed(seed)
            self.state = tf.placeholder(tf.float32, [None, size])
            self.action = tf.placeholder(tf.int32, [None])
            self.target = tf.placeholder(tf.float32, [None])
            hidden = tf.layers.dense(self.state, 10, activation=tf.nn.relu)
            self.values = tf.layers.dense(hidden, actions)
            chosen = tf.reduce_sum(self.values * tf.one_hot(self.action, actions), axis=1)
            self.cost = tf.losses.mean_squared_error(self.target, chosen)
            self.step = tf.Variable(0, trainable=False)
            rate = tf.train.exponential_decay(0.05, self.step, 5, 0.5)
            self.learn = tf.train.GradientDescentOptimizer(rate).minimize(self.cost, global_step=self.step)
            init = tf.global_variables_initializer()
        self.sess = tf.Session(graph=self.graph)
        self.sess.run(init)

    def act(self, state, greedy=True):
        if not greedy:
            return np.random.randint(self.actions)
        values = self.sess.run(self.values, {self.state: state[None]})
        return int(values[0].argmax())

    def update(self, states, actions, targets):
        feed = {self.state: states, self.action: actions, self.target: targets}
        cost, _, step = self.sess.run([self.cost, self.learn, self.step], feed)
        if np.isnan(cost):
            return None
        return cost, step

    def close(self):
        self.sess.close()


def play(agent, rng):
    for _ in range(6):
        states = rng.randn(4, 3)
        actions = np.array([agent.act(s) for s in states])
        print('%.5f %d' % agent.update(states, actions, rng.rand(4)))


rng = np.random.RandomState(0)
first = Agent(3, 2, seed=1)
play(first, rng)
first.close()
