"""Rewrites expressions: rules are applied to TensorFlow calls, everything else stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import libcst as cst

from tf2torch.analyse import tensors
from tf2torch.analyse.facts import Function, Obj
from tf2torch.cst.forms import TIGHT
from tf2torch.cst.names import parameters
from tf2torch.cst.precedence import fit, parenthesize
from tf2torch.cst.walk import with_children
from tf2torch.rewrite import layout, tensor_names, variable_names
from tf2torch.rewrite.choice import chosen, method_rule
from tf2torch.rewrite.lengths import static_length
from tf2torch.rewrite.operands import Typed, array_tensor, fill_method, unify
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, parse
from tf2torch.rulebook.apply import Argument, bind, fill
from tf2torch.rulebook.model import Refusal, Rule
from tf2torch.rulebook.values import UNKNOWN, Value


def convert(writer: Writer, node: cst.BaseExpression, scope: Scope) -> cst.BaseExpression:
    """The expression in PyTorch, in TensorFlow's axis order."""
    return typed(writer, node, scope).last()


def typed(writer: Writer, node: cst.BaseExpression, scope: Scope) -> Typed:
    """The expression in PyTorch, in whatever axis order it comes."""
    replacement = scope.replaced.get(node)
    if replacement is not None:
        return Typed(replacement)
    if writer.analysis.state.metrics and isinstance(node, (cst.Name, cst.Subscript)):
        from tf2torch.rewrite.metrics import read

        counted = read(writer, node)
        if counted is not None:
            return Typed(counted)
    if scope.keys:
        from tf2torch.rewrite import feed_keys

        key = feed_keys.form(writer, node, scope)
        if key is not None:
            return Typed(key)
    if scope.phase == "number":
        from tf2torch.rewrite import numbers

        number = numbers.form(writer, node, scope)
        if number is not None:
            return Typed(number)
    if scope.phase in ("init", "host"):
        known = static_length(writer, node)
        if known is not None:
            return Typed(known)
    handler = _HANDLERS.get(type(node))
    if handler is None:
        return Typed(_children(writer, node, scope))
    return handler(writer, node, scope)


_PLACES = ("left", "right", "expression", "value", "func", "test", "body", "orelse")


def _children(writer: Writer, root: cst.CSTNode, scope: Scope) -> cst.BaseExpression:
    """Converts the expressions directly below a node."""

    def change(node: cst.CSTNode) -> cst.CSTNode:
        if not isinstance(node, cst.BaseExpression):
            return with_children(node, change)
        converted = convert(writer, node, scope)
        if isinstance(converted, cst.Tuple) and isinstance(node, cst.Tuple):
            return converted
        if isinstance(root, cst.Comparison):
            return fit(converted, root, "left")
        place = next((name for name in _PLACES if getattr(root, name, None) is node), None)
        return converted if place is None else fit(converted, root, place)

    done: dict[cst.CSTNode, cst.CSTNode] = {}

    def once(node: cst.CSTNode) -> cst.CSTNode:
        done[node] = change(node)
        return done[node]

    try:
        return with_children(root, once)  # type: ignore[return-value]
    except cst.CSTValidationError:  # ``return(x)``: the parentheses do for a space
        return with_children(root, lambda node: _between(node, done[node]))  # type: ignore[return-value]


def _between(old: cst.CSTNode, new: cst.CSTNode) -> cst.CSTNode:
    """The new expression in parentheses, if the old one had some."""
    if not isinstance(old, cst.BaseExpression) or not isinstance(new, cst.BaseExpression):
        return new
    return parenthesize(new) if old.lpar and not new.lpar else new


def convert_children(writer: Writer, node: cst.CSTNode, scope: Scope) -> cst.CSTNode:
    """A statement with its expressions converted."""
    return _children(writer, node, scope)


# -- leaves --------------------------------------------------------------------------------------


def _name(writer: Writer, node: cst.Name, scope: Scope) -> Typed:
    value = writer.value(node)
    if node in writer.analysis.symbols:
        return Typed(_symbol(writer, node, writer.analysis.symbols[node], scope))
    if value.kind == "placeholder" and value.detail in scope.modes and not scope.scoped:
        if scope.model == "self":
            return Typed(parse("self.training"))
        raise Unconvertible("training-flag", "the training flag is used outside of the model", node)
    text = scope.names.get(node.value) or _method(writer, value, scope)
    result = parse(text) if text is not None else node
    if text is not None and (node.lpar or node.rpar):
        result = result.with_changes(lpar=node.lpar, rpar=node.rpar)
    return Typed(result, scope.layouts.get(node.value), value.rank)


def _method(writer: Writer, value: Value, scope: Scope) -> str | None:
    """``tf.scan(step, x)`` -> ``scan(self.step, x)``, where the function became a method."""
    if value.kind != "function" or scope.model is None or not isinstance(value.detail, Function):
        return None
    role = writer.plan.roles.get(value.detail.node)  # type: ignore[arg-type]
    return f"{scope.model}.{role.name}" if role is not None and role.kind == "method" else None


