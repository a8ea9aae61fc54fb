"""Results about syntax trees that are kept while one program is converted."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

#: How many results of one function are kept at most, so that nothing else needs to be bounded.
_LIMIT = 1 << 15
_FORGET: list[Callable[[], None]] = []


def remember(function: F) -> F:
    """Keeps the results of a function of nodes, or of other things that never change."""
    kept = lru_cache(_LIMIT)(function)
    _FORGET.append(kept.cache_clear)
    return kept  # type: ignore[return-value]


def forget() -> None:
    """Drops all that is kept, and with it the trees that it is about."""
    for clear in _FORGET:
        clear()
