import numpy as np
import tensorflow as tf

data = np.ones((3, 2), np.float32)
g1 = tf.Graph()
g2 = tf.Graph()
with g1.as_default():
    x1 = tf.placeholder(tf.float32, [None, 2])
    w = tf.get_variable("w", [2, 1])
    y1 = tf.matmul(x1, w)
    init1 = tf.global_variables_initializer()
with g2.as_default():
    x2 = tf.placeholder(tf.float32, [None, 2])
    w = tf.get_variable("w", [2, 3])
    y2 = tf.matmul(x2, w)
    init2 = tf.global_variables_initializer()
s1 = tf.Session(graph=g1)
s2 = tf.Session(graph=g2)
s1.run(init1)
s2.run(init2)
for i in range(3):
    a = s1.run(y1, {x1: data})
    b = s2.run(y2, {x2: data * i})
    print(a.sum(), b.sum())
