"""Comprehensions that run the session are written as loops: then each run is a statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import libcst as cst

from tf2torch.analyse.wording import last_name, names_below, runs_graph
from tf2torch.cst.walk import STATEMENTS, below, transform, with_children

Origins = dict[cst.CSTNode, cst.CSTNode]
Comprehension = cst.ListComp | cst.GeneratorExp | cst.DictComp

_COMPREHENSIONS = (cst.ListComp, cst.GeneratorExp, cst.DictComp)
#: What is below them is computed later, more often or not at all.
_DEFERRED = (
    cst.Lambda,
    cst.ListComp,
    cst.GeneratorExp,
    cst.SetComp,
    cst.DictComp,
    cst.IfExp,
    cst.BooleanOperation,
)
_SCOPES = (cst.FunctionDef, cst.ClassDef, cst.Lambda)
SESSION_MAKERS = frozenset({"Session", "InteractiveSession", "MonitoredTrainingSession"})


def write_out(module: cst.Module, origins: Origins) -> cst.Module:
    """``xs = [sess.run(y) for i in range(3)]`` -> a loop that appends to ``xs``."""
    if not any(runs_graph(node) for node in below(module, *_COMPREHENSIONS)):
        return module
    sessions = _session_names(module)
    if not sessions:
        return module
    return _Loops(origins, sessions, names_below(module)).block(module, module)  # type: ignore


def _session_names(module: cst.Module) -> frozenset[str]:
    found = {"sess", "session"} & names_below(module)
    for node in below(module, cst.Assign):
        if isinstance(node.value, cst.Call) and last_name(node.value.func) in SESSION_MAKERS:
            found.update(last_name(target.target) for target in node.targets)
    for item in below(module, cst.WithItem):
        made = isinstance(item.item, cst.Call) and last_name(item.item.func) in SESSION_MAKERS
        if made and item.asname is not None:
            found.add(last_name(item.asname.name))
    return frozenset(found - {""})


@dataclass
class _Loops:
    origins: Origins
    sessions: frozenset[str]
    taken: set[str]
    around: list[cst.For] = field(default_factory=list)

    def block(self, node: cst.CSTNode, scope: cst.CSTNode) -> cst.CSTNode:
        if type(node) in (cst.Module, cst.IndentedBlock):
            body = [new for item in node.body for new in self._statement(item, scope)]  # type: ignore[attr-defined]
            if all(a is b for a, b in zip(body, node.body)) and len(body) == len(node.body):  # type: ignore[attr-defined]
                return node
            return self._made(node.with_changes(body=body), node)
        if isinstance(node, (*_SCOPES, cst.Else, cst.Finally, cst.ExceptHandler)) or (
            type(node) in STATEMENTS and not isinstance(node, cst.SimpleStatementLine)
        ):
            inner = node if isinstance(node, _SCOPES) else scope
            looped = isinstance(node, cst.For)
            if isinstance(node, cst.For):
                self.around.append(node)
            new = with_children(node, lambda child: self.block(child, inner))
            if looped:
                self.around.pop()
            return self._made(new, node)
        return node

    def _made(self, new: cst.CSTNode, old: cst.CSTNode) -> cst.CSTNode:
        if new is not old:
            self.origins.setdefault(new, self.origins.get(old, old))
        return new

    def _statement(self, node: cst.CSTNode, scope: cst.CSTNode) -> Sequence[cst.CSTNode]:
        if not isinstance(node, cst.SimpleStatementLine):
            return [self.block(node, scope)]
        if len(node.body) != 1 or not runs_graph(node):
            return [node]
        found = [item for item in _computed_at_once(node.body[0]) if self._runs(item)]
        rest = transform(node, lambda item: cst.Name("_") if item in found else item)
        if not found or runs_graph(rest):
            return [node]
        written: list[cst.CSTNode] = []
        for item in found:
            small, loop = self._loop(item, node.body[0], scope)
            written += loop
            if small is None:
                return self._with_comments(written, node)
            line = node.with_changes(body=[self._made(small, node.body[0])])
            self._made(line, node)
            node = line
        return self._with_comments([*written, node.with_changes(leading_lines=[])], node)

    def _with_comments(
        self, written: list[cst.CSTNode], node: cst.SimpleStatementLine
    ) -> list[cst.CSTNode]:
        first = written[0].with_changes(leading_lines=node.leading_lines)
        for new in (first, *written[1:]):
            self._made(new, node)
        return [first, *written[1:]]

    def _runs(self, node: Comprehension) -> bool:
        now = set(below(node.for_in.iter, cst.Call))
        for call in below(node, cst.Call):
            if call in now or not isinstance(call.func, cst.Attribute):
                continue
            name = call.func.attr.value
            if name == "run" and last_name(call.func.value) in self.sessions:
                return True
            if name == "eval" and all(map(_is_of_session, call.args)):
                return True
        return False

    def _loop(
        self, node: Comprehension, small: cst.BaseSmallStatement, scope: cst.CSTNode
    ) -> tuple[cst.BaseSmallStatement | None, list[cst.CSTNode]]:
        """What is left of the statement, None if the loop does all of it, and the loop."""
        target = small.targets[0].target if isinstance(small, cst.Assign) else None
        whole = (
            isinstance(small, cst.Assign)
            and small.value is node
            and isinstance(node, (cst.ListComp, cst.DictComp))
            and len(small.targets) == 1
            and isinstance(target, cst.Name)
            and target.value not in names_below(node)
        )
        name = target.value if whole and isinstance(target, cst.Name) else self._fresh("results")
        node = self._with_own_names(node, scope)
        small_body: cst.BaseSmallStatement
        made: cst.BaseExpression = cst.List([])
        if isinstance(node, cst.DictComp):
            key = [cst.SubscriptElement(cst.Index(node.key))]
            item = cst.Subscript(cst.Name(name), key)
            small_body, made = cst.Assign([cst.AssignTarget(item)], node.value), cst.Dict([])
        else:
            call = cst.Call(cst.Attribute(cst.Name(name), cst.Name("append")), [cst.Arg(node.elt)])
            small_body = cst.Expr(call)
        body: cst.BaseStatement = cst.SimpleStatementLine([small_body])
        clauses = []
        clause: cst.CompFor | None = node.for_in
        while clause is not None:
            clauses.append(clause)
            clause = clause.inner_for_in
        for clause in reversed(clauses):
            for test in reversed(clause.ifs):
                body = cst.If(test.test, cst.IndentedBlock([body]))
            body = cst.For(clause.target, clause.iter, cst.IndentedBlock([body]))
        empty = cst.Assign([cst.AssignTarget(cst.Name(name))], made)
        loop: list[cst.CSTNode] = [cst.SimpleStatementLine([empty]), body]
        if whole:
            return None, loop
        left = transform(small, lambda item: cst.Name(name) if self._is(item, node) else item)
        return left, loop  # type: ignore[return-value]

    def _is(self, item: cst.CSTNode, node: cst.CSTNode) -> bool:
        return item is node or item is self.origins.get(node)

    def _with_own_names(self, node: Comprehension, scope: cst.CSTNode) -> Comprehension:
        """The comprehension, with other names for what it would overwrite as a loop."""
        bound = {item for clause in below(node, cst.CompFor) for item in names_below(clause.target)}
        clashes = {name for name in bound - {"_"} if self._is_read_elsewhere(name, node, scope)}
        if not clashes:
            return node
        renamed = {name: self._fresh(name) for name in clashes}

        def change(item: cst.CSTNode) -> cst.CSTNode:
            if isinstance(item, cst.Name) and item.value in renamed:
                return item.with_changes(value=renamed[item.value])
            return item

        def descend(item: cst.CSTNode) -> cst.CSTNode:
            if isinstance(item, (cst.Attribute, cst.Arg)):
                value = descend(item.value)
                return item if value is item.value else item.with_changes(value=value)
            return transform(item, change, descend)

        new = descend(node)
        self.origins[new] = self.origins.get(node, node)
        return new  # type: ignore[return-value]

    def _is_read_elsewhere(self, name: str, node: Comprehension, scope: cst.CSTNode) -> bool:
        """Whether the scope has the name other than as the variable of loops beside this one."""
        if any(name in names_below(loop.target) for loop in self.around):
            return True
        own: set[cst.CSTNode] = set()
        for item in below(scope, cst.For, cst.CompFor):
            if name in names_below(item.target):  # type: ignore[attr-defined]
                own.update(below(item, cst.Name))
        for item in below(scope, *_COMPREHENSIONS, cst.SetComp, cst.DictComp):
            if name in names_below(item.for_in.target):
                own.update(below(item, cst.Name))
        return any(item.value == name and item not in own for item in below(scope, cst.Name))

    def _fresh(self, name: str) -> str:
        number, fresh = 2, name
        while fresh in self.taken:
            fresh, number = f"{name}_{number}", number + 1
        self.taken.add(fresh)
        return fresh


def _is_of_session(arg: cst.Arg) -> bool:
    if arg.keyword is not None:
        return arg.keyword.value in ("feed_dict", "session")
    return isinstance(arg.value, cst.Dict)


def _computed_at_once(node: cst.CSTNode) -> list[Comprehension]:
    """The comprehensions of a statement that are computed once, whatever happens."""
    if isinstance(node, _COMPREHENSIONS):
        return [node]
    if isinstance(node, _DEFERRED):
        return []
    found: list[Comprehension] = []

    def look(child: cst.CSTNode) -> cst.CSTNode:
        found.extend(_computed_at_once(child))
        return child

    with_children(node, look)
    return found
