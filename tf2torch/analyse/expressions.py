"""Abstract evaluation of expressions."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import libcst as cst

from tf2torch.analyse import arg_scopes, arrays, by_name, graph, hostcalls, names, tensors
from tf2torch.analyse.facts import Function, Obj
from tf2torch.analyse.state import Frame, State, join, join_all
from tf2torch.rulebook.apply import Argument
from tf2torch.rulebook.op_names import OPERATORS
from tf2torch.rulebook.values import ANYTHING, UNKNOWN, Dim, Value, constant, tensor

#: Sequences longer than this stay opaque.
LONGEST = 4096


def evaluate(state: State, node: cst.BaseExpression | cst.CSTNode) -> Value:
    """What is known of an expression; kept as a fact of the node."""
    handler = _EXPRESSIONS.get(type(node))
    if handler is None:
        return state.record(node, Value("python"))
    return state.record(node, handler(state, node))


# -- questions about values ----------------------------------------------------------------------


def truth(value: Value) -> bool | None:
    """Truth value in an `if`, None if it is not known."""
    if value.literal is not UNKNOWN:
        return bool(value.literal)
    if value.kind in ("sequence", "mapping"):
        return bool(value.detail)
    if value.kind in ("function", "class", "instance", "symbol", "dtype", "object"):
        return True
    return None


def items_of(value: Value) -> list[Value] | None:
    """The items that iteration gives, None if their number is not known."""
    if value.kind == "sequence":
        return list(value.detail)
    if value.kind == "mapping":
        return [constant(key) for key, _ in value.detail]
    if value.kind == "object" and value.detail.type == "TensorShape":
        return list(value.detail["dims"]) if value.detail["dims"] is not None else None
    if isinstance(value.literal, (tuple, range)) and len(value.literal) <= LONGEST:
        return [constant(item) for item in value.literal]
    if (
        value.is_tensor
        and value.shape
        and value.shape[0].size is not None
        and value.shape[0].size <= 64
    ):
        return [tensor(value.dtype, value.shape[1:]) for _ in range(value.shape[0].size)]
    return None


def element_of(value: Value) -> Value:
    """What is known of any one item."""
    if value.kind == "many":
        return value.detail
    items = items_of(value)
    if items:
        return join_all(items)
    if value.kind == "object" and value.detail.type == "TensorShape":
        return Value("object", detail=Obj("Dimension", {"dim": Dim()}))
    if value.is_tensor:
        return tensor(value.dtype, value.shape[1:] if value.shape else None)
    return Value("python") if value.kind == "python" else ANYTHING


# -- names and attributes ------------------------------------------------------------------------


_CONSTANTS = {"None": constant(None), "True": constant(True), "False": constant(False)}


def _name(state: State, node: cst.Name) -> Value:
    if node.value in _CONSTANTS:
        return _CONSTANTS[node.value]
    found = state.frame.lookup(node.value)
    if found is None:
        star = state.frame.module.names.get("*")
        if star is not None and names.is_public(f"{star.detail}.{node.value}"):
            return _symbol(state, node, f"{star.detail}.{node.value}")
        if node.value in hostcalls.BUILTINS:
            return Value("builtin", detail=node.value)
        return Value("python")
    value, frame = found
    if value.kind in ("symbol", "dtype") and isinstance(value.detail, str):
        if names.is_alias(state, frame, node.value):
            state.symbols[node] = value.detail
        return value
    if value.kind in ("python", "unknown"):
        text = node.value if names.is_stable(state, frame, node.value) else None
        if text != value.text:
            return replace(value, text=text)
    return value


def _symbol(state: State, node: cst.CSTNode, name: str) -> Value:
    state.symbols[node] = name
    return tensors.symbol_value(name)


def _attribute(state: State, node: cst.Attribute) -> Value:
    owner = evaluate(state, node.value)
    name = node.attr.value
    if owner.kind == "symbol":
        state.symbols.pop(node.value, None)
        return graph.member(state, node, owner, name)
    if owner.kind == "instance":
        return _spelled(state, node, _member(owner, name))
    if owner.kind == "class":
        found = owner.detail["members"].get(name)
        return found if found is not None else ANYTHING
    if owner.is_tensor or owner.kind in ("object", "dtype", "operation"):
        return graph.attribute(state, node, owner, name)
    if owner.kind == "sequence" and len(owner.detail) == 2 and name in ("c", "h"):
        return owner.detail["ch".index(name)]  # an LSTMStateTuple
    if owner.kind in ("sequence", "mapping", "many") or isinstance(
        owner.literal, (str, tuple, int)
    ):
        return Value("method", detail=(owner, name))
    if arrays.is_array(owner):
        return arrays.attribute(owner, name)
    if owner.kind == "python":
        if owner.detail == "numpy" and name == "newaxis":
            return constant(None)
        detail = f"{owner.detail}.{name}" if isinstance(owner.detail, str) else None
        detail = ".shape" if name == "shape" else detail
        text = f"{owner.text}.{name}" if owner.text else None
        return Value("python", text=text, detail=detail)
    return ANYTHING


def _spelled(state: State, node: cst.Attribute, value: Value) -> Value:
    """A host value that an object of the program holds, under the object's name."""
    if value.kind != "python" or value.literal is not UNKNOWN or value.text is not None:
        return value
    owner = node.value
    if not isinstance(owner, cst.Name):
        return value
    found = state.frame.lookup(owner.value)
    if found is None or not names.is_stable(state, found[1], owner.value):
        return value
    return replace(value, text=f"{owner.value}.{node.attr.value}")


