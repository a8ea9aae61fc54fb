"""slim.repeat and slim.stack, written out as calls."""

from __future__ import annotations

from typing import Any

import libcst as cst

from tf2torch.analyse.calls import GraphCall
from tf2torch.analyse.expansion import expand, keyword, refuse, spell
from tf2torch.analyse.scope_names import string, text_of, with_suffix
from tf2torch.rulebook.values import UNKNOWN, Value


def repeat(call: GraphCall) -> Value | None:
    """``slim.repeat(x, 2, slim.conv2d, 8, 3, scope="c")`` -> two calls, ``c/c_1`` and ``c/c_2``"""
    free = [arg for arg in call.node.args if arg.keyword is None]
    times = call.literal(1, "repetitions", default=UNKNOWN)
    if len(free) < 3 or any(arg.star for arg in call.node.args) or not isinstance(times, int):
        refuse(call.state, call.node, "slim-repeat", "how often the layer repeats is not known")
        return None
    return _chained(call, free[0], free[2].value, [free[3:]] * times, "Repeat")


def stack(call: GraphCall) -> Value | None:
    """``slim.stack(x, slim.fully_connected, [32, 64], scope="fc")`` -> two calls"""
    free = [arg for arg in call.node.args if arg.keyword is None]
    sizes = call.argument(2, "stack_args")
    if len(free) < 2 or sizes is None or sizes.value.kind != "sequence":
        refuse(call.state, call.node, "slim-stack", "the sizes of the layers are not known")
        return None
    rounds = []
    for item in sizes.value.detail:
        parts = item.detail if item.kind == "sequence" else [item]
        texts = [spell(call.state, part) for part in parts]
        if None in texts:
            refuse(call.state, call.node, "slim-stack", "the sizes of the layers are not known")
            return None
        rounds.append([cst.Arg(text) for text in texts if text is not None])
    return _chained(call, free[0], free[1].value, rounds, "Stack")


def _chained(
    call: GraphCall,
    start: cst.Arg,
    layer: cst.BaseExpression,
    rounds: list[Any],
    base: str,
) -> Value | None:
    """One call a round, each of the result of the one before."""
    state = call.state
    known = state.values.get(layer)
    named = call.argument(None, "scope")
    name = named.node if named is not None else None
    if named is not None and named.value.literal is None:
        name = None
    if not rounds or (known is not None and known.kind == "function" and name is None):
        refuse(state, call.node, f"slim-{base.lower()}", "the scope of the layers is not known")
        return None
    if name is None:
        short = known.detail.rpartition(".")[2] if known is not None else ""
        prefix = f"{state.naming.default_scope_name(base)}/{_PYTHON_NAMES.get(short, short)}"
    else:
        prefix = f"{text_of(name)}/{text_of(name)}" if isinstance(name, cst.SimpleString) else ""
    kept = [
        arg
        for arg in call.node.args
        if arg.keyword is not None and arg.keyword.value not in ("scope", "stack_args")
    ]
    chain: list[cst.Call] = []
    for number, args in enumerate(rounds, 1):
        if prefix:
            scope = string(f"{prefix}_{number}")
        else:
            assert name is not None
            twice = cst.BinaryOperation(with_suffix(name, ""), cst.Add(), name.deep_clone())
            scope = cst.BinaryOperation(twice, cst.Add(), string(f"_{number}"))
        first = cst.Arg(chain[-1]) if chain else start
        # Nodes carry facts: each round gets its own.
        own = [arg.deep_clone() for arg in (*args, *kept)]
        made = [first, *own, keyword("scope", scope)]
        chain.append(cst.Call(layer.deep_clone() if chain else layer, made))
    return expand(state, call.node, chain[-1], f"slim-{base.lower()}", chain)


#: What the functions are called where they are defined.
_PYTHON_NAMES = {
    name: name.replace("conv", "convolution")
    for name in (
        "conv1d",
        "conv2d",
        "conv3d",
        "conv2d_transpose",
        "conv3d_transpose",
        "separable_conv2d",
        "conv2d_in_plane",
    )
}
