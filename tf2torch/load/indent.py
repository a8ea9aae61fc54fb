"""Tabs mixed with spaces: indentation rewritten as Python 2 reads it, a tab reaching to eight."""

from __future__ import annotations

import re

#: A string of any kind, or a comment; what may hide a quote or a line start.
_TOKEN = re.compile(
    r"""
    (?P<triple>[\"]{3}(?:\\.|[^\\])*?[\"]{3}|'{3}(?:\\.|[^\\])*?'{3})
    |"(?:\\.|[^"\\\n])*"?
    |'(?:\\.|[^'\\\n])*'?
    |\#[^\n]*
    """,
    re.VERBOSE | re.DOTALL,
)
_INDENT = re.compile(r"[ \t]*")


def expand_tabs(text: str) -> str:
    """The text with tabs in indentation expanded; lines inside strings stay as they are."""
    inside: set[int] = set()
    for match in _TOKEN.finditer(text):
        if match.group("triple"):
            first = text.count("\n", 0, match.start())
            inside.update(range(first + 1, first + 1 + match.group().count("\n")))
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if number not in inside and "\t" in line:
            end = _INDENT.match(line).end()  # type: ignore[union-attr]  # matches anything
            lines[number] = line[:end].expandtabs(8) + line[end:]
    return "\n".join(lines)
