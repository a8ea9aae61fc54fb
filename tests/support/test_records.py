"""TFRecord files and Example messages against TensorFlow's own readers and writers."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import torch

from tf2torch.support import records as support

FEATURES = {
    "image": ("bytes", [b"\x00\xff raw"]),
    "names": ("bytes", [b"a", "ü".encode()]),
    "x": ("float", [2.0, 0.5, -1e30]),
    "label": ("int64", [-2]),
    "many": ("int64", [0, 1, 127, 128, 2**40, -(2**63)]),
    "none": ("int64", []),
}


def tf_example():
    feature = {}
    for name, (kind, values) in FEATURES.items():
        lists = {
            "bytes": lambda v: tf.train.Feature(bytes_list=tf.train.BytesList(value=v)),
            "float": lambda v: tf.train.Feature(float_list=tf.train.FloatList(value=v)),
            "int64": lambda v: tf.train.Feature(int64_list=tf.train.Int64List(value=v)),
        }
        feature[name] = lists[kind](values)
    return tf.train.Example(features=tf.train.Features(feature=feature))


def our_example():
    make = {
        "bytes": support.bytes_feature,
        "float": support.float_feature,
        "int64": support.int64_feature,
    }
    return support.encode_example({n: make[kind](v) for n, (kind, v) in FEATURES.items()})


def test_tensorflow_reads_our_examples():
    assert tf.train.Example.FromString(our_example()) == tf_example()


def test_we_read_those_of_tensorflow():
    for serialized in (tf_example().SerializeToString(), our_example()):
        found = support.decode_example(serialized)
        assert found["image"] == [b"\x00\xff raw"] and found["names"] == [b"a", "ü".encode()]
        np.testing.assert_array_equal(found["x"], np.float32([2.0, 0.5, -1e30]))
        assert found["many"].tolist() == FEATURES["many"][1] and len(found["none"]) == 0


def test_parse_single_example():
    serialized = tf_example().SerializeToString()
    wanted = {
        "x": ([3], tf.float32),
        "many": ([2, 3], tf.int64),
        "label": ([], tf.int64),
        "image": ([], tf.string),
    }
    with tf.Graph().as_default(), tf.Session() as session:
        features = {name: tf.FixedLenFeature(*spec) for name, spec in wanted.items()}
        features["absent"] = tf.FixedLenFeature([2], tf.float32, [1.5, 2.5])
        features["names"] = tf.VarLenFeature(tf.string)
        expected = session.run(tf.parse_single_example(serialized, features))
    dtypes = {tf.float32: torch.float32, tf.int64: torch.int64, tf.string: bytes}
    parsed = support.parse_single_example(
        serialized,
        {
            **{n: support.FixedLenFeature(s, dtypes[d]) for n, (s, d) in wanted.items()},
            "absent": support.FixedLenFeature([2], torch.float32, [1.5, 2.5]),
            "names": support.VarLenFeature(bytes),
        },
    )
    for name in ("x", "many", "label", "absent"):
        np.testing.assert_array_equal(parsed[name], expected[name])
        assert tuple(parsed[name].shape) == expected[name].shape
    assert parsed["image"] == expected["image"]
    assert parsed["names"] == expected["names"].values.tolist()


def test_a_missing_feature_is_an_error():
    with pytest.raises(ValueError, match="'absent' has 0 values, not 1"):
        support.parse_single_example(
            our_example(), {"absent": support.FixedLenFeature([], torch.int64)}
        )


@pytest.mark.parametrize("compression", [None, "GZIP", "ZLIB"])
def test_we_read_the_files_of_tensorflow(tmp_path, compression):
    path = str(tmp_path / "a.tfrecord")
    records = [b"", b"one", bytes(range(256)) * 5]
    options = tf.python_io.TFRecordOptions(
        getattr(tf.python_io.TFRecordCompressionType, compression or "NONE")
    )
    with tf.python_io.TFRecordWriter(path, options) as writer:
        for record in records:
            writer.write(record)
    assert list(support.read_records(path, compression, verify=True)) == records
    assert list(support.read_records([path, path], compression)) == records * 2


def test_tensorflow_reads_our_files(tmp_path):
    path = str(tmp_path / "b.tfrecord")
    with support.TFRecordWriter(path) as writer:
        writer.write(b"one")
        writer.flush()
        writer.write(our_example())
    assert list(tf.python_io.tf_record_iterator(path)) == [b"one", our_example()]


def test_broken_files_are_named(tmp_path):
    path = tmp_path / "c.tfrecord"
    with support.TFRecordWriter(path) as writer:
        writer.write(b"record")
    content = path.read_bytes()
    path.write_bytes(content[:-3])
    with pytest.raises(ValueError, match="truncated record in .*c.tfrecord"):
        list(support.read_records(path))
    path.write_bytes(b"\x01" + content[1:])
    with pytest.raises(ValueError, match="corrupted record"):
        list(support.read_records(path))
    path.write_bytes(content[:13] + b"X" + content[14:])
    assert len(list(support.read_records(path))) == 1
    with pytest.raises(ValueError, match="corrupted record"):
        list(support.read_records(path, verify=True))


@pytest.mark.parametrize("name", ["uint8", "int16", "float32"])
@pytest.mark.parametrize("little", [True, False])
def test_decode_raw(name, little):
    data = bytes(range(16))
    with tf.Graph().as_default(), tf.Session() as session:
        expected = session.run(tf.decode_raw(data, getattr(tf, name), little))
    actual = support.decode_raw(data, getattr(torch, name), little)
    np.testing.assert_array_equal(actual, expected)
    assert actual.dtype == getattr(torch, name)
