"""Regularization terms and collections of losses, written out as explicit sums."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from tf2torch.analyse.regularization import Term
from tf2torch.cst.forms import with_names
from tf2torch.cst.walk import below
from tf2torch.plan.collected import collected, names_of
from tf2torch.plan.units import units_of
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.operands import Typed
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, parse
from tf2torch.rulebook.apply import fill, select
from tf2torch.rulebook.model import Refusal
from tf2torch.rulebook.values import UNKNOWN, Value


def losses_call(writer: Writer, node: cst.Call, scope: Scope) -> Typed | None:
    """``tf.losses.get_regularization_loss()`` -> ``sum(1e-3 * w.square().sum() for w in (...))``"""
    items = collected(writer.analysis, node)
    summed = node in writer.analysis.state.loss_sums
    if items is None:
        if summed:
            raise Unconvertible("collection", "which losses are summed is not known", node)
        return None
    if not items:
        return Typed(parse("torch.zeros((), device=device)" if summed else "[]"))
    texts, repeated = _texts(writer, node, items, scope)
    if not summed and not texts and len(repeated) == 1:
        return Typed(parse(f"[{repeated[0]}]"))
    if not summed:
        spread = (f"*[{text}]" for text in repeated)
        return Typed(parse(f"[{', '.join([*texts, *spread])}]"))
    return Typed(parse(" + ".join([*texts, *(f"sum({text})" for text in repeated)])))


def _parenthesised(text: str) -> cst.BaseExpression:
    node = parse(text)
    if isinstance(node, cst.BinaryOperation):
        return node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return node


def _texts(
    writer: Writer, node: cst.Call, items: Sequence[Value], scope: Scope
) -> tuple[list[str], list[str]]:
    """Each loss as text; terms of one form for several weights as one generator."""
    single: list[str] = []
    groups: dict[str, list[str]] = {}
    for item in items:
        name = _name(writer, node, item, scope)
        if name is not None:
            single.append(scope.names.get(name, name))
            continue
        term = writer.analysis.state.loss_terms.get(item.detail)
        if term is None:
            raise Unconvertible("collection", "a loss of the collection has no name here", node)
        if term.variable is None:
            single.append(_program_term(writer, node, term, scope))
            continue
        form = term_text(writer, term.regularizer or Value("unknown"), "w", node)
        groups.setdefault(form, []).append(_key(writer, term.variable.name, node, scope))
    repeated = []
    for form, weights in groups.items():
        if len(weights) == 1:
            single.append(code(with_names(parse(form), {"w": parse(weights[0])})))
        else:
            repeated.append(f"{form} for w in ({', '.join(weights)})")
    return single, repeated


def _key(writer: Writer, name: str, node: cst.Call, scope: Scope) -> str:
    from tf2torch.rewrite.variables_list import key_text
    from tf2torch.rewrite.weights import variable_keys

    keys = variable_keys(writer).get(name, [])
    if scope.model is None:
        raise Unconvertible("collection", "regularized weights are read outside of the model", node)
    if len(keys) != 1:
        raise Unconvertible("collection", f"where {name} lives is not known", node)
    return key_text(scope.model, keys[0])


def _name(writer: Writer, node: cst.Call, item: Value, scope: Scope) -> str | None:
    """The name that holds a loss where `node` stands."""
    units = writer.plan.graph.units
    for function in writer.plan.roles:
        if any(found is node for found in _calls(function)):
            units = tuple(units_of(writer.analysis, function.body.body, function))
            for parameter in function.params.params:
                known = writer.analysis.parameters.get(function, {}).get(parameter.name.value)
                if known is not None and known.detail is not None and known.detail == item.detail:
                    return parameter.name.value
    return names_of(writer.analysis, units).get(item.detail)


def _calls(function: cst.FunctionDef) -> tuple[cst.Call, ...]:
    from tf2torch.plan.units import calls_in

    return calls_in(function.body)


def term_text(writer: Writer, given: Value, weight: str, node: cst.CSTNode) -> str:
    """Text of a regularizer's term for one weight."""
    if given.kind == "object" and given.detail.type == "Regularizer":
        bound = given.detail["bound"]
        if not isinstance(bound, Refusal):
            emit = select(bound, exact=writer.exact)
            if not isinstance(emit, Refusal) and emit.torch is not None:
                nodes = {
                    name: _constant(bound.values[name], item, node)
                    for name, item in bound.nodes.items()
                }
                bound = type(bound)(bound.rule, nodes, bound.values)
                if given.detail.node is not None:
                    writer.converted(given.detail.node.func, bound.rule.id)
                return code(fill(emit.torch, bound, {"tensor": parse(weight)}))
    if given.kind == "function" and isinstance(given.detail.node, cst.FunctionDef):
        return f"{given.detail.node.name.value}({weight})"
    raise Unconvertible("regularizer", "the regularizer is not known", node)


