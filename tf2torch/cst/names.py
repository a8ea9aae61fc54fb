"""Names that a piece of code reads and binds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import libcst as cst

from tf2torch.cst.memory import remember
from tf2torch.cst.walk import STATEMENTS, below, children, read


@dataclass
class Names:
    """Loads and stores of one scope; names bound inside nested functions are not among them."""

    loads: set[str] = field(default_factory=set)
    stores: set[str] = field(default_factory=set)
    attribute_stores: set[str] = field(default_factory=set)

    def add(self, other: Names) -> None:
        self.loads |= other.loads
        self.stores |= other.stores
        self.attribute_stores |= other.attribute_stores


def names_in(node: cst.CSTNode | Iterable[cst.CSTNode]) -> Names:
    """Names read and bound by a node or block."""
    collector = _Collector()
    for item in [node] if isinstance(node, cst.CSTNode) else node:
        if type(item) in STATEMENTS:
            collector.names.add(_statement_names(item))
        else:
            read(item, collector)
    return collector.names


@remember
def _statement_names(node: cst.CSTNode) -> Names:
    """Never changed: `names_in` makes copies of it."""
    collector = _Collector()
    read(node, collector)
    return collector.names


@remember
def free_names(function: cst.FunctionDef | cst.Lambda) -> frozenset[str]:
    """Names a function takes from outside: read, and neither parameters nor locals."""
    found = names_in(function.body)
    declared = {
        item.name.value
        for statement in below(function.body, cst.Global, cst.Nonlocal)
        for item in statement.names  # type: ignore[attr-defined]
    }
    own = found.stores.union(parameters(function))
    return frozenset((found.loads - own) | declared)


def parameters(node: cst.FunctionDef | cst.Lambda) -> list[str]:
    """Names of all parameters."""
    params = node.params
    found = [p.name.value for p in (*params.posonly_params, *params.params, *params.kwonly_params)]
    for star in (params.star_arg, params.star_kwarg):
        if isinstance(star, cst.Param):
            found.append(star.name.value)
    return found


def own_nodes(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The nodes of a body without those inside functions that it defines."""
    stack = [node]
    while stack:
        item = stack.pop()
        yield item
        if type(item) not in _DEFERRED:
            stack += reversed(children(item))


_DEFINITIONS = frozenset({cst.FunctionDef, cst.ClassDef})


_DEFERRED = _DEFINITIONS | {cst.Lambda}


def bound(nodes: Iterable[cst.CSTNode]) -> Iterator[cst.CSTNode]:
    """Targets that statements bind: names, attributes, subscripts."""
    for node in nodes:
        kind = type(node)
        if kind in _WITH_TARGET:
            targets: list[cst.CSTNode] = [node.target]  # type: ignore[attr-defined]
        elif kind is cst.AsName:
            targets = [node.name]  # type: ignore[attr-defined]
        else:
            continue
        while targets:
            target = targets.pop()
            if isinstance(target, (cst.Tuple, cst.List)):
                targets += [element.value for element in target.elements]
            elif isinstance(target, cst.StarredElement):
                targets.append(target.value)
            else:
                yield target


_WITH_TARGET = frozenset(
    {cst.AssignTarget, cst.AugAssign, cst.AnnAssign, cst.NamedExpr, cst.For, cst.CompFor}
)


@remember
def local_names(node: cst.FunctionDef) -> frozenset[str]:
    """Names that a function binds itself."""
    nodes = list(own_nodes(node.body))
    found = {*parameters(node)}
    found |= {target.value for target in bound(nodes) if isinstance(target, cst.Name)}
    declared: set[str] = set()
    for item in nodes:
        kind = type(item)
        if kind in _DEFINITIONS:
            found.add(item.name.value)  # type: ignore[attr-defined]
        elif kind is cst.ImportAlias:
            assert isinstance(item, cst.ImportAlias)
            name: cst.CSTNode = item.asname.name if item.asname is not None else item.name
            while isinstance(name, cst.Attribute):
                name = name.value
            found.add(name.value)  # type: ignore[attr-defined]
        elif kind is cst.Global:
            assert isinstance(item, cst.Global)
            declared |= {each.name.value for each in item.names}
    return frozenset(found - declared)


def plain_names(node: cst.CSTNode) -> Iterator[str]:
    """Every name but those behind a dot or in front of a keyword argument's ``=``."""
    stack: list[cst.CSTNode] = [node]
    while stack:
        item = stack.pop()
        kind = type(item)
        if kind is cst.Name:
            yield item.value  # type: ignore[attr-defined]
        elif kind is cst.Attribute or kind is cst.Arg:
            stack.append(item.value)  # type: ignore[attr-defined]
        else:
            stack += children(item)


