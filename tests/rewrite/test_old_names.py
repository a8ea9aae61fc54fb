"""Names that TensorFlow had before 1.0, and options of runs that have no counterpart."""

from __future__ import annotations

from pathlib import Path

from tests.rewrite.both import convert_text

PROGRAM = """
import tensorflow as tf

x = tf.placeholder("float", [None, 3])
y = tf.placeholder("float", [None, 2])
W = tf.Variable(tf.zeros([3, 2]))
diff = tf.sub(tf.matmul(x, W), y)
cost = tf.reduce_mean(tf.mul(diff, diff))
parts = tf.unpack(tf.pack([cost, tf.neg(cost), tf.inv(cost + 1.0)]))
both = tf.concat(1, [x, y])
tf.histogram_summary("W", W)
tf.scalar_summary("cost", cost)
merged = tf.merge_all_summaries()
opt = tf.train.GradientDescentOptimizer(0.1).minimize(cost)
with tf.Session() as sess:
    writer = tf.train.SummaryWriter("logs", sess.graph)
    sess.run(tf.initialize_all_variables())
    for i in range(3):
        options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
        metadata = tf.RunMetadata()
        feed = {x: [[1.0, 2.0, 3.0]], y: [[1.0, 0.0]]}
        summary, _ = sess.run([merged, opt], feed, options=options, run_metadata=metadata)
        writer.add_run_metadata(metadata, "step%d" % i)
        writer.add_summary(summary, i)
        print(sess.run([parts, both], feed))
"""


def test_old_names_convert(tmp_path: Path) -> None:
    written = convert_text(tmp_path, "old", PROGRAM)
    assert [item for item in written.diagnostics if item.severity.value == "error"] == []
    assert 'writer.add_scalar("cost", cost, i)' in written.text
    assert "metadata" not in written.text
    assert "torch.reciprocal(cost + 1.0)" in written.text
    assert "both = torch.cat([x, y], dim=1)" in written.text
