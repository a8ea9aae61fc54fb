"""Units of the root scope, each written where it belongs."""

from __future__ import annotations

import libcst as cst

from tf2torch.analyse.placing import is_guard
from tf2torch.cst.forms import is_text
from tf2torch.cst.names import names_in
from tf2torch.cst.walk import walk
from tf2torch.diagnostics import Outcome
from tf2torch.plan.units import Unit, calls_in, contains_run
from tf2torch.rewrite import (
    closing,
    counting,
    estimators,
    flags,
    operations,
    sources,
    variables_list,
)
from tf2torch.rewrite.cell_statements import absorbed
from tf2torch.rewrite.functions import write_class, write_function
from tf2torch.rewrite.graph_objects import write_object
from tf2torch.rewrite.host import Host
from tf2torch.rewrite.imports import without_tensorflow
from tf2torch.rewrite.instance_rows import require_own
from tf2torch.rewrite.model import RootModel
from tf2torch.rewrite.output import Program
from tf2torch.rewrite.session import host_function, write_host
from tf2torch.rewrite.suites import Statements, todo
from tf2torch.rewrite.writer import Unconvertible, Writer, lines


def arrived(
    program: Program, host: Host, unit: Unit, constants: set[int], model: RootModel | None
) -> None:
    """Writes what has waited for the names that a unit binds."""
    if unit.kind != "host" or not program.missing & unit.names.stores:
        return
    program.missing -= unit.names.stores
    if not program.missing:
        waiting, program.waiting = program.waiting, []
        for other in waiting:
            write_unit(program, host, other, constants, model)


def _fetch_missing(
    program: Program, host: Host, constants: set[int], model: RootModel | None
) -> None:
    """Writes host units early that bind what the model's constructor takes."""
    units = host.writer.plan.graph.units
    wanted, found = set(program.missing), []
    for unit in reversed(units):
        if (
            unit.kind == "host"
            and unit.names.stores & wanted
            and not contains_run(host.writer.analysis, unit.node)
        ):
            found.append(unit)
            wanted |= unit.names.loads
    for unit in reversed(found):
        if unit.index not in program.done and unit.index not in constants:
            program.done.add(unit.index)
            write_unit(program, host, unit, constants, model)
            arrived(program, host, unit, constants, model)


def write_unit(
    program: Program,
    host: Host,
    unit: Unit,
    constants: set[int],
    model: RootModel | None,
) -> None:
    """Writes a unit where it belongs: at module level, in the main function or under the guard."""
    writer = host.writer
    if unit.kind not in ("import", "define", "host"):
        try:
            require_own(writer, unit.node)
        except Unconvertible as problem:
            writer.todo(unit.node, problem)
            program.main += todo(writer, unit.node, problem)
            return
    if unit.kind == "import":
        place = program.module if unit.scope is None else program.main
        place += without_tensorflow(writer, unit.node)
    elif unit.kind == "define":
        _definition(program, host, unit, model)
    elif unit.kind == "host":
        _host_unit(program, host, unit, constants, model)
    elif unit.kind == "object":
        needs = model is not None and _needs_model(writer, unit)
        if not needs or _has_model(program, host, unit, model):
            write_object(program, host, unit)
    elif unit.kind in ("alias", "param") and unit.names.stores & host.counters:
        outcome = Outcome.ABSORBED if unit.kind == "alias" else Outcome.CONVERTED
        writer.settle(unit.node, outcome, "global-step")
        program.main += counting.start(writer, unit, host.scope)
    elif unit.kind == "alias":
        if _has_model(program, host, unit, model):
            program.main += variables_list.alias(host, unit)
    elif unit.kind in ("data", "source"):
        program.main += sources.root_unit(host, unit)
    elif unit.kind == "placeholder":
        writer.settle(unit.node, Outcome.ABSORBED, "placeholder")
    elif unit.kind == "param":
        writer.settle(unit.node, Outcome.CONVERTED, "variable")
    elif unit.kind == "graph" and _is_unused(writer, unit):
        names = ", ".join(sorted(unit.names.stores)) or "this"
        writer.note(unit.node, "unused", f"no run needs {names}: left out")
        writer.settle(unit.node, Outcome.ABSORBED, "unused")
    else:
        writer.settle(unit.node, Outcome.CONVERTED, "graph")


def _host_unit(
    program: Program,
    host: Host,
    unit: Unit,
    constants: set[int],
    model: RootModel | None,
) -> None:
    """Host code; what needs the model stands behind the statement that makes it."""
    writer = host.writer
    if closing.ends(unit.small) and model is not None:
        _make_model(program, host, model)
    if is_text(unit.small) and (unit.index == 0 or unit.scope is not None):
        (program.module if unit.scope is None else program.main).append(unit.node)
        return
    if is_guard(unit.node):
        program.module += _begun(write_host(host, unit.node), program.first)
        return
    if unit.scope is None and flags.is_run(writer, unit.node):
        program.module += flags.guard(write_host(host, unit.node))
        return
    program.done.add(unit.index)
    if unit.index in constants:
        place = program.module
    else:
        place = program.guarded if unit.scope is None and program.called else program.main
    if place is program.main:
        make_needed_model(program, host, unit, constants, model)
    written = write_host(host, unit.node)
    if place is program.main and unit.scope is None and program.guard_calls:
        if isinstance(unit.small, cst.Expr) and _is_free(writer, written):
            place = program.first  # seeds count for what the guard does before it calls main
    compound = bool(written) and isinstance(written[0], cst.BaseCompoundStatement)
    if compound and place and not written[0].leading_lines:  # type: ignore[attr-defined]
        written[0] = written[0].with_changes(leading_lines=[cst.EmptyLine(indent=False)])
    if not written and _begins_graph(host.writer, unit):
        program.heading += _comments(unit.node)
    place += program.with_heading(written) if place is program.main else written


