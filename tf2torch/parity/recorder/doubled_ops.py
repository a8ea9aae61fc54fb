"""Ops that take or compute singles only, in double precision by numpy."""

from typing import Any, Callable, List

import numpy as np

FORWARD = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
BACKWARD = ("FusedBatchNormGrad", "FusedBatchNormGradV2", "FusedBatchNormGradV3")
BATCH_NORM = FORWARD + BACKWARD
LEAKY_RELU = ("LeakyRelu", "LeakyReluGrad")


def written(value: float) -> float:
    """The number that somebody wrote: attributes of ops are singles."""
    return float(str(np.float32(value)))


def leaky_relu(op: Any) -> Callable[..., List[Any]]:
    """A slope is an attribute, so it would be rounded."""
    alpha = written(op.get_attr("alpha"))
    if op.type == "LeakyRelu":
        return lambda x: [np.where(x > 0, x, alpha * x)]
    return lambda dy, x: [np.where(x > 0, dy, alpha * dy)]


def batch_norm(op: Any) -> Callable[..., List[Any]]:
    """The function that stands for a batch normalization, or for its gradient."""
    training = op.get_attr("is_training")
    epsilon = written(op.get_attr("epsilon"))
    first = op.get_attr("data_format")
    first = first.decode() if isinstance(first, bytes) else first
    rank = op.inputs[1 if op.type in BACKWARD else 0].shape.ndims or 4
    channel = 1 if first.startswith("NC") else rank - 1
    axes = tuple(axis for axis in range(rank) if axis != channel)
    shape = [1] * rank
    shape[channel] = -1
    count = len(op.outputs)

    def forward(x: Any, scale: Any, offset: Any, mean: Any, variance: Any) -> List[Any]:
        shown = variance
        if training:
            mean, variance = x.mean(axis=axes), x.var(axis=axes)
            number = x.size // max(len(mean), 1)
            shown = variance * number / max(number - 1, 1)
        factor = (scale / np.sqrt(variance + epsilon)).reshape(shape)
        y = (x - mean.reshape(shape)) * factor + offset.reshape(shape)
        found = [y, mean, shown, mean, variance, np.zeros(0)]
        return [np.asarray(part, np.float64) for part in found[:count]]

    def backward(dy: Any, x: Any, scale: Any, mean: Any, variance: Any, *_: Any) -> List[Any]:
        root = 1.0 / np.sqrt(variance + epsilon)
        centred = (x - mean.reshape(shape)) * root.reshape(shape)
        dscale, doffset = (dy * centred).sum(axis=axes), dy.sum(axis=axes)
        dx = dy * (scale * root).reshape(shape)
        if training:
            number = x.size // max(len(mean), 1)
            part = (doffset.reshape(shape) + centred * dscale.reshape(shape)) / number
            dx = (dy - part) * (scale * root).reshape(shape)
        found = [dx, dscale, doffset, np.zeros(0), np.zeros(0)]
        return [np.asarray(part, np.float64) for part in found[:count]]

    return forward if op.type in FORWARD else backward


def read_checkpoint(prefix: Any, names: Any, slices: Any) -> List[Any]:
    """Values of a checkpoint, which may hold singles or doubles."""
    import tensorflow.compat.v1 as tf

    del slices
    path = prefix.decode() if isinstance(prefix, bytes) else str(prefix)
    reader = tf.train.NewCheckpointReader(path)
    found = []
    for name in names:
        value = reader.get_tensor(name.decode() if isinstance(name, bytes) else str(name))
        found.append(value.astype(np.float64) if value.dtype == np.float32 else value)
    return found
