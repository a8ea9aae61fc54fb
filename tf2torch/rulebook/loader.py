"""Reads rule files into a `Rulebook`, which parses a rule only when it is first looked up."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from tf2torch.rulebook.model import RULE_KINDS, Case, Emit, Rule, WeightRow, freeze
from tf2torch.rulebook.schema import (
    CASE_KEYS,
    EMIT_KEYS,
    INPUT,
    RULE_KEYS,
    WEIGHT_KEYS,
    RuleError,
    check_content,
    check_keys,
    fail,
    hint,
    line_of,
)

__all__ = ["RuleError", "Rulebook", "builtin_rules_dir", "check_directory", "load_rulebook"]

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover
    import tomli as tomllib

_RULE: Final = re.compile(r"^\[\[rule\]\][ \t]*(?:#.*)?$", re.MULTILINE)
_BLOCK: Final = re.compile(r"^\[\[rule\.(\w+)\]\][ \t]*(?:#.*)?$", re.MULTILINE)
_NAMES: Final = re.compile(r"^tf[ \t]*=[ \t]*\[(.*?)\]", re.MULTILINE | re.DOTALL)
_ID: Final = re.compile(r"^id[ \t]*=[ \t]*[\"']([^\"']*)", re.MULTILINE)
_STRING: Final = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_COMMENT: Final = re.compile(r"#.*")


class _Entry:
    """One rule, still as text."""

    def __init__(self, path: Path, line: int, text: str) -> None:
        self.path, self.line, self.text = path, line, text
        head = text[: m.start()] if (m := _BLOCK.search(text)) else text
        names = _NAMES.search(head)
        strings = _STRING.findall(_COMMENT.sub("", names[1])) if names else []
        self.names: tuple[str, ...] = tuple(a or b for a, b in strings)
        found = _ID.search(head)
        self.id = found[1] if found else ""

    @cached_property
    def rule(self) -> Rule:
        return _parse_rule(self.path, self.line, self.text)


class Rulebook:
    """The rules in force, by symbol; of two rules for one symbol the later wins."""

    def __init__(self, entries: Sequence[_Entry]) -> None:
        self._entries = tuple(entries)
        self._index: dict[str, _Entry] = {}
        overridden: dict[tuple[str, str], None] = {}
        for entry in self._entries:
            for name in entry.names:
                before = self._index.get(name)
                if before is not None and before is not entry:
                    overridden[entry.id, before.id] = None
                self._index[name] = entry
        #: Pairs (id of the winner, id of the rule it replaces).
        self.overrides: tuple[tuple[str, str], ...] = tuple(overridden)

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule that is still reached by a symbol."""
        live = {id(entry) for entry in self._index.values()}
        return tuple(entry.rule for entry in self._entries if id(entry) in live)

    def find(self, symbol: str) -> Rule | None:
        """The rule of a symbol under any of its public names, or None."""
        entry = self._index.get(symbol)
        if entry is None and symbol.startswith("tf."):
            from tf2torch.rulebook import symbols

            name = symbols.canonical(symbol)
            if name is not None:
                entry = self._index.get(name) or self._canonical_index.get(name)
        return entry.rule if entry is not None else None

    def by_id(self, rule_id: str) -> Rule | None:
        """The rule of that id, the last one if several have it."""
        found = [entry for entry in self._entries if entry.id == rule_id]
        return found[-1].rule if found else None

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol that some rule names, in the order of the files."""
        return tuple(self._index)

    @cached_property
    def _canonical_index(self) -> dict[str, _Entry]:
        from tf2torch.rulebook import symbols

        pairs = ((symbols.canonical(name), entry) for name, entry in self._index.items())
        return {name: entry for name, entry in pairs if name is not None}


def builtin_rules_dir() -> Path:
    """Where the rules of tf2torch lie: in the package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    for directory in (package / "rules", package.parent / "rules"):
        if directory.is_dir() and any(directory.rglob("*.toml")):
            return directory
    raise FileNotFoundError("tf2torch is installed without its rules; please reinstall it")


def load_rulebook(directories: Sequence[Path] = (), *, builtin: bool = True) -> Rulebook:
    """The built-in rules and those of `directories`, later ones winning.

    The user's rules are checked at once; the built-in ones are parsed when looked up, which keeps
    the start fast, and are checked by the tests.
    """
    entries: list[_Entry] = []
    if builtin:
        for path in rule_files(builtin_rules_dir()):
            entries += _read(path)
    for directory in directories:
        entries += check_directory(Path(directory))
    return Rulebook(entries)


def check_directory(directory: Path) -> list[_Entry]:
    """Entries of every rule under a folder (or in one file), each parsed in full."""
    from tf2torch.rulebook.lint import faults

    if not directory.exists():
        raise RuleError(directory, 1, "no such rule folder")
    entries = []
    for path in rule_files(directory):
        found = list(_read(path))
        _check_file(path)
        for entry in found:
            for line, message in faults(entry.rule):
                raise RuleError(path, line, message)
            parse_cases(entry.rule)
        entries += found
    return entries


def rule_files(directory: Path) -> list[Path]:
    """The rule files of a folder, in a fixed order."""
    return [directory] if directory.is_file() else sorted(directory.rglob("*.toml"))


