"""Rewrites statements of graph code; what they create goes to the constructor's sink."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from tf2torch.cst.keep import keep_reason
from tf2torch.cst.names import names_in, parameters
from tf2torch.diagnostics import Outcome
from tf2torch.plan.units import classify, dissolves
from tf2torch.rewrite import overrides, scoped
from tf2torch.rewrite.cell_statements import absorbed
from tf2torch.rewrite.expressions import convert, convert_children
from tf2torch.rewrite.instance_rows import require_own
from tf2torch.rewrite.layout import to_last
from tf2torch.rewrite.simple_statements import small_statement
from tf2torch.rewrite.sink import Sink
from tf2torch.rewrite.suites import Statements, block, line_of, todo, with_leading
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer


def write_block(
    writer: Writer, body: Sequence[cst.CSTNode], scope: Scope, sink: Sink | None
) -> Statements:
    """Statements of a block in PyTorch."""
    written: Statements = []
    for node in body:
        if isinstance(node, cst.BaseSmallStatement):
            node = cst.SimpleStatementLine([node])
        written += write_statement(writer, node, scope, sink)  # type: ignore[arg-type]
    return written


def write_statement(
    writer: Writer, node: cst.BaseStatement, scope: Scope, sink: Sink | None
) -> Statements:
    """One statement; a TODO stands in its place if it cannot be converted."""
    try:
        require_own(writer, node)
        return _statement(writer, node, scope, sink)
    except Unconvertible as problem:
        for name in names_in(node).stores:
            scope.layouts.pop(name, None)  # it is not what it was before
        writer.todo(node, problem)
        return todo(writer, node, problem)


def _statement(
    writer: Writer, node: cst.BaseStatement, scope: Scope, sink: Sink | None
) -> Statements:
    if absorbed(writer, node):
        writer.settle(node, Outcome.CONVERTED, "rnn-cell")
        return []
    if kept(writer, node):
        return [node]
    if isinstance(node, cst.SimpleStatementLine):
        written: Statements = []
        for small in node.body:
            part = small_statement(writer, small, scope, sink)
            for done in part:
                if isinstance(done, cst.SimpleStatementLine) and len(node.body) == 1:
                    done = done.with_changes(trailing_whitespace=node.trailing_whitespace)
                written.append(done)
        return with_leading(written, node)
    if isinstance(node, cst.If):
        return [_if(writer, node, scope, sink)]
    if isinstance(node, cst.For):
        return _for(writer, node, scope, sink)
    if isinstance(node, cst.While):
        return [_while(writer, node, scope, sink)]
    if isinstance(node, cst.With):
        return _with(writer, node, scope, sink)
    if isinstance(node, cst.FunctionDef):
        return [_function(writer, node, scope)]
    if isinstance(node, cst.Try):
        return [_try(writer, node, scope, sink)]
    return [convert_children(writer, node, scope)]  # type: ignore[list-item]


def kept(writer: Writer, node: cst.BaseStatement) -> bool:
    """Whether a statement stays as it is, by a comment of the program."""
    reason = keep_reason(node)
    if reason is None:
        return False
    writer.settle(node, Outcome.KEPT, "keep", reason)
    return True


def _settle_layouts(scope: Scope, before: dict[str, str], ranks: dict[str, int]) -> Statements:
    """Brings names that a branch left with channels first back, where the others have not."""
    fixes: Statements = []
    for name in list(scope.layouts):
        if name not in before:
            moved = to_last(cst.Name(name), ranks.get(name, 4))
            fixes.append(line_of(cst.Assign([cst.AssignTarget(cst.Name(name))], moved)))
            del scope.layouts[name]
    for name in before:
        if name not in scope.layouts:
            raise Unconvertible("layout", f"{name!r} changes its axis order in a branch")
    return fixes


def _if(writer: Writer, node: cst.If, scope: Scope, sink: Sink | None) -> cst.If:
    test = convert(writer, node.test, scope)
    before = dict(scope.layouts)
    if sink is not None:
        sink.enter()
    body = write_block(writer, node.body.body, scope, sink)
    body += _settle_layouts(scope, before, {})
    made = sink.leave() if sink is not None else []
    scope.layouts.clear()
    scope.layouts.update(before)
    orelse = node.orelse
    made_else: Statements = []
    if isinstance(orelse, cst.If):
        if sink is not None:
            sink.enter()
        orelse = _if(writer, orelse, scope, sink)
        made_else = sink.leave() if sink is not None else []
    elif orelse is not None:
        if sink is not None:
            sink.enter()
        other = write_block(writer, orelse.body.body, scope, sink)
        other += _settle_layouts(scope, before, {})
        made_else = sink.leave() if sink is not None else []
        orelse = orelse.with_changes(body=block(other, orelse.body))
    scope.layouts.clear()
    scope.layouts.update(before)
    if sink is not None and (made or made_else):
        sink.conditional(writer, node, made, made_else)
    return node.with_changes(test=test, body=block(body, node.body), orelse=orelse)


def _for(writer: Writer, node: cst.For, scope: Scope, sink: Sink | None) -> Statements:
    from tf2torch.rewrite import views

    looked = views.looked_at(writer, node.target, node.iter, [node.body], scope)
    target: cst.BaseAssignTargetExpression = node.target
    if looked is not None:
        target = looked.target
        scope = scope.inside(replaced={**scope.replaced, **looked.replaced})
        writer.settle(node.iter, Outcome.CONVERTED, "variable-list")
    iterable = convert(writer, node.iter, scope)
    used = any(node.body is loop.body for slot in scope.slots.values() for loop in slot.loops)
    if used and node.body not in scope.indices:
        counter = _counter(node)
        if counter is not None:
            scope.indices[node.body] = counter
        else:
            scope.indices[node.body] = "index"
            target = cst.Tuple([cst.Element(cst.Name("index")), cst.Element(target)])
            if isinstance(node.target, cst.Tuple):
                inner = node.target.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
                target = cst.Tuple([cst.Element(cst.Name("index")), cst.Element(inner)])
            target = target.with_changes(lpar=(), rpar=())
            iterable = cst.Call(cst.Name("enumerate"), [cst.Arg(iterable)])
    before = dict(scope.layouts)
    if sink is not None:
        sink.enter(loop=True)
    body = write_block(writer, node.body.body, scope, sink)
    body += _settle_layouts(scope, before, {})
    lengths = sink.lengths.pop(len(sink.stack) - 1, []) if sink is not None else []
    made = sink.leave() if sink is not None else []
    if sink is not None and made:
        before_made, body = _configuration(writer, node, sink, made, body)
        sink.loop(writer, node, [*before_made, *made], lengths)
    return [node.with_changes(target=target, iter=iterable, body=block(body, node.body))]


def _counter(node: cst.For) -> str | None:
    """The name that counts the rounds of a loop from zero, if it has one."""
    call = node.iter
    if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Name) or len(call.args) != 1:
        return None
    target: cst.BaseExpression = node.target
    if call.func.value == "enumerate" and isinstance(target, cst.Tuple):
        target = target.elements[0].value
    elif call.func.value not in ("range", "xrange"):
        return None
    return target.value if isinstance(target, cst.Name) else None


def _configuration(
    writer: Writer, node: cst.For, sink: Sink, made: Statements, body: Statements
) -> tuple[Statements, Statements]:
    """Host statements of a loop that the constructor's loop needs too.

    Returns them as the constructor has them, and the loop's own body without those that only the
    constructor reads.
    """
    needed = names_in(made).loads
    found: Statements = []
    only: set[str] = set()
    for statement in reversed(_flat(writer, node.body.body)):
        stores = names_in(statement).stores
        if stores & needed and classify(writer.analysis, statement) == "host":
            found[:0] = write_block(writer, [statement], sink.scope, None)
            needed |= names_in(statement).loads
            only |= stores
    kept: Statements = []
    for index, statement in enumerate(body):
        names = names_in(statement)
        others = [*body[:index], *body[index + 1 :]]
        plain = isinstance(statement, cst.SimpleStatementLine) and names.stores
        if plain and names.stores <= only and not names.stores & names_in(others).loads:
            continue
        kept.append(statement)
    return found, kept


def _flat(writer: Writer, body: Sequence[cst.CSTNode]) -> list[cst.BaseStatement]:
    """Statements of a block and of the scopes in it."""
    found: list[cst.BaseStatement] = []
    for node in body:
        if isinstance(node, cst.With) and dissolves(writer.analysis, node):
            found += _flat(writer, node.body.body)
        elif isinstance(node, cst.BaseStatement):
            found.append(node)
    return found


def _while(writer: Writer, node: cst.While, scope: Scope, sink: Sink | None) -> cst.While:
    test = convert(writer, node.test, scope)
    before = dict(scope.layouts)
    body = write_block(writer, node.body.body, scope, sink)
    body += _settle_layouts(scope, before, {})
    return node.with_changes(test=test, body=block(body, node.body))


def _with(writer: Writer, node: cst.With, scope: Scope, sink: Sink | None) -> Statements:
    if dissolves(writer.analysis, node):
        if scope.scoped:
            body = write_block(writer, node.body.body, scope, sink)
            return scoped.scoped_with(writer, node, body, scope)
        for item in node.items:
            writer.settle(item, Outcome.ABSORBED, "scope")
        return with_leading(write_block(writer, node.body.body, scope, sink), node)
    items = [item.with_changes(item=convert(writer, item.item, scope)) for item in node.items]
    body = write_block(writer, node.body.body, scope, sink)
    return [node.with_changes(items=items, body=block(body, node.body))]


def _try(writer: Writer, node: cst.Try, scope: Scope, sink: Sink | None) -> cst.Try:
    handlers = [
        handler.with_changes(
            type=convert(writer, handler.type, scope) if handler.type is not None else None,
            body=block(write_block(writer, handler.body.body, scope, sink), handler.body),
        )
        for handler in node.handlers
    ]
    changes = {"body": block(write_block(writer, node.body.body, scope, sink), node.body)}
    for part in ("orelse", "finalbody"):
        child = getattr(node, part)
        if child is not None:
            inner = block(write_block(writer, child.body.body, scope, sink), child.body)
            changes[part] = child.with_changes(body=inner)
    return node.with_changes(handlers=handlers, **changes)


def _function(writer: Writer, node: cst.FunctionDef, scope: Scope) -> cst.FunctionDef:
    """A function inside graph code: a closure that stays one."""
    inner = scope.shadow(set(parameters(node))).inside(layouts={})
    return node.with_changes(
        decorators=overrides.decorators_of(writer, node),
        params=convert_children(writer, node.params, scope),
        body=block(write_block(writer, node.body.body, inner, None), node.body),
    )
