"""Assembles the converted file: definitions, the model, and the session code under a guard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import libcst as cst

from tf2torch.analyse.facts import Obj
from tf2torch.analyse.placing import is_guard
from tf2torch.cst.forms import is_text
from tf2torch.cst.keep import keep_reason
from tf2torch.cst.memory import remember
from tf2torch.cst.walk import STATEMENTS, below, walk
from tf2torch.diagnostics import Outcome
from tf2torch.plan.units import Unit, calls_in, contains_run, contents
from tf2torch.plan.uses import names_in
from tf2torch.rewrite import (
    closing,
    counting,
    estimators,
    flags,
    metrics,
    operations,
    recurrent,
    savers,
    sources,
    training,
    variables_list,
)
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.forms import has_frozen_biases
from tf2torch.rewrite.functions import write_function
from tf2torch.rewrite.host import Host
from tf2torch.rewrite.model import RootModel, write_model
from tf2torch.rewrite.passed_sizes import texts_of
from tf2torch.rewrite.session import host_function, write_host
from tf2torch.rewrite.statements import write_statement
from tf2torch.rewrite.suites import Statements, todo, with_leading
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, lines, parse


@dataclass(eq=False)
class Program:
    """The output under construction.

    Attributes:
        module: statements that stay at module level.
        main: statements of the main function (or of the root function).
    """

    module: Statements = field(default_factory=list)
    main: Statements = field(default_factory=list)
    made_model: bool = False
    #: Whether the script itself calls the root function, and what it does around that.
    called: bool = False
    guarded: Statements = field(default_factory=list)
    #: Units that wait for what the model's constructor takes, and the names that are still to come.
    waiting: list[Unit] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)
    done: set[int] = field(default_factory=set)


def write_program(writer: Writer) -> cst.Module:
    """The whole converted module."""
    plan = writer.plan
    root = plan.root.function
    counters = set(plan.counters.names)
    constants = _constants(plan.graph.units)
    if root is None:
        local = {
            name
            for unit in plan.graph.units
            if unit.kind == "host" and unit.index not in constants
            for name in _stores(unit)
        }
    else:
        local = {
            n for u in plan.graph.units if u.scope is root and u.kind == "host" for n in _stores(u)
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
        _write_unit(program, host, unit, constants, model)
        _arrived(program, host, unit, constants, model)
    for unit, place in later:  # what they run is made by now
        before = len(program.module)
        _write_unit(program, host, unit, constants, model)
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
    return _assemble(writer, program, host)


def _is_host(writer: Writer, node: cst.CSTNode) -> bool:
    """Whether a definition is a function that runs sessions or has nothing to do with graphs."""
    role = writer.plan.roles.get(node) if isinstance(node, cst.FunctionDef) else None
    return role is not None and role.kind == "host"


def _stores(unit: Unit) -> set[str]:
    return unit.names.stores


def _calls(writer: Writer, unit: Unit, function: cst.FunctionDef) -> bool:
    """Whether a statement itself calls a function."""
    callees = writer.analysis.callees
    return any(call in callees and callees[call].node is function for call in calls_in(unit.node))


def _still_to_come(model: RootModel, units: Sequence[Unit], constants: set[int]) -> set[str]:
    """Names that the constructor takes and some unit in the main code binds."""
    read = texts_of(model.arguments)
    if model.constructor is not None:
        read |= names_in(parse(model.constructor)).loads
    bound = {n for u in units if u.kind == "host" and u.index not in constants for n in _stores(u)}
    return read & bound


def _arrived(
    program: Program, host: Host, unit: Unit, constants: set[int], model: RootModel | None
) -> None:
    """Writes what has waited for the names that a unit binds."""
    if unit.kind != "host" or not program.missing & _stores(unit):
        return
    program.missing -= _stores(unit)
    if not program.missing:
        waiting, program.waiting = program.waiting, []
        for other in waiting:
            _write_unit(program, host, other, constants, model)


def _fetch_missing(
    program: Program, host: Host, constants: set[int], model: RootModel | None
) -> None:
    """Writes host units early that bind what the model's constructor takes."""
    units = host.writer.plan.graph.units
    wanted, found = set(program.missing), []
    for unit in reversed(units):
        if (
            unit.kind == "host"
            and _stores(unit) & wanted
            and not contains_run(host.writer.analysis, unit.node)
        ):
            found.append(unit)
            wanted |= unit.names.loads
    for unit in reversed(found):
        if unit.index not in program.done and unit.index not in constants:
            program.done.add(unit.index)
            _write_unit(program, host, unit, constants, model)
            _arrived(program, host, unit, constants, model)


