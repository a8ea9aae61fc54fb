"""tf.contrib for rule cases: TensorFlow 2 lacks it, tf_slim stands in for its layers."""

from __future__ import annotations

import importlib
import sys
from types import SimpleNamespace
from typing import Any, Final

_LAYERS: Final = ("base", "convolutional", "core", "normalization", "pooling")


class WithContrib:
    """A TensorFlow module with `contrib.layers` and `contrib.slim` in addition."""

    def __init__(self, tf: Any, slim: Any) -> None:
        self._tf = tf
        self.contrib = SimpleNamespace(layers=slim, slim=slim)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tf, name)


def with_contrib(tf: Any) -> Any:
    """`tf` with the layers of tf.contrib where tf_slim is installed, else `tf` itself."""
    try:
        # tf_slim looks for these under the name they had in older releases of tf-keras.
        new, old = "tf_keras.src.legacy_tf_layers", "tf_keras.legacy_tf_layers"
        sys.modules.setdefault(old, importlib.import_module(new))
        for part in _LAYERS:
            sys.modules.setdefault(f"{old}.{part}", importlib.import_module(f"{new}.{part}"))
        return WithContrib(tf, importlib.import_module("tf_slim"))
    except ImportError:
        return tf