def _is_free(writer: Writer, written: Statements) -> bool:
    """Whether statements read nothing but modules."""
    imported = {"torch"}
    for unit in writer.plan.graph.units:
        if unit.kind == "import" and unit.scope is None:
            imported |= unit.names.stores
    return names_in(written).loads <= imported


def _begun(guard: Statements, first: Statements) -> Statements:
    """The guard, which begins with what the script does before."""
    node = guard[0] if guard else None
    if not first or not isinstance(node, cst.If):
        return guard
    body = node.body.with_changes(body=[*first, *node.body.body])
    return [node.with_changes(body=body), *guard[1:]]


def _begins_graph(writer: Writer, unit: Unit) -> bool:
    """``tf.reset_default_graph()``"""
    symbols = (writer.analysis.symbols.get(call.func, "") for call in calls_in(unit.node))
    return any(symbol.endswith(".reset_default_graph") for symbol in symbols)


def _comments(node: cst.BaseStatement) -> list[cst.EmptyLine]:
    """The comments above a statement, with the blank lines between them."""
    found = list(node.leading_lines)  # type: ignore[attr-defined]
    while found and found[0].comment is None:
        found.pop(0)
    while found and found[-1].comment is None:
        found.pop()
    return found


def _has_model(program: Program, host: Host, unit: Unit, model: RootModel | None) -> bool:
    """Makes the model; False if what it takes is still to come, for which the unit waits then."""
    if model is not None and program.missing:
        program.waiting.append(unit)
        return False
    if model is not None:
        _make_model(program, host, model)
    return True


def _is_unused(writer: Writer, unit: Unit) -> bool:
    """Whether graph code stands in nothing that was written."""
    plan, cache = writer.plan, writer.analysis.state.cache
    if "written units" not in cache:
        found = {u.index for _, needed in plan.sites.values() for u in needed}
        cache["written units"] = found | {u.index for block in plan.blocks for u in block.units}
    written = cache["written units"]
    settled = any(node in writer.outcomes for node in walk(unit.node))
    return bool(plan.sites) and unit.index not in written and not settled


def make_needed_model(
    program: Program, host: Host, unit: Unit, constants: set[int], model: RootModel | None
) -> None:
    """Makes the model, if a unit of host code is the first that needs it."""
    if model is not None and _needs_model(host.writer, unit):
        if program.missing - unit.names.stores and not program.made_model:
            _fetch_missing(program, host, constants, model)
        _make_model(program, host, model)


def _needs_model(writer: Writer, unit: Unit) -> bool:
    if contains_run(writer.analysis, unit.node) or _saves(writer, unit.node, set()):
        return True
    record = unit.value is not None and writer.value(unit.value)
    if record and any(made.type in operations.STEPS for made in operations.records(record)):
        return True
    return bool(unit.names.loads & set(writer.plan.attributes))


def _saves(writer: Writer, node: cst.CSTNode, seen: set[cst.CSTNode]) -> bool:
    """Whether code saves or restores variables, itself or in functions that it calls."""
    for call in calls_in(node):
        if isinstance(call.func, cst.Attribute) and call.func.attr.value in ("save", "restore"):
            owner = writer.value(call.func.value)
            if owner.kind == "object" and owner.detail.type == "Saver":
                return True
        function = writer.analysis.callees.get(call)
        if function is not None and function.node not in seen:
            seen.add(function.node)
            if _saves(writer, function.node.body, seen):
                return True
    return False


def _make_model(program: Program, host: Host, model: RootModel) -> None:
    if program.made_model:
        return
    program.made_model = True
    made = lines(f"{host.writer.plan.instance} = {host.constructor}.to(device)\n")
    if program.main:
        made[0] = made[0].with_changes(leading_lines=[cst.EmptyLine(indent=False)])
    program.main += program.with_heading(made)


def _definition(program: Program, host: Host, unit: Unit, model: RootModel | None) -> None:
    writer = host.writer
    node = unit.node
    place = program.module if unit.scope is None else program.main
    if isinstance(node, cst.FunctionDef):
        role = writer.plan.roles.get(node)
        if absorbed(writer, node):
            writer.settle(node, Outcome.CONVERTED, "rnn-cell")
            return
        if estimators.is_model_function(writer, node):
            problem = Unconvertible("estimator", estimators.MODEL, node)
            writer.todo(node, problem)
            place += todo(writer, node, problem)
            return
        if _only_scopes(writer, node):
            writer.settle(node, Outcome.ABSORBED, "arg-scope")
            return
        if role is None or role.kind == "host":
            place.append(host_function(host, node))
            return
        if role.kind == "method":
            writer.settle(node, Outcome.CONVERTED, "method")
            return
        try:
            written = write_function(writer, role, host.scope)
        except Unconvertible as problem:
            writer.todo(node, problem)
            place += todo(writer, node, problem)
            return
        if written is not None:
            target = program.module if role.kind == "module" else place
            target.append(written.node)
        return
    if isinstance(node, cst.ClassDef) and node in writer.plan.scoped:
        try:
            place.append(write_class(writer, node))
        except Unconvertible as problem:
            writer.todo(node, problem)
            place += todo(writer, node, problem)
        return
    place += write_host(host, node)


def _only_scopes(writer: Writer, node: cst.FunctionDef) -> bool:
    """Whether a function only gives an arg_scope, whose arguments stand in the calls now."""
    made = writer.analysis.returns.get(node)
    return made is not None and made.kind == "object" and made.detail.type == "arg_scope"
