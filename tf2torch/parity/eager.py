"""Run TensorFlow 2's side of a comparison: a Keras model, a `tf.function`, a served signature.

Such an object lives in this process, with TensorFlow's threads, so it runs here and in no fork.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tf2torch.parity.sides import Side, called, cotangents
from tf2torch.parity.structures import leaves, mapped


class SingleOnly(ValueError):
    """Double precision of an object that has been made in single precision."""


def is_eager(function: Any) -> bool:
    """Whether something computes when it is called, where a TF1 function only builds a graph."""
    kinds = [base.__module__.split(".")[0] for base in type(function).__mro__]
    return bool({"keras", "tf_keras"} & set(kinds)) or (
        hasattr(function, "get_concrete_function") or ("tensorflow" in kinds and callable(function))
    )


def eager_side(function: Any, inputs: Any, gradients: bool, seed: int, double: bool) -> Side:
    import tensorflow as tf

    if not tf.executing_eagerly():  # somebody has turned TensorFlow 2's ways off in this process
        with tf.__internal__.eager_context.eager_mode():
            return eager_side(function, inputs, gradients, seed, double)

    def tensor(value: Any) -> Any:
        array = np.asarray(value)
        return tf.constant(
            array.astype(np.float64) if double and array.dtype.kind == "f" else array
        )

    known = variables_of(function)
    if double and any(v.dtype in ("float32", tf.float32) for v in known):
        raise SingleOnly(
            "It has variables of single precision: for float64 give the function that makes its "
            "graph, or make it with float64"
        )
    given = mapped(tensor, inputs)
    flat = [leaf for _, leaf in leaves(given) if leaf.dtype.is_floating]
    with tf.GradientTape() as tape:
        for leaf in flat:
            tape.watch(leaf)
        outputs = called(function, given)
        values = mapped(lambda t: t.numpy(), outputs)
        total = 0.0
        for (_, leaf), weight in zip(leaves(outputs), cotangents(values, seed)):
            if weight is not None:
                total += tf.reduce_sum(leaf * tf.cast(weight, leaf.dtype))
    watched = list(tape.watched_variables())
    known = variables_of(function) or watched
    side = Side(values, variables={name_of(v): value_of(v) for v in known})
    if gradients:
        trained = [getattr(v, "value", v) if is_keras_3(v) else v for v in known]
        names = [name_of(v) for v in known]
        found = tape.gradient(total, [*flat, *trained])
        dense = [None if g is None else tf.convert_to_tensor(g).numpy() for g in found]
        side.input_gradients = dense[: len(flat)]
        side.gradients = {n: g for n, g in zip(names, dense[len(flat) :]) if g is not None}
    return side


def variables_of(function: Any) -> list[Any]:
    """The variables that an object has or a function has captured, as far as it knows them."""
    found = getattr(function, "variables", None)
    return list(found) if isinstance(found, (list, tuple)) else []


def is_keras_3(variable: Any) -> bool:
    return hasattr(variable, "path") and not callable(getattr(variable, "value", None))


def name_of(variable: Any) -> str:
    return str(getattr(variable, "path", variable.name)).split(":")[0]


def value_of(variable: Any) -> Any:
    return np.asarray(variable.numpy())


def loaded_signature(path: Path) -> Any:
    """The function that a SavedModel of TensorFlow 2 serves, with its variables."""
    import tensorflow as tf

    model = tf.saved_model.load(str(path))
    if "serving_default" not in model.signatures:
        raise ValueError(
            f"{path} has no signature 'serving_default', only {sorted(model.signatures)}"
        )
    signature = model.signatures["serving_default"]
    keys = sorted(signature.structured_input_signature[1])

    class Served:
        """Takes its inputs by name, or in the order of their names."""

        variables = list(signature.variables) or list(getattr(model, "variables", ()))

        def __call__(self, *given: Any, **named: Any) -> Any:
            return signature(**dict(zip(keys, given)), **named)

    return Served()
