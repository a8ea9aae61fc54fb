"""Rewrites expressions: rules are applied to TensorFlow calls, everything else stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import libcst as cst

from tf2torch.analyse import tensors
from tf2torch.analyse.facts import Obj
from tf2torch.cst.precedence import fit, parenthesize
from tf2torch.cst.walk import with_children
from tf2torch.diagnostics import Outcome
from tf2torch.plan.uses import names_in, parameter_names
from tf2torch.rewrite import layout
from tf2torch.rewrite.layout import FIRST
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, parse
from tf2torch.rulebook.apply import Argument, Bound, bind, fill, select
from tf2torch.rulebook.dtype_text import TORCH_DTYPES
from tf2torch.rulebook.model import Emit, Refusal, Rule
from tf2torch.rulebook.values import UNKNOWN, Value

_TIGHT = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))


@dataclass(frozen=True)
class Typed:
    """A written expression, its axis order (None: TensorFlow's), rank and, of a list, its items."""

    node: cst.BaseExpression
    layout: str | None = None
    rank: int | None = None
    parts: tuple[Typed, ...] = ()

    def last(self) -> cst.BaseExpression:
        """The expression in TensorFlow's axis order."""
        if self.layout is None:
            return self.node
        return layout.to_last(self.node, self.rank or 4)

    def first(self) -> cst.BaseExpression:
        """The expression with channels first."""
        if self.layout is not None:
            return self.node
        return layout.to_first(self.node, self.rank or 4)


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
        known = _static_length(writer, node)
        if known is not None:
            return Typed(known)
    handler = _HANDLERS.get(type(node))
    if handler is None:
        return Typed(_children(writer, node, scope))
    return handler(writer, node, scope)


def _static_length(writer: Writer, node: cst.BaseExpression) -> cst.BaseExpression | None:
    """``x.shape[1].value`` where no tensor is at hand: the length that it is."""
    kind = type(node)  # `isinstance` is slow here
    if kind is not cst.Call and kind is not cst.Attribute and kind is not cst.Subscript:
        return None
    value = tensors.plain(writer.value(node))
    if value.kind not in ("python", "sequence") or not _reads_tensor(writer, node):
        return None
    if value.kind == "sequence":
        sizes = [_size_text(item) for item in value.detail or ()]
        if None in sizes[1:] or not sizes:
            return None
        # Of a placeholder the length that TensorFlow does not know is the first, the batch.
        return parse(_lengths([size or "None" for size in sizes], node))
    if isinstance(value.literal, int):
        return parse(value.text or str(value.literal))
    return parse(value.text) if value.text is not None and value.literal is UNKNOWN else None


def _lengths(sizes: list[str], node: cst.BaseExpression) -> str:
    """``x.shape.as_list()`` is a list; a TensorShape reads and prints like a tuple."""
    inside: cst.CSTNode = node
    while isinstance(inside, (cst.Call, cst.Attribute, cst.Subscript)):
        if isinstance(inside, cst.Attribute) and inside.attr.value == "as_list":
            return f"[{', '.join(sizes)}]"
        inside = inside.func if isinstance(inside, cst.Call) else inside.value
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def _size_text(value: Value) -> str | None:
    if value.kind != "python" or value.is_tensor:
        return None
    return value.text or (str(value.literal) if isinstance(value.literal, int) else None)


def _reads_tensor(writer: Writer, node: cst.BaseExpression) -> bool:
    while isinstance(node, (cst.Call, cst.Attribute, cst.Subscript)):
        if node in writer.analysis.runs:
            return False  # ``y.eval().shape``: that of an array
        node = node.func if isinstance(node, cst.Call) else node.value
        if writer.value(node).is_tensor:
            return True
    return False


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
    if value.kind == "placeholder" and value.detail in scope.modes:
        if scope.model == "self":
            return Typed(parse("self.training"))
        raise Unconvertible("training-flag", "the training flag is used outside of the model", node)
    text = scope.names.get(node.value)
    result = parse(text) if text is not None else node
    if text is not None and (node.lpar or node.rpar):
        result = result.with_changes(lpar=node.lpar, rpar=node.rpar)
    return Typed(result, scope.layouts.get(node.value), value.rank)


def _attribute(writer: Writer, node: cst.Attribute, scope: Scope) -> Typed:
    symbol = writer.analysis.symbols.get(node)
    if symbol is not None:
        return Typed(_symbol(writer, node, symbol, scope))
    owner = writer.value(node.value)
    if owner.kind == "object" and owner.detail.type == "RNNCell":
        from tf2torch.rewrite import recurrent

        written = recurrent.attribute(writer, node)
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
    return Typed(node.with_changes(value=fit(convert(writer, node.value, scope), node, "value")))


def method_rule(writer: Writer, owner: Value, kind: str, name: str) -> Rule | None:
    book = writer.analysis.rulebook
    if owner.kind == "variable":
        found = book.find(f"Variable.{name}")
        if found is not None:
            return found
    return book.find(f"{kind}.{name}")


def _symbol(writer: Writer, node: cst.CSTNode, symbol: str, scope: Scope) -> cst.BaseExpression:
    """A TensorFlow name used as a value: ``tf.nn.relu``, ``tf.float32``."""
    if symbol in ("tf.app.flags.FLAGS", "tf.flags.FLAGS"):
        from tf2torch.rewrite.flags import holder

        writer.converted(node, "flags")
        return cst.Name(holder(writer))
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
    device = cst.Arg(cst.Name("device"), cst.Name("device"), equal=_TIGHT)
    return Typed(cst.Call(parse("torch.as_tensor"), [cst.Arg(item.node), device]))


def array_tensor(array: cst.BaseExpression, dtype: str | None) -> cst.BaseExpression:
    """A numpy array as a tensor; TensorFlow gives it the dtype of the tensor beside it."""
    known = (
        f", dtype=torch.{TORCH_DTYPES[dtype]}"
        if dtype is not None and dtype in TORCH_DTYPES
        else ""
    )
    return parse(f"torch.as_tensor({code(array)}{known}, device=device)")


def _unary(writer: Writer, node: cst.UnaryOperation, scope: Scope) -> Typed:
    inner = typed(writer, node.expression, scope)
    new = node.with_changes(expression=fit(inner.node, node, "expression"))
    return Typed(new, inner.layout, inner.rank)


def unify(
    writer: Writer, nodes: list[cst.BaseExpression], items: list[Typed]
) -> tuple[Typed, Typed, str | None, int | None]:
    """Two operands in one axis order: channels first if broadcasting then means the same."""
    done, order, rank = unify_all(writer, nodes, items)
    return done[0], done[1], order, rank


def unify_all(
    writer: Writer, nodes: list[cst.BaseExpression], items: list[Typed]
) -> tuple[list[Typed], str | None, int | None]:
    """Operands of an elementwise operation in one axis order."""
    images = [item for item in items if item.layout is not None]
    if not images:
        return items, None, None
    rank = images[0].rank or 4
    values = [tensors.plain(writer.value(node)) for node in nodes]
    done: list[Typed] = []
    for item, value in zip(items, values, strict=True):
        if item.layout is not None:
            done.append(item)
        elif _is_scalar(value):
            done.append(item)
        elif value.rank == rank:
            done.append(Typed(item.first(), FIRST, rank))
        elif value.rank == 1:
            shape = ", ".join(["-1"] + ["1"] * (rank - 2))
            done.append(Typed(fill_method(item.node, f"view({shape})"), FIRST, rank))
        else:
            return [Typed(i.last()) for i in items], None, None
    return done, FIRST, rank


def _is_scalar(value: Value) -> bool:
    if value.is_tensor:
        return value.rank == 0
    return isinstance(value.literal, (int, float, bool)) or value.literal is None


def fill_method(node: cst.BaseExpression, call: str) -> cst.BaseExpression:
    """``(node).call``"""
    loose = (cst.BinaryOperation, cst.UnaryOperation, cst.BooleanOperation, cst.IfExp)
    if isinstance(node, (*loose, cst.Comparison, cst.Lambda)) and not node.lpar:
        node = node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return parse(f"_.{call}").visit(_Receiver(node))  # type: ignore[return-value]


class _Receiver(cst.CSTTransformer):
    """Puts an expression in the place of the name ``_``."""

    def __init__(self, node: cst.BaseExpression) -> None:
        self.node = node

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        return self.node if original_node.value == "_" else updated_node


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
    inner = scope.shadow(parameter_names(node.params))
    return Typed(node.with_changes(body=convert(writer, node.body, inner)))


def _comprehension(writer: Writer, node: cst.BaseComp, scope: Scope) -> Typed:
    bound: set[str] = set()
    clause: cst.CompFor | None = node.for_in
    while clause is not None:
        bound |= names_in(cst.Assign([cst.AssignTarget(clause.target)], cst.Name("_"))).stores
        clause = clause.inner_for_in
    inner = scope.shadow(bound)
    from tf2torch.rewrite import regularization

    chosen_variables = regularization.selected(writer, node, scope)
    if chosen_variables is not None:
        changes = {
            part: convert(writer, getattr(node, part), inner)
            for part in ("elt", "key", "value")
            if getattr(node, part, None) is not None
        }
        clause = node.for_in.with_changes(iter=chosen_variables[0], ifs=())
        return Typed(node.with_changes(for_in=clause, **changes))
    from tf2torch.rewrite import views

    parts = [getattr(node, part, None) for part in ("elt", "key", "value")]
    bodies = [part for part in (*parts, *node.for_in.ifs) if part is not None]
    clause = node.for_in
    looked = views.looked_at(writer, clause.target, clause.iter, bodies, scope)
    if looked is not None:
        inner = inner.inside(replaced={**inner.replaced, **looked.replaced})
        writer.settle(clause.iter, Outcome.CONVERTED, "variable-list")
        literal = writer.value(node).literal
        if isinstance(node, cst.ListComp) and isinstance(literal, tuple):
            return Typed(parse(repr(list(literal)).replace("'", '"')))
        node = node.with_changes(for_in=clause.with_changes(target=looked.target))
    changes = {}
    for part in ("elt", "key", "value"):
        child = getattr(node, part, None)
        if child is not None:
            changes[part] = convert(writer, child, inner)
    return Typed(node.with_changes(for_in=_clause(writer, node.for_in, inner), **changes))


def _clause(writer: Writer, clause: cst.CompFor, scope: Scope) -> cst.CompFor:
    inner = clause.inner_for_in
    return clause.with_changes(
        iter=convert(writer, clause.iter, scope),
        ifs=[c.with_changes(test=convert(writer, c.test, scope)) for c in clause.ifs],
        inner_for_in=_clause(writer, inner, scope) if inner is not None else None,
    )


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


# -- calls ---------------------------------------------------------------------------------------


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


def chosen(writer: Writer, rule: Rule, bound: Bound, node: cst.CSTNode) -> Emit:
    """The emit that applies; what it needs and assumes is noted."""
    emit = select(bound, exact=writer.exact)
    if isinstance(emit, Refusal):
        raise Unconvertible(rule.id, emit.reason, node)
    writer.support.update((*rule.support, *emit.support))
    writer.imports.update((*rule.imports, *emit.imports))
    if emit.assume and not _holds(emit.assume, bound):
        writer.note(node, rule.id, f"assumed: {emit.assume}")
    return emit


def _holds(assumption: str, bound: Bound) -> bool:
    """Whether the analysis knows what a form assumes: nothing is assumed then."""
    subject, _, claim = assumption.partition(" ")
    if not assumption.endswith("floating point"):
        return False
    if claim == "is floating point":
        value = bound.values.get(subject)
        return value is not None and value.category == "float"
    given = [bound.values[name] for name in bound.nodes]
    return any(v.category == "float" for v in given if v.is_tensor) and all(
        v.category == "float" for v in given if v.is_tensor
    )


def renumber(bound: Bound, axes: tuple[str, ...], rank: int) -> Bound | None:
    """`bound` with its axis arguments counted with channels first; None if one is not known."""
    nodes, values = dict(bound.nodes), dict(bound.values)
    for name in axes:
        literal = bound.values[name].literal if name in bound.values else UNKNOWN
        if name not in bound.nodes and not isinstance(literal, int):
            continue  # a default of None names no axis
        if isinstance(literal, int):
            axis = layout.axis_first(literal, rank)
            nodes[name], values[name] = parse(str(axis)), Value("python", literal=axis)
        elif isinstance(literal, tuple) and all(isinstance(item, int) for item in literal):
            found = layout.axes_first(literal, rank)
            nodes[name] = parse(f"[{', '.join(map(str, found))}]")
            values[name] = Value("python", literal=tuple(found))
        elif literal is UNKNOWN:
            return None
    return replace(bound, nodes=nodes, values=values)


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
