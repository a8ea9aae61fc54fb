"""Functions that make layers become module classes, and their calls calls of modules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import libcst as cst

from tf2torch.cst.forms import TIGHT, is_docstring
from tf2torch.cst.names import names_in
from tf2torch.diagnostics import Outcome
from tf2torch.plan.roles import Role
from tf2torch.plan.units import Unit
from tf2torch.rewrite import overrides, repetition, running, tags
from tf2torch.rewrite.class_code import class_definition, forward_method, rename
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.layers import creator, reach
from tf2torch.rewrite.lists import without_lists
from tf2torch.rewrite.operands import Typed
from tf2torch.rewrite.recording import is_summary
from tf2torch.rewrite.sink import Sink
from tf2torch.rewrite.statements import write_block
from tf2torch.rewrite.suites import Statements
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, lines, parse


@dataclass(eq=False)
class Written:
    """A converted function.

    Attributes:
        node: the function or class in the output.
        first: parameters that take images with channels first.
        returns_first: whether the result has channels first.
        init: parameters of the constructor, for a module.
        forward: parameters of `forward`, for a module.
    """

    node: cst.FunctionDef | cst.ClassDef
    first: frozenset[str] = frozenset()
    returns_first: bool = False
    init: tuple[str, ...] = ()
    forward: tuple[str, ...] = ()
    derived: frozenset[str] = frozenset()


def extra_arguments(writer: Writer, node: cst.Call, role: Role, scope: Scope) -> list[cst.Arg]:
    found = []
    scopes = tags.scope_argument(writer, node, scope)
    if scopes is not None:
        name, text = scopes
        found.append(cst.Arg(parse(text), keyword=cst.Name(name), equal=TIGHT))
    for name in role.extra:
        value = parse(scope.names.get(name, name))
        found.append(cst.Arg(value, keyword=cst.Name(name), equal=TIGHT))
    return found


def write_module(writer: Writer, role: Role) -> Written:
    """A function that makes layers -> an nn.Module with the same parameters, divided."""
    node = role.node
    overrides.decorators_of(writer, node)  # none of TensorFlow's is left
    units = writer.plan.function_units[node]
    slots = writer.plan.function_slots[node]
    parameters = [p.name.value for p in node.params.params]
    facts = writer.analysis.parameters.get(node, {})
    created = {n for u in units if u.kind == "param" for n in u.names.stores}
    scope = Scope(
        names={name: f"self.{name}" for name in created},
        model="self",
        phase="forward",
        slots=slots,
        modes=writer.modes,
    )
    sink = Sink(scope.inside(phase="init", layouts={}), created)
    scope = scope.inside(create=creator(writer, sink))
    body, config, early = _written_units(writer, units, scope, sink)
    tensors = {
        name
        for name in parameters
        if name in facts and (facts[name].is_tensor or facts[name].kind == "unknown")
    }
    tensors |= {n for u in units if u.kind == "graph" for n in u.names.stores}
    sizes = _sizes(writer, node)
    constructor, init_needs, derived = _with_needed(
        sink.stack[0], early, tensors, sizes - set(parameters), _told(writer, role)
    )
    wrong = sorted((init_needs - names_in(constructor).stores) & tensors)
    if wrong:
        raise Unconvertible(
            "module-config", f"{role.name}'s layers need the shape of {wrong[0]!r}", node
        )
    body = _prune(body, config)
    derived += sorted(
        n for n in init_needs & sizes if n not in parameters and n not in derived and "_size" in n
    )
    init = [*derived, *(name for name in parameters if name in init_needs)]
    kept = [name for name in parameters if name in names_in(body).loads]
    optional = {p.name.value for p in node.params.params if p.default is not None}
    stored = [n for n in kept if n in init and n not in tensors]
    forward = sorted((n for n in kept if n not in stored), key=lambda n: n in optional)
    init.sort(key=lambda n: n in optional)
    renamed = {name: f"self.{name}" for name in stored}
    if stored:
        body = [rename(statement, renamed) for statement in body]
        constructor = [*lines("".join(f"self.{n} = {n}\n" for n in stored)), *constructor]
    defaults = {p.name.value: p for p in node.params.params}
    defaults |= {name: cst.Param(cst.Name(name)) for name in derived}
    doc = [u.node for u in units[:1] if is_docstring(u.node)]
    body = body[len(doc) :] if doc else body
    scopes = [name] if (name := tags.scope_parameter(writer, node)) is not None else []
    class_node = class_definition(
        role.name,
        [_parameter(writer, defaults[n], scope) for n in init],
        constructor,
        sink.reset_method(),
        [
            forward_method(
                "forward",
                [_parameter(writer, defaults[n], scope) for n in forward]
                + [cst.Param(cst.Name(n)) for n in (*role.extra, *scopes)],
                body,
            )
        ],
        doc,
    ).with_changes(leading_lines=node.leading_lines)
    for name, parameter in defaults.items():
        if parameter.default is not None and name not in (*init, *forward):
            writer.settle(parameter.default, Outcome.ABSORBED, "parameter")
    return Written(class_node, init=tuple(init), forward=(*forward,), derived=frozenset(derived))


def _written_units(
    writer: Writer, units: Sequence[Unit], scope: Scope, sink: Sink
) -> tuple[Statements, Statements, list[Statements]]:
    """The code of a call, the host statements in it, and each of these for the constructor."""
    body: Statements = []
    config: Statements = []
    early: list[Statements] = []
    for unit in units:
        if unit.kind == "host" and not is_docstring(unit.node):
            written = write_block(writer, [unit.node], scope, sink)
            config += written
            early.append(write_block(writer, [unit.node], sink.scope, None))
            body += written
        elif unit.kind == "object" and _is_silent(writer, unit):
            writer.settle(unit.node, Outcome.ABSORBED, "initializer")
        else:
            body += write_block(writer, [unit.node], scope, sink)
        writer.settle(unit.node, Outcome.CONVERTED, "graph")
    return body, config, early


def _with_needed(
    constructor: Statements,
    early: Sequence[Statements],
    tensors: set[str],
    sizes: set[str],
    told: set[str],
) -> tuple[Statements, set[str], list[str]]:
    """The constructor with the host statements that it needs, and what it reads.

    What comes of tensors, or of lengths that every caller can spell, is an argument instead: the
    names of these come last.
    """
    needs = names_in(constructor).loads
    derived: list[str] = []
    for written in reversed(early):
        found = names_in(written)
        if not found.stores & needs:
            continue
        if found.loads & tensors or (found.loads & sizes and found.stores <= told):
            derived += sorted(found.stores & needs)
            continue
        constructor[:0] = written
        needs |= found.loads
    constructor = without_lists(constructor)
    needs = names_in(constructor).loads
    return constructor, needs, [name for name in derived if name in needs]


def _sizes(writer: Writer, node: cst.FunctionDef) -> set[str]:
    """Host names of a function whose values at its calls are facts of the analysis."""
    tables = writer.analysis.state.locals.items()
    return {name for (definition, _), known in tables if definition is node for name in known}


def _told(writer: Writer, role: Role) -> set[str]:
    """Those of them that every caller can spell."""
    tables = [known for (d, _), known in writer.analysis.state.locals.items() if d is role.node]
    return {
        name
        for name in _sizes(writer, role.node)
        if all(
            name in known and (known[name].text or isinstance(known[name].literal, int))
            for known in tables
        )
    }


def _is_silent(writer: Writer, unit: Unit) -> bool:
    """Objects that the layers have used up: initializers, regularizers, scopes."""
    value = writer.value(unit.value) if unit.value is not None else None
    if is_summary(value):
        return False
    return value is not None and value.kind in ("object", "symbol")


def _parameter(writer: Writer, parameter: cst.Param, scope: Scope) -> cst.Param:
    plain = parameter.with_changes(comma=cst.MaybeSentinel.DEFAULT)
    if parameter.default is None:
        return plain
    return plain.with_changes(default=convert(writer, parameter.default, scope))


def _prune(body: Statements, config: list[cst.BaseStatement]) -> Statements:
    """Drops configuration that only the constructor reads."""
    kept = list(body)
    for statement in reversed(config):
        stores = names_in(statement).stores
        rest = [s for s in kept if s is not statement]
        if (
            stores
            and not stores & names_in(rest).loads
            and isinstance(statement, cst.SimpleStatementLine)
        ):
            kept = rest
    return kept


def module_call(
    writer: Writer, node: cst.Call, role: Role, written: Written, scope: Scope
) -> Typed:
    """``conv_net(x, 10)`` -> ``self.conv_net(x)``, with ``ConvNet(10)`` in the constructor."""
    slot = scope.slots.get(node)
    if slot is None or scope.model is None:
        raise Unconvertible("module-call", f"{role.node.name.value} makes variables here", node)
    repetition.require_countable(writer, node, slot)
    names = [p.name.value for p in role.node.params.params]
    given: dict[str, cst.Arg] = {}
    for index, arg in enumerate(node.args):
        if arg.star or (arg.keyword is None and index >= len(names)):
            raise Unconvertible(
                "module-call", "star arguments of a function that makes layers", node
            )
        given[arg.keyword.value if arg.keyword else names[index]] = arg
    if scope.create is not None and slot.kind != "shared":
        carry = scope.create.carry if slot.loops else None  # type: ignore[attr-defined]
        finished = [length for length, _ in scope.create.finished.values()]  # type: ignore[attr-defined]
        made = _constructor(writer, node, role, written, given, carry, finished)
        scope.create(node, slot, made, ())
    args = []
    in_order = True
    for name in written.forward:
        if name not in given:
            in_order = False
            continue
        value = convert(writer, given[name].value, scope)
        keyword = None if in_order and given[name].keyword is None else cst.Name(name)
        in_order = in_order and keyword is None
        args.append(
            cst.Arg(value, keyword=keyword, equal=TIGHT if keyword else cst.MaybeSentinel.DEFAULT)
        )
    args += extra_arguments(writer, node, role, scope)
    return Typed(cst.Call(reach(slot, scope), args))


def _constructor(
    writer: Writer,
    node: cst.Call,
    role: Role,
    written: Written,
    given: dict[str, cst.Arg],
    carry: Callable[[running.Running], running.Running] | None = None,
    finished: Iterable[running.Running] = (),
) -> tuple[str, list[tuple[str | None, cst.BaseExpression]]]:
    """Name and arguments of a module's constructor at one call."""
    args: list[tuple[str | None, cst.BaseExpression]] = []
    in_order = True
    known = writer.analysis.state.locals.get((role.node, node), {})
    for parameter in written.init:
        if parameter in written.derived:
            value = known.get(parameter)
            if value is not None and not isinstance(value.literal, int) and carry is not None:
                length = running.of_call(writer, role.node, node, parameter, given)
                if length is not None:
                    args.append((None if in_order else parameter, parse(carry(length).name)))
                    continue
            if value is not None and value.text:
                text = running.settled(value.text, finished)
                if text is None:
                    message = f"the length {parameter!r} of {role.name} changes in a loop"
                    raise Unconvertible("module-config", message, node)
                args.append((None if in_order else parameter, parse(text)))
                continue
            if value is None or not isinstance(value.literal, int):
                raise Unconvertible(
                    "module-config", f"the length {parameter!r} of {role.name} is not known", node
                )
            args.append((None if in_order else parameter, parse(str(value.literal))))
            continue
        if parameter not in given:
            in_order = False
            continue
        args.append((None if in_order else parameter, given[parameter].value))
    return role.name, args
