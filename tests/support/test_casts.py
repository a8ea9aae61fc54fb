"""Casts against TensorFlow."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import torch

from tf2torch.support import casts as support


@pytest.mark.parametrize(
    ("source", "target"),
    [("float32", "uint8"), ("float32", "int32"), ("int32", "int16"), ("float64", "float32")],
)
def test_saturate_cast(compare, source, target):
    x = np.array([-3e38 if source[0] == "f" else -70000, -1.5, 0, 3, 300, 70000, 2**31 - 1])
    compare(
        lambda x: tf.saturate_cast(x, target),
        lambda x: support.saturate_cast(x, getattr(torch, target)),
        x.astype(source),
        dtypes=(source,) if source[0] == "f" else ("float32",),
        wrt=(),
    )


def test_numpy_dtype():
    assert support.numpy_dtype(torch.float64) == np.float64
    assert support.numpy_dtype(torch.bool) == np.bool_
