"""The support file: the functions a converted program uses that PyTorch lacks, with what they need.

Works on the text of tf2torch/support/*.py; nothing there is imported.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

NAME = "tf1_support.py"
HEADER = '''\
"""TensorFlow 1 behaviour that PyTorch has no call for, for the converted programs beside this file.

Part of the converted program: written once by its conversion, only what the program uses, and
needing nothing but what it imports. Where PyTorch has a call of almost the same meaning, the
function here keeps TensorFlow's arithmetic, so that the numbers stay those of the original.
"""
'''
SOURCES = Path(__file__).resolve().parent.parent / "support"


@dataclass(frozen=True)
class Definition:
    """A top-level function, class or constant of a support source."""

    name: str
    text: str
    module: str
    line: int
    is_block: bool  # a function or class, which has two blank lines around it
    needs: tuple[str, ...]  # other definitions
    imports: tuple[Import, ...]


@dataclass(frozen=True, order=True)
class Import:
    """`import module as name` or `from module import item as name`."""

    module: str
    item: str = ""
    name: str = ""

    @property
    def text(self) -> str:
        """The imported thing as an import statement lists it."""
        target = self.item or self.module
        return target if self.name == target.split(".")[0] else f"{target} as {self.name}"


def available() -> frozenset[str]:
    """The names that support files can hold."""
    return frozenset(_definitions())


def support_text(names: Iterable[str]) -> str:
    """The text of a support file that defines `names` and what they need; KeyError if unknown."""
    table = _definitions()
    chosen: dict[str, Definition] = {}
    pending = sorted(set(names))
    while pending:
        definition = table[pending.pop()]
        if definition.name not in chosen:
            chosen[definition.name] = definition
            pending.extend(definition.needs)
    ordered = sorted(chosen.values(), key=lambda d: (d.module, d.line))
    imports = {item for definition in ordered for item in definition.imports}
    if len({item.name for item in imports}) < len(imports):
        raise ValueError(f"support sources import different things under one name: {imports}")
    parts = [HEADER, "from __future__ import annotations\n", *_import_sections(imports)]
    body = ""
    for before, definition in zip([None, *ordered], ordered):
        wide = definition.is_block or (before is not None and before.is_block)
        body += ("\n\n" if wide else "\n") + definition.text + "\n"
    return "\n".join(parts) + body


def merged_text(existing: str, names: Iterable[str]) -> str | None:
    """The support file with `names` added to what it has; None if people have edited it."""
    present = _names_defined(existing)
    if present is None or not present <= available() or support_text(present) != existing:
        return None
    return support_text(present | set(names))


def _names_defined(text: str) -> frozenset[str] | None:
    """What an existing support file defines; None if it does not parse."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    return frozenset(name for node in tree.body for name in _bound(node))


@cache
def _definitions() -> Mapping[str, Definition]:
    table: dict[str, Definition] = {}
    for path in sorted(SOURCES.glob("*.py")):
        for definition in _read(path.stem, path.read_text("utf-8")):
            if definition.name in table:
                other = table[definition.name].module
                raise ValueError(f"{definition.name} is in support/{other} and {path.stem}")
            table[definition.name] = definition
    return table


def _read(module: str, text: str) -> list[Definition]:
    tree = ast.parse(text)
    lines = text.split("\n")
    imports = {item.name: item for node in tree.body for item in _imports(node)}
    nodes = [(name, node) for node in tree.body for name in _bound(node)]
    local = {name for name, _ in nodes} | _from_other_sources(tree)
    definitions = []
    for name, node in nodes:
        used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} | _quoted_names(node)
        chosen = sorted(imports[item] for item in used & imports.keys())
        # what one support source takes from another is copied, not imported
        others = {item.item for item in chosen if item.module.startswith(".")}
        definitions.append(
            Definition(
                name=name,
                text="\n".join(lines[_first_line(node, lines) - 1 : node.end_lineno]),
                module=module,
                line=node.lineno,
                is_block=isinstance(node, (ast.FunctionDef, ast.ClassDef)),
                needs=tuple(sorted(((used & local) | others) - {name})),
                imports=tuple(item for item in chosen if not item.module.startswith(".")),
            )
        )
    return definitions


def _bound(node: ast.stmt) -> list[str]:
    """The name that a top-level definition or assignment binds."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    if isinstance(node, ast.AnnAssign):
        targets = [node.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _quoted_names(node: ast.stmt) -> set[str]:
    """Names in quoted annotations."""
    found: set[str] = set()
    for child in ast.walk(node):
        for key in ("annotation", "returns"):
            quoted = getattr(child, key, None)
            if isinstance(quoted, ast.Constant) and isinstance(quoted.value, str):
                tree = ast.parse(quoted.value, mode="eval")
                found.update(n.id for n in ast.walk(tree) if isinstance(n, ast.Name))
    return found


def _imports(node: ast.stmt) -> list[Import]:
    if isinstance(node, ast.Import):
        return [Import(a.name, "", a.asname or a.name.split(".")[0]) for a in node.names]
    if isinstance(node, ast.ImportFrom) and node.module != "__future__" and not node.level:
        module = "." * node.level + (node.module or "")
        return [Import(module, a.name, a.asname or a.name) for a in node.names]
    return []


def _from_other_sources(tree: ast.Module) -> set[str]:
    """Names that one support source takes from another: `from .cells import map_state`."""
    nodes = [n for n in tree.body if isinstance(n, ast.ImportFrom) and n.level]
    return {alias.name for node in nodes for alias in node.names}


def _first_line(node: ast.stmt, lines: list[str]) -> int:
    """The first line of a definition with its decorators and the comment right above."""
    decorators = getattr(node, "decorator_list", [])
    line = min([node.lineno, *(d.lineno for d in decorators)])
    while line > 1 and lines[line - 2].startswith("#"):
        line -= 1
    return line


def _import_sections(imports: set[Import]) -> list[str]:
    """Import statements in sections (standard library, others) in the usual order."""
    sections = []
    for standard in (True, False):
        group = {i for i in imports if _is_standard(i.module) is standard}
        plain = [f"import {i.text}\n" for i in sorted(group) if not i.item]
        modules = sorted({i.module for i in group if i.item})
        froms = [_from_import(m, {i for i in group if i.item and i.module == m}) for m in modules]
        if plain or froms:
            sections.append("".join(plain + froms))
    return sections


def _from_import(module: str, items: set[Import]) -> str:
    """The statements for what comes from one module: renamed things stand alone."""

    def order(item: Import) -> tuple[int, str]:
        kind = 0 if item.item.isupper() else 1 if item.item[0].isupper() else 2
        return kind, item.item

    renamed = [item for item in items if item.name != item.item]
    plain = sorted(items.difference(renamed), key=order)
    groups = [[item] for item in renamed] + ([plain] if plain else [])
    groups.sort(key=lambda group: order(group[0]))
    return "".join(_import_line(module, [item.text for item in group]) for group in groups)


def _import_line(module: str, texts: list[str]) -> str:
    line = f"from {module} import {', '.join(texts)}\n"
    if len(line) <= 101:
        return line
    return f"from {module} import (\n" + "".join(f"    {text},\n" for text in texts) + ")\n"


def _is_standard(module: str) -> bool:
    return module.split(".")[0] in sys.stdlib_module_names
