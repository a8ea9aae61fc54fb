import tensorflow as tf

import command, model, sample


def main(length=None, batch=2, temperature=0.5):
    config = model.sizes()
    if length is None:
        length = config["positions"] // 2
    with tf.Session(graph=tf.Graph()) as sess:
        context = tf.placeholder(tf.int32, [batch, None])
        tf.set_random_seed(1)
        output = sample.sequence(
            config=config, length=length, context=context, batch=batch, temperature=temperature
        )
        sess.run(tf.global_variables_initializer())
        for prompt in [5], [1, 2, 3]:
            out = sess.run(output, feed_dict={context: [prompt for _ in range(batch)]})
            print(out[:, len(prompt) :])


if __name__ == "__main__":
    command.run(main)
