"""Normalizers of contrib layers, written out as calls."""

from __future__ import annotations

from typing import Any

import libcst as cst

from tf2torch.analyse import expansion
from tf2torch.analyse.calls import GraphCall
from tf2torch.analyse.expansion import expand, keyword, refuse, spell
from tf2torch.analyse.scope_names import string, with_suffix
from tf2torch.rulebook.values import Value

#: Normalizers that open a scope of their own inside of the layer's, and its name.
_NORMALIZERS = {
    "contrib-batch-norm": "BatchNorm",
    "contrib-layer-norm": "LayerNorm",
    "contrib-instance-norm": "InstanceNorm",
    "contrib-group-norm": "GroupNorm",
}


def normalized(call: GraphCall, normalizer: Value) -> Value | None:
    """``conv2d(x, 8, 3, normalizer_fn=batch_norm)`` -> ``relu(batch_norm(conv2d(x, 8, 3)))``"""
    state, node = call.state, call.node
    rule = state.rulebook.find(call.symbol)
    if rule is None or not any(p.name == "normalizer_fn" for p in rule.parameters):
        return None
    found = state.rulebook.find(normalizer.detail) if normalizer.kind == "symbol" else None
    suffix = _NORMALIZERS.get(found.id) if found is not None else None
    func = expansion.symbol_text(state, normalizer.detail) if suffix is not None else None
    scope = _scope(call, rule.scope or "")
    if suffix is None or func is None or scope is None:
        refuse(state, node, rule.id, "this normalizer_fn is not known")
        return None
    params = call.value(None, "normalizer_params")
    pairs: list[tuple[Any, Value]] = []
    if params is not None and params.kind == "mapping":
        pairs = list(params.detail)
    elif params is not None and params.literal is not None:
        refuse(state, node, rule.id, "normalizer_params is not known")
        return None
    args = []
    for key, value in pairs:
        text = spell(state, value, hint=str(key))
        if key == "scope" and isinstance(value.literal, str):
            suffix = value.literal
        elif text is None:
            refuse(state, node, rule.id, f"{key!r} of normalizer_params is not known here")
            return None
        else:
            args.append(keyword(str(key), text))
    inner = [
        a
        for a in node.args
        if a.keyword is None
        or a.keyword.value
        not in (
            "normalizer_fn",
            "normalizer_params",
            "activation_fn",
            "scope",
            "biases_initializer",
        )
    ]
    without = ("normalizer_fn", "normalizer_params", "activation_fn", "biases_initializer")
    inner += [keyword(name, cst.Name("None")) for name in without]
    conv = node.with_changes(args=[*inner, keyword("scope", scope)])
    reuse = next((a for a in node.args if a.keyword and a.keyword.value == "reuse"), None)
    given = {str(key) for key, _ in pairs}
    if reuse is not None and "reuse" not in given:
        args.append(keyword("reuse", reuse.value.deep_clone()))
    args.append(keyword("scope", with_suffix(scope, suffix)))
    activation = call.argument(None, "activation_fn")
    chain = [conv, cst.Call(func, [cst.Arg(conv), *args])]
    if "activation_fn" not in given:
        default = rule_default(call, "activation_fn") if activation is None else None
        if activation is not None:
            text = activation.node
            if activation.value.kind == "symbol":
                chain[-1] = _add(chain[-1], "activation_fn", text)
            elif activation.value.literal is not None:
                chain.append(cst.Call(_callable(text), [cst.Arg(chain[-1])]))
        elif default is not None and (made := expansion.symbol_text(state, default)) is not None:
            chain[-1] = _add(chain[-1], "activation_fn", made)
    return expand(state, node, chain[-1], rule.id)


def rule_default(call: GraphCall, name: str) -> str | None:
    """The TensorFlow function that is a parameter's default."""
    rule = call.state.rulebook.find(call.symbol)
    for parameter in rule.parameters if rule is not None else ():
        if parameter.name == name and parameter.default is not None:
            return parameter.default.detail if parameter.default.kind == "symbol" else None
    return None


def _callable(node: cst.BaseExpression) -> cst.BaseExpression:
    if isinstance(node, cst.Lambda):
        return node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return node


def _add(call: cst.Call, name: str, value: cst.BaseExpression) -> cst.Call:
    return call.with_changes(args=[*call.args, keyword(name, value)])


def _scope(call: GraphCall, base: str) -> cst.BaseExpression | None:
    """The layer's scope: what the call says, or what TensorFlow would take."""
    given = call.argument(None, "scope")
    if given is not None and given.value.literal is not None:
        return given.node if given.value.kind == "python" else None
    return string(call.state.naming.default_scope_name(base)) if base else None