def _constants(units: Sequence[Unit]) -> set[int]:
    """Module-level host units without effects: they stay where they are."""
    found: set[int] = set()
    stored: dict[str, int] = {}
    for unit in units:
        for name in unit.names.stores if not is_guard(unit.node) else ():
            stored[name] = stored.get(name, 0) + 1
    constant_names: set[str] = set()
    changed = _changed(units)
    opened = False
    for unit in units:
        opened = closing.is_inside(unit.small, opened)
        if opened:
            continue
        if unit.kind in ("import", "define"):
            constant_names |= unit.names.stores
            continue
        if unit.kind != "host" or unit.scope is not None or not isinstance(unit.small, cst.Assign):
            continue
        if any(stored[name] > 1 for name in unit.names.stores) or not unit.names.stores:
            continue
        if unit.names.loads & changed:
            continue  # its value depends on when it is computed
        if not unit.names.loads <= constant_names | _SAFE or not _is_pure(unit.small.value):
            continue
        found.add(unit.index)
        constant_names |= unit.names.stores
    return found


def _changed(units: Sequence[Unit]) -> set[str]:
    """Names whose objects some code changes in place: ``data.append(x)``, ``table[k] = v``."""
    found: set[str] = set()
    for unit in units:
        found |= names_in(unit.node).attribute_stores
        for call in calls_in(unit.node):
            if isinstance(call.func, cst.Attribute) and isinstance(call.func.value, cst.Name):
                if call.func.attr.value in _MUTATORS:
                    found.add(call.func.value.value)
        if isinstance(unit.node, cst.FunctionDef):
            found |= _changed_inside(unit.node)
    return found


def _changed_inside(node: cst.FunctionDef) -> set[str]:
    found = names_in(node.body).attribute_stores
    for call in calls_in(node.body):
        if isinstance(call.func, cst.Attribute) and isinstance(call.func.value, cst.Name):
            if call.func.attr.value in _MUTATORS:
                found = found | {call.func.value.value}
    return found


_MUTATORS = frozenset(
    "append extend insert pop remove clear update setdefault sort reverse add discard fill shuffle"
    " popitem appendleft extendleft rotate".split()
)

_SAFE = frozenset(
    "slice True False None int float str len range list tuple dict set max min abs round"
    " sum".split()
)


_PURE = frozenset(
    [f"{package}.{name}" for package in ("np", "numpy") for name in
     "array asarray zeros ones arange linspace sqrt log exp float32 float64 int32 int64"
     " eye".split()]
    + [f"math.{name}" for name in ("sqrt", "log", "exp", "ceil", "floor")]
    + ["os.path.join", "os.path.dirname", "os.path.abspath", "os.path.expanduser"]
)  # fmt: skip


def _is_pure(node: cst.BaseExpression) -> bool:
    for call in calls_in(node):
        name = code(call.func)
        if name not in _SAFE and name not in _PURE:
            return False
    return True


# -- units ---------------------------------------------------------------------------------------


