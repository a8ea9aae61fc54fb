"""The public symbols of TensorFlow 1.15 and their aliases."""

from __future__ import annotations


def canonical(name: str) -> str | None:
    """The one name that stands for all aliases of a public symbol, None if it is not public."""
    return name
