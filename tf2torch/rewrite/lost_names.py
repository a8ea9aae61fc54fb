"""Marks what is left over: statements of the output that read names nothing binds any more.

A last line of defence. Wherever a pass drops the statement that binds a name and another keeps one
that reads it, the output would fail when it runs; here it becomes a TODO instead.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import libcst as cst

from tf2torch.cst.memory import remember
from tf2torch.cst.names import local_names, parameters
from tf2torch.cst.walk import below, children, transform
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


@dataclass(frozen=True)
class Visible:
    """Names that code may read: those of the module and those of the functions around it."""

    module: frozenset[str]
    local: frozenset[str] = frozenset()

    def inside(self, names: frozenset[str]) -> Visible:
        return Visible(self.module, self.local | names)


def mark_lost_names(writer: Writer, module: cst.Module) -> cst.Module:
    """The module with a TODO for each statement that reads a name which got lost."""
    source = writer.analysis.source.module
    lost = set(unbound(module)) - writer.failed
    if lost:
        lost -= set(unbound(source))
    if below(source, cst.ImportStar):
        lost &= _bound_anywhere(source)
    if not lost:
        return module
    places = {n.value: n for n in below(source, cst.Name) if n.value in lost}
    return _Marker(writer, lost, places).module(module)


def _bound_anywhere(module: cst.Module) -> set[str]:
    found = set(_module_names(module))
    for node in below(module, cst.FunctionDef):
        found |= local_names(node)
    return found


def unbound(module: cst.Module) -> list[str]:
    """Names that are read where nothing binds them, whatever the order of statements."""
    visible = Visible(_module_names(module))
    return [name for node in module.body for name in _unbound(node, visible)]


@remember
def _module_names(module: cst.Module) -> frozenset[str]:
    made = cst.FunctionDef(cst.Name("_"), cst.Parameters(), cst.IndentedBlock(module.body))
    found = set(local_names(made))
    for node in below(module, cst.Global):
        found |= {item.name.value for item in node.names}
    return _BUILTIN | found


def _unbound(node: Any, visible: Visible) -> list[str]:
    """Names read by a node that are not visible there."""
    found: list[str] = []
    stack = [node]
    while stack:
        item = stack.pop()
        kind = type(item)
        if kind is cst.Name:
            if item.value not in visible.module and item.value not in visible.local:
                found.append(item.value)
        elif kind is cst.Attribute or kind is cst.Arg:
            stack.append(item.value)
        elif kind is cst.FunctionDef or kind is cst.Lambda:
            arguments = frozenset(parameters(item))
            names = local_names(item) if kind is cst.FunctionDef else arguments
            found += _unbound(item.params, visible.inside(arguments))
            found += _unbound(item.body, visible.inside(names))
        elif kind is cst.ClassDef:
            for part in (*item.bases, *item.keywords, *item.decorators):
                found += _unbound(part, visible)
            found += _unbound(item.body, visible.inside(_class_names(item)))
        elif kind in _COMPREHENSIONS:
            inner = visible.inside(_targets(item))
            for child in children(item):
                found += _unbound(child, inner)
        elif kind not in _DECLARATIONS:
            inside = children(item)
            inside.reverse()
            stack += inside
    return found


_COMPREHENSIONS = frozenset({cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp})
_DECLARATIONS = frozenset({cst.Import, cst.ImportFrom, cst.Global, cst.Nonlocal})


def _class_names(node: cst.ClassDef) -> frozenset[str]:
    made = cst.FunctionDef(cst.Name("_"), cst.Parameters(), node.body)
    return local_names(made)


def _targets(node: cst.CSTNode) -> frozenset[str]:
    found = set()
    for item in below(node, cst.CompFor):
        found |= {name.value for name in below(item.target, cst.Name)}
    return frozenset(found)


@dataclass
class _Marker:
    writer: Writer
    lost: set[str]
    places: dict[str, cst.Name]

    def module(self, module: cst.Module) -> cst.Module:
        visible = Visible(_module_names(module))
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
