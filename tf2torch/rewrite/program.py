"""Assembles the converted file: definitions, the model, and the session code under a guard."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from tf2torch.analyse.placing import is_guard
from tf2torch.cst.names import names_in
from tf2torch.diagnostics import Outcome
from tf2torch.plan.units import Unit, calls_in
from tf2torch.rewrite import counting, flags
from tf2torch.rewrite.assemble import assemble
from tf2torch.rewrite.constants import constant_units
from tf2torch.rewrite.graph_parts import Part, is_behind, is_host, owned, write_row
from tf2torch.rewrite.host import Host
from tf2torch.rewrite.model import RootModel, write_model
from tf2torch.rewrite.output import Program
from tf2torch.rewrite.passed_sizes import texts_of
from tf2torch.rewrite.root_units import arrived
from tf2torch.rewrite.writer import Scope, Writer, lines, parse


def write_program(writer: Writer) -> cst.Module:
    """The whole converted module."""
    plan = writer.plan
    writers = writer.with_others()
    rows = list(zip(*(each.plan.graph.units for each in writers), strict=True))
    units = [owned(writers, row) for row in rows]
    constants = constant_units(units)
    local = _local_names(plan.root.function, units, constants)
    program = Program()
    parts: list[Part] = []
    for each in writers:
        parts.append(_part(each, program, units, constants, local, parts))
    later: list[tuple[tuple[Unit, ...], cst.BaseStatement]] = []
    for row, unit in zip(rows, units, strict=True):
        if unit.node is plan.root.function or unit.index in program.done:
            continue
        if unit.kind == "define" and unit.scope is None and is_host(writers, unit):
            reserved = cst.SimpleStatementLine([cst.Pass()])
            program.module.append(reserved)
            later.append((row, reserved))
            continue
        write_row(parts, row, constants)
        for part, own in zip(parts, row, strict=True):
            arrived(part.program, part.host, own, constants, part.model)
    for row, place in later:  # what they run is made by now
        before = len(program.module)
        write_row(parts, row, constants)
        written = program.module[before:]
        del program.module[before:]
        index = next(i for i, node in enumerate(program.module) if node is place)
        program.module[index : index + 1] = written
    for part in parts:
        if part.model is not None and part.model.node is not None:
            guards = (i for i, s in enumerate(program.module) if is_guard(s))
            program.module.insert(next(guards, len(program.module)), part.model.node)
    if program.guarded:
        program.module += flags.guard(program.guarded)
    for each in writers:
        counting.drop_unread(program.module, program.main, each.plan.counters)
    return assemble(writer, program.module, program.main, parts[0].host)


def _local_names(
    root: cst.FunctionDef | None, units: Sequence[Unit], constants: set[int]
) -> set[str]:
    """Names that only exist in the code that makes the model."""
    hosts = [unit for unit in units if unit.kind == "host"]
    if root is None:
        hosts = [unit for unit in hosts if unit.index not in constants]
        return {name for unit in hosts for name in unit.names.stores}
    local = {name for unit in hosts if unit.scope is root for name in unit.names.stores}
    return local | {p.name.value for p in root.params.params}


def _part(
    writer: Writer,
    whole: Program,
    units: Sequence[Unit],
    constants: set[int],
    local: set[str],
    earlier: Sequence[Part],
) -> Part:
    """The model of one graph, and what its session code starts with."""
    plan = writer.plan
    root = plan.root.function
    counters = set(plan.counters.names)
    model = write_model(writer, counters, local)
    names = {n: f"{plan.instance}.{a}" for n, a in plan.attributes.items()}
    for unit in plan.graph.units:
        if unit.kind == "alias":
            for name in unit.names.stores:
                names.pop(name, None)
    names |= {n: primary for n, primary in plan.counters.names.items() if n != primary}
    scope = Scope(
        names=names,
        model=plan.instance if model else None,
        phase="host",
        modes=writer.modes,
        slots=plan.slots,
    )
    host = Host(writer, scope, counters=counters, scalars=plan.scalars)
    if any(not is_behind(plan, part.host.writer.plan) for part in earlier):
        host.beside = [part.host for part in earlier]
    for unit in (*plan.graph.units, *(u for units in plan.function_units.values() for u in units)):
        for item in unit.managers:
            writer.settle(item, Outcome.ABSORBED, "scope")
    if model is not None:
        host.constructor = _constructor(writer, model)
    program = Program(
        whole.module, whole.main, guarded=whole.guarded, done=whole.done, heading=whole.heading
    )
    program.guard_calls = any(
        is_guard(unit.node) and _calls(writer, unit, root)
        for unit in plan.graph.units
        if root is not None
    )
    program.called = any(
        unit.scope is None and unit.kind == "host" and not is_guard(unit.node)
        for unit in plan.graph.units
        if root is not None and _calls(writer, unit, root)
    )
    if model is not None:
        program.missing = _still_to_come(model, units, constants)
    bare = lines("".join(f"{name} = 0\n" for name in plan.counters.bare))
    if not earlier:
        program.main += bare
        bare = []
    return Part(host, program, model, bare)


def _calls(writer: Writer, unit: Unit, function: cst.FunctionDef) -> bool:
    """Whether a statement itself calls a function."""
    callees = writer.analysis.callees
    return any(call in callees and callees[call].node is function for call in calls_in(unit.node))


def _still_to_come(model: RootModel, units: Sequence[Unit], constants: set[int]) -> set[str]:
    """Names that the constructor takes and some unit in the main code binds."""
    read = texts_of(model.arguments)
    if model.constructor is not None:
        read |= names_in(parse(model.constructor)).loads
    bound = {
        n for u in units if u.kind == "host" and u.index not in constants for n in u.names.stores
    }
    return read & bound


def _constructor(writer: Writer, model: RootModel) -> str:
    """The call that makes the model."""
    pairs = model.arguments
    arguments = ", ".join(f"{n}={text}" if len(pairs) > 3 else text for n, text in pairs)
    return model.constructor or f"{writer.plan.model}({arguments})"
