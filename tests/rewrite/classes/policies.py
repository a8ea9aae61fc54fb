import numpy as np
import tensorflow as tf
np.random.seed(0)
def mlp(x, hidden_sizes=(32,), activation=tf.tanh, output_activation=None):
    for h in hidden_sizes[:-1]:
        x = tf.layers.dense(x, units=h, activation=activation)
    return tf.layers.dense(x, units=hidden_sizes[-1], activation=output_activation)
obs = tf.placeholder(tf.float32, [None, 4])
acts = tf.placeholder(tf.int32, [None])
with tf.variable_scope('pi'):
    logits = mlp(obs, [16, 12, 3])
with tf.variable_scope('v'):
    value = tf.squeeze(mlp(obs, [16, 1], activation=tf.nn.relu), axis=1)
logp = tf.reduce_sum(tf.one_hot(acts, 3) * tf.nn.log_softmax(logits), axis=1)
loss = -tf.reduce_mean(logp * value)
train = tf.train.RMSPropOptimizer(0.01).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for _ in range(3):
        batch = np.random.randn(8, 4)
        print(sess.run([loss, train], {obs: batch, acts: np.random.randint(0, 3, 8)})[0])
