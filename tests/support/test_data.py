"""Pipelines against tf.data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import torch
from torch.utils.data import DataLoader

from tf2torch.support.data import Pipeline

T = tf.data.Dataset


def drain_tf(make, limit=200):
    """The first elements of make() as nested numpy values."""
    with tf.Graph().as_default(), tf.Session() as session:
        iterator = tf.data.make_initializable_iterator(make())
        element = iterator.get_next()
        session.run([iterator.initializer, tf.tables_initializer()])
        found = []
        while len(found) < limit:
            try:
                found.append(session.run(element))
            except tf.errors.OutOfRangeError:
                break
        return found


def plain(value):
    """Tensors as lists, so that nested values compare with ==."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return tuple(plain(part) for part in value)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, str):
        return value
    array = np.asarray(value)
    return array.astype(str).tolist() if array.dtype == object else array.tolist()


def same(make_tf, pipeline, limit=200):
    expected = [plain(value) for value in drain_tf(make_tf, limit)]
    found = []
    for value in pipeline:
        if len(found) == limit:
            break
        found.append(plain(value))
    assert found == expected and expected
    return expected


X = np.arange(20, dtype="float32").reshape(10, 2)
Y = np.arange(10)


def both(build):
    """build(dataset class) for both frameworks, which share their method names."""
    same(lambda: build(T), build(Pipeline))


def test_slices_of_tuples_and_dicts():
    both(lambda d: d.from_tensor_slices((X, Y)))
    both(lambda d: d.from_tensor_slices({"x": X, "y": Y}))
    both(lambda d: d.from_tensor_slices([1.5, 2.5]))
    both(lambda d: d.from_tensor_slices(["a", "b", "c"]).batch(2))
    both(lambda d: d.from_tensors((X, Y)))
    assert next(iter(Pipeline.from_tensor_slices([1.5]))).dtype == torch.float32
    with pytest.raises(ValueError, match="different length"):
        Pipeline.from_tensor_slices((X, Y[:5]))


@pytest.mark.parametrize("drop", [False, True])
@pytest.mark.parametrize("size", [4, 5])
def test_batch_and_repeat_in_either_order(size, drop):
    both(lambda d: d.from_tensor_slices((X, Y)).batch(size, drop_remainder=drop).repeat(2))
    both(lambda d: d.from_tensor_slices((X, Y)).repeat(3).batch(size, drop_remainder=drop))
    both(lambda d: d.range(10).repeat().batch(size).take(7))


def test_take_skip_shard_concatenate_and_enumerate():
    both(lambda d: d.range(3, 20, 4).skip(1).take(2))
    both(lambda d: d.range(5).take(-1).concatenate(d.range(2)))
    both(lambda d: d.range(10).shard(3, 1))
    both(lambda d: d.zip((d.range(4), d.range(10, 14), d.from_tensor_slices({"x": X}))))
    both(lambda d: d.range(3).prefetch(2).apply(lambda p: p.repeat(2)))
    same(
        lambda: T.range(3).apply(tf.data.experimental.enumerate_dataset(5)),
        Pipeline.range(3).enumerate(5),
    )


def test_map_filter_and_flat_map():
    both(lambda d: d.from_tensor_slices((X, Y)).map(lambda x, y: (x * 2, y + 1, x + 1)))
    both(lambda d: d.from_tensor_slices({"x": X}).map(lambda e: e["x"] * 2))
    both(lambda d: d.range(10).filter(lambda n: n % 3 < 1))
    both(lambda d: d.from_tensor_slices((X, Y)).filter(lambda x, y: y > 4).map(lambda x, y: x))
    both(lambda d: d.range(4).flat_map(lambda n: d.range(3)))
    same(
        lambda: T.from_tensor_slices((X, Y)).batch(4).apply(tf.data.experimental.unbatch()),
        Pipeline.from_tensor_slices((X, Y)).batch(4).unbatch(),
    )


@pytest.mark.parametrize(("cycle", "block"), [(1, 1), (2, 1), (3, 2), (4, 4), (7, 1), (2, 5)])
def test_interleave(cycle, block):
    sizes = np.array([3, 1, 0, 5, 2, 4])
    same(
        lambda: T.from_tensor_slices(sizes).interleave(
            lambda n: T.from_tensors(n).repeat(n), cycle, block
        ),
        Pipeline.from_tensor_slices(sizes).interleave(
            lambda n: Pipeline.from_tensors(n).repeat(int(n)) if n else Pipeline.range(0),
            cycle,
            block,
        ),
    )


