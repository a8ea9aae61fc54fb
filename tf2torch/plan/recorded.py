"""Which statements make summaries, and how the runs that fetch summaries keep what they record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import libcst as cst

from tf2torch.analyse import Analysis
from tf2torch.analyse.facts import Obj
from tf2torch.cst.walk import children, walk
from tf2torch.plan.graph import Graph
from tf2torch.plan.sites import Site
from tf2torch.plan.units import Unit, calls_in, contains_run, creates, runs_inside, summary_calls
from tf2torch.rulebook.values import Value

SUMMARIES = ("Summary", "MergedSummary")


def members(record: Obj) -> list[Value]:
    """The summaries that fetching one value gives."""
    if record.type == "MergedSummary":
        return [m for m in record["members"] or () if m.kind == "object"]
    return [Value("object", detail=record)]


def mark_own(analysis: Analysis, root: cst.FunctionDef | None) -> None:
    """Tells the summaries that the root scope makes itself from those of its functions."""
    for value in analysis.state.summaries:
        value.detail.fields["own"] = value.detail["use"].function is root


def is_recorder(analysis: Analysis, unit: Unit, units: Iterable[Unit]) -> bool:
    """Whether a unit is there for its summaries alone."""
    if unit.kind != "graph" or creates(analysis, unit.node):
        return False
    if not any(call in summary_calls(analysis) for call in calls_in(unit.node)):
        return False
    value = analysis.values.get(unit.value) if unit.value is not None else None
    if value is not None and value.kind == "object" and isinstance(unit.small, cst.Assign):
        return True
    return not any(
        unit.defines & other.names.loads and other.kind in ("graph", "object")
        for other in units
        if other.index > unit.index
    )


def recording_units(
    analysis: Analysis, units: Iterable[Unit], wanted: Iterable[Value]
) -> list[Unit]:
    """Units whose execution makes some of the summaries, those in functions and loops."""
    steps: set[Any] = set()
    for value in wanted:
        use = value.detail["use"]
        if use is not None:
            steps |= {step for step in use.path if isinstance(step, cst.Call)} | {use.node}
    return [
        unit
        for unit in units
        if unit.kind in ("graph", "param") and any(call in steps for call in calls_in(unit.node))
    ]


def made_in_units(unit: Unit, value: Value) -> bool:
    """Whether a summary is made by executing a unit."""
    return any(call is value.detail.node for call in calls_in(unit.node)) or any(
        call in value.detail["use"].path for call in calls_in(unit.node)
    )


def kept_runs(analysis: Analysis) -> set[cst.CSTNode]:
    """Runs whose fetched summary is used elsewhere than right behind: it has to be an object."""
    module = analysis.source.module
    scopes: list[Sequence[cst.CSTNode]] = [module.body]
    scopes += [node.body.body for node in walk(module) if isinstance(node, cst.FunctionDef)]
    kept: set[cst.CSTNode] = set()
    for statements in scopes:
        finder = _Finder(analysis)
        finder.block(statements)
        kept |= finder.kept(statements)
    return kept


class _Finder:
    """Follows the names that hold fetched summaries through the blocks of one scope."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.bound: dict[str, set[cst.CSTNode]] = {}
        self.loose: set[cst.CSTNode] = set()
        self.accepted: set[cst.CSTNode] = set()

    def block(self, body: Sequence[cst.CSTNode]) -> None:
        for index, node in enumerate(body):
            if isinstance(node, cst.SimpleStatementLine):
                for small in node.body:
                    self._run(small, body[index + 1 :])
            elif not isinstance(node, (cst.FunctionDef, cst.ClassDef)):
                for suite in _suites(node):
                    self.block(suite)

    def _run(self, small: cst.CSTNode, rest: Sequence[cst.CSTNode]) -> None:
        runs = self.analysis.runs
        fetching = [c for c in calls_in(small) if c in runs and _has_summary(runs[c].value)]
        if not fetching:
            return
        if isinstance(small, cst.Expr) and _is_added(self.analysis, small.value, fetching[0]):
            return
        if not isinstance(small, cst.Assign) or len(small.targets) != 1:
            if not isinstance(small, cst.Expr):
                self.loose |= set(fetching)
            return
        names = [n for n in walk(small.targets[0].target) if isinstance(n, cst.Name)]
        held = [n.value for n in names if _is_fetched(self.analysis.values.get(n))]
        if small.value is not fetching[0] or not held:
            self.loose |= set(fetching)
            return
        for name in held:
            self.bound.setdefault(name, set()).update(fetching)
            self._follow(name, rest)

    def _follow(self, name: str, rest: Sequence[cst.CSTNode]) -> None:
        for node in rest:
            loads = _loads(node, name)
            busy = contains_run(self.analysis, node) or runs_inside(self.analysis, node)
            simple = isinstance(node, cst.SimpleStatementLine)
            if loads and (simple or not busy):
                self.accepted |= {n for n in loads if _adds(self.analysis, node, n)}
            if busy:
                return

    def kept(self, body: Any) -> set[cst.CSTNode]:
        found = set(self.loose)
        for name, runs in self.bound.items():
            loads = {n for node in body for n in _loads(node, name)}
            if loads - self.accepted:
                found |= runs
        return found


