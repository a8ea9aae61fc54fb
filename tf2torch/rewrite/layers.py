"""Calls of layers: the constructor makes the layer, the call runs it."""

from __future__ import annotations

import libcst as cst

from tf2torch.analyse.state import PREVIOUS
from tf2torch.cst.forms import TIGHT
from tf2torch.plan.slots import Slot
from tf2torch.rewrite import initial, repetition, running
from tf2torch.rewrite.choice import chosen
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.operands import Typed
from tf2torch.rewrite.sink import Sink
from tf2torch.rewrite.tensor_arguments import TENSORS, lifted_alone
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, parse
from tf2torch.rulebook.apply import Bound, fill
from tf2torch.rulebook.model import Rule
from tf2torch.rulebook.values import UNKNOWN


def reach(slot: Slot, scope: Scope) -> cst.BaseExpression:
    """``self.conv1``, ``self.layers[i]``"""
    text = f"{scope.model}.{slot.attribute}" if slot.attribute else str(scope.model)
    for loop in slot.loops:
        text += f"[{scope.indices.get(loop.body, 'index')}]"
    return parse(text)


def creator(writer: Writer, sink: Sink):  # type: ignore[no-untyped-def]
    """How forward code makes the constructor build what it uses."""

    def create(node: cst.Call, slot: Slot, constructor: object, resets: tuple[str, ...]) -> None:
        if isinstance(constructor, tuple):
            name, args = constructor
            written = [
                cst.Arg(
                    convert(writer, value, sink.scope),
                    keyword=cst.Name(keyword) if keyword else None,
                    equal=TIGHT if keyword else cst.MaybeSentinel.DEFAULT,
                )
                for keyword, value in args
            ]
            constructor = cst.Call(parse(name), written)
        assert isinstance(constructor, cst.BaseExpression)
        sink.layer(slot, constructor, resets)

    create.scope = sink.scope  # type: ignore[attr-defined]
    create.carry = sink.carry  # type: ignore[attr-defined]
    create.finished = sink.finished  # type: ignore[attr-defined]
    return create


def layer_call(
    writer: Writer,
    node: cst.Call,
    rule: Rule,
    bound: Bound,
    scope: Scope,
    order: str | None,
    rank: int | None,
) -> Typed:
    """``tf.layers.dense(x, 10)`` -> ``self.dense(x)``, with ``nn.Linear`` in the constructor."""
    emit = chosen(writer, rule, bound, node)
    if emit.init is None or emit.forward is None:
        written = fill(emit.torch or emit.forward or "", bound)
        return after(writer, rule, bound, Typed(written, order, rank), node, scope)
    slot = scope.slots.get(node)
    if slot is None or scope.model is None:
        raise Unconvertible(
            rule.id, f"{rule.tf[0]} makes variables where no module can hold them", node
        )
    repetition.require_countable(writer, node, slot)
    if scope.create is not None:
        init_scope: Scope = scope.create.scope  # type: ignore[attr-defined]
        constructor_bound = Bound(
            bound.rule,
            {name: _original(writer, node, rule, name, init_scope, bound) for name in bound.nodes},
            bound.values,
        )
        constructor = fill(emit.init, constructor_bound)
        if "Lazy" in code(constructor) or PREVIOUS in code(constructor):
            if slot.loops:
                size = running.in_round(writer, node, slot)
            else:
                finished = scope.create.finished  # type: ignore[attr-defined]
                size = running.behind(writer, node, finished.values())
            length = running.of_layer(writer, node, slot, constructor_bound)
            if size is None and length is None:
                raise Unconvertible(rule.id, "the number of input features is not known", node)
            size = size or scope.create.carry(length).name  # type: ignore[attr-defined]
            known = running.with_length(writer, node, constructor_bound, size)
            constructor = fill(chosen(writer, rule, known, node).init or "", known)
        resets = initial.layer_resets(writer, rule, bound, node, init_scope)
        scope.create(node, slot, constructor, resets)
    own = reach(slot, scope)
    flag = _training(writer, rule, bound, scope)
    if flag is not None and "{self}(" in emit.forward:
        own = cst.Call(cst.Attribute(own, cst.Name("train")), [cst.Arg(flag)])
    written = fill(emit.forward, _with_tensor_input(rule, bound), {"self": own})
    return after(writer, rule, bound, Typed(written, order, rank), node, scope)


