"""A multilayer perceptron on raw variables, kept in dictionaries.

Three overlapping clusters in 20 dimensions are told apart by two hidden layers.
"""
import numpy as np
import tensorflow as tf

learning_rate = 0.002
num_epochs = 6
batch_size = 50
display_every = 2

n_input = 20
n_hidden_1 = 64
n_hidden_2 = 32
n_classes = 3


def make_clusters(count, seed):
    """Points of three Gaussian clusters and their one-hot labels."""
    rng = np.random.RandomState(seed)
    centres = np.random.RandomState(0).randn(n_classes, n_input)
    labels = rng.randint(0, n_classes, count)
    points = 0.7 * centres[labels] + rng.randn(count, n_input)
    return points.astype(np.float32), np.eye(n_classes, dtype=np.float32)[labels]


train_x, train_y = make_clusters(500, seed=1)
test_x, test_y = make_clusters(200, seed=2)

# What is fed: a batch of points and of labels.
X = tf.placeholder("float", [None, n_input])
Y = tf.placeholder("float", [None, n_classes])

# One entry for each layer.
weights = {
    'h1': tf.Variable(tf.random_normal([n_input, n_hidden_1], stddev=0.1)),
    'h2': tf.Variable(tf.random_normal([n_hidden_1, n_hidden_2], stddev=0.1)),
    'out': tf.Variable(tf.random_normal([n_hidden_2, n_classes], stddev=0.1))
}
biases = {
    'b1': tf.Variable(tf.zeros([n_hidden_1])),
    'b2': tf.Variable(tf.zeros([n_hidden_2])),
    'out': tf.Variable(tf.zeros([n_classes]))
}


def multilayer_perceptron(x):
    """Scores of the classes, before the softmax."""
    layer_1 = tf.add(tf.matmul(x, weights['h1']), biases['b1'])
    layer_1 = tf.nn.relu(layer_1)
    # The second layer saturates instead of clipping.
    layer_2 = tf.add(tf.matmul(layer_1, weights['h2']), biases['b2'])
    layer_2 = tf.nn.tanh(layer_2)
    return tf.matmul(layer_2, weights['out']) + biases['out']


logits = multilayer_perceptron(X)

loss_op = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(
    logits=logits, labels=Y))
optimizer = tf.train.AdamOptimizer(learning_rate=learning_rate)
train_op = optimizer.minimize(loss_op)

# How often is the likeliest class the right one?
pred = tf.nn.softmax(logits)
correct_prediction = tf.equal(tf.argmax(pred, 1), tf.argmax(Y, 1))
accuracy = tf.reduce_mean(tf.cast(correct_prediction, "float"))

init = tf.global_variables_initializer()

with tf.Session() as sess:
    sess.run(init)

    for epoch in range(num_epochs):
        avg_cost = 0.
        total_batch = int(len(train_x) / batch_size)
        for i in range(total_batch):
            batch_x = train_x[i * batch_size:(i + 1) * batch_size]
            batch_y = train_y[i * batch_size:(i + 1) * batch_size]
            _, c = sess.run([train_op, loss_op], feed_dict={X: batch_x,
                                                            Y: batch_y})
            avg_cost += c / total_batch
        if epoch % display_every == 0:
            print("Epoch:", '%04d' % (epoch + 1), "cost={:.6f}".format(avg_cost))
    print("Training is done.")

    print("Test accuracy: {:.4f}".format(accuracy.eval({X: test_x, Y: test_y})))
    probabilities = sess.run(pred, feed_dict={X: test_x[:2]})
    for row, label in zip(probabilities, test_y):
        print("Class %d:" % np.argmax(label), " ".join("%.4f" % p for p in row))
