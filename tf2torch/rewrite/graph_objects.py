"""Optimizers, train operations, savers, summaries and flags of the root scope."""

from __future__ import annotations

import libcst as cst

from tf2torch.analyse.facts import Obj
from tf2torch.cst.memory import remember
from tf2torch.diagnostics import Outcome
from tf2torch.plan.units import Unit, contents
from tf2torch.rewrite import estimators, flags, metrics, operations, savers, training
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.forms import has_frozen_biases
from tf2torch.rewrite.host import Host
from tf2torch.rewrite.output import Program
from tf2torch.rewrite.session import write_host
from tf2torch.rewrite.suites import Statements, todo, with_leading
from tf2torch.rewrite.writer import Unconvertible, Writer, code, lines


def write_object(program: Program, host: Host, unit: Unit) -> None:
    """Optimizers, train ops, init ops, savers, summaries, flags."""
    writer = host.writer
    try:
        written = _object_statements(program, host, unit)
    except Unconvertible as problem:
        writer.todo(unit.node, problem)
        written = todo(writer, unit.node, problem)
    program.main += with_leading(written, unit.node)
    writer.settle(unit.node, Outcome.ABSORBED, "graph-object")


def _object_statements(program: Program, host: Host, unit: Unit) -> Statements:
    writer = host.writer
    value = writer.value(unit.value) if unit.value is not None else None
    if isinstance(unit.value, cst.Call):
        symbol = writer.analysis.symbols.get(unit.value.func, "")
        if "DEFINE_" in symbol:
            program.module += with_leading(flags.define(writer, unit.value, host.scope), unit.node)
            return []
    if value is None:
        return []
    estimators.require_known(writer, unit)
    counted = metrics.make(host, unit)
    if counted is not None:
        return counted
    if any(item.kind == "operation" for item in contents(value)):
        written: Statements = []
        for made in operations.records(value):
            if made.type in ("Train", "Apply") and id(made) not in host.optimizers:
                written += _optimizer(program, host, unit, made)
            elif made.type == "AverageUpdate" and id(made) not in host.averages:
                host.averages.add(id(made))
                written += operations.make_average(host, made)
        return written
    if value.kind == "object" and value.detail.type == "Saver":
        return savers.made(host, unit.small)
    if value.kind == "object" and value.detail.type == "FileWriter":
        return write_host(host, unit.node.with_changes(leading_lines=()))
    if value.kind == "object" and value.detail.type == "Flags":
        return []
    return []


def _optimizer(program: Program, host: Host, unit: Unit, record: Obj) -> Statements:
    writer = host.writer
    optimizer_value = record["optimizer"]
    key = id(optimizer_value.detail)
    known = host.optimizers.get(key)
    given = record["var_list"]
    if given is not None and given.value.literal is not None:
        parameters = code(convert(writer, given.node, host.scope))
        if given.value.kind == "variable":
            parameters = f"[{parameters}]"
    else:
        parameters = f"{writer.plan.instance}.parameters()"
        if has_frozen_biases(writer):
            parameters = f"[p for p in {parameters} if p.requires_grad]"
    if known is None:
        name = _optimizer_name(writer, unit, optimizer_value.detail)
        hosts = (host, *host.beside)
        names = {made.name for each in hosts for made in each.optimizers.values()}
        name = next(n for n in (name, *(f"{name}_{k}" for k in range(2, 99))) if n not in names)
        known = training.build(
            writer,
            optimizer_value.detail,
            name,
            parameters,
            host.scope,
        )
        host.optimizers[key] = known
        host.optimizers[id(record)] = known
        known.lists[id(record)] = parameters
        return known.statements
    host.optimizers[id(record)] = known
    if record.type == "Apply":
        known.lists[id(record)] = next(iter(known.lists.values()))
        return []
    if parameters in known.lists.values():
        known.lists[id(record)] = parameters
        return []
    return _another_list(writer, known, record, parameters)


def _another_list(
    writer: Writer, known: training.Optimizer, record: Obj, parameters: str
) -> Statements:
    """One optimizer that minimizes by several lists of variables: a parameter group for each."""
    everything = f"{writer.plan.instance}.parameters()"
    if known.scheduler is not None or any(
        everything in text for text in (*known.lists.values(), parameters)
    ):
        raise Unconvertible(
            "optimizer", "one optimizer for overlapping lists of variables", record.node
        )
    if known.symbol == "AdamOptimizer":
        message = (
            "TensorFlow counts Adam's steps over all lists of variables of one optimizer,"
            " torch for each parameter"
        )
        writer.note(record.node, "shared-optimizer", message)
    known.lists[id(record)] = parameters
    return lines(f'{known.name}.add_param_group({{"params": {parameters}}})\n')


@remember
def _object_names(writer: Writer) -> dict[int, str]:
    """The first name of each object that the root scope makes, by the object's identity."""
    names: dict[int, str] = {}
    for unit in writer.plan.graph.units:
        if unit.value is not None and len(unit.targets) == 1:
            value, target = writer.value(unit.value), unit.targets[0]
            if value.kind == "object" and isinstance(target, cst.Name):
                names.setdefault(id(value.detail), target.value)
    return names


def _optimizer_name(writer: Writer, unit: Unit, record: Obj) -> str:
    known = _object_names(writer).get(id(record))
    if known is not None:
        return known
    own = unit.targets[0] if unit.targets else None
    return own.value if isinstance(own, cst.Name) else "optimizer"
