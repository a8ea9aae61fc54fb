import tensorflow as tf
import numpy as np

tf.logging.set_verbosity(tf.logging.ERROR)
flags = tf.app.flags
FLAGS = flags.FLAGS
flags.DEFINE_integer("batch_size", 8, "Batch size.")
flags.DEFINE_integer("train_iter", 10, "Total training iter")
flags.DEFINE_integer("step", 4, "Print every ... iterations")
flags.DEFINE_float("margin", 0.5, "margin of the contrastive loss")


def mynet(input, reuse=False):
    with tf.name_scope("model"):
        with tf.variable_scope("conv1") as scope:
            net = tf.layers.conv2d(input, 4, [5, 5], activation=tf.nn.relu, padding="SAME", name=scope.name, reuse=reuse)
            net = tf.layers.max_pooling2d(net, [2, 2], 2, padding="same")
        with tf.variable_scope("conv2") as scope:
            net = tf.layers.conv2d(net, 8, [3, 3], activation=tf.nn.relu, padding="SAME", name=scope.name, reuse=reuse)
            net = tf.layers.max_pooling2d(net, [2, 2], 2, padding="same")
        net = tf.layers.flatten(net)
        net = tf.layers.dense(net, 5, name="embed", reuse=reuse)
    return net


def contrastive_loss(model1, model2, y, margin):
    with tf.name_scope("contrastive-loss"):
        distance = tf.sqrt(tf.reduce_sum(tf.pow(model1 - model2, 2), 1, keepdims=True) + 1e-8)
        similarity = y * tf.square(distance)
        dissimilarity = (1 - y) * tf.square(tf.maximum((margin - distance), 0))
        return tf.reduce_mean(dissimilarity + similarity) / 2


class Dataset(object):
    def __init__(self, n=40):
        rng = np.random.RandomState(2)
        self.labels = rng.randint(0, 3, n)
        self.images = rng.rand(n, 12, 12, 1).astype(np.float32) * 0.3
        for image, label in zip(self.images, self.labels):
            image[label * 4:(label + 1) * 4] += 0.7
        self.rng = rng

    def get_siamese_batch(self, n):
        left = self.rng.randint(0, len(self.labels), n)
        right = self.rng.randint(0, len(self.labels), n)
        sim = (self.labels[left] == self.labels[right]).astype(np.float32)
        return self.images[left], self.images[right], np.expand_dims(sim, 1)


def main(_):
    dataset = Dataset()
    placeholder_shape = [None] + list(dataset.images.shape[1:])
    print("placeholder_shape", placeholder_shape)
    left = tf.placeholder(tf.float32, placeholder_shape, name="left")
    right = tf.placeholder(tf.float32, placeholder_shape, name="right")
    with tf.name_scope("similarity"):
        label = tf.placeholder(tf.int32, [None, 1], name="label")
        label_float = tf.to_float(label)
    left_output = mynet(left, reuse=False)
    right_output = mynet(right, reuse=True)
    loss = contrastive_loss(left_output, right_output, label_float, FLAGS.margin)
    global_step = tf.Variable(0, trainable=False)
    train_step = tf.train.MomentumOptimizer(0.01, 0.99, use_nesterov=True).minimize(loss, global_step=global_step)
    saver = tf.train.Saver()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        tf.summary.scalar("step", global_step)
        tf.summary.scalar("loss", loss)
        for var in tf.trainable_variables():
            tf.summary.histogram(var.op.name, var)
        for i in range(FLAGS.train_iter):
            batch_left, batch_right, batch_similarity = dataset.get_siamese_batch(FLAGS.batch_size)
            _, l = sess.run([train_step, loss],
                            feed_dict={left: batch_left, right: batch_right, label: batch_similarity})
            print("\r#%d - Loss" % i, l)
            if (i + 1) % FLAGS.step == 0:
                feat = sess.run(left_output, feed_dict={left: dataset.images[:3]})
                print("\n", np.round(feat, 3).tolist())


if __name__ == "__main__":
    tf.app.run()
