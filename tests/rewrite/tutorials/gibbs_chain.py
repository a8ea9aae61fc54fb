"""Restricted Boltzmann machine trained with one step of contrastive divergence."""
from __future__ import print_function

import numpy as np
import tensorflow as tf

num_visible = 12
num_hidden = 6
batchsize = 10
alpha = 0.1
epochs = 3


def sample_prob(probs):
    return tf.nn.relu(tf.sign(probs - tf.random_uniform(tf.shape(probs))))


rng = np.random.RandomState(3)
patterns = rng.rand(4, num_visible) > 0.5
trX = patterns[rng.randint(0, 4, 60)].astype(np.float32)
noise = rng.rand(*trX.shape) < 0.05
trX = np.where(noise, 1 - trX, trX).astype(np.float32)

X = tf.placeholder("float", [None, num_visible])
rbm_w = tf.placeholder("float", [num_visible, num_hidden])
rbm_vb = tf.placeholder("float", [num_visible])
rbm_hb = tf.placeholder("float", [num_hidden])

# gibbs chain
h0 = sample_prob(tf.nn.sigmoid(tf.matmul(X, rbm_w) + rbm_hb))
v1 = sample_prob(tf.nn.sigmoid(tf.matmul(h0, tf.transpose(rbm_w)) + rbm_vb))
h1 = tf.nn.sigmoid(tf.matmul(v1, rbm_w) + rbm_hb)

# gradient of the log likelihood
w_positive_grad = tf.matmul(tf.transpose(X), h0)
w_negative_grad = tf.matmul(tf.transpose(v1), h1)

update_w = rbm_w + alpha * (w_positive_grad - w_negative_grad) / tf.to_float(tf.shape(X)[0])
update_vb = rbm_vb + alpha * tf.reduce_mean(X - v1, 0)
update_hb = rbm_hb + alpha * tf.reduce_mean(h0 - h1, 0)

# reconstruction error
h_sample = sample_prob(tf.nn.sigmoid(tf.matmul(X, rbm_w) + rbm_hb))
v_sample = sample_prob(tf.nn.sigmoid(tf.matmul(h_sample, tf.transpose(rbm_w)) + rbm_vb))
err = X - v_sample
err_sum = tf.reduce_mean(err * err)

# free energy, as a variable side model
W_var = tf.Variable(tf.zeros([num_visible, num_hidden]), name="W_var")
set_w = W_var.assign(rbm_w)
energy = -tf.reduce_sum(tf.log(1.0 + tf.exp(tf.matmul(X, W_var))), axis=1)

sess = tf.Session()
init = tf.initialize_all_variables()
sess.run(init)

n_w = np.zeros([num_visible, num_hidden], np.float32)
n_vb = np.zeros([num_visible], np.float32)
n_hb = np.zeros([num_hidden], np.float32)
o_w = np.zeros([num_visible, num_hidden], np.float32)
o_vb = np.zeros([num_visible], np.float32)
o_hb = np.zeros([num_hidden], np.float32)
print(sess.run(err_sum, feed_dict={X: trX, rbm_w: o_w, rbm_vb: o_vb, rbm_hb: o_hb}))

for epoch in range(epochs):
    for start, end in zip(range(0, len(trX), batchsize), range(batchsize, len(trX) + 1, batchsize)):
        batch = trX[start:end]
        n_w = sess.run(update_w, feed_dict={X: batch, rbm_w: o_w, rbm_vb: o_vb, rbm_hb: o_hb})
        n_vb = sess.run(update_vb, feed_dict={X: batch, rbm_w: o_w, rbm_vb: o_vb, rbm_hb: o_hb})
        n_hb = sess.run(update_hb, feed_dict={X: batch, rbm_w: o_w, rbm_vb: o_vb, rbm_hb: o_hb})
        o_w = n_w
        o_vb = n_vb
        o_hb = n_hb
        if start % 30 == 0:
            print(epoch, start, sess.run(err_sum, feed_dict={X: trX, rbm_w: n_w, rbm_vb: n_vb, rbm_hb: n_hb}))
    sess.run(set_w, feed_dict={rbm_w: o_w})
    print("energy", sess.run(tf.reduce_mean(energy), feed_dict={X: trX}))
print("weights", n_w.shape, "%.4f" % np.abs(n_w).mean())
sess.close()
