"""The keys that rule files may have, and errors that name the place of a fault."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from tf2torch.rulebook.model import parse_signature

INPUT: Final = re.compile(
    r"(?:(?:placeholder|variable) )?"
    r"(?:(?:float16|float32|float64|int8|int16|string|complex128|int32|int64|uint8|complex64|bool|prob|positive|unit|distinct)"
    r"\[[^\]]*\](?: in -?[\d.]+\.\.-?[\d.]+)?|python .+)"
)

_TEXT = "a string"
_TEXTS = "a list of strings"
_TABLE = "a table of strings"
RULE_KEYS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("id", "kind", "signature", "result", "value", "scope", "reason", "note"), _TEXT
    ),
    **dict.fromkeys(("summary", "docs", "since", "status", "training"), _TEXT),
    **dict.fromkeys(("tf", "drop", "axes", "imports", "support"), _TEXTS),
    **dict.fromkeys(("alias", "old", "after"), _TABLE),
    "layout": "a string or a table of strings",
    "torch": _TEXT,
    **dict.fromkeys(("emit", "weight", "case"), "a list of tables"),
}
EMIT_KEYS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("when", "torch", "init", "forward", "note", "assume", "safety"), _TEXT),
    "layout": _TEXT,
    **dict.fromkeys(("imports", "support"), _TEXTS),
}
WEIGHT_KEYS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("tf", "torch", "axes", "init", "when", "regularizer", "default"), _TEXT),
    "layout": "a list",
}
CASE_KEYS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("tf", "torch", "init", "forward", "compare", "refuse", "note", "xfail"), _TEXT
    ),
    "grad": _TEXTS,
    "rtol": "a number",
    "exact": "a boolean",
}
_CHECKS: Final[Mapping[str, Callable[[Any], bool]]] = {
    _TEXT: lambda v: isinstance(v, str),
    _TEXTS: lambda v: isinstance(v, list) and all(isinstance(i, str) for i in v),
    _TABLE: lambda v: isinstance(v, dict) and all(isinstance(i, str) for i in v.values()),
    "a string or a table of strings": lambda v: (
        isinstance(v, str) or (isinstance(v, dict) and all(isinstance(i, str) for i in v.values()))
    ),
    "a list": lambda v: isinstance(v, list),
    "a list of tables": lambda v: isinstance(v, list) and all(isinstance(i, dict) for i in v),
    "a number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "a boolean": lambda v: isinstance(v, bool),
}


class RuleError(Exception):
    """A rule file that is not right, with the place of the fault."""

    def __init__(self, path: Path, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")
        self.path, self.line, self.message = path, line, message


def check_keys(
    table: Mapping[str, Any], keys: Mapping[str, str], path: Path, line: int, text: str
) -> None:
    for key, value in table.items():
        if key not in keys:
            fail(path, line, text, key, f"unknown key {key!r}{hint(key, keys)}")
        if not _CHECKS[keys[key]](value):
            fail(path, line, text, key, f"{key!r} must be {keys[key]}")


def fail(path: Path, line: int, text: str, key: str, message: str) -> None:
    raise RuleError(path, line + line_of(text, key) - 1, message)


def line_of(text: str, key: str) -> int:
    match = re.search(rf"^[ \t]*\[*(?:rule\.)?{re.escape(key)}\b", text, re.MULTILINE)
    return text.count("\n", 0, match.start()) + 1 if match else 1


def hint(word: str, choices: Any) -> str:
    import difflib

    close = difflib.get_close_matches(word, list(choices), 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def check_content(
    table: dict[str, Any], emits: list[dict[str, Any]], path: Path, line: int
) -> None:
    for text in (table.get("signature", ""), table.get("old", {}).get("signature", "")):
        try:
            parse_signature(text)
        except SyntaxError:
            raise RuleError(path, line, f"signature does not parse: {text}") from None
    kind = table["kind"]
    if kind in ("expr", "layer", "method", "initializer", "regularizer") and not emits:
        raise RuleError(path, line, f"a rule of kind {kind!r} needs [[rule.emit]]")
    if kind == "refuse" and not table.get("reason"):
        raise RuleError(path, line, "a rule of kind 'refuse' needs a 'reason'")
    if kind == "value" and not table.get("value"):
        raise RuleError(path, line, "a rule of kind 'value' needs 'torch'")
    needed = {"layer": ("init", "forward"), "initializer": ("init",)}.get(kind, ("torch",))
    for emit in emits:
        for key in needed if "torch" not in emit else ():
            if key not in emit:
                raise RuleError(path, emit["line"], f"this emit needs {key!r}")
