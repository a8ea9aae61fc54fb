"""Readers of queued files against tf's readers."""

from __future__ import annotations

import pytest
import tensorflow.compat.v1 as tf

from tf2torch.support import readers as support
from tf2torch.support.records import TFRecordWriter


def tf_read(make_reader, names):
    """All (key, value) pairs of a reader over one pass through the files."""
    with tf.Graph().as_default(), tf.Session() as session:
        queue = tf.train.string_input_producer(names, num_epochs=1, shuffle=False)
        pair = make_reader().read(queue)
        session.run(tf.local_variables_initializer())
        coordinator = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coordinator)
        found = []
        try:
            while True:
                found.append(session.run(pair))
        except tf.errors.OutOfRangeError:
            coordinator.request_stop()
            coordinator.join(threads)
        return [(key.decode(), value) for key, value in found]


@pytest.fixture
def names(tmp_path):
    contents = [b"head\none\r\ntwo", b"head\n\nlast line\n"]
    paths = [tmp_path / f"{n}.txt" for n in range(2)]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return [str(path) for path in paths]


@pytest.mark.parametrize("skip", [0, 1])
def test_lines(names, skip):
    expected = tf_read(lambda: tf.TextLineReader(skip_header_lines=skip), names)
    actual = [(key.decode(), bytes(line)) for key, line in support.read_lines(names, skip)]
    assert actual == [(key, line.removesuffix(b"\r")) for key, line in expected]


def test_whole_files_and_names(names):
    assert list(support.read_files(names)) == tf_read(tf.WholeFileReader, names)
    assert [(k, v.encode()) for k, v in support.read_names(names)] == tf_read(
        tf.IdentityReader, names
    )


def test_records(tmp_path):
    paths = [str(tmp_path / f"{n}.tfrecord") for n in range(2)]
    for path, records in zip(paths, ([b"one", b"", b"three"], [b"four"]), strict=True):
        with TFRecordWriter(path) as writer:
            for record in records:
                writer.write(record)
    expected = tf_read(tf.TFRecordReader, paths)
    assert list(support.read_queued_records(paths)) == expected
    assert list(support.record_pipeline(paths)) == [value for _, value in expected]
    assert len(list(support.record_pipeline(paths[0]).repeat(2))) == 6
