"""Strings of which only a part is known, as names of layers in loops are: ``"layer_%d" % i``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import libcst as cst

from tf2torch.analyse.state import State
from tf2torch.rulebook.values import UNKNOWN, Value

#: Stands for an unknown part.
HOLE = "{}"
#: Stands for the text of that part again, in a row of the weight map.
OWN_TEXT = "{=}"
#: How an unknown part stands in a name: with a number, so that the rounds of a loop differ.
_NUMBERED = re.compile(r"\?\d+\?")
_CONVERSION = re.compile(r"%(?:[-+ #0]*\d*(?:\.\d+)?[sdifr]|%)")
_FIELD = re.compile(r"\{\w*(?::[^{}]*)?\}|\{\{|\}\}")


@dataclass(frozen=True)
class Template:
    """A string with holes."""

    text: str


def with_template(state: State, node: cst.CSTNode, value: Value) -> Value:
    """An unknown string, with what is known of it."""
    if value.kind != "python" or value.literal is not UNKNOWN or value.detail is not None:
        return value
    text = _text_of(state, node)
    return value if text in (None, HOLE) else replace(value, detail=Template(text or ""))


def _text_of(state: State, node: Any) -> str | None:
    """The string that an expression makes, None if it is not told to be one."""
    if isinstance(node, cst.FormattedString):
        return "".join(_part(state, part) for part in node.parts)
    if isinstance(node, cst.BinaryOperation):
        if isinstance(node.operator, cst.Modulo):
            form = state.values.get(node.left)
            if form is not None and isinstance(form.literal, str):
                return _filled(_CONVERSION, form.literal)
        elif isinstance(node.operator, cst.Add):
            left, right = _known(state, node.left), _known(state, node.right)
            return left + right if left is not None and right is not None else None
    if isinstance(node, cst.Call):
        if isinstance(node.func, cst.Name) and node.func.value == "str" and len(node.args) == 1:
            return HOLE
        if isinstance(node.func, cst.Attribute) and node.func.attr.value == "format":
            form = state.values.get(node.func.value)
            if form is not None and isinstance(form.literal, str):
                return _filled(_FIELD, form.literal)
    return None


def _known(state: State, node: cst.CSTNode) -> str | None:
    """A string or template; the part ``str(i)`` is a hole."""
    value = state.values.get(node)
    if value is not None and isinstance(value.literal, str):
        return value.literal
    if value is not None and isinstance(value.detail, Template):
        return value.detail.text
    return _text_of(state, node)


def _filled(pattern: re.Pattern[str], form: str) -> str:
    def fill(match: re.Match[str]) -> str:
        found = match.group()
        return found[0] if found in ("%%", "{{", "}}") else HOLE

    return pattern.sub(fill, form)


def _part(state: State, part: cst.CSTNode) -> str:
    if isinstance(part, cst.FormattedStringText):
        return part.value.replace("{{", "{").replace("}}", "}")
    assert isinstance(part, cst.FormattedStringExpression)
    value = state.values.get(part.expression)
    if value is not None and isinstance(value.literal, str):
        return value.literal
    return HOLE


def is_open(key: str) -> bool:
    """Whether a key of the weight map stands for one in each round of a loop."""
    return HOLE in key or OWN_TEXT in key


def naming_text(state: State, value: Value | None) -> str:
    """A name that is not known, other each time."""
    if value is not None and isinstance(value.detail, Template):
        parts = value.detail.text.split(HOLE)
        name = parts[0]
        for part in parts[1:]:
            name += f"?{state.fresh()}?{part}"
        return name
    return f"?{state.fresh()}"


def pattern_of(name: str) -> str | None:
    """The name with holes for its unknown parts; None if more is unknown."""
    text = _NUMBERED.sub(HOLE, name)
    return None if "?" in text else text