#: Methods of lists and dicts that add to them.
_GROWING = ("append", "extend", "insert", "update")


class _Collector(cst.CSTVisitor):
    def __init__(self) -> None:
        self.names = Names()

    def _store(self, target: cst.CSTNode) -> None:
        if isinstance(target, cst.Name):
            self.names.stores.add(target.value)
        elif isinstance(target, (cst.Tuple, cst.List)):
            for element in target.elements:
                self._store(element.value)
        elif isinstance(target, (cst.Attribute, cst.Subscript)):
            # A container or object is changed in place: it is read, and what it holds is new.
            read(target, self)
            base: cst.CSTNode = target
            while isinstance(base, (cst.Attribute, cst.Subscript)):
                base = base.value
            if isinstance(base, cst.Name):
                self.names.attribute_stores.add(base.value)

    def visit_IndentedBlock(self, node: cst.IndentedBlock) -> bool:
        for statement in node.body:
            self.names.add(_statement_names(statement))
        return False

    def visit_Module(self, node: cst.Module) -> bool:
        for statement in node.body:
            self.names.add(_statement_names(statement))
        return False

    def visit_Name(self, node: cst.Name) -> None:
        self.names.loads.add(node.value)

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        read(node.value, self)
        return False

    def visit_Arg(self, node: cst.Arg) -> bool:
        read(node.value, self)
        return False

    def visit_AssignTarget(self, node: cst.AssignTarget) -> bool:
        self._store(node.target)
        return False

    def visit_Expr(self, node: cst.Expr) -> bool:
        # ``outputs.append(x)``: the list is read, and what it holds is new.
        value = node.value
        if isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute):
            if isinstance(value.func.value, cst.Name) and value.func.attr.value in _GROWING:
                self.names.attribute_stores.add(value.func.value.value)
        return True

    def visit_AugAssign(self, node: cst.AugAssign) -> bool:
        read(node.target, self)
        self._store(node.target)
        read(node.value, self)
        return False

    def visit_AnnAssign(self, node: cst.AnnAssign) -> bool:
        self._store(node.target)
        if node.value is not None:
            read(node.value, self)
        return False

    def visit_For(self, node: cst.For) -> bool:
        own, body = _Collector(), _Collector()
        own._store(node.target)
        read(node.body, body)
        body.names.loads -= own.names.stores  # each round binds them first
        self.names.add(own.names)
        self.names.add(body.names)
        for child in (node.iter, node.orelse):
            if child is not None:
                read(child, self)
        return False

    def visit_CompFor(self, node: cst.CompFor) -> bool:
        inner = _Collector()
        inner._store(node.target)
        read(node.iter, self)
        for child in (*node.ifs, node.inner_for_in):
            if child is not None:
                read(child, self)
        self.names.loads -= inner.names.stores - self.names.stores
        return False

    def _comprehension(self, node: cst.BaseComp) -> bool:
        inner = _Collector()
        bound = _Collector()
        clause: cst.CompFor | None = node.for_in
        while clause is not None:
            bound._store(clause.target)
            read(clause.iter, inner)
            for condition in clause.ifs:
                read(condition, inner)
            clause = clause.inner_for_in
        for part in ("elt", "key", "value"):
            child = getattr(node, part, None)
            if child is not None:
                read(child, inner)
        self.names.loads |= inner.names.loads - bound.names.stores
        return False

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _comprehension

    def visit_AsName(self, node: cst.AsName) -> bool:
        self._store(node.name)
        return False

    def visit_ImportAlias(self, node: cst.ImportAlias) -> bool:
        if node.asname is not None:
            self._store(node.asname.name)
        else:
            base: cst.CSTNode = node.name
            while isinstance(base, cst.Attribute):
                base = base.value
            self._store(base)
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        if not isinstance(node.names, cst.ImportStar):
            for alias in node.names:
                self._store(alias.asname.name if alias.asname is not None else alias.name)
        return False

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        self.names.stores.add(node.name.value)
        for decorator in node.decorators:
            read(decorator, self)
        self._function(node)
        return False

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:
        self.names.stores.add(node.name.value)
        inner = _Collector()
        read(node.body, inner)
        self.names.loads |= inner.names.loads - inner.names.stores
        for base in node.bases:
            read(base, self)
        return False

    def visit_Lambda(self, node: cst.Lambda) -> bool:
        self._function(node)
        return False

    def _function(self, node: cst.FunctionDef | cst.Lambda) -> None:
        params = node.params
        for parameter in (*params.posonly_params, *params.params, *params.kwonly_params):
            if parameter.default is not None:
                read(parameter.default, self)
        self.names.loads |= free_names(node)