@pytest.mark.parametrize("drop", [False, True])
def test_padded_batch(drop):
    rows = [[1], [2, 2], [3, 3, 3], [4], []]

    def generate():
        return iter(rows)

    same(
        lambda: T.from_generator(generate, tf.int64, [None]).padded_batch(
            2, [None], drop_remainder=drop
        ),
        Pipeline.from_generator(generate, torch.int64).padded_batch(2, drop_remainder=drop),
    )
    same(
        lambda: T.from_generator(
            lambda: ((r, len(r)) for r in rows), (tf.int64, tf.int64), ([None], [])
        ).padded_batch(3, ([4], []), (np.int64(-1), np.int64(0)), drop_remainder=drop),
        Pipeline.from_generator(
            lambda: ((r, len(r)) for r in rows), (torch.int64, torch.int64)
        ).padded_batch(3, ([4], []), (-1, 0), drop_remainder=drop),
    )


def test_text_lines(tmp_path):
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_bytes(b"one\r\ntwo\n\nfour")
    second.write_bytes("fünf\n".encode())
    names = [str(first), str(second)]
    same(lambda: tf.data.TextLineDataset(names), Pipeline.text_lines(names))
    assert list(Pipeline.text_lines(first)) == [b"one", b"two", b"", b"four"]


def test_shuffle_draws_from_a_window():
    torch.manual_seed(0)
    for size in (1, 3, 10, 50):
        order = [int(n) for n in Pipeline.range(40).shuffle(size)]
        assert sorted(order) == list(range(40))
        early = max(n - place for place, n in enumerate(order))
        assert early <= size - 1
        assert (order == list(range(40))) == (size == 1)
    window = [int(n) for n in drain_tf(lambda: T.range(1000).shuffle(10))]
    ours = [int(n) for n in Pipeline.range(1000).shuffle(10)]
    late = [np.mean([abs(n - place) for place, n in enumerate(o)]) for o in (window, ours[:200])]
    assert 0.6 < late[0] / late[1] < 1.6


def test_shuffle_repeats_epochs_in_new_orders_unless_told_not_to():
    pipeline = Pipeline.range(10).shuffle(10, seed=1)
    first, second = ([int(n) for n in pipeline] for _ in range(2))
    assert first != second
    again = Pipeline.range(10).shuffle(10, seed=1)
    assert [int(n) for n in again] == first
    fixed = Pipeline.range(10).shuffle(10, reshuffle_each_iteration=False)
    assert [int(n) for n in fixed] == [int(n) for n in fixed]
    epochs = [int(n) for n in Pipeline.range(10).shuffle(10, seed=2).repeat(3)]
    assert all(sorted(epochs[i : i + 10]) == list(range(10)) for i in (0, 10, 20))


def test_generators_give_the_wanted_dtypes():
    pipeline = Pipeline.from_generator(
        lambda: ((n, [n / 2, 1.0]) for n in range(3)), (torch.int32, torch.float64)
    )
    number, row = next(iter(pipeline))
    assert number.dtype == torch.int32 and row.dtype == torch.float64
    assert len(list(pipeline)) == len(list(pipeline)) == 3


def test_cache_reads_its_source_once():
    reads = []

    def generate():
        reads.append(1)
        return iter(range(4))

    pipeline = Pipeline.from_generator(generate).cache()
    assert [list(map(int, pipeline)) for _ in range(3)] == [[0, 1, 2, 3]] * 3
    assert len(reads) == 1


def test_repeat_of_nothing_ends():
    assert list(Pipeline.range(0).repeat()) == []


def test_data_loader_takes_a_pipeline():
    pipeline = Pipeline.from_tensor_slices((X, Y)).batch(4)
    batches = list(DataLoader(pipeline, batch_size=None))
    assert [len(x) for x, _ in batches] == [4, 4, 2]
    with pytest.raises(ValueError, match="several workers"):
        list(DataLoader(pipeline, batch_size=None, num_workers=2))


def test_list_files(tmp_path):
    for name in ("b.txt", "a.txt", "c.csv"):
        (tmp_path / name).touch()
    pattern = str(tmp_path / "*.txt")
    same(lambda: T.list_files(pattern, shuffle=False), Pipeline.list_files(pattern, shuffle=False))
    names = list(Pipeline.list_files([pattern, str(tmp_path / "*.csv")]))
    assert sorted(Path(name.decode()).name for name in names) == ["a.txt", "b.txt", "c.csv"]
    with pytest.raises(FileNotFoundError, match="no files matched"):
        Pipeline.list_files(str(tmp_path / "*.png"))
