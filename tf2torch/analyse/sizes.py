"""Host numbers that constructors of modules need, with the ways to spell them there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import libcst as cst

from tf2torch.analyse import names, tensors
from tf2torch.analyse.state import State
from tf2torch.rulebook.values import Dim, Value

_FLAG = re.compile(r"FLAGS\.(\w+)")
_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Size:
    """A number.

    Attributes:
        literal: its value, None if it is not known.
        guess: its value with the defaults of command line flags.
        spellings: (scope, source) pairs: a function in whose scope the source means the number,
            None for the module's scope.
    """

    literal: Any = None
    guess: Any = None
    spellings: tuple[tuple[cst.CSTNode | None, str], ...] = ()

    def spelled(self, owner: cst.CSTNode | None) -> str | None:
        """Source for the number in the scope of the function `owner`."""
        for place, text in self.spellings:
            if place is None or place is owner:
                return text
        return None if self.literal is None else repr(self.literal)


def size_of(state: State, node: cst.BaseExpression, value: Value) -> Size:
    """The number that an expression is in the current scope."""
    number = tensors.number(value)
    literal = number if isinstance(number, (int, float)) else None
    spellings = []
    text = names.text_of(state, node)
    if text is None and isinstance(node, cst.Attribute):
        text = value.text
    place = _place(state, text)
    if text is not None and place is not False:
        spellings.append((place, text))
    if isinstance(node, cst.Name) and state.frame.function is not None:
        # A parameter: the caller has another name for it.
        stored = state.frame.names.get(node.value)
        if stored is not None and stored.text is not None and stored.text != text:
            caller = state.stack[-2] if len(state.stack) > 1 else None
            spellings.append(
                (None if names.is_global_text(state, stored.text) else caller, stored.text)
            )
    return Size(literal, _guess(state, literal, spellings), tuple(spellings))


def size_of_dim(state: State, dim: Dim) -> Size:
    """The number behind the length of an axis."""
    place = _place(state, dim.text)
    spellings = [(place, dim.text)] if dim.text is not None and place is not False else []
    return Size(dim.size, _guess(state, dim.size, spellings), tuple(spellings))


def dim_of(state: State, size: Size | None) -> Dim:
    """The length of an axis, spelled in the current scope."""
    if size is None:
        return Dim()
    current = state.stack[-1] if state.stack else None
    text = next((t for place, t in size.spellings if place is None or place is current), None)
    literal = size.literal if isinstance(size.literal, int) else None
    return Dim(literal, text if text is not None or literal is None else str(literal))


def _place(state: State, text: str | None) -> Any:
    """The function in whose scope a text holds, None for the module, False for nowhere."""
    if text is None:
        return False
    words = [m.group() for m in _NAME.finditer(text) if not text[: m.start()].endswith(".")]
    current = state.stack[-1] if state.stack else None
    local = names.scope_counts(state, state.frame) if state.frame.function is not None else {}
    if names.is_global_text(state, text) and not any(local.get(word) for word in words):
        return None
    if current is None:
        return None
    bound = names.scope_counts(state, state.frame.module)
    known = all(local.get(word) == 1 or bound.get(word) == 1 for word in words)
    return current if known else False


def _guess(state: State, literal: Any, spellings: list[Any]) -> Any:
    """The number, if need be the default of the flag that holds it."""
    if literal is not None:
        return literal
    for _, text in spellings:
        found = _FLAG.fullmatch(text)
        call = state.flags.get(found.group(1)) if found else None
        if call is not None:
            default = call.literal(1, "default", "default_value")
            if isinstance(default, (int, float)):
                return default
    return None