def _attribute(writer: Writer, node: cst.Attribute, scope: Scope) -> Typed:
    symbol = writer.analysis.symbols.get(node)
    if symbol is not None:
        return Typed(_symbol(writer, node, symbol, scope))
    named_tensor = variable_names.in_tag(writer, node, scope)
    named_tensor = named_tensor or tensor_names.attribute(writer, node, scope)
    if named_tensor is not None:
        return Typed(named_tensor)
    owner = writer.value(node.value)
    if owner.kind == "object" and owner.detail.type == "RNNCell":
        from tf2torch.rewrite import state_sizes

        written = state_sizes.attribute(writer, node)
        assert written is not None  # the owner is a cell
        return Typed(written)
    named = owner.kind == "object" and isinstance(owner.detail, Obj)
    if named and owner.detail.type == "Distribution":
        from tf2torch.rewrite import distributions

        return Typed(distributions.attribute(writer, node, scope))
    if named and owner.detail.type == "Layer" and node.attr.value != "name":
        from tf2torch.rewrite.layer_attributes import weight

        return Typed(weight(writer, node, scope))
    if named and owner.detail.type == "Flags" and node.attr.value == "__flags":
        from tf2torch.rewrite.flags import dictionary

        return Typed(dictionary(writer, node))
    if named and owner.detail.type == "Dimension" and node.attr.value == "value":
        return Typed(convert(writer, node.value, scope))
    if owner.is_tensor or named or owner.kind == "dtype":
        kind = owner.detail.type if named else "DType" if owner.kind == "dtype" else "Tensor"
        found = method_rule(writer, owner, kind, node.attr.value)
        if found is not None:
            receiver = Argument(convert(writer, node.value, scope), tensors.plain(owner))
            return Typed(_apply_simple(writer, found, [], receiver, node))
    from tf2torch.rewrite import unknown_shapes

    sized = unknown_shapes.attribute(writer, node, scope)
    if sized is not None:
        return Typed(sized)
    return Typed(node.with_changes(value=fit(convert(writer, node.value, scope), node, "value")))


def _symbol(writer: Writer, node: cst.CSTNode, symbol: str, scope: Scope) -> cst.BaseExpression:
    """A TensorFlow name used as a value: ``tf.nn.relu``, ``tf.float32``."""
    if symbol in ("tf.app.flags.FLAGS", "tf.flags.FLAGS"):
        from tf2torch.rewrite.flags import holder

        writer.converted(node, "flags")
        return cst.Name(holder(writer))
    if scope.scoped or symbol == "tf.AUTO_REUSE":
        from tf2torch.rewrite.scoped import scoped_value

        known = scoped_value(writer, node, symbol)
        if known is not None:
            return known
    rule = writer.analysis.rulebook.find(symbol)
    if rule is None:
        raise Unconvertible("unknown-symbol", f"{symbol} has no rule", node)
    text = rule.value
    if text is None and rule.kind == "value" and rule.emits:
        text = rule.emits[0].torch
    if text is None:
        raise Unconvertible(rule.id, rule.reason or f"{symbol} is used as a value", node)
    writer.converted(node, rule.id)
    writer.support.update(rule.support)
    writer.imports.update(rule.imports)
    return parse(text)


# -- operators -----------------------------------------------------------------------------------


def _binary(writer: Writer, node: cst.BinaryOperation, scope: Scope) -> Typed:
    left, right = _operand(writer, node.left, scope), _operand(writer, node.right, scope)
    values = writer.value(node.left), writer.value(node.right)
    left, right = _lifted(left, *values), _lifted(right, *reversed(values))
    left, right, order, rank = unify(writer, [node.left, node.right], [left, right])
    new = node.with_changes(left=fit(left.node, node, "left"), right=fit(right.node, node, "right"))
    return Typed(new, order, rank)


def _operand(writer: Writer, node: cst.BaseExpression, scope: Scope) -> Typed:
    """An operand; a shape becomes a tensor, since arithmetic with tuples means something else."""
    item, value = typed(writer, node, scope), writer.value(node)
    if value.host and value.rank != 0:
        call = cst.Call(parse("torch.as_tensor"), [cst.Arg(item.node)])
        return Typed(call, item.layout, item.rank)
    return item


def _lifted(item: Typed, value: Value, other: Value) -> Typed:
    """A list or array beside a tensor; torch does not compute with them."""
    if not other.is_tensor or other.host:
        return item
    if value.kind == "python" and value.rank:
        return Typed(array_tensor(item.last(), other.dtype))
    if value.kind != "sequence":
        return item
    device = cst.Arg(cst.Name("device"), cst.Name("device"), equal=TIGHT)
    return Typed(cst.Call(parse("torch.as_tensor"), [cst.Arg(item.node), device]))


