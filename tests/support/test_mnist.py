"""The MNIST reader; the expected batches are those of TensorFlow 1.15's own reader."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

from tf2torch.support.mnist import read_data_sets


@pytest.fixture
def folder(tmp_path):
    """Sixteen training and four test images of 2 x 2, filled with their numbers."""
    for name, count in (("train", 16), ("t10k", 4)):
        pixels = np.repeat(np.arange(count, dtype=np.uint8), 4).tobytes()
        labels = (np.arange(count) % 10).astype(np.uint8).tobytes()
        with gzip.open(tmp_path / f"{name}-images-idx3-ubyte.gz", "wb") as file:
            file.write(struct.pack(">4I", 2051, count, 2, 2) + pixels)
        with gzip.open(tmp_path / f"{name}-labels-idx1-ubyte.gz", "wb") as file:
            file.write(struct.pack(">2I", 2049, count) + labels)
    return tmp_path


def numbers(images):
    return np.rint(images.reshape(len(images), -1)[:, 0] * 255).astype(int).tolist()


def test_batches_are_those_of_tensorflow(folder):
    data = read_data_sets(folder, validation_size=4, seed=3)
    batches = [data.train.next_batch(5) for _ in range(6)]
    assert [numbers(images) for images, _ in batches] == [
        [9, 8, 5, 6, 15],
        [10, 11, 4, 7, 13],
        [12, 14, 6, 14, 8],
        [5, 13, 7, 15, 9],
        [11, 4, 10, 12, 13],
        [9, 11, 12, 6, 7],
    ]
    for images, labels in batches:
        assert labels.tolist() == [n % 10 for n in numbers(images)]
    assert data.train.epochs_completed == 2
    assert data.test.images.dtype == np.float32
    assert float(data.test.images[3, 0]).hex() == "0x1.8181840000000p-7"


def test_parts_and_forms(folder):
    data = read_data_sets(str(folder), one_hot=True, reshape=False, validation_size=4)
    parts = (data.train, data.validation, data.test)
    assert [part.num_examples for part in parts] == [12, 4, 4]
    assert data.train.images.shape == (12, 2, 2, 1)
    assert data.train.labels.dtype == np.float64
    np.testing.assert_array_equal(data.train.labels.argmax(1), np.arange(4, 16) % 10)
    raw = read_data_sets(folder, dtype=np.uint8, validation_size=0)
    assert raw.train.images.dtype == np.uint8 and raw.train.images[15, 0] == 15


def test_without_shuffling_the_order_is_that_of_the_file(folder):
    data = read_data_sets(folder, validation_size=0)
    found = [numbers(data.train.next_batch(6, shuffle=False)[0]) for _ in range(3)]
    assert found == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11], [12, 13, 14, 15, 0, 1]]


def test_the_global_generator_decides_without_a_seed(folder):
    orders = []
    for _ in range(2):
        np.random.seed(7)
        data = read_data_sets(folder, validation_size=0)
        orders.append(numbers(data.train.next_batch(16)[0]))
    assert orders[0] == orders[1] != sorted(orders[0])


def test_missing_and_wrong_files_are_named(folder):
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match="t10k-labels-idx1-ubyte.gz is missing"):
        read_data_sets(folder, validation_size=0)
    with gzip.open(folder / "train-images-idx3-ubyte.gz", "wb") as file:
        file.write(b"\0\0\0\0")
    with pytest.raises(ValueError, match="not an IDX file"):
        read_data_sets(folder)
    with pytest.raises(FileNotFoundError, match="put the four MNIST files"):
        read_data_sets(folder / "absent")


def test_validation_size_must_fit(folder):
    with pytest.raises(ValueError, match="between 0 and 16"):
        read_data_sets(folder)


def test_files_are_announced_as_tensorflow_does(folder, capsys):
    read_data_sets(folder, validation_size=0)
    parts = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    expected = "".join(f"Extracting {folder}/{part}-ubyte.gz\n" for part in parts)
    assert capsys.readouterr().out == expected
