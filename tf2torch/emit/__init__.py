"""Output: files, the support file, the weight map and the report."""

from __future__ import annotations
