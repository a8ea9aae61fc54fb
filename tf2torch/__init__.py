"""Convert TensorFlow 1 source to PyTorch source, and prove that the numbers did not move."""

from __future__ import annotations

__version__ = "0.1.0"
