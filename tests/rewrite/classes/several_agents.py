import numpy as np
import tensorflow as tf


class Actor:
    def __init__(self, sess, n_in, n_out, scope, lr=0.01):
        self.sess = sess
        self.scope = scope
        self.x = tf.placeholder(tf.float32, [None, n_in], "x")
        self.t = tf.placeholder(tf.float32, [None, n_out], "t")
        with tf.variable_scope(scope):
            h = self.x
            for i in range(2):
                h = tf.layers.dense(h, 8, tf.nn.relu, name="fc%d" % i)
            self.y = tf.layers.dense(h, n_out)
        self.bias = tf.Variable(tf.zeros([n_out]))
        self.out = self.y + self.bias
        self.loss = tf.losses.mean_squared_error(self.t, self.out)
        self.op = tf.train.GradientDescentOptimizer(lr).minimize(self.loss)

    def learn(self, x, t):
        loss, _ = self.sess.run([self.loss, self.op], {self.x: x, self.t: t})
        return loss

    def predict(self, x):
        return self.sess.run(self.out, feed_dict={self.x: x})


rng = np.random.RandomState(1)
sess = tf.Session()
names = ["left", "right", "mid"]
agents = [Actor(sess, 4, 2, "agent_" + name) for name in names]
sess.run(tf.global_variables_initializer())
for step in range(6):
    x = rng.randn(8, 4)
    agent = agents[step % 3]
    loss = agent.learn(x, np.tanh(x[:, :2]))
    print(step, "%.5f" % loss)
for a in agents:
    print(a.predict(np.ones((1, 4))))
