import tensorflow as tf

import command, model, sample


def main(length=None, batch=2, temperature=1):
    config = model.sizes()
    if length is None:
        length = config["positions"] // 2
    with tf.Session(graph=tf.Graph()) as sess:
        tf.set_random_seed(1)
        output = sample.sequence(
            config=config, length=length, start=3, batch=batch, temperature=temperature
        )[:, 1:]
        sess.run(tf.global_variables_initializer())
        for _ in range(2):
            print(sess.run(output))


if __name__ == "__main__":
    command.run(main)
