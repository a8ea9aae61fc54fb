"""Control flow in the graph: branches and bodies are program functions that run symbolically."""

from __future__ import annotations

from tf2torch.analyse import tensors
from tf2torch.analyse.calls import GraphCall, Handler
from tf2torch.analyse.state import join
from tf2torch.rulebook.values import ANYTHING, Value


def _invoke(call: GraphCall, function: Value | None, values: list[Value]) -> Value:
    if function is None or function.kind != "function":
        return ANYTHING
    pairs = [(None, value) for value in values]
    return call.state.follow(call.state, function.detail, pairs, call.node, certain=True)


def _renamed(call: GraphCall, value: Value) -> Value:
    """The same structure with tensors of this call's own."""
    if value.is_tensor:
        return tensors.result(call.state, value.dtype, value.shape)
    if value.kind == "sequence":
        return Value("sequence", detail=tuple(_renamed(call, item) for item in value.detail))
    if value.kind == "python":
        return tensors.result(call.state, None, None)
    return value


def _cond(call: GraphCall) -> Value:
    first = _invoke(call, call.value(1, "true_fn", "fn1"), [])
    second = _invoke(call, call.value(2, "false_fn", "fn2"), [])
    return _renamed(call, join(first, second))


def _case(call: GraphCall) -> Value:
    given = call.value(0, "pred_fn_pairs")
    pairs = given.detail if given is not None and given.kind == "sequence" else ()
    results = [
        _invoke(call, pair.detail[1], [])
        for pair in pairs
        if pair.kind == "sequence" and len(pair.detail) == 2
    ]
    default = call.value(1, "default")
    if default is not None:
        results.append(_invoke(call, default, []))
    merged = results[0] if results else ANYTHING
    for value in results[1:]:
        merged = join(merged, value)
    return _renamed(call, merged)


def _while_loop(call: GraphCall) -> Value:
    variables = call.value(2, "loop_vars")
    values = (
        list(variables.detail) if variables is not None and variables.kind == "sequence" else []
    )
    values = [_renamed(call, value) for value in values]
    _invoke(call, call.value(0, "cond"), values)
    after = _invoke(call, call.value(1, "body"), values)
    if after.kind == "sequence" and len(after.detail) == len(values):
        values = [join(one, other) for one, other in zip(values, after.detail, strict=True)]
    elif len(values) == 1:
        return _renamed(call, join(values[0], after))
    return _renamed(call, Value("sequence", detail=tuple(values)))


def _map_fn(call: GraphCall) -> Value:
    elements = call.value(1, "elems")
    if elements is None:
        return ANYTHING
    row = _row(elements)
    out = _invoke(call, call.value(0, "fn"), [row])
    if out.is_tensor and elements.is_tensor:
        shape = None
        if out.shape is not None and elements.shape:
            shape = (elements.shape[0], *out.shape)
        return tensors.result(call.state, out.dtype, shape)
    return _renamed(call, out)


def _scan(call: GraphCall) -> Value:
    elements = call.value(1, "elems")
    start = call.value(2, "initializer")
    if elements is None:
        return ANYTHING
    first = start if start is not None and start.literal is not None else _row(elements)
    out = _invoke(call, call.value(0, "fn"), [first, _row(elements)])
    if out.is_tensor and elements.is_tensor and out.shape is not None and elements.shape:
        return tensors.result(call.state, out.dtype, (elements.shape[0], *out.shape))
    return tensors.result(call.state, out.dtype, None) if out.is_tensor else _renamed(call, out)


def _fold(call: GraphCall) -> Value:
    elements = call.value(1, "elems")
    start = call.value(2, "initializer")
    if elements is None:
        return ANYTHING
    first = start if start is not None and start.literal is not None else _row(elements)
    return _renamed(call, _invoke(call, call.value(0, "fn"), [first, _row(elements)]))


def _row(value: Value) -> Value:
    if value.kind == "sequence":
        return Value("sequence", detail=tuple(_row(item) for item in value.detail))
    if value.is_tensor:
        shape = value.shape[1:] if value.shape else None
        return Value("tensor", dtype=value.dtype, shape=shape)
    return ANYTHING


HANDLERS: dict[str, Handler] = {
    "tf.cond": _cond,
    "tf.case": _case,
    "tf.while_loop": _while_loop,
    "tf.map_fn": _map_fn,
    "tf.scan": _scan,
    "tf.foldl": _fold,
    "tf.foldr": _fold,
}