def _suites(node: cst.CSTNode) -> Iterable[Sequence[cst.CSTNode]]:
    for child in children(node):
        if isinstance(child, cst.IndentedBlock):
            yield child.body
        elif isinstance(child, (cst.Else, cst.Finally, cst.ExceptHandler, cst.If)):
            yield from _suites(child)


def _has_summary(value: Value) -> bool:
    if value.kind == "sequence":
        return any(_has_summary(item) for item in value.detail)
    if value.kind == "mapping":
        return any(_has_summary(item) for _, item in value.detail)
    return value.kind == "object" and value.detail.type in SUMMARIES


def _is_fetched(value: Value | None) -> bool:
    return value is not None and value.kind == "object" and value.detail.type == "FetchedSummary"


def _loads(node: cst.CSTNode, name: str) -> list[cst.Name]:
    """Places that read a name."""
    others: set[cst.CSTNode] = set()
    for item in walk(node):
        if isinstance(item, cst.AssignTarget):
            others.update(walk(item.target))
        elif isinstance(item, cst.Attribute):
            others.add(item.attr)
        elif isinstance(item, cst.Arg) and item.keyword is not None:
            others.add(item.keyword)
    return [
        n for n in walk(node) if isinstance(n, cst.Name) and n.value == name and n not in others
    ]


def _adds(analysis: Analysis, node: cst.CSTNode, name: cst.Name) -> bool:
    return any(_is_added(analysis, call, name) for call in calls_in(node))


def _is_added(analysis: Analysis, call: cst.CSTNode, given: cst.CSTNode) -> bool:
    """``writer.add_summary(given, step)``"""
    if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Attribute):
        return False
    owner = analysis.values.get(call.func.value)
    known = owner is not None and owner.kind == "object" and owner.detail.type == "FileWriter"
    if not known or call.func.attr.value != "add_summary":
        return False
    return any(arg.value is given for arg in call.args)


def recorders(
    analysis: Analysis, graph: Graph, site: Site, given: set[str], needed: list[Unit]
) -> list[Unit]:
    """What a run needs, with the units that make the summaries that it fetches."""
    wanted = [
        value
        for leaf in site.tree.leaves()
        if leaf.record is not None and leaf.record.type in SUMMARIES
        for value in members(leaf.record)
    ]
    found = {unit.index: unit for unit in needed}
    for unit in recording_units(analysis, graph.units, wanted):
        found[unit.index] = unit
        for other in graph.closure(set(unit.names.loads), given, unit.index):
            found[other.index] = other
    return [found[index] for index in sorted(found)]
