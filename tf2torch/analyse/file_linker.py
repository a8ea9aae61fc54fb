"""Writes the statements of one file with the names of the linked program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import libcst as cst

from tf2torch.analyse.file_names import Table, enter_import, imports_of
from tf2torch.analyse.inlining import Origins
from tf2torch.cst.forms import dotted_name, is_docstring
from tf2torch.cst.names import bound, local_names, own_nodes, parameters
from tf2torch.cst.printing import code_of
from tf2torch.cst.walk import transform, walk


class CannotLink(Exception):
    """Files that are more than what they define, such as a module handed on as a value."""


@dataclass(eq=False)
class FileLinker:
    """Writes the statements of one file with the names of the linked program.

    Attributes:
        hidden_targets: names of other files that a local name of this one would hide.
    """

    path: PurePosixPath
    tables: Mapping[PurePosixPath, Table]
    names: Mapping[PurePosixPath, Mapping[str, str]]
    origins: Origins = field(default_factory=dict)
    hidden_targets: set[tuple[PurePosixPath, str]] = field(default_factory=set)
    rebound: set[str] = field(default_factory=set)

    @property
    def table(self) -> Table:
        return self.tables[self.path]

    def body(self) -> list[Any]:
        """The statements but for docstring, guard and imports of the project's own files."""
        done: list[Any] = []
        for index, item in enumerate(self.table.source.module.body):
            if item is self.table.guard or (index == 0 and is_docstring(item)):
                continue
            new = self._statement(item, frozenset(), self.table.modules)
            if new is not None:
                done.append(new)
            self.rebound |= {
                target.value
                for target in bound(own_nodes(item))
                if isinstance(target, cst.Name) and target.value in self.table.modules
            } - imports_of(list(own_nodes(item)))
        return done

    def guard(self, node: cst.If) -> Any:
        return self._statement(node, frozenset(), self.table.modules)

    def _statement(
        self, item: Any, hidden: frozenset[str], modules: Mapping[str, PurePosixPath]
    ) -> Any:
        """A statement; None if nothing is left of it."""
        if isinstance(item, cst.SimpleStatementLine):
            smalls = [self._small(small, hidden, modules) for small in item.body]
            kept = [small for small in smalls if small is not None]
            if len(kept) == len(item.body) and all(a is b for a, b in zip(kept, item.body)):
                return item
            if not kept:
                return None
            kept[-1] = kept[-1].with_changes(semicolon=cst.MaybeSentinel.DEFAULT)
            return self._from(item.with_changes(body=kept), item)
        if isinstance(item, cst.Try) and not any(
            self._statement(node, hidden, modules) is not None for node in item.body.body
        ):
            return None  # only imports of the project, tried in several ways
        return self._change(item, hidden, modules)

    def _small(
        self, small: Any, hidden: frozenset[str], modules: Mapping[str, PurePosixPath]
    ) -> Any:
        if isinstance(small, cst.ImportFrom) and id(small) in self.table.local:
            return None
        if isinstance(small, (cst.Import, cst.ImportFrom)):
            if isinstance(small, cst.ImportFrom) and dotted_name(small.module) == "__future__":
                return None
            if isinstance(small.names, cst.ImportStar):
                return small
            kept = [alias for alias in small.names if not self._is_local(alias, small)]
            if not kept:
                return None
            renamed = [self._alias(alias, small, hidden) for alias in kept]
            if len(kept) == len(small.names) and all(a is b for a, b in zip(renamed, kept)):
                return small
            renamed[-1] = renamed[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
            return self._from(small.with_changes(names=renamed), small)
        return self._change(small, hidden, modules)

    def _is_local(self, alias: cst.ImportAlias, node: cst.CSTNode) -> bool:
        if id(alias) in self.table.local:
            return True
        scratch = self.table.empty()
        enter_import(scratch, node)  # type: ignore[arg-type]
        return id(alias) in scratch.local

    def _alias(
        self, alias: cst.ImportAlias, node: cst.CSTNode, hidden: frozenset[str]
    ) -> cst.ImportAlias:
        name = alias.asname.name if alias.asname is not None else alias.name
        linked = self.names[self.path].get(dotted_name(name))
        if linked is None or linked == dotted_name(name) or dotted_name(name) in hidden:
            return alias
        new = alias.with_changes(asname=cst.AsName(cst.Name(linked)))
        self._from(new, alias)
        return new

    def _change(
        self, item: Any, hidden: frozenset[str], modules: Mapping[str, PurePosixPath]
    ) -> Any:
        if isinstance(item, cst.Name):
            return self._name(item, hidden, modules)
        if isinstance(item, cst.Attribute):
            return self._attribute(item, hidden, modules)
        if isinstance(item, cst.Arg):
            value = self._change(item.value, hidden, modules)
            return item if value is item.value else self._from(item.with_changes(value=value), item)
        if isinstance(item, cst.AssignTarget) and isinstance(item.target, cst.Attribute):
            if self._resolve(item.target.value, hidden, modules) is not None:
                raise CannotLink(f"{code_of(item.target)} is bound from another file")
        if isinstance(item, cst.IndentedBlock):
            return self._block(item, hidden, modules)
        if isinstance(item, cst.SimpleStatementLine):
            return self._statement(item, hidden, modules)
        if isinstance(item, (cst.FunctionDef, cst.Lambda)):
            return self._function(item, hidden, modules)
        if isinstance(item, cst.ClassDef):
            return self._class(item, hidden, modules)
        inner = hidden
        if isinstance(item, (cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp)):
            clauses = [c for c in walk(item) if isinstance(c, cst.CompFor)]
            inner |= {t.value for t in bound(clauses) if isinstance(t, cst.Name)}
        new = transform(item, _same, descend=lambda child: self._change(child, inner, modules))
        return self._from(new, item)

    def _block(
        self, item: cst.IndentedBlock, hidden: frozenset[str], modules: Mapping[str, PurePosixPath]
    ) -> cst.IndentedBlock:
        body = [self._statement(node, hidden, modules) for node in item.body]
        kept = [node for node in body if node is not None]
        if len(kept) == len(item.body) and all(a is b for a, b in zip(kept, item.body)):
            return item
        made = item.with_changes(body=kept or [cst.SimpleStatementLine([cst.Pass()])])
        return self._from(made, item)

    def _function(
        self, item: Any, hidden: frozenset[str], modules: Mapping[str, PurePosixPath]
    ) -> Any:
        if isinstance(item, cst.Lambda):
            inner, known = hidden | set(parameters(item)), modules
        else:
            scratch = self.table.empty()
            for node in own_nodes(item.body):
                if isinstance(node, (cst.Import, cst.ImportFrom)):
                    enter_import(scratch, node)
            if scratch.attributes or scratch.stars:
                self.table.attributes |= scratch.attributes
                self.table.stars += scratch.stars
                self.table.local |= scratch.local
            for path, way in scratch.members.items():
                self.table.members.setdefault(path, way)
            for path, text in scratch.texts.items():
                self.table.texts.setdefault(path, text)
            known = {**modules, **scratch.modules}
            local = local_names(item) - scratch.modules.keys() - scratch.attributes.keys()
            inner = (hidden | local) - scratch.modules.keys()
        changes: dict[str, Any] = {}
        for name in ("decorators", "returns", "params", "body"):
            value = getattr(item, name, None)
            if value is None:
                continue
            if name == "decorators":
                made: Any = [self._change(each, hidden, modules) for each in value]
                same = all(a is b for a, b in zip(made, value))
            else:
                scope = (inner, known) if name in ("body", "params") else (hidden, modules)
                made = self._change(value, *scope)
                same = made is value
            if not same:
                changes[name] = made
        linked = self._defined(item, hidden)
        if linked is not None:
            changes["name"] = linked
        return self._from(item.with_changes(**changes), item) if changes else item

    def _class(
        self, item: cst.ClassDef, hidden: frozenset[str], modules: Mapping[str, PurePosixPath]
    ) -> cst.ClassDef:
        """A class: its own names are read in its body only, not in its methods."""
        own = {
            target.value
            for node in item.body.body
            if not isinstance(node, cst.FunctionDef)
            for target in bound(own_nodes(node))
            if isinstance(target, cst.Name)
        }

        def inside(node: Any) -> Any:
            if isinstance(node, cst.FunctionDef):
                made = self._function(node, hidden, modules)
                if made.name is not node.name:  # a method is no top-level name
                    made = self._from(made.with_changes(name=node.name), node)
                return made
            return self._statement(node, hidden | own, modules)

        changes: dict[str, Any] = {}
        body = [inside(node) for node in item.body.body]
        if not all(a is b for a, b in zip(body, item.body.body)):
            body = [node for node in body if node is not None]
            changes["body"] = self._from(item.body.with_changes(body=body), item.body)
        for name in ("bases", "keywords", "decorators"):
            value = getattr(item, name)
            made = [self._change(each, hidden, modules) for each in value]
            if not all(a is b for a, b in zip(made, value)):
                changes[name] = made
        linked = self._defined(item, hidden)
        if linked is not None:
            changes["name"] = linked
        return self._from(item.with_changes(**changes), item) if changes else item

    def _defined(self, item: Any, hidden: frozenset[str]) -> cst.Name | None:
        """The name of a definition, if the linked program has another for it."""
        if not isinstance(item, (cst.FunctionDef, cst.ClassDef)) or item.name.value in hidden:
            return None
        linked = self.names[self.path].get(item.name.value, item.name.value)
        return item.name.with_changes(value=linked) if linked != item.name.value else None

    # -- names -----------------------------------------------------------------------------------

    def _name(
        self, item: cst.Name, hidden: frozenset[str], modules: Mapping[str, PurePosixPath]
    ) -> cst.Name:
        if item.value in hidden:
            return item
        own = self.names[self.path].get(item.value)
        if own is None or item.value in self.table.attributes:
            found = self._lookup(self.path, item.value, ())
            if found is not None:
                own = found
        if own is None:
            if item.value in modules:
                raise CannotLink(f"the module {item.value} is used as a value")
            return item
        if own == item.value:
            return item
        return self._from(item.with_changes(value=own), item)

    def _attribute(
        self, item: cst.Attribute, hidden: frozenset[str], modules: Mapping[str, PurePosixPath]
    ) -> Any:
        target = self._resolve(item.value, hidden, modules)
        if target is not None:
            if self._resolve(item, hidden, modules) is not None:
                raise CannotLink(f"the module {code_of(item)} is used as a value")
            name = self._lookup(target, item.attr.value, ())
            if name is None:
                raise CannotLink(f"{code_of(item)} is not defined in {target}")
            if name in hidden or (name in self.table.own and target != self.path):
                owner = self._owner(name)
                if owner is not None and owner[0] != self.path:
                    self.hidden_targets.add(owner)
            return self._from(cst.Name(name, lpar=item.lpar, rpar=item.rpar), item)
        value = self._change(item.value, hidden, modules)
        return item if value is item.value else self._from(item.with_changes(value=value), item)

    def _owner(self, linked: str) -> tuple[PurePosixPath, str] | None:
        for path, names in self.names.items():
            for name, other in names.items():
                if other == linked and path != self.path:
                    return path, name
        return None

    def _resolve(
        self, node: cst.CSTNode, hidden: frozenset[str], modules: Mapping[str, PurePosixPath]
    ) -> PurePosixPath | None:
        """The file that an expression stands for, if it is a module of the project."""
        dotted = dotted_name(node)
        first = dotted.partition(".")[0]
        if not dotted or first in hidden or first in self.rebound:
            return None
        if dotted in modules:
            return modules[dotted] if modules[dotted] in self.tables else None
        if isinstance(node, cst.Attribute):
            base = self._resolve(node.value, hidden, modules)
            if base is not None:
                return self.tables[base].modules.get(node.attr.value)
        return None

    def _lookup(self, path: PurePosixPath, name: str, seen: tuple[Any, ...]) -> str | None:
        """The linked name of a top-level name of a file, its own or one that it imports."""
        table = self.tables.get(path)
        if table is None or (path, name) in seen:
            return None
        seen = (*seen, (path, name))
        if name in table.attributes:
            target, attr = table.attributes[name]
            return self._lookup(target, attr, seen)
        if name in table.own:
            return self.names[path][name]
        for star in reversed(table.stars):
            found = self._lookup(star, name, seen) if not name.startswith("_") else None
            if found is not None:
                return found
        return None

    def _from(self, new: Any, old: cst.CSTNode) -> Any:
        if new is not old:
            self.origins.setdefault(new, self.origins.get(old, old))
        return new


def _same(node: cst.CSTNode) -> cst.CSTNode:
    return node
