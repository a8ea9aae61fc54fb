"""Readers of TensorFlow's files, without TensorFlow: each returns a lazy `Checkpoint`."""
