import numpy as np
import tensorflow as tf

tf.set_random_seed(1)
rng = np.random.RandomState(0)


def build_net(s, scope, trainable=True):
    with tf.variable_scope(scope):
        h = tf.layers.dense(s, 10, activation=tf.nn.relu, trainable=trainable, name="l1")
        return tf.layers.dense(h, 2, trainable=trainable, name="q")


s = tf.placeholder(tf.float32, [None, 4], "s")
s_ = tf.placeholder(tf.float32, [None, 4], "s_")
t = tf.placeholder(tf.float32, [None, 2], "t")
q_eval = build_net(s, "eval_net")
q_next = build_net(s_, "target_net", trainable=True)
loss = tf.reduce_mean(tf.squared_difference(t, q_eval))
e_only = tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope="eval_net")
train_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss, var_list=e_only)


def copies(dest_scope_name="target_net", src_scope_name="eval_net"):
    op_holder = []
    src_vars = tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope=src_scope_name)
    dest_vars = tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope=dest_scope_name)
    for src_var, dest_var in zip(src_vars, dest_vars):
        op_holder.append(dest_var.assign(src_var.value()))
    return op_holder


def soft_updates(variables, tau):
    total = len(variables)
    op_holder = []
    for idx, var in enumerate(variables[0 : total // 2]):
        op_holder.append(
            variables[idx + total // 2].assign(
                (var.value() * tau) + ((1 - tau) * variables[idx + total // 2].value())
            )
        )
    return op_holder


def update_target(op_holder, sess):
    for op in op_holder:
        sess.run(op)


copy_ops = copies(src_scope_name="eval_net")
soft_ops = soft_updates(tf.trainable_variables(), 0.3)
t_params = sorted(tf.trainable_variables("target_net"), key=lambda v: v.name)
e_params = sorted(tf.trainable_variables("eval_net"), key=lambda v: v.name)
back = tf.group(*[tf.assign(e, 0.5 * (e + t)) for e, t in zip(e_params, t_params)])
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    sess.run(copy_ops)
    for step in range(8):
        x = rng.randn(5, 4)
        nxt = sess.run(q_next, feed_dict={s_: x})
        l, _ = sess.run([loss, train_op], feed_dict={s: x, t: 0.9 * nxt + 1.0})
        print(step, "%.5f" % l, nxt[0])
        update_target(soft_ops, sess)
        if step % 3 == 2:
            update_target(copy_ops, sess)
        if step == 4:
            sess.run(back)
