"""The MNIST reader of TensorFlow's tutorials."""

import os
import types
from typing import Any, Tuple

import numpy as np


class DataSet:
    """Images and labels in batches, in the order of TensorFlow's tutorials."""

    def __init__(self, images: Any, labels: Any, reshape: bool, seed: Any = None) -> None:
        if seed is not None:
            np.random.seed(seed)
        if reshape:
            images = images.reshape(images.shape[0], -1)
        self.images = images.astype(np.float32) * np.float32(1.0 / 255.0)
        self.labels = labels
        self.num_examples = len(images)
        self.epochs_completed = 0
        self._index = 0

    def next_batch(
        self, batch_size: int, fake_data: bool = False, shuffle: bool = True
    ) -> Tuple[Any, Any]:
        start = self._index
        if self.epochs_completed == 0 and start == 0 and shuffle:
            self._shuffle()
        if start + batch_size <= self.num_examples:
            self._index += batch_size
            return self.images[start : self._index], self.labels[start : self._index]
        self.epochs_completed += 1
        rest = self.images[start:], self.labels[start:]
        if shuffle:
            self._shuffle()
        self._index = batch_size - len(rest[0])
        more = self.images[: self._index], self.labels[: self._index]
        return np.concatenate([rest[0], more[0]]), np.concatenate([rest[1], more[1]])

    def _shuffle(self) -> None:
        order = np.arange(self.num_examples)
        np.random.shuffle(order)
        self.images, self.labels = self.images[order], self.labels[order]


def read_data_sets(
    train_dir: str,
    fake_data: bool = False,
    one_hot: bool = False,
    dtype: Any = None,
    reshape: bool = True,
    validation_size: int = 5000,
    seed: Any = None,
    **_: Any,
) -> Any:
    """Train, validation and test sets from the four files of MNIST in a folder."""
    import gzip
    import struct

    import tensorflow as tf

    if seed is None:  # as TensorFlow's own reader does
        seed = tf.compat.v1.get_default_graph().seed

    def read(name: str) -> Any:
        path = os.path.join(train_dir, name)
        opener = gzip.open if os.path.exists(path + ".gz") else open
        print("Extracting", path + ".gz")
        with opener(path + ".gz" if opener is gzip.open else path, "rb") as stream:
            data = stream.read()
        sizes = struct.unpack_from(">%dI" % data[3], data, 4)
        return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(sizes)

    def labels(name: str) -> Any:
        values = read(name)
        return np.eye(10)[values] if one_hot else values

    images, classes = read("train-images-idx3-ubyte")[..., None], labels("train-labels-idx1-ubyte")
    test = read("t10k-images-idx3-ubyte")[..., None], labels("t10k-labels-idx1-ubyte")
    return types.SimpleNamespace(
        train=DataSet(images[validation_size:], classes[validation_size:], reshape, seed),
        validation=DataSet(images[:validation_size], classes[:validation_size], reshape, seed),
        test=DataSet(test[0], test[1], reshape, seed),
    )
