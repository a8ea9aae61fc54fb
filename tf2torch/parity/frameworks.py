"""Run TensorFlow in a process of its own, or here where it has started its threads already."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from tf2torch.parity.isolated import here, isolated


def runtime_is_up() -> bool:
    """Whether TensorFlow has started its threads in this process: a fork would wait for them."""
    if "tensorflow" not in sys.modules:
        return False
    context = sys.modules.get("tensorflow.python.eager.context")
    made = getattr(context, "_context", None) if context is not None else None
    return bool(getattr(made, "_initialized", False))


def tensorflow_process(function: Callable[[bool], Any], alone: bool = True) -> Any:
    """The result of a function of TensorFlow, which is told whether its process is its own."""
    if alone and not runtime_is_up():
        return isolated("TensorFlow", partial(function, True))
    return here("TensorFlow", partial(function, False))


def tensorflow_1(isolated: bool) -> Any:
    """TensorFlow 1; in a process that others use too nothing is changed for them."""
    if isolated:
        from tf2torch.parity.recorder.legacy import load_tensorflow

        return load_tensorflow()
    import tensorflow.compat.v1 as tf

    return tf