def _member(owner: Value, name: str) -> Value:
    record = owner.detail
    if name in record.fields:
        return record.fields[name]
    found = _class_member(record["class"], name)
    if found is None:
        return ANYTHING
    if found.kind == "function":
        function: Function = found.detail
        decorators = _decorators(function.node)
        bound = Function(function.node, function.frame, owner=owner)
        if "property" in decorators or "lazy_property" in decorators:
            return Value("property", detail=bound)
        if "staticmethod" in decorators:
            return found
        return Value("function", detail=bound)
    return found


def _decorators(node: cst.CSTNode) -> set[str]:
    if not isinstance(node, cst.FunctionDef):
        return set()
    return {
        item.decorator.value for item in node.decorators if isinstance(item.decorator, cst.Name)
    }


def _class_member(record: Obj, name: str) -> Value | None:
    if name in record["members"]:
        return record["members"][name]
    for base in record["bases"]:
        if base.kind == "class":
            found = _class_member(base.detail, name)
            if found is not None:
                return found
    return None


# -- literals ------------------------------------------------------------------------------------


def _literal(state: State, node: Any) -> Value:
    try:
        value = node.evaluated_value
    except Exception:  # a literal that only Python 2 accepts
        return Value("python")
    text = node.value if isinstance(node, (cst.Integer, cst.Float)) else None
    return constant(value, text)


def _formatted(state: State, node: cst.FormattedString) -> Value:
    parts: list[str] = []
    known = True
    for part in node.parts:
        if isinstance(part, cst.FormattedStringText):
            parts.append(part.value)
            continue
        assert isinstance(part, cst.FormattedStringExpression)
        value = evaluate(state, part.expression)
        if value.literal is UNKNOWN or part.format_spec or part.conversion:
            known = False
        else:
            parts.append(str(value.literal))
    return constant("".join(parts)) if known else Value("python")


def _sequence(state: State, node: cst.Tuple | cst.List) -> Value:
    items: list[Value] = []
    for element in node.elements:
        value = evaluate(state, element.value)
        if isinstance(element, cst.StarredElement):
            inner = items_of(value)
            if inner is None:
                return Value("many", detail=element_of(value))
            items.extend(inner)
        else:
            items.append(value)
    return sequence(items)


def sequence(items: Sequence[Value]) -> Value:
    """A list or tuple; its literal is known if every item's is."""
    values = tuple(items)
    if all(item.literal is not UNKNOWN and item.kind == "python" for item in values):
        return Value("sequence", literal=tuple(item.literal for item in values), detail=values)
    return Value("sequence", detail=values)


def _dict(state: State, node: cst.Dict) -> Value:
    pairs: dict[Any, Value] = {}
    for element in node.elements:
        value = evaluate(state, element.value)
        if isinstance(element, cst.StarredDictElement):
            if value.kind != "mapping":
                return Value("python")
            pairs.update(value.detail)
            continue
        assert isinstance(element, cst.DictElement)
        pairs[mapping_key(evaluate(state, element.key))] = value
    return Value("mapping", detail=tuple(pairs.items()))


def mapping_key(key: Value) -> Any:
    """A hashable stand-in for a key: its literal, or the identity of the tensor."""
    if key.literal is not UNKNOWN:
        try:
            hash(key.literal)
        except TypeError:
            return object()
        return key.literal
    return ("id", key.detail) if key.is_tensor and key.detail is not None else object()


