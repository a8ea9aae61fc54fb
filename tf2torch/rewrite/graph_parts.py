"""The output for each of the graphs that a program builds; all of it stands in one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import libcst as cst

from tf2torch.plan import Plan
from tf2torch.plan.units import Unit
from tf2torch.rewrite.host import Host
from tf2torch.rewrite.model import RootModel
from tf2torch.rewrite.output import Program
from tf2torch.rewrite.root_units import make_needed_model, write_unit
from tf2torch.rewrite.session import write_host
from tf2torch.rewrite.suites import Statements, todo
from tf2torch.rewrite.writer import Unconvertible, Writer, code


@dataclass(eq=False)
class Part:
    """The output for one graph; its statements go where those of the others go.

    Attributes:
        bare: the start of step counters that no statement of the program makes.
    """

    host: Host
    program: Program
    model: RootModel | None
    bare: Statements


def owns(writer: Writer, unit: Unit) -> bool:
    """Whether a statement is written for the writer's graph."""
    return writer.plan.own is None or unit.index in writer.plan.own


def owned(writers: Sequence[Writer], row: Sequence[Unit]) -> Unit:
    """One statement as its graph has it; `row` has it as each of the graphs sees it."""
    pairs = zip(writers, row, strict=True)
    return next((unit for writer, unit in pairs if owns(writer, unit)), row[0])


def is_host(writers: Sequence[Writer], unit: Unit) -> bool:
    """Whether a definition is a function that runs sessions or has nothing to do with graphs."""
    if not isinstance(unit.node, cst.FunctionDef):
        return False
    roles = [writer.plan.roles.get(unit.node) for writer in writers if owns(writer, unit)]
    return bool(roles) and all(role is not None and role.kind == "host" for role in roles)


def is_behind(plan: Plan, other: Plan) -> bool:
    """Whether all code of a graph comes after that of another."""
    ends = [u.index for u in other.graph.units if u.kind not in ("import", "define", "foreign")]
    last = max((index for index in ends if index in (other.own or ())), default=-1)
    starts = [u.index for u in plan.graph.units if u.kind not in ("import", "define", "foreign")]
    return min((index for index in starts if index in (plan.own or ())), default=last + 1) > last


def write_row(parts: Sequence[Part], row: Sequence[Unit], constants: set[int]) -> None:
    """One statement of the program, for the graph that it belongs to.

    A definition that several graphs use is written for each of them, and stands there once.
    """
    found = [
        (part, unit) for part, unit in zip(parts, row, strict=True) if owns(part.host.writer, unit)
    ]
    part, unit = found[0]
    if part.bare and unit.kind not in ("import", "define"):
        part.program.main += part.bare
        part.bare = []
    if unit.index in part.host.writer.plan.mixed:
        _write_mixed(found, constants)
    elif len(found) == 1:
        write_unit(part.program, part.host, unit, constants, part.model)
    else:
        _write_shared(found, constants)


def _write_mixed(found: Sequence[tuple[Part, Unit]], constants: set[int]) -> None:
    """Host code with runs of several graphs, where no single run is of more than one."""
    first, unit = found[0]
    hosts = tuple(part.host for part, _ in found)
    sites = [host.writer.plan.sites for host in hosts]
    if unit.kind != "host" or len(set().union(*sites)) < sum(map(len, sites)):
        _refuse(first, unit, "a run of several graphs")
        return
    for part, own in found:
        make_needed_model(part.program, part.host, own, constants, part.model)
    analyses = [host.writer.analysis for host in hosts]
    plan = replace(
        hosts[0].writer.plan,
        analysis=replace(
            analyses[0],
            runs={node: run for each in analyses for node, run in each.runs.items()},
            values={node: value for each in analyses for node, value in each.values.items()},
        ),
        sites={node: found for each in sites for node, found in each.items()},
    )
    writer = hosts[0].writer
    shared = (writer.outcomes, writer.findings, writer.support, writer.imports)
    joint = Writer(plan, *shared, failed=writer.failed)
    names = {name: text for host in hosts for name, text in host.scope.names.items()}
    host = Host(joint, replace(hosts[0].scope, names=names), peers=hosts)
    host.counters = set().union(*(each.counters for each in hosts))
    first.program.main += write_host(host, unit.node)


def _write_shared(found: Sequence[tuple[Part, Unit]], constants: set[int]) -> None:
    """What several graphs use, if it comes out the same for all of them."""
    first, unit = found[0]
    places = (first.program.module, first.program.main)
    written: list[tuple[Statements, ...]] = []
    for part, own in found:
        before = [len(place) for place in places]
        write_unit(part.program, part.host, own, constants, part.model)
        written.append(tuple(place[n:] for place, n in zip(places, before, strict=True)))
        for place, n in zip(places, before, strict=True):
            del place[n:]
    texts = {tuple("".join(code(s) for s in part) for part in parts) for parts in written}
    if len(texts) > 1:
        _refuse(first, unit, "a function that several graphs use in different ways")
        return
    for place, statements in zip(places, written[0], strict=True):
        place += statements


def _refuse(part: Part, unit: Unit, message: str) -> None:
    problem = Unconvertible("graphs", message, unit.node)
    part.host.writer.todo(unit.node, problem)
    at_module = unit.kind == "define" and unit.scope is None
    place = part.program.module if at_module else part.program.main
    place += todo(part.host.writer, unit.node, problem)
