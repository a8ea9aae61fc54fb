"""Summaries inside of graph code: a recorder collects them while a run that fetches them runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import libcst as cst

from tf2torch.cst.forms import appended
from tf2torch.cst.memory import remember
from tf2torch.cst.names import plain_names
from tf2torch.cst.walk import walk
from tf2torch.diagnostics import Outcome
from tf2torch.plan.recorded import SUMMARIES, kept_runs, made_in_units, members, recording_units
from tf2torch.plan.sites import Site
from tf2torch.plan.units import Unit
from tf2torch.rewrite.arguments import argument
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.tags import tag_text
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, lines
from tf2torch.rulebook.values import Value

if TYPE_CHECKING:
    from tf2torch.rewrite.host import Host

Statements = list[cst.BaseStatement]

KINDS = ("scalar", "histogram", "image", "audio", "text")


def recorder(writer: Writer) -> str:
    """The file's recorder."""
    writer.support.add("Summaries")
    cache = writer.analysis.state.cache
    if "recorder" not in cache:
        used = set(plain_names(writer.analysis.source.module))  # those of functions too
        name = writer.plan.root.free_name("summaries")
        while name in used:
            name += "_"
        cache["recorder"] = name
    return cache["recorder"]


def is_summary(value: Value | None) -> bool:
    return value is not None and value.kind == "object" and value.detail.type in SUMMARIES


def kind_of(symbol: str) -> str:
    """``tf.summary.scalar``, ``tf.scalar_summary`` -> ``scalar``"""
    return symbol.rpartition(".")[2].removesuffix("_summary")


def record_text(writer: Writer, node: cst.Call, scope: Scope) -> str:
    """``summaries.scalar("loss", loss)``"""
    kind = kind_of(writer.analysis.symbols.get(node.func, ""))
    values = argument(node, 1, "tensor", "values")
    if kind not in KINDS or values is None:
        raise Unconvertible("add-summary", f"tf.summary.{kind} has no counterpart", node)
    text = f"{recorder(writer)}.{kind}({tag_text(writer, node, scope)}"
    text += f", {code(convert(writer, values, scope))}{extra_text(writer, node, kind, scope)})"
    writer.settle(node, Outcome.CONVERTED, "summary")
    return text


def extra_text(writer: Writer, node: cst.Call, kind: str, scope: Scope) -> str:
    """Arguments that only some kinds of summary have."""
    text = ""
    if kind == "audio":
        rate = argument(node, 2, "sample_rate")
        if rate is None:
            raise Unconvertible("add-summary", "audio without a sample rate", node)
        text += f", {code(convert(writer, rate, scope))}"
    if kind in ("image", "audio"):
        most = argument(node, 2 if kind == "image" else 3, "max_outputs", "max_images")
        text += "" if most is None else f", max_outputs={code(convert(writer, most, scope))}"
    return text


def statement(writer: Writer, node: cst.BaseSmallStatement, scope: Scope) -> Statements | None:
    """A statement of graph code that is there for a summary; None for all others."""
    call = node.value if isinstance(node, (cst.Expr, cst.Assign, cst.Return)) else None
    listed = _listed(writer, node, scope) if call is not None else None
    if listed is not None:
        return listed
    if call is None or not is_summary(writer.analysis.values.get(call)):
        return None
    value = writer.value(call)
    if isinstance(call, cst.Call) and call in writer.analysis.callees:
        return lines(f"{code(convert(writer, call, scope))}\n")
    if isinstance(call, cst.Call) and value.detail.type == "Summary":
        return lines(f"{record_text(writer, call, scope)}\n")
    if isinstance(call, cst.Call):
        # tf.summary.merge([tf.summary.scalar(...), ...]): what is made inside of it.
        written: Statements = []
        for member in members(value.detail):
            made = member.detail.node
            if made is not call and any(made is inner for inner in _calls_below(call)):
                written += lines(f"{record_text(writer, made, scope)}\n")
        writer.settle(node, Outcome.ABSORBED, "summary")
        return written
    return [] if isinstance(call, cst.Name) else None


def _listed(writer: Writer, node: cst.BaseSmallStatement, scope: Scope) -> Statements | None:
    """A statement about a list of summaries, which nothing needs; None for all others."""
    if isinstance(node, cst.Assign) and isinstance(node.value, cst.List):
        target = node.targets[0].target
        empty = not node.value.elements and isinstance(target, cst.Name)
        return [] if empty and code(target) in _summary_lists(writer) else None
    added = appended(node.value) if isinstance(node, cst.Expr) else None
    if added is None or added[0] not in _summary_lists(writer):
        return None
    if isinstance(added[1], cst.Call):
        made = cst.Expr(added[1])
        return statement(writer, made, scope)
    return []