def _constant(value: Value, item: cst.BaseExpression, node: cst.CSTNode) -> cst.BaseExpression:
    """An argument that means the same anywhere in the program."""
    if isinstance(item, (cst.Integer, cst.Float)):
        return item
    if value.text is not None:
        return parse(value.text)
    if isinstance(value.literal, (int, float)) and value.literal is not UNKNOWN:
        return parse(repr(value.literal))
    raise Unconvertible("regularizer", "the scale of the regularizer is not known here", node)


def _program_term(writer: Writer, node: cst.Call, term: Term, scope: Scope) -> str:
    """A term that a function of the program added, with the values that its names had there."""
    assert term.node is not None
    names: dict[str, str] = {}
    for name, value in (term.meanings or {}).items():
        if value.kind == "variable":
            names[name] = _key(writer, value.detail.name, node, scope)
        elif value.kind in ("symbol", "dtype", "builtin", "function"):
            continue
        elif value.text is not None or isinstance(value.literal, (int, float)):
            names[name] = value.text or repr(value.literal)
        else:
            raise Unconvertible(
                "collection", f"the loss of a collection needs {name!r} from a function", node
            )
    return code(convert(writer, term.node, scope.inside(names=names, replaced={}, layouts={})))


def regularizer_call(writer: Writer, node: cst.Call, scope: Scope) -> Typed | None:
    """``regularizer(w)`` -> ``0.01 * w.square().sum()``"""
    if isinstance(node.func, cst.Call) or not isinstance(node.func, (cst.Name, cst.Attribute)):
        called = writer.value(node.func)
    else:
        called = (
            writer.value(node.func)
            if node.func not in writer.analysis.symbols
            else Value("unknown")
        )
    if called.kind != "object" or called.detail.type != "Regularizer" or len(node.args) != 1:
        return None
    weight = code(convert(writer, node.args[0].value, scope))
    return Typed(
        _parenthesised(term_text(writer, called, f"({weight})" if " " in weight else weight, node))
    )


def selected(
    writer: Writer, node: cst.BaseComp, scope: Scope
) -> tuple[cst.BaseExpression, tuple[Value, ...]] | None:
    """``for v in tf.trainable_variables() if 'bias' not in v.name``: the variables meant."""
    from tf2torch.analyse.containers import truth
    from tf2torch.analyse.expressions import evaluate
    from tf2torch.analyse.state import Frame
    from tf2torch.rewrite.variables_list import list_text

    clause = node.for_in
    if clause.inner_for_in is not None or not clause.ifs or not isinstance(clause.target, cst.Name):
        return None
    listed = writer.value(clause.iter)
    if listed.kind != "sequence" or not listed.detail or scope.model is None:
        return None
    if not all(item.kind == "variable" and item.detail for item in listed.detail):
        return None
    if not any(
        _is_name(part) for condition in clause.ifs for part in below(condition.test, cst.Attribute)
    ):
        return None
    state = writer.analysis.state
    kept = []
    for item in listed.detail:
        outer, state.frame = (
            state.frame,
            Frame(parent=state.frame, names={clause.target.value: item}),
        )
        before = dict(state.values)
        try:
            tests = [truth(evaluate(state, condition.test)) for condition in clause.ifs]
        finally:
            state.frame = outer
            state.values.clear()
            state.values.update(before)
        if None in tests:
            raise Unconvertible("variable-list", "which variables are selected is not known", node)
        if all(tests):
            kept.append(item)
    if not kept:
        return None
    text = list_text(writer, Value("sequence", detail=tuple(kept)), node, scope.model)
    if text.startswith("list("):
        text = text.removeprefix("list(").removesuffix(")")
    return parse(text), tuple(kept)


def _is_name(node: cst.Attribute) -> bool:
    return node.attr.value in ("name", "op")
