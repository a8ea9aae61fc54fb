"""Assembles the converted file: definitions, the model, and the session code under a guard."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from tf2torch.analyse.placing import is_guard
from tf2torch.diagnostics import Outcome
from tf2torch.plan.units import Unit, calls_in
from tf2torch.plan.uses import names_in
from tf2torch.rewrite import counting, flags
from tf2torch.rewrite.assemble import assemble
from tf2torch.rewrite.constants import constant_units
from tf2torch.rewrite.host import Host
from tf2torch.rewrite.model import RootModel, write_model
from tf2torch.rewrite.output import Program
from tf2torch.rewrite.passed_sizes import texts_of
from tf2torch.rewrite.root_units import arrived, write_unit
from tf2torch.rewrite.writer import Scope, Writer, lines, parse


def write_program(writer: Writer) -> cst.Module:
    """The whole converted module."""
    plan = writer.plan
    root = plan.root.function
    counters = set(plan.counters.names)
    constants = constant_units(plan.graph.units)
    if root is None:
        local = {
            name
            for unit in plan.graph.units
            if unit.kind == "host" and unit.index not in constants
            for name in unit.names.stores
        }
    else:
        local = {
            n
            for u in plan.graph.units
            if u.scope is root and u.kind == "host"
            for n in u.names.stores
        }
        local |= {p.name.value for p in root.params.params}
    model = write_model(writer, counters, local)
    names = {n: f"model.{a}" for n, a in plan.attributes.items()}
    for unit in plan.graph.units:
        if unit.kind == "alias":
            for name in unit.names.stores:
                names.pop(name, None)
    names |= {n: primary for n, primary in plan.counters.names.items() if n != primary}
    scope = Scope(
        names=names,
        model="model" if model else None,
        phase="host",
        modes=writer.modes,
        slots=plan.slots,
    )
    host = Host(writer, scope, counters=counters, scalars=plan.scalars)
    for unit in (*plan.graph.units, *(u for units in plan.function_units.values() for u in units)):
        for item in unit.managers:
            writer.settle(item, Outcome.ABSORBED, "scope")
    if model is not None:
        host.constructor = _constructor(writer, model)
    program = Program()
    program.main += lines("".join(f"{name} = 0\n" for name in plan.counters.bare))
    program.called = any(
        unit.scope is None and unit.kind == "host" and not is_guard(unit.node)
        for unit in plan.graph.units
        if root is not None and _calls(writer, unit, root)
    )
    if model is not None:
        program.missing = _still_to_come(model, plan.graph.units, constants)
    later: list[tuple[Unit, cst.BaseStatement]] = []
    for unit in plan.graph.units:
        if unit.node is root or unit.index in program.done:
            continue
        if unit.kind == "define" and unit.scope is None and _is_host(writer, unit.node):
            reserved = cst.SimpleStatementLine([cst.Pass()])
            program.module.append(reserved)
            later.append((unit, reserved))
            continue
        write_unit(program, host, unit, constants, model)
        arrived(program, host, unit, constants, model)
    for unit, place in later:  # what they run is made by now
        before = len(program.module)
        write_unit(program, host, unit, constants, model)
        written = program.module[before:]
        del program.module[before:]
        index = next(i for i, node in enumerate(program.module) if node is place)
        program.module[index : index + 1] = written
    if model is not None and model.node is not None:
        at = next((i for i, s in enumerate(program.module) if is_guard(s)), len(program.module))
        program.module.insert(at, model.node)
    if program.guarded:
        program.module += flags.guard(program.guarded)
    counting.drop_unread(program.module, program.main, plan.counters)
    return assemble(writer, program.module, program.main, host)


def _is_host(writer: Writer, node: cst.CSTNode) -> bool:
    """Whether a definition is a function that runs sessions or has nothing to do with graphs."""
    role = writer.plan.roles.get(node) if isinstance(node, cst.FunctionDef) else None
    return role is not None and role.kind == "host"


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
