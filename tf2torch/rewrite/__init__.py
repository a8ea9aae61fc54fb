"""Rewrite: builds the PyTorch source from the plan and the rules.

Requires a plan.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import libcst as cst

from tf2torch.analyse import Analysis, analyse, clashes
from tf2torch.cst.printing import code_of
from tf2torch.cst.printing import places as places_of
from tf2torch.diagnostics import Diagnostic, Outcome, Reference, Severity
from tf2torch.plan import Plan, make_plan
from tf2torch.plan.scoping import Definition, scoped_definitions
from tf2torch.rewrite import marking
from tf2torch.rewrite.closing import NotClosed, close_class, tensors
from tf2torch.rewrite.draw_loops import tidy
from tf2torch.rewrite.graph_maps import program_map
from tf2torch.rewrite.idioms import simplify
from tf2torch.rewrite.lost_names import mark_lost_names
from tf2torch.rewrite.numpy_names import modern_numpy
from tf2torch.rewrite.program import write_program
from tf2torch.rewrite.weights import held_by
from tf2torch.rewrite.writer import Writer

#: How often functions are added to the scoped tier.
ROUNDS = 3


@dataclass(frozen=True)
class Rewritten:
    """A converted file.

    Attributes:
        text: source in PyTorch.
        support: names that the file takes from ``tf1_support``.
        weights: the weight map, JSON-able.
        diagnostics: findings, sorted by place.
        references: every TensorFlow reference of the source with its one outcome.
    """

    text: str
    support: tuple[str, ...]
    weights: dict[str, Any]
    diagnostics: tuple[Diagnostic, ...]
    references: tuple[Reference, ...]


def rewrite(plan: Plan, shared: frozenset[str] = frozenset()) -> Rewritten:
    """Writes the program that the plan describes.

    `shared` are names of definitions that keep their variable scopes, for other programs.
    """
    plan, written = _best(_with_shared(plan, shared))
    analysis = plan.analysis
    names = clashes.clashes(analysis.original, written.module, written.writer.support)
    if not names:
        return _finished(written)
    words = marking.marks(names, analysis.source.text)
    module = marking.mark(analysis.original, words)
    marked = replace(analysis.source, module=module, plain=None, origins={})
    again = make_plan(analyse(marked, analysis.rulebook, analysis.options))
    made = _finished(_best(_with_shared(again, shared), names)[1])
    return Rewritten(
        text=marking.unmarked(made.text, words),
        support=made.support,
        weights=marking.unmarked(made.weights, words),
        diagnostics=tuple(
            replace(found, message=marking.unmarked(found.message, words))
            for found in made.diagnostics
        ),
        references=made.references,
    )


@dataclass(frozen=True)
class _Written:
    """The tree of the output; `holder` is the class of the model there."""

    writer: Writer
    module: cst.Module
    holder: str | None


def _best(plan: Plan, clashing: frozenset[str] = frozenset()) -> tuple[Plan, _Written]:
    """The output with as many functions in the structured tier as leave the fewest TODOs.

    What the structured form could not be found for is tried over variable scopes.
    """
    try:
        written = _write(plan, clashing)
    except NotClosed:
        return _best(_unopened(plan), clashing)
    for _ in range(ROUNDS):
        failed = _failed(written)
        if not failed or plan.others:
            break
        more = scoped_definitions(plan.analysis, failed, _definitions(plan))
        if more.keys() <= plan.scoped.keys():
            break
        opened = plan.analysis.opened
        if opened is not None and opened.home in {d.name.value for d in more}:
            return _whole(plan, written, clashing)  # what makes the class keeps its scopes
        other = make_plan(plan.analysis, {**more, **plan.scoped})
        tried = _write(other, clashing)
        if len(_failed(tried)) > len(failed):
            break
        plan, written = other, tried
    return plan, written


def _definitions(plan: Plan) -> list[Definition]:
    """The functions and classes of a program that may keep their variable scopes."""
    classes = (u.node for u in plan.graph.units if isinstance(u.node, cst.ClassDef))
    return [*plan.roles, *classes]


def _with_shared(plan: Plan, shared: frozenset[str]) -> Plan:
    """The plan with definitions in the scoped tier, where their form does not depend on calls."""
    if not shared or plan.others:
        return plan
    known = _definitions(plan)
    reason = "several programs need it in different forms"
    wanted: dict[cst.CSTNode, str] = {d.body: reason for d in known if d.name.value in shared}
    scoped = scoped_definitions(plan.analysis, wanted, known)
    return make_plan(plan.analysis, scoped) if scoped else plan


def _whole(plan: Plan, written: _Written, clashing: frozenset[str]) -> tuple[Plan, _Written]:
    """The output with classes as they are, if that leaves no more TODOs."""
    other, tried = _best(_unopened(plan), clashing)
    return (plan, written) if len(_failed(tried)) > len(_failed(written)) else (other, tried)


def _unopened(plan: Plan) -> Plan:
    """The plan of the program with its classes as they are."""
    analysis = plan.analysis
    source = replace(analysis.source, module=analysis.original)
    return make_plan(analyse(source, analysis.rulebook, analysis.options, opening=False))


def _failed(written: _Written) -> dict[cst.CSTNode, str]:
    """Nodes that have no form yet, with the reasons."""
    writer = written.writer
    found = {
        node: reason
        for node, _, level, reason in writer.findings
        if level == "error" and node is not None
    }
    for node, reason in _lost(writer).items():
        found.setdefault(node, reason)
    return found


def _write(plan: Plan, clashing: frozenset[str]) -> _Written:
    """The output; `clashing` names are left to the program."""
    writer = Writer(plan)
    writer.modes = plan.modes
    module = mark_lost_names(writer, simplify(write_program(writer)))
    module = modern_numpy(module, plan.analysis.source.text)
    holder = plan.model
    if plan.analysis.opened is not None:
        module, holder = close_class(module, plan.analysis.opened, plan.model, tensors(plan))
    if plan.analysis.state.draws:
        module = tidy(module)
    if clashing:
        module = marking.rename_output(module, clashing, plan.analysis.source.text)
    return _Written(writer, module, holder)


def _finished(written: _Written) -> Rewritten:
    """The output as text, and what there is to say about it."""
    writer, module = written.writer, written.module
    plan = writer.plan
    for node, symbol in plan.analysis.absorbed.items():
        writer.outcomes.setdefault(node, (Outcome.CONVERTED, symbol, "written out"))
    for definition, reason in plan.scoped.items():
        message = f"{definition.name.value} keeps its variable scopes: {reason}"
        writer.note(definition, "scoped", message)
    _account(writer)
    wanted = {*plan.analysis.symbols, *(node for node, *_ in writer.findings if node is not None)}
    places = _places(plan.analysis, wanted)
    return Rewritten(
        text=code_of(module, module),
        support=tuple(sorted(writer.support)),
        weights=held_by(program_map(writer), plan.model, written.holder),
        diagnostics=_diagnostics(writer, places),
        references=_references(writer, places),
    )


def _places(analysis: Analysis, wanted: set[cst.CSTNode]) -> dict[cst.CSTNode, tuple[int, int]]:
    """Line and column of nodes in the source, as it was before anything was rewritten."""
    origins, first = analysis.origins, analysis.source.origins
    sources = {node: origins.get(node, node) for node in wanted}
    sources = {node: first.get(origin, origin) for node, origin in sources.items()}
    found = places_of(analysis.source.plain or analysis.original, set(sources.values()))
    return {node: found.get(origin, (0, 0)) for node, origin in sources.items()}


def _diagnostics(
    writer: Writer, places: dict[cst.CSTNode, tuple[int, int]]
) -> tuple[Diagnostic, ...]:
    path = str(writer.analysis.source.path)
    severity = {"error": Severity.ERROR, "warning": Severity.WARNING, "note": Severity.NOTE}
    found = set()
    for node, rule, level, message in writer.findings:
        line, column = places.get(node, (0, 0)) if node is not None else (0, 0)
        found.add(Diagnostic(path, line, column, rule, severity[level], message))
    return tuple(sorted(found))


def _account(writer: Writer) -> None:
    """A reference that no pass has settled was lost on the way: never silently."""
    for node, reason in _lost(writer).items():
        writer.outcomes[node] = (Outcome.TODO, "unaccounted", reason)
        writer.findings.append((node, "unaccounted", "error", reason))


def _lost(writer: Writer) -> dict[cst.CSTNode, str]:
    """References that no pass has settled, with what to say about each."""
    return {
        node: f"{symbol} was lost in the conversion; please report it"
        for node, symbol in writer.analysis.symbols.items()
        if node not in writer.outcomes
    }


def _references(
    writer: Writer, places: dict[cst.CSTNode, tuple[int, int]]
) -> tuple[Reference, ...]:
    symbols = writer.analysis.symbols
    ordered = sorted(symbols, key=lambda node: places.get(node, (0, 0)))
    references = []
    for number, node in enumerate(ordered, 1):
        outcome, rule, note = writer.outcomes[node]
        line, column = places.get(node, (0, 0))
        references.append(Reference(number, symbols[node], line, column, outcome, rule, note))
    return tuple(references)


__all__ = ["Rewritten", "rewrite"]