# -- operators -----------------------------------------------------------------------------------

_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    cst.Add: operator.add,
    cst.Subtract: operator.sub,
    cst.Multiply: operator.mul,
    cst.Divide: operator.truediv,
    cst.FloorDivide: operator.floordiv,
    cst.Modulo: operator.mod,
    cst.Power: operator.pow,
    cst.LeftShift: operator.lshift,
    cst.RightShift: operator.rshift,
    cst.BitAnd: operator.and_,
    cst.BitOr: operator.or_,
    cst.BitXor: operator.xor,
}


def _binary(state: State, node: cst.BinaryOperation) -> Value:
    left, right = evaluate(state, node.left), evaluate(state, node.right)
    return _operate(state, type(node.operator), left, right, names.text_of(state, node))


def augmented(state: State, node: cst.AugAssign) -> Value:
    """Value that ``target op= value`` assigns."""
    left, right = evaluate(state, node.target), evaluate(state, node.value)
    kind = type(node.operator).__name__.removesuffix("Assign")
    return _operate(state, getattr(cst, kind, cst.MatrixMultiply), left, right, None)


def _operate(state: State, kind: type, left: Value, right: Value, text: str | None) -> Value:
    if left.is_tensor or right.is_tensor:
        state.naming.unique(OPERATORS.get(kind, "op"))
        return tensors.operate(state, left, right, division=kind is cst.Divide)
    if left.kind == right.kind == "sequence" and kind is cst.Add:
        return sequence([*left.detail, *right.detail])
    if left.kind == "sequence" and kind is cst.Multiply and isinstance(right.literal, int):
        if right.literal * len(left.detail) <= LONGEST:
            return sequence(list(left.detail) * right.literal)
        return Value("many", detail=element_of(left))
    if left.kind in ("object", "unknown") or right.kind in ("object", "unknown"):
        dims = [v for v in (left, right) if v.kind == "object" and v.detail.type == "Dimension"]
        if not dims:
            return ANYTHING if "unknown" in (left.kind, right.kind) else Value("python", text=text)
    found = arrays.operate(left, right, division=kind is cst.Divide)
    if found is not None:
        return found
    compute = _BINARY.get(kind)
    one, other = tensors.number(left), tensors.number(right)
    if compute is None or one is UNKNOWN or other is UNKNOWN:
        return Value("python", text=text)
    return fold(compute, one, other, text)


def fold(compute: Callable[..., Any], one: Any, other: Any, text: str | None) -> Value:
    """Applies a Python operator to constants, unless the result would be huge or an error."""
    if compute in (operator.pow, operator.lshift) and not (
        isinstance(other, (int, float)) and abs(other) < 64
    ):
        return Value("python", text=text)
    if (
        compute is operator.mul
        and isinstance(one, (str, bytes))
        and isinstance(other, int)
        and other > 1000
    ):
        return Value("python")
    try:
        return constant(compute(one, other), text)
    except Exception:  # the program would fail here too, or does so on purpose
        return Value("python", text=text)


def _unary(state: State, node: cst.UnaryOperation) -> Value:
    value = evaluate(state, node.expression)
    if isinstance(node.operator, cst.Not):
        known = truth(value)
        return Value("python") if known is None else constant(not known)
    if value.is_tensor:
        state.naming.unique(OPERATORS.get(type(node.operator), "op"))
        return tensors.result(state, value.dtype, value.shape)
    if isinstance(node.operator, cst.Minus) and isinstance(value.literal, (int, float)):
        return constant(-value.literal, names.text_of(state, node))
    return Value("python", text=names.text_of(state, node))


def _boolean(state: State, node: cst.BooleanOperation) -> Value:
    left, right = evaluate(state, node.left), evaluate(state, node.right)
    known = truth(left)
    if known is None:
        return join(left, right) if "python" not in (left.kind, right.kind) else Value("python")
    return right if known == isinstance(node.operator, cst.And) else left


_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    cst.Equal: operator.eq,
    cst.NotEqual: operator.ne,
    cst.LessThan: operator.lt,
    cst.LessThanEqual: operator.le,
    cst.GreaterThan: operator.gt,
    cst.GreaterThanEqual: operator.ge,
    cst.In: lambda one, other: one in other,
    cst.NotIn: lambda one, other: one not in other,
}


