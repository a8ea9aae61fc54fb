"""What each file of a program binds at its top level, and what the linked program calls that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import libcst as cst

from tf2torch.analyse.placing import is_guard
from tf2torch.cst.forms import dotted_name
from tf2torch.cst.names import bound, own_nodes
from tf2torch.cst.printing import code_of
from tf2torch.load import Source
from tf2torch.load.imports import Files

#: Letters at the end of a name that say which file it comes from: programs do not use Ethiopic.
_FIRST, _LETTERS = 0x1200, 0x100


def mark(index: int) -> str:
    """The letter for names of the file with this number."""
    return chr(_FIRST + index % _LETTERS)


def is_mark(letter: str) -> bool:
    return _FIRST <= ord(letter) < _FIRST + _LETTERS


@dataclass(eq=False)
class Table:
    """The top-level names of a file.

    Attributes:
        linked: the files of the program.
        own: names that its statements bind, with the code for those that another file may bind
            to the same: imports and short names of TensorFlow's modules.
        modules: names of modules of the program.
        attributes: names taken from other files: the file and the name in it.
    """

    path: PurePosixPath
    source: Source
    files: Files
    linked: frozenset[PurePosixPath]
    own: dict[str, str | None] = field(default_factory=dict)
    modules: dict[str, PurePosixPath] = field(default_factory=dict)
    attributes: dict[str, tuple[PurePosixPath, str]] = field(default_factory=dict)
    members: dict[PurePosixPath, tuple[str, str]] = field(default_factory=dict)
    texts: dict[PurePosixPath, str] = field(default_factory=dict)
    stars: list[PurePosixPath] = field(default_factory=list)
    local: set[int] = field(default_factory=set)  # import statements of the project's files
    guard: cst.If | None = None

    def find(self, dotted: str, level: int = 0) -> PurePosixPath | None:
        """The file of the program that a module's name means here."""
        found = self.files.find(self.path, dotted, level)
        return found if found in self.linked else None

    def empty(self) -> Table:
        """Another scope of the file."""
        return Table(self.path, self.source, self.files, self.linked)


def table_of(
    files: Files, linked: frozenset[PurePosixPath], path: PurePosixPath, source: Source
) -> Table:
    table = Table(path, source, files, linked)
    for item in source.module.body:
        if is_guard(item):
            assert isinstance(item, cst.If)
            table.guard = item
            continue
        if isinstance(item, (cst.FunctionDef, cst.ClassDef)):
            table.own[item.name.value] = None
            continue
        nodes = list(own_nodes(item))
        for node in nodes:
            if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
                table.own[node.name.value] = None
            elif isinstance(node, (cst.Import, cst.ImportFrom)):
                enter_import(table, node)
        alias = _shared(item)
        for target in bound(nodes):
            if isinstance(target, cst.Name) and target.value not in imports_of(nodes):
                table.own[target.value] = alias
    return table


def imports_of(nodes: Sequence[cst.CSTNode]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, cst.ImportAlias):
            name = node.asname.name if node.asname is not None else node.name
            found.add(dotted_name(name).partition(".")[0])
    return found


def _shared(item: cst.CSTNode) -> str | None:
    """The code of ``FLAGS = tf.app.flags.FLAGS``, which means the same in each file."""
    small = item.body[0] if isinstance(item, cst.SimpleStatementLine) else None
    if isinstance(small, cst.Assign) and isinstance(small.value, cst.Attribute):
        return dotted_name(small.value) or None
    return None


def enter_import(table: Table, node: cst.Import | cst.ImportFrom) -> None:
    """Enters what an import binds; what it takes from a file of the project is no own name."""
    if isinstance(node, cst.Import):
        for alias in node.names:
            dotted = dotted_name(alias.name)
            target = table.find(dotted)
            name = dotted_name(alias.asname.name if alias.asname is not None else alias.name)
            if target is None:
                table.own[name.partition(".")[0]] = f"import {dotted}"
                continue
            table.local.add(id(alias))
            table.modules[name] = target
            table.members.setdefault(target, (name, f"import {code_of(alias).rstrip(', ')}"))
            table.texts.setdefault(target, dotted)
        return
    level, dotted = len(node.relative), dotted_name(node.module)
    module = table.find(dotted, level)
    text = "." * level + dotted
    if module is not None:
        table.texts.setdefault(module, text)
    if isinstance(node.names, cst.ImportStar):
        if module is not None:
            table.local.add(id(node))
            table.stars.append(module)
        return
    for alias in node.names:
        attr = dotted_name(alias.name)
        name = dotted_name(alias.asname.name if alias.asname is not None else alias.name)
        inner = table.find(f"{dotted}.{attr}".lstrip("."), level)
        if inner is not None and inner != module:
            table.local.add(id(alias))
            table.modules[name] = inner
            own = code_of(alias).rstrip(", ")
            table.members.setdefault(inner, (name, f"from {text} import {own}"))
            table.texts.setdefault(inner, f"{text}.{attr}" if dotted else f"{text}{attr}")
        elif module is not None:
            table.local.add(id(alias))
            table.attributes[name] = (module, attr)
        else:
            table.own[name] = f"from {'.' * level}{dotted} import {attr}"


def linked_names(
    tables: Mapping[PurePosixPath, Table], apart: set[tuple[PurePosixPath, str]]
) -> dict[PurePosixPath, dict[str, str]]:
    """What each file's names are called: as they are, unless another file has the name too.

    The file that is run keeps its names, then those that it imports last.
    """
    names: dict[PurePosixPath, dict[str, str]] = {}
    taken: dict[str, str | None] = {}
    for index, (path, table) in reversed(list(enumerate(tables.items()))):
        mine: dict[str, str] = {}
        for name, same in table.own.items():
            free = name not in taken or (same is not None and taken[name] == same)
            keeps = free and (path, name) not in apart
            mine[name] = name if keeps else name + mark(index)
            if keeps:
                taken.setdefault(name, same)
        names[path] = mine
    return names