def _read(path: Path) -> Iterator[_Entry]:
    text = path.read_text(encoding="utf-8")
    starts = [m.start() for m in _RULE.finditer(text)]
    line, position = 1, 0
    for start, end in zip(starts, [*starts[1:], len(text)], strict=False):
        line += text.count("\n", position, start)
        position = start
        yield _Entry(path, line, text[start:end])


def _check_file(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    table = _toml(path, 1, text)
    for key in table:
        if key != "rule":
            line = line_of(text, key)
            raise RuleError(path, line, f"unknown key {key!r}; a rule file holds [[rule]] tables")
    if not isinstance(table.get("rule"), list):
        raise RuleError(path, 1, "no [[rule]] in this file")
    if len(table["rule"]) != len(_RULE.findall(text)):
        raise RuleError(path, 1, "[[rule]] must stand alone on its line")


def _toml(path: Path, line: int, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = re.search(r" \(at line (\d+), column \d+\)", message)
        offset = int(place[1]) - 1 if place else text.count("\n")
        raise RuleError(path, line + offset, message.split(" (at ")[0]) from None


def _blocks(text: str) -> list[tuple[str, int, str]]:
    """(name, line offset, text) of the rule's head, called "", and of its blocks."""
    marks = list(_BLOCK.finditer(text))
    starts = [0, *(m.start() for m in marks), len(text)]
    names = ["", *(m[1] for m in marks)]
    return [
        (name, text.count("\n", 0, start), text[start:end])
        for name, start, end in zip(names, starts, starts[1:], strict=False)
    ]


def _parse_rule(path: Path, line: int, source: str) -> Rule:
    blocks = _blocks(source)
    parts = [text for name, _, text in blocks if name != "case"]
    # one parse for head, emits and weights; comments and blank lines keep their count
    table = _toml(path, line, _keep_lines(blocks) if len(parts) < len(blocks) else source)["rule"][
        0
    ]
    lines: dict[str, list[tuple[int, str]]] = {}
    for name, offset, text in blocks:
        lines.setdefault(name, []).append((line + offset, text))
    check_keys(table, RULE_KEYS, path, line, blocks[0][2])
    kind = table.setdefault("kind", "expr")
    if kind not in RULE_KINDS:
        fail(path, line, blocks[0][2], "kind", f"unknown kind {kind!r}" + hint(kind, RULE_KINDS))
    for key in ("id", "tf"):
        if not table.get(key):
            raise RuleError(path, line, f"a rule needs {key!r}")
    emits = _tables(table, "emit", EMIT_KEYS, path, lines)
    weights = _tables(table, "weight", WEIGHT_KEYS, path, lines)
    if "torch" in table:
        if kind != "value":
            raise RuleError(path, line, "'torch' belongs into [[rule.emit]] (or kind = \"value\")")
        table["value"] = table.pop("torch")
    check_content(table, emits, path, line)
    fields = {k: _frozen(v) for k, v in table.items() if k not in ("emit", "weight", "case")}
    return Rule(
        **fields,
        emits=tuple(Emit(**{k: freeze(v) for k, v in e.items()}) for e in emits),
        weights=tuple(WeightRow(**{k: freeze(v) for k, v in w.items()}) for w in weights),
        path=path,
        line=line,
        source=source,
    )


def _frozen(value: Any) -> Any:
    return freeze(value) if isinstance(value, list) else value


def _keep_lines(blocks: list[tuple[str, int, str]]) -> str:
    return "".join("\n" * t.count("\n") if name == "case" else t for name, _, t in blocks)


def _tables(
    table: dict[str, Any],
    name: str,
    keys: Mapping[str, str],
    path: Path,
    lines: dict[str, list[tuple[int, str]]],
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.get(name, [])
    for row, (line, text) in zip(rows, lines.get(name, ()), strict=False):
        check_keys(row, keys, path, line, text)
        if name == "weight" and not {"tf", "torch"} <= row.keys():
            raise RuleError(path, line, "a weight row needs 'tf' and 'torch'")
        row["line"] = line
    return rows


def parse_cases(rule: Rule) -> tuple[Case, ...]:
    """The cases of a rule, from the text it was made from."""
    result = []
    for name, offset, text in _blocks(rule.source):
        if name != "case":
            continue
        line = rule.line + offset
        table = _toml(rule.path, line, text)["rule"]["case"][0]
        inputs = {k: v for k, v in table.items() if k not in CASE_KEYS}
        known = {k: v for k, v in table.items() if k in CASE_KEYS}
        for key, spec in inputs.items():
            if not isinstance(spec, str) or not INPUT.fullmatch(spec):
                advice = hint(key, CASE_KEYS) or '; inputs look like x = "float32[2, 3]"'
                fail(rule.path, line, text, key, f"unknown key {key!r}{advice}")
        check_keys(known, CASE_KEYS, rule.path, line, text)
        if "tf" not in known:
            raise RuleError(rule.path, line, "a case needs 'tf'")
        if "grad" in known:
            known["grad"] = tuple(known["grad"])
        result.append(Case(**known, inputs=tuple(inputs.items()), line=line))
    return tuple(result)