def _with_tensor_input(rule: Rule, bound: Bound) -> Bound:
    """The arguments of a layer, which may be applied to an array of the program."""
    name = rule.parameters[0].name
    return lifted_alone(bound, name) if name in TENSORS else bound


def _training(writer: Writer, rule: Rule, bound: Bound, scope: Scope) -> cst.BaseExpression | None:
    """The flag that says in which mode a layer runs, where the model's own mode does not."""
    if rule.training is None or rule.training not in bound.nodes:
        return None
    value = bound.values[rule.training]
    if value.kind == "placeholder" and value.detail in scope.modes:
        return None
    if value.literal is True and not scope.modes:
        return None
    return bound.nodes[rule.training]


def _original(
    writer: Writer, node: cst.Call, rule: Rule, name: str, scope: Scope, bound: Bound
) -> cst.BaseExpression:
    """An argument as the constructor needs it."""
    from tf2torch.rewrite.calls import is_recipe

    argument = source_argument(rule, node, name)
    if argument is None or writer.value(argument).is_tensor or is_recipe(writer, argument):
        return bound.nodes[name]
    try:
        return convert(writer, argument, scope)
    except Unconvertible:
        return bound.nodes[name]


def source_argument(rule: Rule, node: cst.Call, name: str) -> cst.BaseExpression | None:
    """The source expression that a call passes for a parameter of its rule."""
    positional = [p.name for p in rule.parameters if not p.star and p.name != "self"]
    for index, arg in enumerate(node.args):
        key = (
            arg.keyword.value
            if arg.keyword
            else (positional[index] if index < len(positional) else "")
        )
        if rule.alias.get(key, key) == name:
            return arg.value
    return None


def _functions_given(writer: Writer, node: cst.Call, name: str) -> set[str | None]:
    """The functions that a layer was given over all calls, None for no function.

    Empty if any of them is not known.
    """
    found: set[str | None] = set()
    for creation in writer.analysis.creations_at(node):
        value = creation.bound.values.get(name)
        if value is not None and value.kind in ("symbol", "function"):
            found.add(str(value.detail))
        elif value is not None and value.literal is None:
            found.add(None)
        else:
            return set()
    return found


def after(
    writer: Writer, rule: Rule, bound: Bound, item: Typed, node: cst.Call, scope: Scope
) -> Typed:
    """Applies what a layer does to its result: ``activation=tf.nn.relu``."""
    from tf2torch.rewrite import calls

    for name in rule.after:
        argument = source_argument(rule, node, name)
        value = bound.values.get(name)
        if value is None or value.literal is None:
            continue
        if value.kind == "symbol":
            found = writer.analysis.rulebook.find(value.detail)
            if found is None:
                raise Unconvertible("unknown-symbol", f"{value.detail} has no rule yet", node)
            item = calls.apply_to(writer, found, item, writer.value(node), node)
            if argument is not None:
                writer.converted(argument, found.id)
        elif argument is not None:
            function = convert(writer, argument, scope)
            if value.kind == "function":
                item = Typed(cst.Call(_called(function), [cst.Arg(item.last())]))
            elif value.literal is UNKNOWN and (given := _functions_given(writer, node, name)):
                if None in given:
                    function = parse(f"({code(function)} or nn.Identity())")
                item = Typed(cst.Call(function, [cst.Arg(item.last())]))
            elif value.literal is UNKNOWN:
                raise Unconvertible(rule.id, f"{name}= is not known", node)
    return item


def _called(function: cst.BaseExpression) -> cst.BaseExpression:
    if isinstance(function, cst.Lambda):
        return function.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return function
