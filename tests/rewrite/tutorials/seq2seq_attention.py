# Sequence reversal with an encoder-decoder and Bahdanau attention written by hand
import numpy as np
import tensorflow as tf

# hyper parameters
vocab_size = 12
embed_dim = 8
hidden = 16
max_len = 5
batch_size = 8
learning_rate = 0.01
n_steps = 12
GO = 1

np.random.seed(7)


def next_batch(size):
    src = np.random.randint(2, vocab_size, size=(size, max_len))
    tgt = src[:, ::-1]
    dec_in = np.concatenate([np.full((size, 1), GO), tgt[:, :-1]], axis=1)
    return src.astype(np.int32), dec_in.astype(np.int32), tgt.astype(np.int32)


encoder_inputs = tf.placeholder(tf.int32, [None, max_len], name="encoder_inputs")
decoder_inputs = tf.placeholder(tf.int32, [None, max_len], name="decoder_inputs")
targets = tf.placeholder(tf.int32, [None, max_len], name="targets")

with tf.variable_scope("embedding"):
    embedding = tf.get_variable("W", [vocab_size, embed_dim],
                                initializer=tf.random_uniform_initializer(-0.5, 0.5))
    enc_emb = tf.nn.embedding_lookup(embedding, encoder_inputs)
    dec_emb = tf.nn.embedding_lookup(embedding, decoder_inputs)

with tf.variable_scope("encoder"):
    enc_cell = tf.nn.rnn_cell.GRUCell(hidden)
    enc_outputs, enc_state = tf.nn.dynamic_rnn(enc_cell, enc_emb, dtype=tf.float32)

with tf.variable_scope("attention"):
    W_q = tf.get_variable("W_q", [hidden, hidden])
    W_k = tf.get_variable("W_k", [hidden, hidden])
    v = tf.get_variable("v", [hidden])
    keys = tf.reshape(tf.matmul(tf.reshape(enc_outputs, [-1, hidden]), W_k),
                      [-1, max_len, hidden])


def attend(query):
    """context vector of one decoder step"""
    q = tf.expand_dims(tf.matmul(query, W_q), 1)
    score = tf.reduce_sum(v * tf.tanh(q + keys), axis=2)
    alpha = tf.nn.softmax(score)
    context = tf.reduce_sum(tf.expand_dims(alpha, 2) * enc_outputs, axis=1)
    return context, alpha


with tf.variable_scope("decoder"):
    W_x = tf.get_variable("W_x", [embed_dim + hidden, hidden])
    W_h = tf.get_variable("W_h", [hidden, hidden], initializer=tf.orthogonal_initializer())
    b_h = tf.get_variable("b_h", [hidden], initializer=tf.zeros_initializer())
    W_out = tf.get_variable("W_out", [2 * hidden, vocab_size])
    b_out = tf.get_variable("b_out", [vocab_size], initializer=tf.zeros_initializer())

state = enc_state
logits_list = []
alphas = []
for t, step_input in enumerate(tf.unstack(dec_emb, axis=1)):
    context, alpha = attend(state)
    inp = tf.concat([step_input, context], 1)
    state = tf.tanh(tf.matmul(inp, W_x) + tf.matmul(state, W_h) + b_h)
    logits_list.append(tf.matmul(tf.concat([state, context], 1), W_out) + b_out)
    alphas.append(alpha)
logits = tf.stack(logits_list, axis=1)
attention_map = tf.stack(alphas, axis=1)

loss = tf.reduce_mean(
    tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits))
prediction = tf.argmax(logits, axis=2, output_type=tf.int32)
accuracy = tf.reduce_mean(tf.cast(tf.equal(prediction, targets), tf.float32))

optimizer = tf.train.AdamOptimizer(learning_rate)
grads_and_vars = optimizer.compute_gradients(loss)
capped = [(tf.clip_by_norm(g, 1.0), var) for g, var in grads_and_vars if g is not None]
train_op = optimizer.apply_gradients(capped)

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(n_steps):
        src, dec, tgt = next_batch(batch_size)
        feed = {encoder_inputs: src, decoder_inputs: dec, targets: tgt}
        _, l, acc = sess.run([train_op, loss, accuracy], feed_dict=feed)
        if step % 3 == 0:
            print("step %d loss %.4f accuracy %.3f" % (step, l, acc))
    src, dec, tgt = next_batch(2)
    pred, att = sess.run([prediction, attention_map],
                         feed_dict={encoder_inputs: src, decoder_inputs: dec})
    print("attention", att.shape, att.sum(axis=2).round(3).tolist())
    for s, p in zip(src, pred):
        print("source", s, "->", p)
