"""Helpers over libcst that know nothing of TensorFlow."""
