import tensorflow as tf

import model


def sequence(*, config, length, start=None, batch=None, context=None, temperature=1):
    if start is None:
        assert context is not None
    else:
        assert context is None
        context = tf.fill([batch, 1], start)

    def step(tokens, past=None):
        made = model.model(config, tokens, past=past, reuse=tf.AUTO_REUSE)
        made["present"].set_shape([batch, config["layers"], 2, None, config["width"]])
        return made["logits"][:, -1, :] / tf.to_float(temperature), made["present"]

    def body(past, previous, output):
        logits, present = step(previous, past)
        drawn = tf.multinomial(logits, num_samples=1, output_dtype=tf.int32)
        return [
            present if past is None else tf.concat([past, present], axis=-2),
            drawn,
            tf.concat([output, drawn], axis=1),
        ]

    past, previous, output = body(None, context, context)
    _, _, tokens = tf.while_loop(
        cond=lambda *_: True,
        body=body,
        maximum_iterations=length - 1,
        loop_vars=[past, previous, output],
        shape_invariants=[
            tf.TensorShape([batch, config["layers"], 2, None, config["width"]]),
            tf.TensorShape([batch, None]),
            tf.TensorShape([batch, None]),
        ],
        back_prop=False,
    )
    return tokens