def _write_unit(
    program: Program,
    host: Host,
    unit: Unit,
    constants: set[int],
    model: RootModel | None,
) -> None:
    writer = host.writer
    place = program.module if unit.index in constants else program.main
    if unit.scope is None and unit.index not in constants and program.called:
        place = program.guarded
    if unit.kind == "import":
        program.module += _import(writer, unit.node) if unit.scope is None else []
        if unit.scope is not None:
            program.main += _import(writer, unit.node)
    elif unit.kind == "define":
        _definition(program, host, unit, model)
    elif unit.kind == "host":
        if closing.ends(unit.small) and model is not None:
            _make_model(program, host, model)
        if is_text(unit.small) and (unit.index == 0 or unit.scope is not None):
            (program.module if unit.scope is None else program.main).append(unit.node)
            return
        if is_guard(unit.node):
            program.module += write_host(host, unit.node)
            return
        if unit.scope is None and flags.is_run(writer, unit.node):
            program.module += flags.guard(write_host(host, unit.node))
            return
        program.done.add(unit.index)
        in_root = unit.index not in constants and place is program.main
        if in_root and model is not None and _needs_model(writer, unit):
            if program.missing - _stores(unit) and not program.made_model:
                _fetch_missing(program, host, constants, model)
            _make_model(program, host, model)
        written = write_host(host, unit.node)
        compound = bool(written) and isinstance(written[0], cst.BaseCompoundStatement)
        if compound and place and not written[0].leading_lines:  # type: ignore[attr-defined]
            written[0] = written[0].with_changes(leading_lines=[cst.EmptyLine(indent=False)])
        place += written
    elif unit.kind == "object":
        if model is not None and _needs_model(writer, unit):
            if program.missing:
                program.waiting.append(unit)
                return
            _make_model(program, host, model)
        _object(program, host, unit)
    elif unit.kind == "alias" and unit.names.stores & host.counters:
        writer.settle(unit.node, Outcome.ABSORBED, "global-step")
        program.main += counting.start(writer, unit, host.scope)
    elif unit.kind == "alias":
        if model is not None:
            if program.missing:
                program.waiting.append(unit)
                return
            _make_model(program, host, model)
        program.main += variables_list.alias(host, unit)
    elif unit.kind in ("data", "source"):
        program.main += sources.root_unit(host, unit)
    elif unit.kind == "placeholder":
        writer.settle(unit.node, Outcome.ABSORBED, "placeholder")
    elif unit.kind == "param":
        if unit.names.stores & host.counters:
            writer.settle(unit.node, Outcome.CONVERTED, "global-step")
            program.main += counting.start(writer, unit, host.scope)
        else:
            writer.settle(unit.node, Outcome.CONVERTED, "variable")
    elif unit.kind == "graph" and _is_unused(writer, unit):
        names = ", ".join(sorted(unit.names.stores)) or "this"
        writer.note(unit.node, "unused", f"no run needs {names}: left out")
        writer.settle(unit.node, Outcome.ABSORBED, "unused")
    else:
        writer.settle(unit.node, Outcome.CONVERTED, "graph")


def _is_unused(writer: Writer, unit: Unit) -> bool:
    """Whether graph code stands in nothing that was written."""
    plan, cache = writer.plan, writer.analysis.state.cache
    if "written units" not in cache:
        found = {u.index for _, needed in plan.sites.values() for u in needed}
        cache["written units"] = found | {u.index for block in plan.blocks for u in block.units}
    written = cache["written units"]
    settled = any(node in writer.outcomes for node in walk(unit.node))
    return bool(plan.sites) and unit.index not in written and not settled


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


def _constructor(writer: Writer, model: RootModel) -> str:
    """The call that makes the model."""
    pairs = model.arguments
    arguments = ", ".join(f"{n}={text}" if len(pairs) > 3 else text for n, text in pairs)
    return model.constructor or f"{writer.plan.model}({arguments})"


