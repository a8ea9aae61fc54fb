"""slim.arg_scope, normalizers of contrib layers, slim.repeat and slim.stack, as plain calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import libcst as cst

from tf2torch.analyse import expansion
from tf2torch.analyse.calls import GraphCall
from tf2torch.analyse.expansion import expand, keyword, refuse, spell
from tf2torch.analyse.facts import Obj
from tf2torch.analyse.state import State
from tf2torch.cst.walk import transform, walk
from tf2torch.rulebook.apply import Argument
from tf2torch.rulebook.values import UNKNOWN, Value

_MODULES = (
    "tf.contrib.slim", "tf.contrib.framework", "tf.contrib.framework.python.ops",
    "tf.contrib.framework.python.ops.arg_scope", "tf.contrib.slim.python.slim",
)  # fmt: skip

#: Normalizers that open a scope of their own inside of the layer's, and its name.
_NORMALIZERS = {
    "contrib-batch-norm": "BatchNorm",
    "contrib-layer-norm": "LayerNorm",
    "contrib-instance-norm": "InstanceNorm",
    "contrib-group-norm": "GroupNorm",
}


#: Key of a scope that gives some functions some arguments.
_UNKNOWN = "?"


@dataclass(frozen=True, eq=False)
class Default:
    """An argument that an arg_scope gives, with what its names meant there."""

    value: Value
    node: cst.BaseExpression | None
    known: Mapping[str, tuple[Value, Any]]


Defaults = dict[str, Default]


def _arg_scope(call: GraphCall) -> Value:
    """``with slim.arg_scope([slim.conv2d], padding="SAME"):``"""
    state = call.state
    given = call.value(0, "list_ops_or_scope")
    if given is not None and given.kind == "object" and given.detail.type == "arg_scope":
        return _manager(given.detail["ops"])
    defaults: Defaults = {}
    for argument in call.arguments:
        if argument.star == "**" and argument.value.kind == "mapping":
            for key, value in argument.value.detail:
                defaults[str(key)] = Default(value, None, {})
        elif argument.keyword not in (None, "list_ops_or_scope"):
            known = expansion.meanings(state, argument.node)
            defaults[str(argument.keyword)] = Default(argument.value, argument.node, known)
    keys = _functions(state, given)
    unknown = any(a.star and a.value.kind != "mapping" for a in call.arguments)
    if keys is None or unknown:
        return _manager({**state.arg_scopes, _UNKNOWN: {}})
    merged = dict(state.arg_scopes)
    for key in keys:
        merged[key] = {**merged.get(key, {}), **defaults}
    return _manager(merged)


def _manager(merged: dict[Any, Defaults]) -> Value:
    def enter(state: State) -> tuple[Value, Callable[[], None]]:
        before, state.arg_scopes = state.arg_scopes, merged

        def leave() -> None:
            state.arg_scopes = before

        return _manager(merged), leave

    return Value("object", detail=Obj("arg_scope", {"enter": enter, "ops": merged}))


def _functions(state: State, given: Value | None) -> list[Any] | None:
    if given is None or given.kind != "sequence":
        return None
    keys = [function_key(state, item) for item in given.detail]
    return keys if None not in keys else None


def function_key(state: State, value: Value) -> Any:
    """What an arg_scope knows a function by: the same for all names of it."""
    if value.kind == "symbol":
        rule = state.rulebook.find(value.detail)
        return rule.id if rule is not None else value.detail
    return value.detail.node if value.kind == "function" else None


# -- calls under a scope -------------------------------------------------------------------------


def program_call(state: State, node: cst.Call, callee: Value) -> Value | None:
    """A call of a program function that has arguments from a scope."""
    definition = callee.detail.node
    defaults = dict(state.arg_scopes.get(definition, {}))
    for name in state.threads.get(definition, ()):
        found = [item for item in _leaves(state.arg_scopes) if item[0] == name]
        if found:
            defaults[name] = Default(found[0][1], None, {})
    return _with_defaults(state, node, defaults) if defaults else None


def _leaves(scopes: Mapping[Any, Defaults]) -> list[tuple[str, Value]]:
    """Arguments of scopes by name, those in dictionaries too."""
    found = []
    for defaults in scopes.values():
        for name, default in defaults.items():
            if default.value.kind == "mapping":
                found += [(str(key), value) for key, value in default.value.detail]
            else:
                found.append((name, default.value))
    return found


def _thread(state: State, node: cst.CSTNode, defaults: Defaults) -> None:
    """Notes what a scope gives otherwise than on the last visit of a call in a function."""
    function = state.frame.function
    if function is None or not isinstance(function.node, cst.FunctionDef):
        return
    current = {
        name: value.literal
        for name, value in _leaves({"": defaults})
        if value.kind == "python" and value.literal is not UNKNOWN
    }
    seen = state.cache.setdefault("scope_literals", {})
    before = seen.setdefault(node, current)
    changed = {name for name in current if name in before and before[name] != current[name]}
    own = state.frame.names.keys() & changed
    if changed and not own:
        state.expansions.threaded.setdefault(function.node, set()).update(changed)


def symbol_call(
    state: State, node: cst.Call, symbol: str, arguments: list[Argument]
) -> Value | None:
    """A call of a TensorFlow function that stands for others; None for all the rest."""
    short = symbol.rpartition(".")[2]
    if symbol.startswith("tf.contrib.") and short in ("repeat", "stack"):
        call = GraphCall(state, node, symbol, tuple(arguments))
        return _repeat(call) if short == "repeat" else _stack(call)
    if state.arg_scopes:
        if _UNKNOWN in state.arg_scopes and symbol.startswith("tf.contrib."):
            refuse(state, node, "arg-scope", "which arguments the arg_scope gives is not known")
            return None
        defaults = state.arg_scopes.get(function_key(state, Value("symbol", detail=symbol)))
        changed = _with_defaults(state, node, defaults) if defaults else None
        if changed is not None:
            return changed
    given = next((a for a in arguments if a.keyword == "normalizer_fn"), None)
    if given is not None and given.value.literal is not None:
        return _normalized(GraphCall(state, node, symbol, tuple(arguments)), given.value)
    return None


def _with_defaults(state: State, node: cst.Call, defaults: Defaults) -> Value | None:
    """``conv2d(x, 8, 3)`` -> ``conv2d(x, 8, 3, padding="SAME")``"""
    own = {arg.keyword.value: arg.value for arg in node.args if arg.keyword is not None}
    present = set(own)
    if "normalizer_fn" in own and state.values[own["normalizer_fn"]].literal is None:
        present.add("normalizer_params")  # nothing takes them
    _thread(state, node, {n: d for n, d in defaults.items() if n not in present})
    added = []
    for name, default in defaults.items():
        if name in present:
            continue
        text = spell(state, default.value, default.node, dict(default.known), name)
        if text is None:
            reason = f"{name}= of the arg_scope cannot be written where the call is"
            refuse(state, node, "arg-scope", reason)
            return None
        added.append(keyword(name, text))
    if not added:
        return None
    return expand(state, node, node.with_changes(args=[*node.args, *added]), "arg-scope")


def _normalized(call: GraphCall, normalizer: Value) -> Value | None:
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
    args.append(keyword("scope", _joined(scope, suffix)))
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
    return _string(call.state.naming.default_scope_name(base)) if base else None


def _string(text: str) -> cst.BaseExpression:
    return cst.SimpleString(repr(text))


def _joined(scope: cst.BaseExpression, suffix: str) -> cst.BaseExpression:
    if isinstance(scope, cst.SimpleString):
        return _string(f"{_text(scope)}/{suffix}")
    scope = scope.deep_clone()
    if not isinstance(scope, (cst.Name, cst.Attribute, cst.Call, cst.Subscript)):
        scope = scope.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return cst.BinaryOperation(scope, cst.Add(), _string("/" + suffix))


# -- repeated layers -----------------------------------------------------------------------------


def _repeat(call: GraphCall) -> Value | None:
    """``slim.repeat(x, 2, slim.conv2d, 8, 3, scope="c")`` -> two calls, ``c/c_1`` and ``c/c_2``"""
    free = [arg for arg in call.node.args if arg.keyword is None]
    times = call.literal(1, "repetitions", default=UNKNOWN)
    if len(free) < 3 or any(arg.star for arg in call.node.args) or not isinstance(times, int):
        refuse(call.state, call.node, "slim-repeat", "how often the layer repeats is not known")
        return None
    return _chained(call, free[0], free[2].value, [free[3:]] * times, "Repeat")


def _stack(call: GraphCall) -> Value | None:
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
        prefix = f"{_text(name)}/{_text(name)}" if isinstance(name, cst.SimpleString) else ""
    kept = [
        arg
        for arg in call.node.args
        if arg.keyword is not None and arg.keyword.value not in ("scope", "stack_args")
    ]
    chain: list[cst.Call] = []
    for number, args in enumerate(rounds, 1):
        if prefix:
            scope = _string(f"{prefix}_{number}")
        else:
            assert name is not None
            twice = cst.BinaryOperation(_joined(name, ""), cst.Add(), name.deep_clone())
            scope = cst.BinaryOperation(twice, cst.Add(), _string(f"_{number}"))
        first = cst.Arg(chain[-1]) if chain else start
        # Nodes carry facts: each round gets its own.
        own = [arg.deep_clone() for arg in (*args, *kept)]
        made = [first, *own, keyword("scope", scope)]
        chain.append(cst.Call(layer.deep_clone() if chain else layer, made))
    return expand(state, call.node, chain[-1], f"slim-{base.lower()}", chain)


def _text(node: cst.BaseExpression) -> str:
    return str(node.evaluated_value) if isinstance(node, cst.SimpleString) else ""


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


HANDLERS: dict[str, Callable[[GraphCall], Value]] = {
    f"{module}.arg_scope": _arg_scope for module in _MODULES
}


# -- scopes that have nothing left to say --------------------------------------------------------


def dissolve(
    module: cst.Module, state: State, origins: dict[cst.CSTNode, cst.CSTNode]
) -> cst.Module:
    """The program without its arg_scopes, and without what only they read."""

    def is_scope(item: cst.WithItem) -> bool:
        value = state.values.get(item.item)
        found = value is not None and value.kind == "object" and value.detail.type == "arg_scope"
        return found and item.asname is None

    def visit(node: cst.CSTNode) -> cst.CSTNode:
        if isinstance(node, (cst.Module, cst.IndentedBlock)):
            body = [new for item in node.body for new in statements(item)]
            same = len(body) == len(node.body) and all(a is b for a, b in zip(body, node.body))
            return node if same else kept(node.with_changes(body=body), node)
        return kept(transform(node, lambda new: new, descend=visit), node)

    def kept(new: cst.CSTNode, node: cst.CSTNode) -> cst.CSTNode:
        if new is not node:
            origins.setdefault(new, origins.get(node, node))
        return new

    def statements(node: cst.CSTNode) -> list[cst.CSTNode]:
        if isinstance(node, cst.With) and any(is_scope(item) for item in node.items):
            items = [item for item in node.items if not is_scope(item)]
            if items:
                items[-1] = items[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
                return [visit(kept(node.with_changes(items=items), node))]
            body = [new for item in node.body.body for new in statements(item)]
            first = body[0]
            lines = [*node.leading_lines, *getattr(first, "leading_lines", ())]
            return [kept(first.with_changes(leading_lines=lines), first), *body[1:]]
        return [visit(node)]

    before = _loads(module)
    changed = visit(module)
    if changed is module:
        return module
    assert isinstance(changed, cst.Module)
    unread = before - _loads(changed)
    return _without(changed, unread, origins) if unread else changed


def _loads(module: cst.CSTNode) -> set[str]:
    stored = {
        id(node.target)
        for node in walk(module)
        if isinstance(node, cst.AssignTarget) and isinstance(node.target, cst.Name)
    }
    return {
        node.value for node in walk(module) if isinstance(node, cst.Name) and id(node) not in stored
    }


def _without(
    module: cst.Module, names: set[str], origins: dict[cst.CSTNode, cst.CSTNode]
) -> cst.Module:
    """Drops assignments of plain values to names that nothing reads any more."""

    def unread(node: cst.CSTNode) -> bool:
        if not isinstance(node, cst.SimpleStatementLine) or len(node.body) != 1:
            return False
        small = node.body[0]
        if not isinstance(small, cst.Assign) or len(small.targets) != 1:
            return False
        target = small.targets[0].target
        plain = isinstance(small.value, (cst.Dict, cst.Name, cst.SimpleString, cst.Attribute))
        return plain and isinstance(target, cst.Name) and target.value in names

    def visit(node: cst.CSTNode) -> cst.CSTNode:
        new = transform(node, lambda item: item, descend=visit)
        if isinstance(new, (cst.Module, cst.IndentedBlock)):
            body = [item for item in new.body if not unread(item)]
            if body and len(body) < len(new.body):
                new = new.with_changes(body=body)
        if new is not node:
            origins.setdefault(new, origins.get(node, node))
        return new

    return visit(module)  # type: ignore[return-value]