@remember
def _summary_lists(writer: Writer) -> frozenset[str]:
    """Names of lists to which the program only ever adds summaries."""
    if not writer.analysis.state.summaries:
        return frozenset()
    kinds: dict[str, set[bool]] = {}
    for node in walk(writer.analysis.source.module):
        added = appended(node)
        if added is not None:
            kinds.setdefault(added[0], set()).add(is_summary(writer.analysis.values.get(added[1])))
    return frozenset(name for name, found in kinds.items() if found == {True})


def _calls_below(node: cst.Call) -> list[cst.CSTNode]:
    from tf2torch.plan.units import calls_in

    return list(calls_in(node))


# -- runs ----------------------------------------------------------------------------------------


def summary_leaves(site: Site) -> list[Value]:
    return [
        leaf.value
        for leaf in site.tree.leaves()
        if leaf.record is not None and leaf.record.type in SUMMARIES
    ]


def is_recorded(writer: Writer, site: Site) -> bool:
    """Whether what a run fetches is kept as an object, to be written where it is added."""
    leaves = summary_leaves(site)
    if not leaves:
        return False
    cache = writer.analysis.state.cache
    if "kept runs" not in cache:
        cache["kept runs"] = kept_runs(writer.analysis)
    if site.run.node in cache["kept runs"]:
        return True
    units = writer.plan.graph.units
    wanted = [member for leaf in leaves for member in members(leaf.detail)]
    return any(not m.detail["own"] for m in wanted) or bool(
        recording_units(writer.analysis, units, wanted)
    )


def recorded_names(host: Host, site: Site, target: cst.BaseExpression | None) -> list[str]:
    """Names for the recorded summaries of a run: those that it is assigned to."""
    names: list[str] = []
    _name_targets(site, target, names)
    for index in range(len(names), len(summary_leaves(site))):
        names.append(
            host.writer.plan.root.free_name("summary" if not index else f"summary_{index}")
        )
    return names


def _name_targets(site: Site, target: cst.BaseExpression | None, names: list[str]) -> None:
    if isinstance(target, cst.Name) and site.tree.leaf is not None:
        names.append(target.value)
    elif isinstance(target, (cst.Tuple, cst.List)) and len(target.elements) == len(site.tree.items):
        for element, (_, item) in zip(target.elements, site.tree.items, strict=True):
            record = item.leaf.record if item.leaf is not None else None
            if record is not None and record.type in SUMMARIES:
                name = element.value.value if isinstance(element.value, cst.Name) else "_"
                names.append(name if name != "_" else "unused_summary")


def record(
    host: Host,
    site: Site,
    needed: Sequence[Unit],
    scope: Scope,
    target: cst.BaseExpression | None,
    results: dict[int, str],
) -> tuple[Statements, list[str]]:
    """Statements that record what the root scope shows, and the managers around a run.

    `results` gets the names of the recorded summaries.
    """
    writer = host.writer
    names = recorded_names(host, site, target)
    found = [leaf for leaf in site.tree.leaves() if is_summary(leaf.value)]
    results |= {id(leaf): name for leaf, name in zip(found, names, strict=True)}
    units = [unit for unit in needed if unit.kind in ("graph", "param")]
    statements: Statements = []
    managers: list[str] = []
    done: set[int] = set()
    everything = writer.analysis.state.summaries
    reached = [v for v in everything if any(made_in_units(unit, v) for unit in units)]
    wanted = [members(leaf.detail) for leaf in summary_leaves(site)]
    own = [v for group in wanted for v in group if not any(v is r for r in reached)]
    for value in own:
        if id(value.detail) not in done:
            done.add(id(value.detail))
            statements += lines(f"{record_text(writer, value.detail.node, scope)}\n")
    executed = {id(v.detail) for v in (*reached, *own)}
    for group, name in zip(wanted, names, strict=True):
        tags = ""
        if executed - {id(v.detail) for v in group}:
            known = [v.detail["use"].name for v in group]
            if any(tag is None for tag in known):
                raise Unconvertible(
                    "summary-tag", "the tag of a summary is not known", site.run.node
                )
            tags = ", ".join(repr(tag) for tag in known)
        managers.append(f"{recorder(writer)}.recording({tags}) as {name}")
    return statements, managers
