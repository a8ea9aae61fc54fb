"""Source files as text and concrete syntax trees: encodings, line ends, tabs, Python 2."""

from __future__ import annotations

from tf2torch.load.source import Source, load, load_text

__all__ = ["Source", "load", "load_text"]
