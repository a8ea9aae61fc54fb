"""The old TensorFlow and numpy that a program may expect."""

import os
import sys
import types
from typing import Any

import numpy as np

from .tutorials import read_data_sets


def supply_numpy_names() -> None:
    """Names that numpy had when the program was written."""
    for kind in (int, float, bool, object, str, complex):
        if kind.__name__ not in np.__dict__:
            setattr(np, kind.__name__, kind)
    for name, value in (
        ("Inf", np.inf),
        ("NaN", np.nan),
        ("float_", np.float64),
        ("product", np.prod),
    ):
        if name not in np.__dict__:
            setattr(np, name, value)


def load_tensorflow() -> Any:
    """TensorFlow 1, or the part of TensorFlow 2 that behaves like it, under its old name."""
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow

    if not tensorflow.__version__.startswith("2."):
        return tensorflow
    import tensorflow.compat.v1 as tf

    tf.disable_v2_behavior()
    tf.logging.set_verbosity(tf.logging.ERROR)
    module = types.ModuleType("tensorflow")
    module.__dict__.update(
        (name, getattr(tf, name)) for name in dir(tf) if not name.startswith("__")
    )
    module.__dict__.update(
        __path__=tensorflow.__path__, __file__=tensorflow.__file__, __spec__=tensorflow.__spec__,
        __version__=tensorflow.__version__, compat=tf.compat, keras=tf.keras,
    )  # fmt: skip
    sys.modules["tensorflow"] = module
    for name in ("nn", "layers", "train", "data", "keras", "flags", "app"):
        sys.modules.setdefault("tensorflow." + name, getattr(tf, name))
    return tf


def supply_tutorials(tf: Any) -> None:
    """`tensorflow.examples.tutorials.mnist`, where TensorFlow no longer has it."""
    try:
        from tensorflow.examples.tutorials.mnist import input_data

        # What the reader itself prints is no output of the program.
        input_data.read_data_sets.__globals__["print"] = lambda *values, **options: None
        return
    except ImportError:
        pass
    names = [
        "tensorflow.examples",
        "tensorflow.examples.tutorials",
        "tensorflow.examples.tutorials.mnist",
    ]
    modules = [types.ModuleType(name) for name in names]
    for name, module in zip(names, modules):
        module.__path__ = []
        sys.modules[name] = module
    reader = types.ModuleType(names[-1] + ".input_data")
    reader.read_data_sets = read_data_sets  # type: ignore[attr-defined]
    sys.modules[reader.__name__] = reader
    modules[2].input_data = reader  # type: ignore[attr-defined]
    modules[1].mnist, modules[0].tutorials = modules[2], modules[1]  # type: ignore[attr-defined]
    sys.modules["tensorflow"].examples = modules[0]  # type: ignore[attr-defined]
