"""Rewrites statements of graph code; what they create goes to the constructor's sink."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import cast

import libcst as cst

from tf2torch.analyse.facts import Obj
from tf2torch.cst.keep import keep_reason
from tf2torch.cst.walk import children, walk
from tf2torch.diagnostics import Outcome
from tf2torch.plan.units import classify, dissolves
from tf2torch.plan.uses import names_in
from tf2torch.rewrite import overrides, recording, recurrent
from tf2torch.rewrite.choice import method_rule
from tf2torch.rewrite.expressions import convert, convert_children, typed
from tf2torch.rewrite.graph_prints import prints_graph
from tf2torch.rewrite.layout import FIRST, to_last
from tf2torch.rewrite.operands import Typed, unify
from tf2torch.rewrite.sink import Sink
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, lines

Statements = list[cst.BaseStatement]


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
        return _statement(writer, node, scope, sink)
    except Unconvertible as problem:
        writer.todo(node, problem)
        return todo(writer, node, problem)


def todo(
    writer: Writer, node: cst.BaseStatement, problem: Unconvertible, inside: bool = False
) -> Statements:
    """``# TODO(tf2torch: RULE) reason`` and a raise, in the place of a statement."""
    if isinstance(node, cst.FunctionDef) and not inside:
        inner = todo(writer, node.with_changes(leading_lines=(), body=node.body), problem, True)
        decorators = [d for d in node.decorators if d.decorator not in writer.analysis.symbols]
        defaults = [
            p.with_changes(default=cst.Name("None")) if p.default else p for p in node.params.params
        ]
        params = node.params.with_changes(params=defaults)
        return [
            node.with_changes(body=cst.IndentedBlock(inner), decorators=decorators, params=params)
        ]
    if isinstance(node, cst.ClassDef) and not inside:
        inner = todo(writer, node.with_changes(leading_lines=()), problem, True)
        made = lines("def __init__(self, *args, **kwargs):\n    pass\n")[0]
        assert isinstance(made, cst.FunctionDef)
        method = made.with_changes(body=cst.IndentedBlock(inner))
        return [node.with_changes(body=cst.IndentedBlock([method]), bases=(), keywords=())]
    source = _source_of(writer, node).strip("\n")
    raised = lines(f"raise NotImplementedError({problem.reason!r})\n")[0]
    comments = [
        cst.EmptyLine(comment=cst.Comment(f"# TODO(tf2torch: {problem.rule}) {problem.reason}"))
    ]
    comments += [
        cst.EmptyLine(comment=cst.Comment(f"#   {line}".rstrip())) for line in source.splitlines()
    ]
    return [raised.with_changes(leading_lines=[*leading(node), *comments])]


def _source_of(writer: Writer, node: cst.BaseStatement) -> str:
    """The statement as the program has it, whatever it was written out as."""
    analysis = writer.analysis
    fresh = analysis.written and any(item in analysis.written for item in walk(node))
    if fresh:
        parts = {analysis.origins[item] for item in walk(node) if item in analysis.origins}
        for statement in walk(analysis.original):
            if isinstance(statement, cst.SimpleStatementLine):
                if any(item in parts for item in walk(statement)):
                    text = analysis.original.code_for_node(statement.with_changes(leading_lines=()))
                    return textwrap.dedent(text)
    return writer.text(node.with_changes(leading_lines=()))


def leading(node: cst.CSTNode) -> Sequence[cst.EmptyLine]:
    return getattr(node, "leading_lines", ())


def with_leading(statements: Statements, node: cst.CSTNode) -> Statements:
    """Gives the first statement the comments of the one it came from."""
    if statements and leading(node):
        first = statements[0]
        merged = (
            [*leading(node), *leading(first)]
            if leading(first) is not leading(node)
            else leading(node)
        )
        statements = [first.with_changes(leading_lines=merged), *statements[1:]]
    return statements


