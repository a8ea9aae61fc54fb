import numpy as np
import tensorflow as tf

data = np.linspace(-1, 1, 20).reshape(10, 2).astype(np.float32)
target = data.sum(1, keepdims=True)

teacher = tf.Graph()
student = tf.Graph()

with teacher.as_default():
    x_t = tf.placeholder(tf.float32, [None, 2])
    W = tf.Variable(tf.random_normal([2, 1], seed=1), name="W")
    out_t = tf.matmul(x_t, W)
    cost = tf.reduce_mean(tf.square(out_t - target))
    step_t = tf.train.GradientDescentOptimizer(0.1).minimize(cost)
    init_t = tf.global_variables_initializer()

with student.as_default():
    x_s = tf.placeholder(tf.float32, [None, 2])
    soft = tf.placeholder(tf.float32, [None, 1])
    W = tf.Variable(tf.random_normal([2, 1], seed=2), name="W")
    b = tf.Variable(tf.zeros([1]), name="b")
    out_s = tf.matmul(x_s, W) + b
    cost = tf.reduce_mean(tf.square(out_s - soft))
    step_s = tf.train.GradientDescentOptimizer(0.1).minimize(cost)
    init_s = tf.global_variables_initializer()

sess_t = tf.Session(graph=teacher)
sess_s = tf.Session(graph=student)
sess_t.run(init_t)
sess_s.run(init_s)
for _ in range(5):
    sess_t.run(step_t, {x_t: data})
answers = sess_t.run(out_t, {x_t: data})
for i in range(5):
    _, c = sess_s.run([step_s, cost], {x_s: data, soft: answers})
    print(i, c)
print(answers[:2], sess_s.run(W).ravel())
