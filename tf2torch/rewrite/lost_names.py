"""Marks what is left over: statements of the output that read names nothing binds any more.

A last line of defence. Wherever a pass drops the statement that binds a name and another keeps one
that reads it, the output would fail when it runs; here it becomes a TODO instead.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import libcst as cst

from tf2torch.analyse.methods import local_names, parameters
from tf2torch.cst.walk import children, transform, walk
from tf2torch.rewrite.writer import Unconvertible, Writer, code, lines

_BUILTIN = frozenset(dir(builtins)) | {
    "__file__",
    "__name__",
    "__doc__",
    "__class__",
    "__package__",
    "__path__",
    "__spec__",
    "unicode",
    "xrange",
    "raw_input",
    "reload",
}
_FUNCTIONS = (cst.FunctionDef, cst.Lambda)


@dataclass(frozen=True)
class Visible:
    """Names that code may read: those of the module and those of the functions around it."""

    module: frozenset[str]
    local: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        return name in self.module or name in self.local or name in _BUILTIN

    def inside(self, names: frozenset[str]) -> Visible:
        return Visible(self.module, self.local | names)


def mark_lost_names(writer: Writer, module: cst.Module) -> cst.Module:
    """The module with a TODO for each statement that reads a name which got lost."""
    source = writer.analysis.source.module
    unknown = set(unbound(source))
    lost = set(unbound(module)) - unknown - writer.failed
    if any(isinstance(node, cst.ImportStar) for node in walk(source)):
        lost &= _bound_anywhere(source)
    if not lost:
        return module
    places = {n.value: n for n in walk(source) if isinstance(n, cst.Name) and n.value in lost}
    return _Marker(writer, lost, places).module(module)


def _bound_anywhere(module: cst.Module) -> set[str]:
    found = set(_module_names(module))
    for node in walk(module):
        if isinstance(node, cst.FunctionDef):
            found |= local_names(node)
    return found


def unbound(module: cst.Module) -> Iterator[str]:
    """Names that are read where nothing binds them, whatever the order of statements."""
    visible = Visible(frozenset(_module_names(module)))
    for node in module.body:
        yield from _unbound(node, visible)


def _module_names(module: cst.Module) -> set[str]:
    made = cst.FunctionDef(cst.Name("_"), cst.Parameters(), cst.IndentedBlock(module.body))  # type: ignore[arg-type]
    found = set(local_names(made))
    for node in walk(module):
        if isinstance(node, cst.Global):
            found |= {item.name.value for item in node.names}
    return found


def _unbound(node: cst.CSTNode, visible: Visible) -> Iterator[str]:
    if isinstance(node, cst.Name):
        if node.value not in visible:
            yield node.value
    elif isinstance(node, (cst.Attribute, cst.Arg)):
        yield from _unbound(node.value, visible)
    elif isinstance(node, _FUNCTIONS):
        yield from _unbound(node.params, visible.inside(frozenset(parameters(node))))
        names = (
            local_names(node) if isinstance(node, cst.FunctionDef) else frozenset(parameters(node))
        )
        yield from _unbound(node.body, visible.inside(names))
    elif isinstance(node, cst.ClassDef):
        for part in (*node.bases, *node.keywords, *node.decorators):
            yield from _unbound(part, visible)
        yield from _unbound(node.body, visible.inside(_class_names(node)))
    elif isinstance(node, (cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp)):
        inner = visible.inside(_targets(node))
        for child in children(node):
            yield from _unbound(child, inner)
    elif not isinstance(node, (cst.Import, cst.ImportFrom, cst.Global, cst.Nonlocal)):
        for child in children(node):
            yield from _unbound(child, visible)


def _class_names(node: cst.ClassDef) -> frozenset[str]:
    made = cst.FunctionDef(cst.Name("_"), cst.Parameters(), node.body)
    return local_names(made)


def _targets(node: cst.CSTNode) -> frozenset[str]:
    found = set()
    for item in walk(node):
        if isinstance(item, cst.CompFor):
            found |= {name.value for name in walk(item.target) if isinstance(name, cst.Name)}
    return frozenset(found)


@dataclass
class _Marker:
    writer: Writer
    lost: set[str]
    places: dict[str, cst.Name]

    def module(self, module: cst.Module) -> cst.Module:
        visible = Visible(frozenset(_module_names(module)))
        return module.with_changes(body=self._statements(module.body, visible))

    def _statements(self, body: Sequence[Any], visible: Visible) -> list[Any]:
        done: list[Any] = []
        for number, node in enumerate(body):
            if _raises(node):
                return [*done, *body[number:]]  # what follows is not reached
            done += self._statement(node, visible)
        return done

    def _statement(self, node: Any, visible: Visible) -> list[Any]:
        if isinstance(node, cst.FunctionDef):
            visible = visible.inside(local_names(node))
        elif isinstance(node, cst.ClassDef):
            visible = visible.inside(_class_names(node))
        parts = _header(node) if isinstance(node, cst.BaseCompoundStatement) else [node]
        names = [name for part in parts for name in _unbound(part, visible) if name in self.lost]
        if names:
            return self._todo(node, names[0])
        if not isinstance(node, cst.BaseCompoundStatement):
            return [node]

        def below(item: cst.CSTNode) -> cst.CSTNode:
            if isinstance(item, cst.IndentedBlock):
                made = self._statements(item.body, visible)
                same = len(made) == len(item.body) and all(a is b for a, b in zip(made, item.body))
                return item if same else item.with_changes(body=made)
            if isinstance(item, cst.BaseExpression):
                return item
            return transform(item, lambda one: one, descend=below)

        return [transform(node, lambda one: one, descend=below)]

    def _todo(self, node: Any, name: str) -> list[Any]:
        problem = Unconvertible("lost-name", f"{name!r} did not survive the conversion")
        self.writer.findings.append((self.places.get(name), problem.rule, "error", problem.reason))
        comments = [f"# TODO(tf2torch: {problem.rule}) {problem.reason}"]
        text = code(node.with_changes(leading_lines=())).strip("\n")
        comments += [f"#   {line}".rstrip() for line in text.splitlines()]
        raised = lines(f"raise NotImplementedError({problem.reason!r})\n")[0]
        marks = [cst.EmptyLine(comment=cst.Comment(text)) for text in comments]
        return [raised.with_changes(leading_lines=[*node.leading_lines, *marks])]


def _header(node: Any) -> list[cst.CSTNode]:
    """What a compound statement evaluates before its blocks, and blocks on the same line."""
    if isinstance(getattr(node, "body", None), cst.SimpleStatementSuite):
        return [node]
    if isinstance(node, (cst.If, cst.While)):
        return [node.test]
    if isinstance(node, cst.For):
        return [node.iter]
    if isinstance(node, cst.With):
        return list(node.items)
    if isinstance(node, cst.FunctionDef):
        return [node.params, *node.decorators]
    return []


def _raises(node: cst.CSTNode) -> bool:
    small = node.body[0] if isinstance(node, cst.SimpleStatementLine) else None
    call = small.exc if isinstance(small, cst.Raise) else None
    return isinstance(call, cst.Call) and code(call.func) == "NotImplementedError"