def _comparison(state: State, node: cst.Comparison) -> Value:
    left = evaluate(state, node.left)
    rights = [evaluate(state, item.comparator) for item in node.comparisons]
    if len(rights) != 1:
        return Value("python")
    right, kind = rights[0], type(node.comparisons[0].operator)
    if kind in (cst.Is, cst.IsNot):
        same = _identical(left, right)
        return Value("python") if same is None else constant(same == (kind is cst.Is))
    if (left.is_tensor or right.is_tensor) and kind in (
        cst.LessThan,
        cst.LessThanEqual,
        cst.GreaterThan,
        cst.GreaterThanEqual,
    ):
        state.naming.unique(OPERATORS[kind])
        compared = tensors.operate(state, left, right)
        return replace(compared, dtype="bool")
    made = arrays.operate(left, right) if kind not in (cst.In, cst.NotIn) else None
    if made is not None:
        return replace(made, dtype="bool")
    one, other = tensors.number(left), tensors.number(right)
    if kind in (cst.In, cst.NotIn) and right.kind in ("mapping", "sequence"):
        items = items_of(right) or []
        if left.kind == "variable" and left.detail is not None and items:
            if all(item.kind == "variable" and item.detail is not None for item in items):
                inside = any(item.detail is left.detail for item in items)
                return constant(inside == (kind is cst.In))
        if one is UNKNOWN or any(item.literal is UNKNOWN for item in items):
            return Value("python")
        return constant(any(item.literal == one for item in items) == (kind is cst.In))
    compute = _COMPARE.get(kind)
    if compute is None or one is UNKNOWN or other is UNKNOWN:
        return Value("python")
    return fold(compute, one, other, None)


def _identical(left: Value, right: Value) -> bool | None:
    for one, other in ((left, right), (right, left)):
        if one.literal is None:
            if other.literal is None:
                return True
            if other.literal is not UNKNOWN or other.kind not in ("python", "unknown"):
                return False
    if left.kind == right.kind == "symbol":
        return left.detail == right.detail
    if isinstance(left.literal, bool) and isinstance(right.literal, bool):
        return left.literal is right.literal
    return None


def _conditional(state: State, node: cst.IfExp) -> Value:
    known = truth(evaluate(state, node.test))
    body, orelse = evaluate(state, node.body), evaluate(state, node.orelse)
    if known is None:
        return join(body, orelse)
    return body if known else orelse


# -- subscripts ----------------------------------------------------------------------------------


def _subscript(state: State, node: cst.Subscript) -> Value:
    owner = evaluate(state, node.value)
    if owner.kind == "sequence" and (output := by_name.output(state, node)) is not None:
        return output
    for element in node.slice:
        index_or_slice = element.slice
        if isinstance(index_or_slice, cst.Index):
            evaluate(state, index_or_slice.value)
        elif isinstance(index_or_slice, cst.Slice):
            for bound in (index_or_slice.lower, index_or_slice.upper, index_or_slice.step):
                if bound is not None:
                    evaluate(state, bound)
    if owner.is_tensor:
        return tensors.subscript(state, owner, node)
    if arrays.is_array(owner):
        return arrays.subscript(state, owner, node)
    if len(node.slice) != 1:
        return Value("python") if owner.kind == "python" else ANYTHING
    part = node.slice[0].slice
    if isinstance(part, cst.Slice):
        return _slice(state, owner, part)
    assert isinstance(part, cst.Index)
    index = state.values[part.value]
    if owner.kind == "object" and owner.detail.type == "TensorShape":
        items = items_of(owner)
        if (
            items is not None
            and isinstance(index.literal, int)
            and -len(items) <= index.literal < len(items)
        ):
            return items[index.literal]
        return Value("object", detail=Obj("Dimension", {"dim": Dim()}))
    if owner.kind == "mapping":
        found = dict(owner.detail).get(mapping_key(index))
        return found if found is not None else join_all(value for _, value in owner.detail)
    items = items_of(owner)
    number = tensors.number(index)
    if items is not None and isinstance(number, int) and -len(items) <= number < len(items):
        return items[number]
    if isinstance(owner.literal, str) and isinstance(number, int):
        return fold(operator.getitem, owner.literal, number, None)
    if owner.kind == "python" and isinstance(owner.detail, str) and owner.detail.endswith(".shape"):
        spelled = owner.text is not None and isinstance(index.literal, int)
        text = f"{owner.text}[{index.literal}]" if spelled else None
        return Value("python", dtype="int32", text=text)
    if owner.kind == "python":
        text = (
            f"{owner.text}[{index.literal!r}]"
            if owner.text and index.literal is not UNKNOWN
            else None
        )
        return Value("python", text=text)
    return element_of(owner)


