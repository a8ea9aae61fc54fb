"""Puts the statements of a converted program back into the files that they come from.

The other way around from `tf2torch.analyse.linking`: names of other files are imported, the way
that the file did it before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import libcst as cst

from tf2torch.analyse.file_names import is_mark
from tf2torch.analyse.linking import Linked, Part, guard_references
from tf2torch.analyse.placing import is_guard
from tf2torch.cst.forms import dotted_name, is_docstring
from tf2torch.cst.names import bound, names_in, own_nodes
from tf2torch.cst.printing import code_of
from tf2torch.cst.walk import walk
from tf2torch.plan.roles import class_name
from tf2torch.rewrite.assemble import DEVICE, grouped, separated, spaced
from tf2torch.rewrite.renaming import renamed
from tf2torch.rewrite.writer import lines

Statements = list[Any]
SUPPORT = "tf1_support"


@dataclass(frozen=True)
class SplitFile:
    """One file of the output.

    Attributes:
        text: its source.
        support: names that it takes from the support file.
        classes: the top-level classes that it defines.
        circular: names that it needs of files that need it.
    """

    text: str
    support: tuple[str, ...]
    classes: frozenset[str]
    circular: tuple[str, ...]


def unmarked(text: str) -> str:
    """Text without the letters that say which file a name comes from."""
    if text.isascii():
        return text
    return "".join(letter for letter in text if not is_mark(letter))


def split(text: str, linked: Linked) -> dict[PurePosixPath, SplitFile]:
    """The converted files of a linked program by their places in the folder."""
    module = cst.parse_module(text)
    pool = _Pool()
    rest: Statements = []
    for statement in module.body:
        if not pool.add(statement) and not is_docstring(statement):
            rest.append(statement)
    owners = _owners(rest, linked)
    bodies: list[Statements] = [[] for _ in linked.parts]
    homes: dict[str, int] = {}
    for statement, owner in zip(rest, owners, strict=True):
        bodies[owner].append(statement)
        for name in _bound_names(statement):
            homes.setdefault(name, owner)
    made = {}
    for index, part in enumerate(linked.parts):
        writer = _FileWriter(linked, index, homes, pool)
        made[part.path] = writer.write(bodies[index])
    return made


# -- whose a statement is ------------------------------------------------------------------------


@dataclass(eq=False)
class _Pool:
    """The imports of the whole program, by the names that they bind."""

    packages: dict[str, str] = field(default_factory=dict)
    support: dict[str, str] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    device: bool = False

    def add(self, statement: cst.CSTNode) -> bool:
        """Whether a statement is an import, or the line that binds the device."""
        if code_of(statement).strip() == DEVICE.strip():
            self.device = True
            return True
        small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
        if isinstance(small, cst.Import):
            for alias in small.names:
                own = code_of(alias).rstrip(", ")
                self.packages[_binds(alias)] = f"import {own}"
            return True
        if not isinstance(small, cst.ImportFrom):
            return False
        source = "." * len(small.relative) + dotted_name(small.module)
        if isinstance(small.names, cst.ImportStar):
            self.stars.append(code_of(small).strip())
            return True
        for alias in small.names:
            own = code_of(alias).rstrip(", ")
            table = self.support if source == SUPPORT else self.packages
            table[_binds(alias)] = own if source == SUPPORT else f"from {source} import {own}"
        return True


def _binds(alias: cst.ImportAlias) -> str:
    name = alias.asname.name if alias.asname is not None else alias.name
    return dotted_name(name).partition(".")[0]


def _bound_names(statement: cst.CSTNode) -> set[str]:
    """The names that a top-level statement binds."""
    if isinstance(statement, (cst.FunctionDef, cst.ClassDef)):
        return {statement.name.value}
    nodes = list(own_nodes(statement))
    found = {t.value for t in bound(nodes) if isinstance(t, cst.Name)}
    return found | {n.name.value for n in nodes if isinstance(n, (cst.FunctionDef, cst.ClassDef))}


def _owners(statements: Statements, linked: Linked) -> list[int]:
    """The part of each statement: of what it defines, or else the first that needs it.

    What the conversion added is never in front of what it reads.
    """
    known: dict[str, int] = {}
    for index, part in enumerate(linked.parts):
        for name in part.names.values():
            known.setdefault(name, index)
    kept = {name for statement in statements for name in _bound_names(statement)}
    derived = {class_name(name): index for name, index in known.items() if name not in kept}
    last = len(linked.parts) - 1
    owners: list[int | None] = []
    for statement in statements:
        names = _bound_names(statement)
        places = [known[name] for name in names if name in known]
        if not places and isinstance(statement, cst.ClassDef):
            places = [derived[name] for name in names if name in derived]
        if is_guard(statement) or not names:
            places = [last]
        owners.append(min(places) if places else None)
    reads = [names_in(statement).loads for statement in statements]
    while None in owners:
        changed = False
        for at, statement in enumerate(statements):
            if owners[at] is not None:
                continue
            names = _bound_names(statement)
            users = [o for i, o in enumerate(owners) if i != at and names & reads[i]]
            settled = [user for user in users if user is not None]
            if users and len(settled) == len(users):
                owners[at] = min(settled)
                changed = True
        if not changed:
            owners = [last if owner is None else owner for owner in owners]
    return _behind_reads(statements, [owner for owner in owners if owner is not None], known)


def _behind_reads(statements: Statements, owners: list[int], known: Mapping[str, int]) -> list[int]:
    """The parts of statements, with those of no source moved to the last that they read from."""
    homes: dict[str, int] = {}
    for at, statement in enumerate(statements):
        for name in _bound_names(statement):
            homes.setdefault(name, at)
    added = {at for at, s in enumerate(statements) if not _bound_names(s) & known.keys()}
    made = {name for at in added for name in _bound_names(statements[at])}
    for at in added:
        # What is done with something that the conversion added stays beside it.
        statement = statements[at]
        if isinstance(statement, cst.SimpleStatementLine) and not _bound_names(statement):
            if names_in(statement).loads & made:
                owners[at] = 0
    read = {
        at: {homes[name] for name in names_in(statements[at]).loads if name in homes}
        for at in added
    }
    moved = True
    while moved:
        moved = False
        for at in added:
            needed = max((owners[other] for other in read[at]), default=0)
            if needed > owners[at]:
                owners[at] = needed
                moved = True
    return owners


# -- a file --------------------------------------------------------------------------------------


@dataclass(eq=False)
class _FileWriter:
    """Writes one file.

    Attributes:
        homes: the file that binds each top-level name of the output.
        imports: the lines of imports from the program's own files.
    """

    linked: Linked
    index: int
    homes: Mapping[str, int]
    pool: _Pool
    imports: dict[str, None] = field(default_factory=dict)
    taken: dict[str, set[str]] = field(default_factory=dict)
    circular: list[str] = field(default_factory=list)

    @property
    def part(self) -> Part:
        return self.linked.parts[self.index]

    def write(self, body: Statements) -> SplitFile:
        """The file of these statements."""
        used = names_in(body).loads
        everywhere = {n for statement in body for n in _names_bound_inside(statement)}
        names: dict[str, cst.BaseExpression] = {}
        for name in sorted(used):
            home = self.homes.get(name)
            if home is not None and home != self.index:
                new = self._foreign(name, home, everywhere)
                if new != name:
                    names[name] = cst.parse_expression(new)
        if names:
            body = [renamed(statement, names, frozenset()) for statement in body]
        source = self.part.source.module
        doc = [source.body[0]] if source.body and is_docstring(source.body[0]) else []
        wanted = used | {n for n, own in self.part.names.items() if own in self.pool.packages}
        wanted |= {"torch"} if self._needs_device(used) else set()
        texts = dict.fromkeys(t for name, t in self.pool.packages.items() if name in wanted)
        ours = [text for text in texts if self._is_local(text)]
        packages = lines("".join(f"{text}\n" for text in texts if text not in ours))
        support = sorted({t for name, t in self.pool.support.items() if name in used})
        local = "".join(f"{text}\n" for text in (*ours, *self._local_imports()))
        local += f"from {SUPPORT} import {', '.join(support)}\n" if support else ""
        head = lines(DEVICE) if self._needs_device(used) else []
        imports = grouped(packages, lines(local) if local else [])
        rest = spaced(self._with_guard(body))
        if head and imports:
            head[0] = head[0].with_changes(leading_lines=[cst.EmptyLine(indent=False)])
        if rest and (head or imports or doc):
            rest[0] = separated(rest[0])
        whole: Statements = [*doc, *imports, *head, *rest]
        made = cst.Module(whole, header=source.header)
        text = unmarked(_without_doubled(code_of(made, source.with_changes(body=[]))))
        classes = frozenset(unmarked(n.name.value) for n in body if isinstance(n, cst.ClassDef))
        return SplitFile(
            text.rstrip("\n") + "\n",
            tuple(sorted(name.split(" as ")[0] for name in support)),
            classes,
            tuple(self.circular),
        )

    def _needs_device(self, used: set[str]) -> bool:
        return self.pool.device and "device" in used

    def _foreign(self, name: str, home: int, bound_here: set[str]) -> str:
        """How this file writes a name of another one; enters the import for it."""
        other = self.linked.parts[home].path
        if home > self.index:
            self.circular.append(unmarked(name))
        plain = unmarked(name)
        if other in self.part.stars and not plain.startswith("_") and plain not in bound_here:
            self.imports[f"from {self._module(other)} import *"] = None
            return plain
        way = self.part.members.get(other)
        if way is not None and way[0].partition(".")[0] not in bound_here:
            self.imports[way[1]] = None
            return f"{way[0]}.{plain}"
        own = plain
        if plain in bound_here or self.homes.get(plain, home) not in (home,):
            own = f"{plain}_{other.stem}"
        alias = f"{plain} as {own}" if own != plain else plain
        self.taken.setdefault(f"from {self._module(other)} import", set()).add(alias)
        return own

    def _module(self, other: PurePosixPath) -> str:
        """The name of another file in an import statement of this one."""
        known = self.part.modules.get(other)
        if known is not None:
            return known
        relative = [text for text in self.part.modules.values() if text.startswith(".")]
        here = self.part.path.parent
        if here == other.parent:
            return f".{other.stem}" if relative else other.stem
        dotted = ".".join(other.with_suffix("").parts)
        return dotted.removesuffix(".__init__")

    def _is_local(self, text: str) -> bool:
        """Whether an import statement names a file of the folder that is no part."""
        source = text.split()[1]
        return source.startswith(".") or source.partition(".")[0] in self.linked.modules

    def _local_imports(self) -> Iterator[str]:
        yield from self.imports
        for start, names in self.taken.items():
            yield f"{start} {', '.join(sorted(names))}"

    def _with_guard(self, body: Statements) -> Statements:
        """The code that a file runs only as a script, where it can stay."""
        guard = self.part.guard
        if guard is None:
            return body
        if not guard_references(self.part):
            return [*body, guard]
        reason = "what an imported file does as a script is not converted"
        text = f"    # TODO(tf2torch: imported-script) {reason}\n"
        source = code_of(guard.body, self.part.source.module).strip("\n")
        text += "".join(f"    # {line}".rstrip() + "\n" for line in source.split("\n"))
        text += f"    raise NotImplementedError({reason!r})\n"
        return [*body, *lines(f'if __name__ == "__main__":\n{text}')]


def _names_bound_inside(statement: cst.CSTNode) -> Iterator[str]:
    """Every name that a statement binds, in any scope."""
    nodes = list(walk(statement))
    for target in bound(nodes):
        if isinstance(target, cst.Name):
            yield target.value
    for node in nodes:
        if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
            yield node.name.value
        elif isinstance(node, cst.Param):
            yield node.name.value


def _without_doubled(text: str) -> str:
    """``import random as randomX`` of a marked name: without the alias."""
    done = []
    for line in text.split("\n"):
        words = line.split(" as ")
        if len(words) == 2 and line.startswith(("import ", "from ")):
            if unmarked(words[1]) != words[1] and words[0].endswith(f" {unmarked(words[1])}"):
                line = words[0]
        done.append(line)
    return "\n".join(done)
