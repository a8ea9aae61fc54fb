"""Rows of a weight map that stand for the rounds of a loop: ``h{}/w`` goes to ``block.{}.w``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

Row = TypeVar("Row")

#: Stands for what differs in each round: in the name any text without a slash, in the key the
#: number of the round, or that text itself.
HOLE = "{}"
OWN_TEXT = "{=}"
Round = tuple[int, str]
_HOLES = re.compile(r"\{=?\}")
_DIGITS = re.compile(r"(\d+)")


def expanded(
    variables: Mapping[str, Row],
    names: Iterable[str],
    numbered: Callable[[Row, tuple[Round, ...]], Row],
    *,
    in_order: bool = False,
) -> dict[str, Row]:
    """The rows with one for each variable that a row with holes stands for.

    Rounds are in the order of `names` if that is the order in which the program made them
    (`in_order`), else in the order of the text, numbers by their size. `numbered` fills the
    rounds into a row, each with its number and its text.
    """
    if not any(HOLE in name for name in variables):
        return dict(variables)
    known = [name for name in names if name not in variables]
    found: dict[str, Row] = {}
    for pattern, row in variables.items():
        if HOLE not in pattern:
            found[pattern] = row
            continue
        for name, rounds in _rounds(pattern, known, in_order).items():
            found[name] = numbered(row, rounds)
    return found


def _rounds(pattern: str, names: Iterable[str], in_order: bool) -> dict[str, tuple[Round, ...]]:
    """The names that a pattern matches, and the round for each hole."""
    form = re.compile("([^/]*)".join(map(re.escape, pattern.split(HOLE))))
    matches = {name: match.groups() for name in names if (match := form.fullmatch(name))}
    numbers: dict[tuple[str, ...], dict[str, None]] = {}
    texts = list(matches.values()) if in_order else sorted(matches.values(), key=_natural)
    for text in texts:
        for depth, part in enumerate(text):
            numbers.setdefault(text[:depth], {})[part] = None
    places = {outer: {part: n for n, part in enumerate(parts)} for outer, parts in numbers.items()}
    return {
        name: tuple((places[text[:depth]][part], part) for depth, part in enumerate(text))
        for name, text in matches.items()
    }


def _natural(text: tuple[str, ...]) -> list[list[tuple[int, Any]]]:
    """Parts that are numbers by their size, the others by their letters."""
    return [
        [(0, int(part)) if part.isdigit() else (1, part) for part in _DIGITS.split(item)]
        for item in text
    ]


def numbered_key(key: str, rounds: tuple[Round, ...]) -> str:
    """``block.{}.w`` of the round 2 is ``block.2.w``; ``block{=}.w`` has the text of the name."""
    left = list(rounds)

    def filled(hole: re.Match[str]) -> str:
        if not left:
            return hole.group()
        number, text = left.pop(0)
        return text if hole.group() == OWN_TEXT else str(number)

    return _HOLES.sub(filled, key)