def _slice(state: State, owner: Value, part: cst.Slice) -> Value:
    bounds = []
    for bound in (part.lower, part.upper, part.step):
        literal = None if bound is None else tensors.number(state.values[bound])
        if not isinstance(literal, (int, type(None))):
            return (
                Value("many", detail=element_of(owner))
                if owner.kind != "python"
                else Value("python")
            )
        bounds.append(literal)
    cut = slice(*bounds)
    if owner.kind == "object" and owner.detail.type == "TensorShape":
        items = items_of(owner)
        return tensors.shape_value(None if items is None else tuple(items[cut]))
    if owner.kind == "sequence":
        return sequence(owner.detail[cut])
    if isinstance(owner.literal, (str, tuple)):
        return constant(owner.literal[cut])
    return owner if owner.kind == "many" else Value("python")


def store_item(state: State, target: cst.Subscript, value: Value) -> None:
    """``owner[index] = value``"""
    owner = evaluate(state, target.value)
    part = target.slice[0].slice
    key = evaluate(state, part.value) if isinstance(part, cst.Index) else ANYTHING
    state.record(target, value)
    if owner.kind == "mapping":
        pairs = dict(owner.detail)
        pairs[mapping_key(key)] = value
        replace_container(state, target.value, Value("mapping", detail=tuple(pairs.items())))
    elif (
        owner.kind == "sequence"
        and isinstance(key.literal, int)
        and -len(owner.detail) <= key.literal < len(owner.detail)
    ):
        items = list(owner.detail)
        items[key.literal] = value
        replace_container(state, target.value, sequence(items))


def replace_container(state: State, node: cst.BaseExpression, value: Value) -> None:
    """Gives the container an expression names its new content."""
    if isinstance(node, cst.Name):
        found = state.frame.lookup(node.value)
        if found is not None:
            found[1].names[node.value] = value
    elif isinstance(node, cst.Attribute):
        owner = evaluate(state, node.value)
        if owner.kind == "instance":
            owner.detail.fields[node.attr.value] = value


# -- functions and calls -------------------------------------------------------------------------


def _lambda(state: State, node: cst.Lambda) -> Value:
    return Value("function", detail=Function(node, state.frame))


def _call(state: State, node: cst.Call) -> Value:
    callee = evaluate(state, node.func)
    arguments = [
        Argument(
            argument.value,
            evaluate(state, argument.value),
            argument.keyword.value if argument.keyword is not None else None,
            argument.star,
        )
        for argument in node.args
    ]
    return call_value(state, node, callee, arguments)


def call_value(state: State, node: cst.Call, callee: Value, arguments: list[Argument]) -> Value:
    """Calls whatever `callee` is."""
    if callee.kind == "symbol":
        if node.func not in state.symbols:
            state.indirect.add(node)
        return graph.call(state, node, callee.detail, arguments)
    if callee.kind == "function":
        function: Function = callee.detail
        if state.arg_scopes:
            written_out = arg_scopes.program_call(state, node, callee)
            if written_out is not None:
                return written_out
        state.callees[node] = function
        return follow(state, function, arguments, node)
    if callee.kind == "class":
        return _instantiate(state, callee.detail, arguments, node)
    if callee.kind == "method":
        owner, name = callee.detail
        if owner.is_tensor or owner.kind in ("object", "operation"):
            return graph.call_method(state, node, owner, name, arguments)
        return hostcalls.method(state, node, owner, name, arguments)
    if callee.kind == "builtin":
        return hostcalls.call(state, node, callee.detail, arguments)
    if callee.kind == "object":
        return graph.call_object(state, node, callee, arguments)
    if callee.kind == "partial":
        function_value, bound = callee.detail
        return call_value(state, node, function_value, [*bound, *arguments])
    if callee.kind == "python" and isinstance(callee.detail, str):
        return hostcalls.package_call(state, node, callee.detail, arguments)
    for argument in arguments:
        if argument.value.kind == "function":
            follow(state, argument.value.detail, None, None)
    return ANYTHING if callee.kind == "unknown" else Value("python")


