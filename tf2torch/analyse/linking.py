"""Several files become one program: what they import from each other are plain names in it.

Analysis, plan and rewrite know one module. A program of several files is that module under another
notation: `link` puts the files one behind the other, and `tf2torch.rewrite.splitting` puts the
converted statements back where they came from.

    # ops.py                                   def dense(x): ...
    def dense(x): ...                          y = dense(x)
    # train.py                          ->
    import ops
    y = ops.dense(x)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import libcst as cst

from tf2torch.analyse.file_linker import FileLinker
from tf2torch.analyse.file_names import linked_names, table_of
from tf2torch.analyse.inlining import Origins
from tf2torch.analyse.methods import tensorflow_names
from tf2torch.cst.forms import dotted_name
from tf2torch.cst.names import plain_names
from tf2torch.cst.printing import places
from tf2torch.cst.walk import children, walk
from tf2torch.load import Source
from tf2torch.load.imports import Files


@dataclass(frozen=True, eq=False)
class Part:
    """One file of a linked program.

    Attributes:
        path: its place in the folder.
        source: the file as it was loaded.
        start: the lines of the linked text in front of it.
        names: its own top-level names, and what the linked program calls them.
        members: how it reads the names of other files: the expression in front of the dot, and
            the import that binds it.
        modules: the text between ``from`` and ``import`` for other files.
        stars: files whose names it imports all.
        guard: the code under ``if __name__ == "__main__"`` of a file that is imported.
    """

    path: PurePosixPath
    source: Source
    start: int
    names: Mapping[str, str]
    members: Mapping[PurePosixPath, tuple[str, str]]
    modules: Mapping[PurePosixPath, str]
    stars: frozenset[PurePosixPath]
    guard: cst.If | None


@dataclass(frozen=True, eq=False)
class Linked:
    """A program of several files as one source; the last part is the file that is run.

    `modules` are the first names of all modules of the folder, also of those that are no part.
    """

    source: Source
    parts: tuple[Part, ...]
    modules: frozenset[str]

    def place(self, line: int) -> tuple[Part, int]:
        """The file of a line of the linked text, and the line in it."""
        part = next(p for p in reversed(self.parts) if p.start < max(line, 1))
        return part, line - part.start


def link(files: Files, sources: Sequence[tuple[PurePosixPath, Source]]) -> Linked:
    """One program from files in the order in which Python runs them; raises CannotLink."""
    linked = frozenset(path for path, _ in sources)
    tables = {path: table_of(files, linked, path, source) for path, source in sources}
    apart: set[tuple[PurePosixPath, str]] = set()
    while True:
        names = linked_names(tables, apart)
        writers = {path: FileLinker(path, tables, names) for path, _ in sources}
        bodies = {path: writer.body() for path, writer in writers.items()}
        found = {item for writer in writers.values() for item in writer.hidden_targets}
        if found <= apart:
            break
        apart |= found
    plain: list[Any] = []
    body: list[Any] = []
    origins: Origins = {}
    parts = []
    start = 0
    text = ""
    between: list[cst.EmptyLine] = []
    for path, source in sources:
        table = tables[path]
        statements, between = _as_printed(source.module, between)
        plain += statements
        body += bodies[path]
        origins |= writers[path].origins
        entry = path == sources[-1][0]
        part = Part(
            path,
            source,
            start,
            names[path],
            table.members,
            table.texts,
            frozenset(table.stars),
            None if entry else table.guard,
        )
        if entry and table.guard is not None:
            body.append(writers[path].guard(table.guard))
        parts.append(part)
        printed = source.text if source.text.endswith("\n") else source.text + "\n"
        text += printed
        start += printed.count("\n")
    last = sources[-1][1]
    module = last.module.with_changes(body=body, header=(), footer=())
    whole = replace(
        last,
        text=text,
        module=module,
        plain=last.module.with_changes(body=plain, header=(), footer=()),
        origins=origins,
        homes={own: at for at, part in enumerate(parts) for own in part.names.values()},
        notes=tuple(note for _, source in sources for note in source.notes),
    )
    modules = {name.removesuffix(".py") for path in files.paths for name in path.parts}
    return Linked(whole, tuple(parts), frozenset(modules))


def _as_printed(
    module: cst.Module, before: Sequence[cst.EmptyLine]
) -> tuple[list[Any], list[cst.EmptyLine]]:
    """The statements with the lines of the file's header, and the lines that stand behind them."""
    body: list[Any] = list(module.body)
    first = [*before, *module.header]
    if not body:
        return [], [*first, *module.footer]
    body[0] = body[0].with_changes(leading_lines=[*first, *body[0].leading_lines])
    return body, list(module.footer)


def idle_names(linked: Linked) -> dict[PurePosixPath, frozenset[str]]:
    """Names of each file that the program never reaches from what it runs.

    Definitions of the last file count as reached if nothing there runs: it is a library then.
    """
    uses: dict[str, set[str]] = {}
    todo: list[str] = []
    entry = set(linked.parts[-1].names.values())
    library = True
    for item in linked.source.module.body:
        used = set(plain_names(item))
        if isinstance(item, (cst.FunctionDef, cst.ClassDef)):
            uses.setdefault(item.name.value, set()).update(used)
        else:
            todo += used
            library = library and not any(isinstance(node, cst.Call) for node in walk(item))
    todo += entry if library else ()
    reached: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += uses.get(name, ())
    return {
        part.path: frozenset(
            name for name, own in part.names.items() if own in uses and own not in reached
        )
        for part in linked.parts
    }


def guard_references(part: Part) -> list[tuple[str, int, int]]:
    """TensorFlow references in what a file only does as a script: symbol, line and column."""
    if part.guard is None:
        return []
    tensorflow = tensorflow_names(part.source.module)
    found = {}
    stack: list[cst.CSTNode] = [part.guard]
    while stack:
        node = stack.pop()
        dotted = dotted_name(node)
        if dotted and dotted.partition(".")[0] in tensorflow:
            found[node] = dotted
        else:
            stack += children(node)
    where = places(part.source.module, set(found))
    return sorted((symbol, *where[node]) for node, symbol in found.items())
