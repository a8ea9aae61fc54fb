"""Command line flags that read as TensorFlow's do."""

from __future__ import annotations


def boolean_flag(text: str) -> bool:
    """The value of a boolean flag: true, t or 1, false, f or 0."""
    if text.lower() in ("true", "t", "1"):
        return True
    if text.lower() in ("false", "f", "0"):
        return False
    raise ValueError(text)
