"""Assignments that host code makes and runs later: functions in the place of TensorFlow's ops.

ops = []                                           def ops():
for s, t in zip(source, target):                       with torch.no_grad():
    ops.append(t.assign(s))                 ->             for s, t in zip(source, target):
sess.run(ops)                                                  t.data.copy_(s)

                                                   ops()
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from tf2torch.cst.forms import appended, named_value
from tf2torch.cst.walk import walk
from tf2torch.diagnostics import Outcome
from tf2torch.plan.sites import Site
from tf2torch.plan.units import contains_run
from tf2torch.rewrite.copying import without_results
from tf2torch.rewrite.statements import write_statement
from tf2torch.rewrite.suites import Statements, with_leading
from tf2torch.rewrite.writer import Unconvertible, Writer, lines

if TYPE_CHECKING:
    from tf2torch.rewrite.host import Host

_SYMBOLS = frozenset({"tf.assign", "tf.assign_add", "tf.assign_sub"})
_METHODS = frozenset({"assign", "assign_add", "assign_sub"})


@dataclass(frozen=True, eq=False)
class Later:
    """The statements that make a list of assignments, where the last of them stands."""

    name: str
    nodes: tuple[cst.CSTNode, ...]


def made_later(host: Host, body: Sequence[cst.CSTNode]) -> dict[cst.CSTNode, Later]:
    """The statements of a block that make lists of assignments."""
    found: dict[cst.CSTNode, Later] = {}
    for index, node in enumerate(body):
        name, value = named_value(node)
        if name is None or value is None or contains_run(host.writer.analysis, node):
            continue
        if _is_list(host.writer, value):
            found[node] = Later(name, (node,))
        elif isinstance(value, cst.List) and not value.elements:
            for later in body[index + 1 :]:
                if isinstance(later, cst.For) and _appends(host.writer, later, name):
                    found[node] = Later(name, ())
                    found[later] = Later(name, (node, later))
                    break
                if any(isinstance(item, cst.Name) and item.value == name for item in walk(later)):
                    break
    return found


def _is_list(writer: Writer, value: cst.BaseExpression) -> bool:
    parts = [value.elt] if isinstance(value, cst.ListComp) else []
    if isinstance(value, cst.List):
        parts = [element.value for element in value.elements]
    return bool(parts) and all(_is_assignment(writer, part) for part in parts)


def _is_assignment(writer: Writer, node: cst.BaseExpression) -> bool:
    if not isinstance(node, cst.Call):
        return False
    if writer.analysis.symbols.get(node.func) in _SYMBOLS:
        return True
    func = node.func
    owner = writer.value(func.value) if isinstance(func, cst.Attribute) else None
    return (
        isinstance(func, cst.Attribute)
        and func.attr.value in _METHODS
        and owner is not None
        and owner.kind in ("variable", "unknown")
    )


def _appends(writer: Writer, loop: cst.For, name: str) -> bool:
    """Whether a loop does nothing but add assignments to a list."""
    calls = []
    for line in loop.body.body:
        small = line.body[0] if isinstance(line, cst.SimpleStatementLine) else None
        added = appended(small.value) if isinstance(small, cst.Expr) else None
        if added is None or added[0] != name:
            return False
        calls.append(added[1])
    return loop.orelse is None and all(_is_assignment(writer, call) for call in calls)


def function(host: Host, later: Later) -> Statements:
    """The function that does what a list of assignments is for."""
    writer, name, nodes = host.writer, later.name, later.nodes
    if not nodes:
        return []
    scope = host.scope.inside(unread=True)
    body: Statements = []
    for node in nodes:
        assert isinstance(node, cst.BaseStatement)
        body += write_statement(writer, node, scope, None)
        writer.settle(node, Outcome.CONVERTED, "assignments")
    host.deferred.add(name)
    made = lines(f"def {name}():\n    with torch.no_grad():\n        pass\n")[0]
    assert isinstance(made, cst.FunctionDef)
    block = made.body.body[0]
    assert isinstance(block, cst.With)
    inner = block.with_changes(body=cst.IndentedBlock(without_results(body)))
    made = made.with_changes(body=cst.IndentedBlock([inner]), leading_lines=[cst.EmptyLine()])
    return with_leading([made], nodes[0])


def called(host: Host, site: Site) -> Statements | None:
    """Calls of the functions that stand for what a run fetches; None if it fetches others."""
    fetched = site.run.fetches
    if isinstance(fetched, cst.Name) and fetched.value in host.deferred:
        return lines(f"{fetched.value}()\n")
    names = []
    for leaf in site.tree.leaves():
        if not isinstance(leaf.node, cst.Name) or leaf.node.value not in host.deferred:
            continue
        names.append(leaf.node.value)
    if not names:
        return None
    if len(names) < len(site.tree.leaves()):
        message = "a run of assignments that host code has made, together with others"
        raise Unconvertible("assignments", message, site.run.node)
    return lines("".join(f"{name}()\n" for name in names))