def _make_model(program: Program, host: Host, model: RootModel) -> None:
    if program.made_model:
        return
    program.made_model = True
    made = lines(f"model = {host.constructor}.to(device)\n")
    if program.main:
        made[0] = made[0].with_changes(leading_lines=[cst.EmptyLine(indent=False)])
    program.main += made


def _import(writer: Writer, node: cst.BaseStatement) -> Statements:
    """Imports without TensorFlow's."""
    assert isinstance(node, cst.SimpleStatementLine)
    small = node.body[0]
    symbols = writer.analysis.symbols
    if _imports_for_kept(writer, small):
        writer.settle(small, Outcome.KEPT, "keep", "a statement that is kept needs it")
        return [node]
    if isinstance(small, cst.ImportFrom):
        if small in symbols:
            writer.settle(small, Outcome.ABSORBED, "import")
            return _comments_only(node)
        if small.module is not None and code(small.module) == "__future__":
            return _comments_only(node)
        return [node]
    assert isinstance(small, cst.Import)
    kept = [alias for alias in small.names if alias not in symbols]
    if len(kept) == len(small.names):
        return [node]
    writer.settle(small, Outcome.ABSORBED, "import")
    if not kept:
        return _comments_only(node)
    kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return [node.with_changes(body=[small.with_changes(names=kept)])]


def _imports_for_kept(writer: Writer, small: cst.BaseSmallStatement) -> bool:
    """Whether a statement under ``# tf2torch: keep`` uses what an import binds."""
    cache = writer.analysis.state.cache
    if "kept_names" not in cache:
        statements = below(writer.analysis.source.module, *STATEMENTS)
        kept = [n for n in statements if keep_reason(n) is not None]
        cache["kept_names"] = {name for n in kept for name in names_in(n).loads}
    assert isinstance(small, (cst.Import, cst.ImportFrom))
    if isinstance(small.names, cst.ImportStar):
        return bool(cache["kept_names"])
    return any(
        (code(alias.asname.name) if alias.asname else alias.evaluated_name.partition(".")[0])
        in cache["kept_names"]
        for alias in small.names
    )


def _comments_only(node: cst.SimpleStatementLine) -> Statements:
    return []


def _definition(program: Program, host: Host, unit: Unit, model: RootModel | None) -> None:
    writer = host.writer
    node = unit.node
    place = program.module if unit.scope is None else program.main
    if isinstance(node, cst.FunctionDef):
        role = writer.plan.roles.get(node)
        if recurrent.absorbed(writer, node):
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
    place += write_statement(writer, node, host.scope, None)


def _only_scopes(writer: Writer, node: cst.FunctionDef) -> bool:
    """Whether a function only gives an arg_scope, whose arguments stand in the calls now."""
    made = writer.analysis.returns.get(node)
    return made is not None and made.kind == "object" and made.detail.type == "arg_scope"


def _object(program: Program, host: Host, unit: Unit) -> None:
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
        parameters = "model.parameters()"
        if has_frozen_biases(writer):
            parameters = "[p for p in model.parameters() if p.requires_grad]"
    if known is None:
        name = _optimizer_name(writer, unit, optimizer_value.detail)
        names = {made.name for made in host.optimizers.values()}
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
    if record.type == "Apply" or parameters in known.lists.values():
        known.lists[id(record)] = known.lists[
            next(
                i for i, text in known.lists.items() if text == parameters or record.type == "Apply"
            )
        ]
        return []
    return _another_list(writer, known, record, parameters)


def _another_list(
    writer: Writer, known: training.Optimizer, record: Obj, parameters: str
) -> Statements:
    """One optimizer that minimizes by several lists of variables: a parameter group for each."""
    if known.scheduler is not None or any(
        "model.parameters()" in text for text in (*known.lists.values(), parameters)
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


# -- assembly ------------------------------------------------------------------------------------


def _assemble(writer: Writer, program: Program, host: Host) -> cst.Module:
    from tf2torch.rewrite.assemble import assemble

    return assemble(writer, program.module, program.main, host)
