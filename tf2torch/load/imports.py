"""Which files of a project import which: names of modules resolved to files, nothing is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import libcst as cst

from tf2torch.cst.forms import dotted_name
from tf2torch.cst.walk import below


@dataclass(frozen=True)
class Files:
    """The Python files of a folder by their places in it, and how their imports find them."""

    paths: Mapping[PurePosixPath, Path]

    def submodule(self, folder: PurePosixPath, dotted: str) -> PurePosixPath | None:
        """The file of a dotted name below a folder: a module, or the `__init__` of a package."""
        place = folder.joinpath(*dotted.split(".")) if dotted else folder
        module = place.with_name(f"{place.name}.py") if dotted else None
        for candidate in (module, place / "__init__.py"):
            if candidate is not None and candidate in self.paths:
                return candidate
        return None

    def find(self, importer: PurePosixPath, dotted: str, level: int = 0) -> PurePosixPath | None:
        """The file that a name means in an import statement of `importer`, None if it is no file.

        Absolute names are looked up beside the importer first, as for a script, then in the
        folders around it.
        """
        if level:
            folder = importer.parent
            for _ in range(level - 1):
                folder = folder.parent
            return self.submodule(folder, dotted)
        for folder in importer.parents:
            found = self.submodule(folder, dotted)
            if found is not None:
                return found
        return None


def imported(files: Files, importer: PurePosixPath, module: cst.Module) -> Iterator[PurePosixPath]:
    """The files of the project that a file imports, in the order of the text."""
    for node in below(module, cst.Import, cst.ImportFrom):
        if isinstance(node, cst.Import):
            for alias in node.names:
                found = files.find(importer, dotted_name(alias.name))
                if found is not None:
                    yield found
        elif isinstance(node, cst.ImportFrom):
            yield from _imported_from(files, importer, node)


def _imported_from(
    files: Files, importer: PurePosixPath, node: cst.ImportFrom
) -> Iterator[PurePosixPath]:
    level, dotted = len(node.relative), dotted_name(node.module)
    if not isinstance(node.names, cst.ImportStar):
        for alias in node.names:
            inner = f"{dotted}.{dotted_name(alias.name)}".lstrip(".")
            found = files.find(importer, inner, level)
            if found is not None:
                yield found
    if dotted or not level:
        found = files.find(importer, dotted, level)
        if found is not None:
            yield found


def in_order(
    edges: Mapping[PurePosixPath, tuple[PurePosixPath, ...]], entry: PurePosixPath
) -> tuple[PurePosixPath, ...]:
    """`entry` and what it imports, each behind its own imports, as Python would run them."""
    done: dict[PurePosixPath, None] = {}
    started: set[PurePosixPath] = set()

    def visit(path: PurePosixPath) -> None:
        if path in started:
            return
        started.add(path)
        for other in edges.get(path, ()):
            visit(other)
        done[path] = None

    visit(entry)
    return tuple(done)


def entries(
    edges: Mapping[PurePosixPath, tuple[PurePosixPath, ...]],
) -> tuple[PurePosixPath, ...]:
    """The files that no other imports; of files that import each other, the first."""
    wanted = {other for path, others in edges.items() for other in others if other != path}
    found = [path for path in edges if path not in wanted]
    reached = {path for entry in found for path in in_order(edges, entry)}
    for path in edges:
        if path not in reached:
            found.append(path)
            reached |= set(in_order(edges, path))
    return tuple(found)
