"""Abstract execution of statements: the program's Python runs once, with unknowns as values."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Any

import libcst as cst

from tf2torch.analyse import contrib_losses, expressions, graph, operators, subscripts
from tf2torch.analyse.containers import element_of, items_of, shared_among, truth
from tf2torch.analyse.facts import Function, Obj
from tf2torch.analyse.imports import import_modules, import_names
from tf2torch.analyse.placing import is_guard
from tf2torch.analyse.rounds import bound_in, end_round, spelled, spelled_by
from tf2torch.analyse.state import Frame, State, join
from tf2torch.cst.names import names_in, plain_names
from tf2torch.cst.walk import children, walk
from tf2torch.rulebook.values import Value, constant

#: Longest loop with a known number of rounds that is executed round by round.
UNROLL = 128


#: How a block ended: None (fell through), "return", "break", "continue" or "raise".
Flow = str | None


def run_block(state: State, statements: Sequence[cst.CSTNode]) -> Flow:
    for statement in statements:
        flow = run_statement(state, statement)
        if flow:
            return flow
    return None


def run_statement(state: State, node: cst.CSTNode) -> Flow:
    state.spent += 1
    state.graphs.note_place(node)
    handler = _STATEMENTS.get(type(node))
    if handler is None:
        return None
    return handler(state, node)


def body_of(
    node: cst.BaseSuite | cst.BaseCompoundStatement | cst.Else | cst.ExceptHandler | cst.Finally,
) -> Sequence[cst.CSTNode]:
    suite = node.body if not isinstance(node, cst.BaseSuite) else node
    return suite.body


# -- simple statements ---------------------------------------------------------------------------


def _line(state: State, node: cst.SimpleStatementLine | cst.SimpleStatementSuite) -> Flow:
    return run_block(state, node.body)


def _expr(state: State, node: cst.Expr) -> Flow:
    if state.instance is not None:
        state.instance.passing(state, node.value)
    contrib_losses.name_loss(state, node.value, expressions.evaluate(state, node.value))
    return None


def _assign(state: State, node: cst.Assign) -> Flow:
    value = expressions.evaluate(state, node.value)
    for target in node.targets:
        assign(state, target.target, value)
    return None


def _annotated(state: State, node: cst.AnnAssign) -> Flow:
    if node.value is not None:
        assign(state, node.target, expressions.evaluate(state, node.value))
    return None


def _augmented(state: State, node: cst.AugAssign) -> Flow:
    value = operators.augmented(state, node)
    assign(state, node.target, value)
    return None


def _return(state: State, node: cst.Return) -> Flow:
    value = constant(None) if node.value is None else expressions.evaluate(state, node.value)
    state.frame.returned.append(value)
    return "return"


def _evaluate_children(state: State, node: cst.CSTNode) -> Flow:
    for child in children(node):
        if isinstance(child, cst.BaseExpression):
            expressions.evaluate(state, child)
    return None


def _raise(state: State, node: cst.Raise) -> Flow:
    if node.exc is not None:
        expressions.evaluate(state, node.exc)
    return "raise"


def _global(state: State, node: cst.Global) -> Flow:
    state.frame.global_names.update(item.name.value for item in node.names)
    return None


# -- definitions ---------------------------------------------------------------------------------


def _function(state: State, node: cst.FunctionDef) -> Flow:
    for decorator in node.decorators:
        expressions.evaluate(state, decorator.decorator)
    for parameter in parameters_of(node.params):
        if parameter.default is not None:
            expressions.evaluate(state, parameter.default)
    function = Function(node, state.frame)
    state.frame.assign(node.name.value, Value("function", detail=function))
    return None


def _class(state: State, node: cst.ClassDef) -> Flow:
    bases = [expressions.evaluate(state, base.value) for base in node.bases]
    frame = Frame(parent=state.frame)
    outer, state.frame = state.frame, frame
    run_block(state, body_of(node))
    state.frame = outer
    record = Obj("class", {"members": frame.names, "bases": bases}, node)
    state.frame.assign(node.name.value, Value("class", detail=record))
    return None


def parameters_of(params: cst.Parameters) -> list[cst.Param]:
    return [*params.posonly_params, *params.params, *params.kwonly_params]


# -- compound statements -------------------------------------------------------------------------


def _if(state: State, node: cst.If) -> Flow:
    known = truth(expressions.evaluate(state, node.test))
    if known is True:
        return run_block(state, body_of(node))
    if known is False:
        return run_block(state, _else_of(node))
    state.graphs.repeated -= is_guard(node)  # a guard's code runs, and once
    flow = branch(
        state, lambda: run_block(state, body_of(node)), lambda: run_block(state, _else_of(node))
    )
    state.graphs.repeated += is_guard(node)
    return flow


def _else_of(node: cst.If | cst.For | cst.While) -> Sequence[cst.CSTNode]:
    if node.orelse is None:
        return ()
    return (node.orelse,) if isinstance(node.orelse, cst.If) else body_of(node.orelse)


def branch(state: State, first: Callable[[], Flow], second: Callable[[], Flow]) -> Flow:
    """Runs both ways from the same names and joins what they leave."""
    state.graphs.repeated += 1
    before = dict(state.frame.names)
    one = first()
    after_first = state.frame.names
    state.frame.names = dict(before)
    other = second()
    state.graphs.repeated -= 1
    ends = ("return", "raise", "break", "continue")
    if one in ends and other not in ends:
        return other
    if other in ends and one not in ends:
        state.frame.names = after_first
        return one
    merged = state.frame.names
    for name, value in after_first.items():
        merged[name] = join(merged[name], value) if name in merged else value
    return one if one == other else None


def _for(state: State, node: cst.For) -> Flow:
    iterable = expressions.evaluate(state, node.iter)
    items = items_of(iterable)
    if items is not None and len(items) <= UNROLL and not _runs_session(node):
        outer = state.path
        flow: Flow = None
        state.graphs.repeated += 1
        counters = set(plain_names(node.target))
        counted = counters & names_in(node.body).loads
        before: object = None
        for index, item in enumerate(items):
            state.path = (*outer, (node.body, index))
            now = None if counted else state.standing(counters)
            if now is not None and now == before:  # as will be every round
                assign(state, node.target, items[-1])
                break
            before = now
            assign(state, node.target, item)
            flow = run_block(state, body_of(node))
            if flow in ("break", "return", "raise"):
                break
        state.path = outer
        state.graphs.repeated -= 1
        if flow in ("return", "raise"):
            return flow
        return run_block(state, _else_of(node)) if flow != "break" else None

    outer, before = state.path, state.frame.spelled
    plain = not _runs_session(node)
    names = bound_in(node) if plain else frozenset()
    done = iter(range(2))

    def once() -> None:
        if plain:
            state.path = (*outer, (node.body, next(done)))
            state.open_loops.add(node.body)
            state.frame.spelled = before | spelled_by(node)
        element = items[0] if items and len(items) == 1 else element_of(iterable)
        assign(state, node.target, spelled(state, node.target, element))
        run_block(state, body_of(node))
        end_round(state, names)

    heads = frozenset(plain_names(node.target))  # bound anew before anything reads them
    branch(state, lambda: _twice(state, once, heads), lambda: None)
    state.path, state.frame.spelled = outer, before
    run_block(state, _else_of(node))
    return None


def _while(state: State, node: cst.While) -> Flow:
    expressions.evaluate(state, node.test)

    def once() -> None:
        run_block(state, body_of(node))
        expressions.evaluate(state, node.test)

    branch(state, lambda: _twice(state, once), lambda: None)
    run_block(state, _else_of(node))
    return None


def _twice(state: State, once: Callable[[], None], but: Container[str] = ()) -> Flow:
    """Two rounds of a loop; one will do where it leaves everything as it was.

    Loops within loops would take twice as long at every level.
    """
    before = state.standing(but)
    once()
    if state.standing(but) != before:
        once()
    return None


def _runs_session(node: cst.CSTNode) -> bool:
    return any(
        isinstance(call, cst.Call)
        and isinstance(call.func, cst.Attribute)
        and call.func.attr.value == "run"
        for call in walk(node)
    )


def _with(state: State, node: cst.With) -> Flow:
    leave: list[Callable[[], None]] = []
    for item in node.items:
        value = expressions.evaluate(state, item.item)
        entered, undo = graph.enter(state, value, item.item)
        leave.append(undo)
        if item.asname is not None:
            assign(state, item.asname.name, entered)
    flow = run_block(state, body_of(node))
    for undo in reversed(leave):
        undo()
    return flow


def _try(state: State, node: cst.Try) -> Flow:
    def attempt() -> Flow:
        flow = run_block(state, body_of(node))
        return flow or (run_block(state, body_of(node.orelse)) if node.orelse else None)

    def handle() -> Flow:
        flow: Flow = None
        for handler in node.handlers:
            if handler.type is not None:
                expressions.evaluate(state, handler.type)
            if handler.name is not None:
                assign(state, handler.name.name, Value("python"))
            flow = run_block(state, body_of(handler))
        return flow

    flow = branch(state, attempt, handle) if node.handlers else attempt()
    if node.finalbody is not None:
        run_block(state, body_of(node.finalbody))
    return flow


def _delete(state: State, node: cst.Del) -> Flow:
    expressions.evaluate(state, node.target)
    return None


# -- assignment ----------------------------------------------------------------------------------


def assign(state: State, target: cst.CSTNode, value: Value) -> None:
    """Binds `value` to a name, tuple, attribute or subscript target."""
    if isinstance(target, cst.Name):
        state.record(target, value)
        frame = state.frame.module if target.value in state.frame.global_names else state.frame
        frame.stores[target.value] = frame.stores.get(target.value, 0) + 1
        state.frame.assign(target.value, value)
    elif isinstance(target, (cst.Tuple, cst.List)):
        for element, item in zip(target.elements, shared_among(target, value), strict=True):
            assign(state, element.value, item)
    elif isinstance(target, cst.Attribute):
        state.record(target, value)
        owner = expressions.evaluate(state, target.value)
        if owner.kind == "instance":
            state.set_field(owner, target.attr.value, value)
    elif isinstance(target, cst.Subscript):
        subscripts.store_item(state, target, value)


_STATEMENTS: dict[type, Callable[[State, Any], Flow]] = {
    cst.SimpleStatementLine: _line,
    cst.SimpleStatementSuite: _line,
    cst.Expr: _expr,
    cst.Assign: _assign,
    cst.AnnAssign: _annotated,
    cst.AugAssign: _augmented,
    cst.Return: _return,
    cst.Assert: _evaluate_children,
    cst.Raise: _raise,
    cst.Global: _global,
    cst.Import: import_modules,
    cst.ImportFrom: import_names,
    cst.FunctionDef: _function,
    cst.ClassDef: _class,
    cst.If: _if,
    cst.For: _for,
    cst.While: _while,
    cst.With: _with,
    cst.Try: _try,
    cst.Del: _delete,
    cst.Break: lambda state, node: "break",
    cst.Continue: lambda state, node: "continue",
}
