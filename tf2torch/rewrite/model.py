"""The root graph as one nn.Module: variables, layers, and a method for each block."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import libcst as cst

from tf2torch.cst.names import free_names, names_in
from tf2torch.plan.blocks import Block
from tf2torch.rewrite import passed_sizes
from tf2torch.rewrite.class_code import class_definition, forward_method
from tf2torch.rewrite.functions import write_function
from tf2torch.rewrite.layers import creator
from tf2torch.rewrite.layout import to_last
from tf2torch.rewrite.sink import Sink
from tf2torch.rewrite.statements import write_statement
from tf2torch.rewrite.suites import Statements, todo
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, lines


@dataclass(frozen=True, eq=False)
class RootModel:
    """The model that the session code uses.

    Attributes:
        node: its class, None if a function's module is the whole model.
        arguments: parameters of its constructor, and what the code that makes it passes.
        constructor: the call that makes it, if that is not just the class and its arguments.
    """

    node: cst.ClassDef | None
    arguments: tuple[tuple[str, str], ...]
    constructor: str | None


def write_model(writer: Writer, counters: set[str], local: set[str]) -> RootModel | None:
    """The model's class, and the names its constructor takes from the code that makes it.

    `counters` are variables that become Python integers; `local` are names that only exist where
    the model is made.
    """
    plan = writer.plan
    if plan.model is None:
        return None
    names = {n: f"self.{a}" for n, a in plan.attributes.items()}
    scope = Scope(names=names, model="self", phase="forward", slots=plan.slots, modes=writer.modes)
    created = {
        name for u in plan.graph.units if u.kind == "param" for name in u.names.stores
    } - counters
    sink = Sink(scope.inside(phase="init", layouts={}), created)
    scope = scope.inside(create=creator(writer, sink))
    started: set[int] = set()
    for unit in plan.graph.units:
        if unit.kind == "param" and not unit.names.stores & counters:
            for other in plan.graph.starts(unit):
                if other.index not in started:
                    sink.add(write_statement(writer, other.node, sink.scope, None))
                started.add(other.index)
            write_statement(writer, unit.node, scope, sink)
    methods: list[cst.FunctionDef | cst.ClassDef] = []
    for role in plan.roles.values():
        if role.kind == "method":
            try:
                written = write_function(writer, role, scope)
            except Unconvertible as problem:
                writer.todo(role.node, problem)
                methods += todo(writer, role.node, problem)  # type: ignore[arg-type]
                continue
            if written is not None:
                methods.append(written.node)
    for unit in plan.glue:
        write_statement(writer, unit.node, scope, sink)  # for what it makes; the call stays outside
    for made in plan.blocks:
        methods.append(_block_method(writer, made, scope.inside(layouts={}), sink))
    if sink.root is not None:
        return RootModel(None, (), code(sink.root))
    resets = sink.reset_method()
    parts = [sink.stack[0], *([statement] for statement in (*resets, *methods))]
    taken = sorted(name for part in parts for name in _outside(part) if name in local)
    taken = list(dict.fromkeys(taken))
    sizes = passed_sizes.find_sizes(
        [*sink.stack[0], *resets, *methods],
        taken,
        plan.graph.units,
        set(plan.root.names) | set(taken),
    )
    sink.stack[0][:] = [passed_sizes.replace_sizes(s, sizes) for s in sink.stack[0]]  # type: ignore[misc]
    resets = [passed_sizes.replace_sizes(s, sizes) for s in resets]  # type: ignore[misc]
    methods = [passed_sizes.replace_sizes(m, sizes) for m in methods]  # type: ignore[misc]
    texts = {label: text for text, label in sizes.items()}
    roots = {root for text in sizes for root in passed_sizes.texts_of([("", text)])}
    taken = sorted({*(name for name in taken if name not in roots), *texts})
    stored: Statements = []
    inside_methods = {name for method in methods for name in _outside([method])}
    needed = [name for name in taken if name in inside_methods]
    if needed:
        from tf2torch.rewrite.class_code import rename

        stored = lines("".join(f"self.{name} = {name}\n" for name in needed))
        renamed = {name: f"self.{name}" for name in needed}
        methods = [rename(method, renamed) for method in methods]  # type: ignore[misc]
    node = class_definition(
        plan.model,
        [cst.Param(cst.Name(name)) for name in taken],
        [*stored, *sink.stack[0]],
        resets,
        methods,  # type: ignore[arg-type]
        [],
    )
    given = ((n, n if n in plan.root.names else texts.get(n, n)) for n in taken)
    return RootModel(node, tuple(given), None)


def _outside(statements: Sequence[cst.BaseStatement]) -> set[str]:
    """Names that statements read and do not bind themselves."""
    found: set[str] = set()
    for statement in statements:
        if isinstance(statement, cst.FunctionDef):
            found |= free_names(statement)
    plain = names_in([s for s in statements if not isinstance(s, cst.FunctionDef)])
    return found | (plain.loads - plain.stores)


def _block_method(writer: Writer, made: Block, scope: Scope, sink: Sink) -> cst.FunctionDef:
    body: Statements = []
    for unit in made.units:
        body += write_statement(writer, unit.node, scope, sink)
    for name in made.outputs:
        if name in scope.layouts:
            rank = _rank(writer, made, name)
            moved = to_last(cst.Name(name), rank)
            body.append(
                cst.SimpleStatementLine([cst.Assign([cst.AssignTarget(cst.Name(name))], moved)])
            )
    if made.outputs:
        body += lines(f"return {', '.join(made.outputs)}\n")
    body = _return_directly(body, made.outputs)
    modes = scope.modes
    params = [
        cst.Param(cst.Name(name)) for name in made.inputs if not _is_mode(writer, name, modes)
    ]
    return forward_method(made.name, params, body)


def _rank(writer: Writer, made: Block, name: str) -> int:
    for unit in reversed(made.units):
        if name in unit.names.stores and unit.value is not None:
            return writer.value(unit.value).rank or 4
    return 4


def _is_mode(writer: Writer, name: str, modes: Iterable[object]) -> bool:
    unit = writer.plan.placeholders.get(name)
    return unit is not None and unit.value is not None and writer.value(unit.value).detail in modes


def _return_directly(body: Statements, outputs: tuple[str, ...]) -> Statements:
    """``y = f(x)``, ``return y`` -> ``return f(x)``"""
    if len(outputs) != 1 or len(body) < 2:
        return body
    last = body[-2]
    if not isinstance(last, cst.SimpleStatementLine) or not isinstance(last.body[0], cst.Assign):
        return body
    target = last.body[0].targets
    if (
        len(target) != 1
        or not isinstance(target[0].target, cst.Name)
        or target[0].target.value != outputs[0]
    ):
        return body
    made = cst.SimpleStatementLine(
        [cst.Return(last.body[0].value)], leading_lines=last.leading_lines
    )
    return [*body[:-2], made.with_changes(trailing_whitespace=last.trailing_whitespace)]
