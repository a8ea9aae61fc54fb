"""Run a function in a process of its own, so that a crash of one framework is a finding."""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any


class SideFailed(Exception):
    """One side could not be run; the text says which and why."""


def isolated(title: str, function: Callable[[], Any], timeout: float = 300) -> Any:
    """The result of a function that runs in a forked process."""
    if not hasattr(os, "fork"):
        return here(title, function)
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _child(function, writing)
    os.close(writing)
    data = _received(reading, timeout)
    if data is None:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if data is None:
        raise SideFailed(f"The {title} side did not end within {timeout:g} seconds")
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        raise SideFailed(f"The {title} side was ended by {name}")
    if not data:
        raise SideFailed(f"The {title} side ended with status {os.WEXITSTATUS(status)}")
    good, result = pickle.loads(data)
    if not good:
        raise SideFailed(f"The {title} side failed:\n{result}")
    return result


def here(title: str, function: Callable[[], Any]) -> Any:
    """The result of a function in this process."""
    try:
        return function()
    except Exception:
        raise SideFailed(f"The {title} side failed:\n{shortened_traceback()}") from None


def _child(function: Callable[[], Any], writing: int) -> None:
    """The child's whole life."""
    try:
        try:
            data = pickle.dumps((True, function()), protocol=4)
        except BaseException:
            data = pickle.dumps((False, shortened_traceback()), protocol=4)
        with os.fdopen(writing, "wb") as stream:
            stream.write(data)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(0)


def shortened_traceback() -> str:
    return "\n".join(traceback.format_exc().strip().splitlines()[-12:])


def _received(reading: int, timeout: float) -> bytes | None:
    """All that comes through a pipe, or None if it does not end in time."""
    end = time.monotonic() + timeout
    parts: list[bytes] = []
    with os.fdopen(reading, "rb", buffering=0) as stream:
        while True:
            left = end - time.monotonic()
            if left <= 0 or not select.select([stream], [], [], left)[0]:
                return None
            part = stream.read(1 << 20)
            if not part:
                return b"".join(parts)
            parts.append(part)