def _statement(
    writer: Writer, node: cst.BaseStatement, scope: Scope, sink: Sink | None
) -> Statements:
    if recurrent.absorbed(writer, node):
        writer.settle(node, Outcome.CONVERTED, "rnn-cell")
        return []
    if kept(writer, node):
        return [node]
    if isinstance(node, cst.SimpleStatementLine):
        written: Statements = []
        for small in node.body:
            part = _small(writer, small, scope, sink)
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


def _line(small: cst.BaseSmallStatement) -> cst.SimpleStatementLine:
    return cst.SimpleStatementLine([small.with_changes(semicolon=cst.MaybeSentinel.DEFAULT)])


def _small(
    writer: Writer, node: cst.BaseSmallStatement, scope: Scope, sink: Sink | None
) -> Statements:
    shown = recording.statement(writer, node, scope)
    if shown is not None:
        return shown
    if isinstance(node, cst.Assign):
        return _assign(writer, node, scope, sink)
    if isinstance(node, cst.AugAssign):
        return [_line(_augmented(writer, node, scope))]
    if isinstance(node, cst.Expr):
        return _expression(writer, node, scope)
    if isinstance(
        node,
        (cst.Global, cst.Nonlocal, cst.Pass, cst.Break, cst.Continue, cst.Import, cst.ImportFrom),
    ):
        if isinstance(node, (cst.Import, cst.ImportFrom)) and _mentions_tensorflow(writer, node):
            return []
        return [_line(node)]
    return [_line(convert_children(writer, node, scope))]  # type: ignore[arg-type]


def _mentions_tensorflow(writer: Writer, node: cst.CSTNode) -> bool:
    symbols = writer.analysis.symbols
    return node in symbols or any(child in symbols for child in children(node))


def _assign(writer: Writer, node: cst.Assign, scope: Scope, sink: Sink | None) -> Statements:
    value = writer.value(node.value)
    target = node.targets[0].target
    if value.kind == "object" and value.detail.type == "Graph":
        writer.settle(node, Outcome.ABSORBED, "graph")
        return []
    if value.kind == "object" and value.detail.type in ("Initializer", "Regularizer"):
        # The variables and layers that get it have it written out.
        if isinstance(target, cst.Name) and node.value not in writer.analysis.callees:
            writer.settle(node, Outcome.ABSORBED, "initializer")
            return []
    if sink is not None and _stores(target) and _stores(target) <= sink.parameters:
        sink.parameter(writer, node, scope)
        return []
    from tf2torch.rewrite import control

    expanded = control.assigned(writer, node, scope)
    if expanded is not None:
        return expanded
    item = typed(writer, node.value, scope)
    keeps = len(node.targets) == 1 and isinstance(target, cst.Name)
    written = item.node if keeps else item.last()
    if keeps:
        assert isinstance(target, cst.Name)
        if item.layout is not None:
            scope.layouts[target.value] = FIRST
        else:
            scope.layouts.pop(target.value, None)
    else:
        for name in names_in(node).stores:
            scope.layouts.pop(name, None)
    if keeps and isinstance(written, cst.Name) and isinstance(target, cst.Name):
        if written.value == target.value and isinstance(node.value, cst.Call):
            return []  # a call that does nothing, such as dropout out of training
    targets = [t.with_changes(target=_target(writer, t.target, scope)) for t in node.targets]
    return [_line(node.with_changes(targets=targets, value=written))]


def _stores(target: cst.BaseExpression) -> set[str]:
    """Names that an assignment to plain names binds; none for other targets."""
    if isinstance(target, cst.Name):
        return {target.value}
    if isinstance(target, (cst.Tuple, cst.List)):
        inner = [_stores(element.value) for element in target.elements]
        return set().union(*inner) if all(inner) else set()
    return set()


def _target(
    writer: Writer, target: cst.BaseAssignTargetExpression, scope: Scope
) -> cst.BaseAssignTargetExpression:
    if isinstance(target, cst.Attribute):
        return target.with_changes(value=convert(writer, target.value, scope))
    if isinstance(target, cst.Subscript):
        return cast("cst.BaseAssignTargetExpression", convert(writer, target, scope))
    return target