def _unary(writer: Writer, node: cst.UnaryOperation, scope: Scope) -> Typed:
    inner = typed(writer, node.expression, scope)
    new = node.with_changes(expression=fit(inner.node, node, "expression"))
    return Typed(new, inner.layout, inner.rank)


def _subscript(writer: Writer, node: cst.Subscript, scope: Scope) -> Typed:
    for element in node.slice:
        part = element.slice
        if isinstance(part, cst.Slice) and part.step is not None:
            step = writer.value(part.step).literal
            if isinstance(step, int) and step < 0 and writer.value(node.value).is_tensor:
                return Typed(_flipped(writer, node, scope))
    written = _children(writer, node, scope)
    assert isinstance(written, cst.Subscript)
    return Typed(_length(writer, node, written))


def _length(writer: Writer, node: cst.Subscript, written: cst.Subscript) -> cst.BaseExpression:
    """``x.permute(0, 2, 3, 1).shape[3]`` -> ``x.shape[1]``"""
    sizes, index = written.value, node.slice[0].slice
    if not isinstance(sizes, cst.Attribute) or sizes.attr.value != "shape":
        return written
    axis = writer.value(index.value).literal if isinstance(index, cst.Index) else UNKNOWN
    image = layout.undone(sizes.value)
    if image is None or len(node.slice) != 1 or not isinstance(axis, int):
        return written
    source, rank = image
    length = cst.SubscriptElement(cst.Index(parse(str(layout.axis_first(axis, rank)))))
    return written.with_changes(value=sizes.with_changes(value=source), slice=[length])


def _flipped(writer: Writer, node: cst.Subscript, scope: Scope) -> cst.BaseExpression:
    """``x[:, ::-1]`` -> ``x.flip(1)``: torch has no negative steps."""
    axes = []
    for axis, element in enumerate(node.slice):
        part = element.slice
        plain = isinstance(part, cst.Slice) and part.lower is None and part.upper is None
        given = part.step if isinstance(part, cst.Slice) and plain else None
        step = writer.value(given).literal if given is not None else 1
        if not plain or step not in (1, -1):
            raise Unconvertible("negative-step", "torch slices take no negative step", node)
        if step == -1:
            axes.append(str(axis))
    return fill_method(convert(writer, node.value, scope), f"flip({', '.join(axes)})")


def _lambda(writer: Writer, node: cst.Lambda, scope: Scope) -> Typed:
    inner = scope.shadow(set(parameters(node)))
    return Typed(node.with_changes(body=convert(writer, node.body, inner)))


def _conditional(writer: Writer, node: cst.IfExp, scope: Scope) -> Typed:
    body, orelse = typed(writer, node.body, scope), typed(writer, node.orelse, scope)
    body, orelse, order, rank = unify(writer, [node.body, node.orelse], [body, orelse])
    test = convert(writer, node.test, scope)
    new = node.with_changes(
        test=fit(test, node, "test"),
        body=fit(body.node, node, "body"),
        orelse=fit(orelse.node, node, "orelse"),
    )
    return Typed(new, order, rank)


# -- comprehensions and calls --------------------------------------------------------------------


def _comprehension(writer: Writer, node: cst.BaseComp, scope: Scope) -> Typed:
    from tf2torch.rewrite import comprehensions

    return comprehensions.convert_comprehension(writer, node, scope)


def _call(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    from tf2torch.rewrite import calls

    return calls.convert_call(writer, node, scope)


def _apply_simple(
    writer: Writer, rule: Rule, arguments: list[Argument], receiver: Argument, node: cst.CSTNode
) -> cst.BaseExpression:
    bound = bind(rule, arguments, receiver)
    if isinstance(bound, Refusal):
        raise Unconvertible(rule.id, bound.reason, node)
    emit = chosen(writer, rule, bound, node)
    return fill(emit.torch or "", bound)


def _list(writer: Writer, node: cst.List | cst.Tuple, scope: Scope) -> Typed:
    if any(isinstance(element, cst.StarredElement) for element in node.elements):
        return Typed(_children(writer, node, scope))
    parts = tuple(typed(writer, element.value, scope) for element in node.elements)
    elements = [
        element.with_changes(value=part.last())
        for element, part in zip(node.elements, parts, strict=True)
    ]
    return Typed(node.with_changes(elements=elements), parts=parts)


_HANDLERS: dict[type[cst.CSTNode], Callable[[Writer, Any, Scope], Typed]] = {
    cst.List: _list,
    cst.Tuple: _list,
    cst.Name: _name,
    cst.Attribute: _attribute,
    cst.BinaryOperation: _binary,
    cst.UnaryOperation: _unary,
    cst.Subscript: _subscript,
    cst.Lambda: _lambda,
    cst.ListComp: _comprehension,
    cst.SetComp: _comprehension,
    cst.GeneratorExp: _comprehension,
    cst.DictComp: _comprehension,
    cst.IfExp: _conditional,
    cst.Call: _call,
}
