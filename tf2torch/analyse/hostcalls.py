"""What Python's own functions and containers do to abstract values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import libcst as cst

from tf2torch.analyse import arrays, calling, operators, subscripts, tensors
from tf2torch.analyse.containers import element_of, items_of, mapping_key, sequence
from tf2torch.analyse.state import State
from tf2torch.rulebook.apply import Argument
from tf2torch.rulebook.values import ANYTHING, UNKNOWN, Value, constant, tensor

BUILTINS = frozenset(
    "range xrange len int float str bool list tuple dict set sorted reversed enumerate zip map"
    " filter sum min max abs round print isinstance hasattr getattr any all open type super format"
    " repr iter next id ord chr pow divmod input raw_input unicode long callable property".split()
)

_PURE: dict[str, Callable[..., Any]] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "min": min,
    "max": max,
    "abs": abs,
    "round": round,
    "pow": pow,
    "sum": sum,
    "sorted": lambda items: tuple(sorted(items)),
    "ord": ord,
    "chr": chr,
    "long": int,
    "unicode": str,
}


def call(state: State, node: cst.Call, name: str, arguments: list[Argument]) -> Value:
    """A call of the Python builtin `name`."""
    values = [argument.value for argument in arguments if argument.keyword is None]
    if any(argument.star for argument in arguments):
        spread = items_of(values[0]) if name == "zip" and len(arguments) == 1 else None
        if spread is None:
            return Value("python")
        values = list(spread)
    if name in ("range", "xrange"):
        bounds = [tensors.number(value) for value in values]
        if bounds and all(isinstance(bound, int) for bound in bounds):
            return constant(range(*bounds))
        return Value("python")
    if name == "len" and len(values) == 1:
        items = items_of(values[0])
        if items is not None and values[0].kind in ("sequence", "mapping"):
            return constant(len(items))
        literal = values[0].literal
        if arrays.is_array(values[0]) and values[0].shape:
            return tensors.int_value(values[0].shape[0])
        if isinstance(literal, (str, tuple, range)):
            return constant(len(literal))
        given = values[0].text
        return Value("python", dtype="int32", text=f"len({given})" if given else None)
    if name in ("list", "tuple", "iter") and len(values) == 1:
        items = items_of(values[0])
        if items is None:
            kept = values[0].kind in ("many", "sequence")
            return values[0] if kept else Value("python")
        return sequence(items)
    if name == "list":
        return sequence([])
    if name == "dict" and not values:
        pairs = tuple((argument.keyword, argument.value) for argument in arguments)
        return Value("mapping", detail=pairs)
    if name == "dict" and len(values) == 1:
        made = _dict_of(values[0])
        if made is not None:
            named = tuple((a.keyword, a.value) for a in arguments if a.keyword is not None)
            return Value("mapping", detail=(*made, *named))
    if name == "sorted" and arguments and values[0].kind == "sequence":
        ordered = _by_name(arguments)
        if ordered is not None:
            return ordered
    if name == "sorted" and len(arguments) == 1 and values[0].kind in ("sequence", "mapping"):
        known = [item.literal for item in items_of(values[0]) or ()]
        if UNKNOWN not in known and len({type(item) for item in known}) == 1:
            return sequence([constant(item) for item in sorted(known)])
    if name == "reversed" and (items := items_of(values[0])) is not None:
        return sequence(items[::-1])
    if name == "enumerate":
        return _enumerate(values)
    if name == "zip":
        return _zip(values)
    if name in ("map", "filter") and len(values) == 2:
        return _map(state, node, values, keep=name == "filter")
    if name in ("isinstance", "hasattr", "callable"):
        return Value("python")
    if name == "getattr" and isinstance(values[1].literal, str) and values[0].kind == "instance":
        return ANYTHING
    if name in ("sum", "abs") and values:
        added = values[:1] if name == "abs" else _summands(values)
        if any(item.is_tensor for item in added):
            return _sum(added)
    compute = _PURE.get(name)
    literals = [tensors.number(value) for value in values]
    if compute is not None and literals and all(literal is not UNKNOWN for literal in literals):
        try:
            text = values[0].text if name == "int" and isinstance(literals[0], int) else None
            return constant(compute(*literals), text)
        except Exception:  # the program would fail here too
            return Value("python")
    text = values[0].text if name == "int" and values else None
    return Value("python", text=text, dtype={"int": "int32", "float": "float32"}.get(name))


def _dict_of(value: Value) -> tuple[tuple[Any, Value], ...] | None:
    """Entries of ``dict(pairs)`` or ``dict(mapping)``; None if they are not known."""
    if value.kind == "mapping":
        return tuple(value.detail)
    found: dict[Any, Value] = {}
    for item in items_of(value) or ():
        pair = items_of(item) if item.kind == "sequence" else None
        if pair is None or len(pair) != 2:
            return None
        if pair[0].literal is UNKNOWN and not (pair[0].is_tensor and pair[0].detail is not None):
            return None
        found[mapping_key(pair[0])] = pair[1]
    return tuple(found.items()) if value.kind == "sequence" else None


def _summands(values: list[Value]) -> list[Value]:
    items = items_of(values[0])
    return [*items] if items is not None else [element_of(values[0])]


def _sum(added: list[Value]) -> Value:
    """The tensor that adding up tensors gives."""
    shape = added[0].shape
    for item in added:
        shape = (
            tensors.broadcast(shape, item.shape)
            if shape is not None and item.shape is not None
            else None
        )
    dtypes = {item.dtype for item in added if item.is_tensor}
    return tensor(dtypes.pop() if len(dtypes) == 1 else None, shape)


def _enumerate(values: list[Value]) -> Value:
    items = items_of(values[0]) if values else None
    start = values[1].literal if len(values) > 1 else 0
    if items is None or not isinstance(start, int):
        inner = element_of(values[0]) if values else ANYTHING
        return Value("many", detail=sequence([Value("python"), inner]))
    pairs = [sequence([constant(i + start), item]) for i, item in enumerate(items)]
    return sequence(pairs)


def _zip(values: list[Value]) -> Value:
    columns = [items_of(value) for value in values]
    if not columns or any(column is None for column in columns):
        row = sequence([element_of(value) for value in values])
        return Value("many", detail=row)
    rows = zip(*(column for column in columns if column is not None), strict=False)
    return sequence([sequence(row) for row in rows])


def _map(state: State, node: cst.Call, values: list[Value], *, keep: bool) -> Value:
    items = items_of(values[1])
    results = []
    for item in items if items is not None else [element_of(values[1])]:
        argument = Argument(node, item)
        results.append(calling.call_value(state, node, values[0], [argument]))
    if keep:
        return Value("many", detail=element_of(values[1]))
    return sequence(results) if items is not None else Value("many", detail=results[0])


def method(
    state: State, node: cst.Call, owner: Value, name: str, arguments: list[Argument]
) -> Value:
    """A method of a host list, dict, string or tuple."""
    if arrays.is_array(owner):
        return arrays.method(owner, name, arguments)
    values = [argument.value for argument in arguments]
    receiver = node.func.value if isinstance(node.func, cst.Attribute) else None
    if owner.kind == "sequence" and receiver is not None:
        changed: list[Value] | None = None
        if name == "append" and values:
            changed = [*owner.detail, values[0]]
        elif name == "insert" and len(values) == 2 and values[0].literal == 0:
            changed = [values[1], *owner.detail]
        elif name in ("extend", "__iadd__") and values:
            items = items_of(values[0])
            if items is None:
                element = element_of(values[0])
                subscripts.replace_container(state, receiver, Value("many", detail=element))
                return constant(None)
            changed = [*owner.detail, *items]
        elif name == "reverse":
            changed = list(owner.detail[::-1])
        elif name == "pop" and owner.detail:
            subscripts.replace_container(state, receiver, sequence(owner.detail[:-1]))
            return owner.detail[-1]
        if changed is not None:
            subscripts.replace_container(state, receiver, sequence(changed))
            return constant(None)
    if owner.kind == "mapping":
        return _mapping_method(state, receiver, owner, name, values)
    if owner.kind == "many":
        return owner.detail if name == "pop" else Value("python")
    if isinstance(owner.literal, str):
        return _string_method(owner.literal, name, arguments)
    return Value("python")


def _mapping_method(
    state: State, receiver: cst.BaseExpression | None, owner: Value, name: str, values: list[Value]
) -> Value:
    pairs = dict(owner.detail)
    if name in ("items", "iteritems"):
        return sequence([sequence([constant(k), v]) for k, v in pairs.items()])
    if name in ("values", "itervalues"):
        return sequence(list(pairs.values()))
    if name in ("keys", "iterkeys"):
        return sequence([constant(key) for key in pairs])
    if name in ("get", "pop", "setdefault") and values:
        found = pairs.get(mapping_key(values[0]))
        default = values[1] if len(values) > 1 else constant(None)
        if name != "get" and receiver is not None:
            _drop_keys(state, receiver, pairs, values[0], keep=name == "setdefault")
        return found if found is not None else default
    if name == "update" and values and values[0].kind == "mapping" and receiver is not None:
        pairs.update(values[0].detail)
        subscripts.replace_container(state, receiver, Value("mapping", detail=tuple(pairs.items())))
        return constant(None)
    if name in ("update", "clear", "popitem") and receiver is not None:
        subscripts.replace_container(state, receiver, Value("python"))
    return Value("python")


def _drop_keys(
    state: State, receiver: cst.BaseExpression, pairs: dict[Any, Value], key: Value, *, keep: bool
) -> None:
    """``d.pop(key)``: what the dictionary holds then; not known for an unknown key."""
    wanted = mapping_key(key)
    left = {k: v for k, v in pairs.items() if k != wanted}
    known = wanted in pairs
    if keep and known:
        return
    value = Value("mapping", detail=tuple(left.items())) if known else Value("python")
    subscripts.replace_container(state, receiver, value)


_STRING_METHODS = frozenset(
    "format lower upper strip lstrip rstrip split rsplit replace startswith endswith join find"
    " count title capitalize zfill rpartition partition isdigit".split()
)


def _string_method(text: str, name: str, arguments: list[Argument]) -> Value:
    literals = [argument.value.literal for argument in arguments]
    if name not in _STRING_METHODS or any(literal is UNKNOWN for literal in literals):
        return Value("python")
    free = [lit for lit, arg in zip(literals, arguments, strict=True) if arg.keyword is None]
    named = {arg.keyword: arg.value.literal for arg in arguments if arg.keyword is not None}
    try:
        result = getattr(text, name)(*free, **named)
    except Exception:  # the program would fail here too
        return Value("python")
    if isinstance(result, (list, tuple)):
        return sequence([constant(item) for item in result])
    return constant(result)


def package_call(state: State, node: cst.Call, name: str, arguments: list[Argument]) -> Value:
    """A call into a package that is neither TensorFlow nor the program."""
    for argument in arguments:
        if argument.value.kind == "function" and name != "atexit.register":
            calling.follow(state, argument.value.detail, None, None)
    if name in ("functools.partial",) and arguments:
        return Value("partial", detail=(arguments[0].value, tuple(arguments[1:])))
    if name in ("numpy.prod", "np.prod", "numpy.product") and arguments:
        return _product(arguments[0].value)
    if name in ("collections.OrderedDict", "OrderedDict") and not arguments:
        return Value("mapping", detail=())
    if name in _MATH and len(arguments) == 1:
        number = tensors.number(arguments[0].value)
        if isinstance(number, (int, float)):
            return operators.fold(lambda one, _: _MATH[name](one), number, None, None)
        given = arguments[0].value
        if given.kind == "python" and given.dtype and given.shape is None:
            return Value("python", dtype="float32")
    found = arrays.call(name, arguments) if name.startswith("numpy.") else None
    return Value("python") if found is None else found


def _product(value: Value) -> Value:
    items = items_of(value)
    numbers = [tensors.number(item) for item in items] if items is not None else [UNKNOWN]
    whole = [number for number in numbers if isinstance(number, int)]
    if len(whole) == len(numbers):
        total = 1
        for number in whole:
            total *= number
        return constant(total)
    return Value("python")


def _math_table() -> dict[str, Callable[[float], float]]:
    import math

    table = {
        f"math.{name}": getattr(math, name) for name in ("sqrt", "log", "exp", "ceil", "floor")
    }
    table |= {"numpy.sqrt": math.sqrt, "numpy.log": math.log, "numpy.ceil": math.ceil}
    return table


_MATH = _math_table()


def _by_name(arguments: Sequence[Argument]) -> Value | None:
    """``sorted(variables, key=lambda v: v.name)``"""
    items = arguments[0].value.detail
    key = arguments[1].node if len(arguments) == 2 and arguments[1].keyword == "key" else None
    if not isinstance(key, cst.Lambda) or len(key.params.params) != 1:
        return None
    if not all(item.kind == "variable" and item.detail is not None for item in items):
        return None
    body = key.body
    if not isinstance(body, cst.Attribute) or body.attr.value != "name":
        return None
    owner, ending = body.value, ":0"
    if isinstance(owner, cst.Attribute) and owner.attr.value == "op":
        owner, ending = owner.value, ""
    if not isinstance(owner, cst.Name) or owner.value != key.params.params[0].name.value:
        return None
    names = {item.detail.name for item in items}
    if any("?" in name for name in names):
        return None
    return sequence(sorted(items, key=lambda item: f"{item.detail.name}{ending}"))
