"""Queue-based inputs against tf.train's."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf2torch.support import queues as support
from tf2torch.support.data import Pipeline


def run_queue(build, limit=100):
    """What the queue gives until it ends."""
    with tf.Graph().as_default(), tf.Session() as session:
        element = build()
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        coordinator = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coordinator)
        found = []
        try:
            while len(found) < limit:
                found.append(session.run(element))
        except tf.errors.OutOfRangeError:
            pass
        coordinator.request_stop()
        coordinator.join(threads)
        return found


@pytest.mark.parametrize("smaller", [False, True])
def test_batches_straddle_epochs(smaller):
    expected = run_queue(
        lambda: tf.train.batch(
            [tf.train.range_input_producer(5, num_epochs=2, shuffle=False).dequeue()],
            4,
            allow_smaller_final_batch=smaller,
        )
    )
    numbers = support.range_input_producer(5, num_epochs=2, shuffle=False)
    actual = list(support.batch_queue(numbers, 4, allow_smaller_final_batch=smaller))
    assert [b.tolist() for b in actual] == [np.asarray(b).tolist() for b in expected]
    assert len(actual) == 3 if smaller else 2


def test_string_producer_gives_whole_epochs_in_new_orders():
    names = [f"file{n}" for n in range(8)]
    ours = list(support.string_input_producer(names, num_epochs=3, seed=1))
    theirs = run_queue(lambda: tf.train.string_input_producer(names, num_epochs=3).dequeue())
    for order in (ours, [name.decode() for name in theirs]):
        epochs = [order[n : n + 8] for n in (0, 8, 16)]
        assert all(sorted(epoch) == names for epoch in epochs)
        assert epochs[0] != epochs[1]
    endless = iter(support.string_input_producer(names, shuffle=False))
    assert [next(endless) for _ in range(10)] == names + names[:2]
    with pytest.raises(ValueError, match="at least one"):
        support.string_input_producer([])


def test_slice_producer_keeps_rows_together():
    x, y = np.arange(12.0).reshape(6, 2), np.arange(6)
    pairs = list(support.slice_input_producer([x, y], num_epochs=1))
    assert sorted(int(label) for _, label in pairs) == list(range(6))
    for row, label in pairs:
        np.testing.assert_array_equal(row, x[int(label)])


def test_shuffle_batch_draws_from_the_queue():
    numbers = Pipeline.range(100)
    batches = list(support.shuffle_batch_queue(numbers, 8, capacity=30, min_after_dequeue=20))
    assert [len(batch) for batch in batches] == [8] * 12
    order = [int(n) for batch in batches for n in batch]
    assert len(set(order)) == 96
    early = max(n - place for place, n in enumerate(order))
    assert 15 < early <= 30


def test_enqueue_many_and_padding():
    rows = Pipeline.from_generator(lambda: iter([[1], [2, 2], [3, 3, 3]]))
    (batch,) = support.batch_queue(rows, 3, dynamic_pad=True)
    assert batch.tolist() == [[1, 0, 0], [2, 2, 0], [3, 3, 3]]
    blocks = Pipeline.from_generator(lambda: iter([[0, 1, 2], [3, 4, 5]]))
    batches = support.batch_queue(blocks, 2, enqueue_many=True)
    assert [batch.tolist() for batch in batches] == [[0, 1], [2, 3], [4, 5]]
