"""The MNIST reader of TensorFlow's tutorials: the same files, interface and batches."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Datasets(NamedTuple):
    """The three parts of a data set."""

    train: DataSet
    validation: DataSet
    test: DataSet


class DataSet:
    """Images and labels, with next_batch to walk through them in shuffled epochs.

    Images become float32 in [0, 1] (or stay uint8) and rows of height * width numbers. Batches
    straddle epochs; shuffling draws from numpy's global generator.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        dtype: Any = np.float32,
        reshape: bool = True,
        seed: int | None = None,
    ) -> None:
        if seed is not None:
            np.random.seed(seed)
        if len(images) != len(labels):
            raise ValueError(f"{len(images)} images, but {len(labels)} labels")
        if reshape:
            images = images.reshape(len(images), images.shape[1] * images.shape[2])
        if not str(dtype).rstrip("'>").endswith("uint8"):
            images = np.multiply(images.astype(np.float32), 1.0 / 255.0)
        self.images, self.labels = images, labels
        self.epochs_completed = 0
        self._index_in_epoch = 0

    @property
    def num_examples(self) -> int:
        """The number of images."""
        return len(self.images)

    def next_batch(
        self, batch_size: int, fake_data: bool = False, shuffle: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """The next batch_size images and labels; shuffles before each epoch."""
        start = self._index_in_epoch
        if self.epochs_completed == 0 and start == 0 and shuffle:
            self._shuffle()
        end = start + batch_size
        if end <= self.num_examples:
            self._index_in_epoch = end
            return self.images[start:end], self.labels[start:end]
        self.epochs_completed += 1
        images, labels = self.images[start:], self.labels[start:]
        if shuffle:
            self._shuffle()
        end = self._index_in_epoch = batch_size - len(images)
        return np.concatenate([images, self.images[:end]]), np.concatenate(
            [labels, self.labels[:end]]
        )

    def _shuffle(self) -> None:
        order = np.arange(self.num_examples)
        np.random.shuffle(order)
        self.images, self.labels = self.images[order], self.labels[order]


def _read_idx(directory: str | Path, name: str, magic: int) -> np.ndarray:
    """The array in a gzipped IDX file."""
    path = Path(directory) / name
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing: put the four MNIST files (train-images-idx3-ubyte.gz, "
            "train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz) "
            f"into {directory}"
        )
    print("Extracting", path)
    with gzip.open(path) as file:
        content = file.read()
    if int.from_bytes(content[:4], "big") != magic:
        raise ValueError(f"{path} is not an IDX file of the expected kind")
    shape = np.frombuffer(content, ">u4", magic & 255, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def read_data_sets(
    train_dir: str | Path,
    fake_data: bool = False,
    one_hot: bool = False,
    dtype: Any = np.float32,
    reshape: bool = True,
    validation_size: int = 5000,
    seed: int | None = None,
    source_url: str | None = None,
) -> Datasets:
    """input_data.read_data_sets: the MNIST files of a folder as train, validation and test sets.

    Nothing is downloaded. Without a seed numpy's generator stays as it is (TensorFlow seeded it
    from the clock).
    """
    parts = []
    for name in ("train", "t10k"):
        images = _read_idx(train_dir, f"{name}-images-idx3-ubyte.gz", 2051)[..., None]
        labels = _read_idx(train_dir, f"{name}-labels-idx1-ubyte.gz", 2049)
        parts.append((images, np.eye(10)[labels] if one_hot else labels))
    (images, labels), test = parts
    if not 0 <= validation_size <= len(images):
        raise ValueError(f"validation_size must be between 0 and {len(images)}")
    cut = validation_size
    pairs = [(images[cut:], labels[cut:]), (images[:cut], labels[:cut]), test]
    return Datasets(*(DataSet(*pair, dtype, reshape, seed) for pair in pairs))