def _augmented(writer: Writer, node: cst.AugAssign, scope: Scope) -> cst.BaseSmallStatement:
    """``net += x``: torch would change the tensor in place, so graph tensors are rebound."""
    if not writer.value(node.target).is_tensor and not writer.value(node.value).is_tensor:
        return convert_children(writer, node, scope)  # type: ignore[return-value]
    left, right = typed(writer, node.target, scope), typed(writer, node.value, scope)
    left, right, order, _ = unify(writer, [node.target, node.value], [left, right])
    operator = getattr(cst, type(node.operator).__name__.removesuffix("Assign"))()
    combined = cst.BinaryOperation(left.node, operator, right.node)
    if isinstance(node.target, cst.Name):
        if order is not None:
            scope.layouts[node.target.value] = FIRST
        else:
            scope.layouts.pop(node.target.value, None)
    elif order is not None:
        return cst.Assign([cst.AssignTarget(node.target)], Typed(combined, order, 4).last())
    return cst.Assign([cst.AssignTarget(_target(writer, node.target, scope))], combined)


def _expression(writer: Writer, node: cst.Expr, scope: Scope) -> Statements:
    if isinstance(node.value, (cst.SimpleString, cst.ConcatenatedString)):
        return [_line(node)]
    if scope.phase == "forward" and prints_graph(writer, node, inside=True):
        writer.settle(node, Outcome.ABSORBED, "graph-print")
        return []
    symbol = (
        writer.analysis.symbols.get(node.value.func) if isinstance(node.value, cst.Call) else None
    )
    if symbol is not None:
        rule = writer.analysis.rulebook.find(symbol)
        if rule is not None and rule.kind == "remove":
            return []
        if "add_to_collection" in symbol and len(node.value.args) == 2:  # type: ignore[attr-defined]
            if writer.value(node.value.args[1].value).is_tensor:  # type: ignore[attr-defined]
                # Where the collection is read, its losses are written out, or that is refused.
                writer.settle(node, Outcome.ABSORBED, "collection")
                return []
        if writer.value(node.value).kind in ("operation", "object") or "collection" in symbol:
            reason = f"{symbol} inside graph code is not carried over"
            writer.todo(node, Unconvertible("graph-side-effect", reason, node))
            comment = cst.Comment(f"# TODO(tf2torch: graph-side-effect) {reason}")
            return [_line(cst.Pass()).with_changes(leading_lines=[cst.EmptyLine(comment=comment)])]
    elif isinstance(node.value, cst.Call) and isinstance(node.value.func, cst.Attribute):
        owner, name = writer.value(node.value.func.value), node.value.func.attr.value
        kind = owner.detail.type if isinstance(owner.detail, Obj) else "Tensor"
        rule = method_rule(writer, owner, kind, name) if owner.kind != "unknown" else None
        if rule is not None and rule.kind == "remove":
            return []  # x.set_shape(...) says what torch sees by itself
    return [_line(node.with_changes(value=convert(writer, node.value, scope)))]


# -- compound statements -------------------------------------------------------------------------


def block(statements: Sequence[cst.BaseStatement], like: cst.BaseSuite) -> cst.IndentedBlock:
    """An indented block with the header comment of the original."""
    body = list(statements) or [_line(cst.Pass())]
    if isinstance(like, cst.IndentedBlock):
        return like.with_changes(body=body, footer=like.footer)
    return cst.IndentedBlock(body)


def _settle_layouts(scope: Scope, before: dict[str, str], ranks: dict[str, int]) -> Statements:
    """Brings names that a branch left with channels first back, where the others have not."""
    fixes: Statements = []
    for name in list(scope.layouts):
        if name not in before:
            moved = to_last(cst.Name(name), ranks.get(name, 4))
            fixes.append(_line(cst.Assign([cst.AssignTarget(cst.Name(name))], moved)))
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
    from tf2torch.plan.uses import parameter_names

    inner = scope.shadow(parameter_names(node.params)).inside(layouts={})
    return node.with_changes(
        decorators=overrides.decorators_of(writer, node),
        params=convert_children(writer, node.params, scope),
        body=block(write_block(writer, node.body.body, inner, None), node.body),
    )