def follow(
    state: State, function: Function, arguments: list[Argument] | None, node: cst.Call | None
) -> Value:
    """Executes a program function; `arguments` None: nothing is known of them."""
    certain = arguments is not None and not any(argument.star for argument in arguments)
    pairs: list[tuple[str | None, Value]] = []
    if function.owner is not None:
        pairs.append((None, function.owner))
    for argument in arguments or ():
        if argument.star == "":
            pairs.append((argument.keyword, argument.value))
        elif argument.star == "*" and (items := items_of(argument.value)) is not None:
            pairs.extend((None, item) for item in items)
            certain = True
        elif argument.star == "**" and argument.value.kind == "mapping":
            pairs.extend((str(key), value) for key, value in argument.value.detail)
            certain = True
    return state.follow(state, function, pairs, node, certain=certain)


def _instantiate(state: State, record: Obj, arguments: list[Argument], node: cst.Call) -> Value:
    instance = Value("instance", detail=Obj("instance", {"class": record}, node))
    init = _class_member(record, "__init__")
    if init is not None and init.kind == "function":
        bound = Function(init.detail.node, init.detail.frame, owner=instance)
        state.callees[node] = bound
        follow(state, bound, arguments, node)
    return instance


def _comprehension(state: State, node: Any) -> Value:
    outer = state.frame
    state.frame = Frame(parent=outer, function=outer.function)
    items: list[Value] = []
    pairs: list[tuple[Value, Value]] = []

    def produce() -> None:
        if isinstance(node, cst.DictComp):
            pairs.append((evaluate(state, node.key), evaluate(state, node.value)))
        else:
            items.append(evaluate(state, node.elt))

    exact = _generate(state, node.for_in, produce)
    state.frame = outer
    if isinstance(node, cst.DictComp):
        known = exact and all(
            key.literal is not UNKNOWN or (key.is_tensor and key.detail is not None)
            for key, _ in pairs
        )
        if known:
            return Value("mapping", detail=tuple((mapping_key(k), v) for k, v in pairs))
        return Value("python")
    return sequence(items) if exact else Value("many", detail=join_all(items))


def _generate(state: State, clause: cst.CompFor, produce: Callable[[], None]) -> bool:
    """Runs the loops of a comprehension; False if some number of rounds is not known."""
    iterable = evaluate(state, clause.iter)
    items = items_of(iterable)
    exact = items is not None and len(items) <= LONGEST
    outer = state.path
    for index, item in enumerate(items if exact and items is not None else [element_of(iterable)]):
        state.path = (*outer, (clause, index))
        state.assign(state, clause.target, item)
        wanted: bool | None = True
        for condition in clause.ifs:
            known = truth(evaluate(state, condition.test))
            wanted = known if wanted else wanted
        if wanted is None:
            exact = False
        if wanted is not False:
            if clause.inner_for_in is not None:
                exact = _generate(state, clause.inner_for_in, produce) and exact
            else:
                produce()
    state.path = outer
    return exact


def _named(state: State, node: cst.NamedExpr) -> Value:
    value = evaluate(state, node.value)
    state.assign(state, node.target, value)
    return value


def leave_scope(state: State, value: Value, texts: dict[str, str | None] | None = None) -> Value:
    """`value` as the caller sees it: parameters are spelled as the caller passed them.

    Texts over other names of the callee are of no use there and are dropped.
    """
    texts = texts or {}
    if value.text is not None:
        value = replace(value, text=names.outside(state, value.text, texts))
    if value.is_tensor and value.shape and any(d.text for d in value.shape):
        shape = tuple(
            d if d.text is None else Dim(d.size, names.outside(state, d.text, texts))
            for d in value.shape
        )
        return replace(value, shape=shape)
    if value.kind == "sequence":
        items = tuple(leave_scope(state, item, texts) for item in value.detail)
        return replace(value, detail=items)
    return value


_EXPRESSIONS: dict[type, Callable[[State, Any], Value]] = {
    cst.Name: _name,
    cst.Attribute: _attribute,
    cst.Integer: _literal,
    cst.Float: _literal,
    cst.Imaginary: _literal,
    cst.SimpleString: _literal,
    cst.ConcatenatedString: _literal,
    cst.FormattedString: _formatted,
    cst.Tuple: _sequence,
    cst.List: _sequence,
    cst.Set: _sequence,
    cst.Dict: _dict,
    cst.BinaryOperation: _binary,
    cst.UnaryOperation: _unary,
    cst.BooleanOperation: _boolean,
    cst.Comparison: _comparison,
    cst.IfExp: _conditional,
    cst.Subscript: _subscript,
    cst.Lambda: _lambda,
    cst.Call: _call,
    cst.ListComp: _comprehension,
    cst.GeneratorExp: _comprehension,
    cst.SetComp: _comprehension,
    cst.DictComp: _comprehension,
    cst.NamedExpr: _named,
}
