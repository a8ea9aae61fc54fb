"""One call of a TensorFlow function or method, with its arguments by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import libcst as cst

from tf2torch.analyse.state import State
from tf2torch.rulebook.apply import Argument
from tf2torch.rulebook.values import UNKNOWN, Value, constant


@dataclass(frozen=True)
class GraphCall:
    """What a primitive gets: the state, the call node, the symbol and the arguments."""

    state: State
    node: cst.Call
    symbol: str
    arguments: tuple[Argument, ...]
    receiver: Value | None = None

    def argument(self, position: int | None, *names: str) -> Argument | None:
        """The argument at `position` (None: keyword only) or under one of `names`."""
        free = [a for a in self.arguments if a.keyword is None]
        if position is not None and position < len(free) and not free[position].star:
            return free[position]
        return next((a for a in self.arguments if a.keyword in names), None)

    def value(self, position: int | None, *names: str) -> Value | None:
        found = self.argument(position, *names)
        return None if found is None else found.value

    def text(self, position: int | None, *names: str) -> str | None:
        """A string argument, None if absent or not known."""
        value = self.value(position, *names)
        return value.literal if value is not None and isinstance(value.literal, str) else None

    def literal(self, position: int | None, *names: str, default: object = None) -> object:
        """A constant argument; `default` if absent, UNKNOWN if not known."""
        value = self.value(position, *names)
        return default if value is None else value.literal

    def unknown(self, position: int | None, *names: str) -> bool:
        value = self.value(position, *names)
        return value is not None and value.literal is UNKNOWN


#: What a primitive does with a call.
Handler = Callable[[GraphCall], Value]

NONE = constant(None)
