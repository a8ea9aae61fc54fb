"""slim.arg_scope: calls get the arguments that it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import libcst as cst

from tf2torch.analyse import expansion
from tf2torch.analyse.calls import GraphCall, Handler
from tf2torch.analyse.expansion import expand, keyword, refuse, spell
from tf2torch.analyse.facts import Obj
from tf2torch.analyse.layer_chains import repeat, stack
from tf2torch.analyse.normalizers import normalized
from tf2torch.analyse.state import State
from tf2torch.rulebook.apply import Argument
from tf2torch.rulebook.values import UNKNOWN, Value

_MODULES = (
    "tf.contrib.slim", "tf.contrib.framework", "tf.contrib.framework.python.ops",
    "tf.contrib.framework.python.ops.arg_scope", "tf.contrib.slim.python.slim",
)  # fmt: skip

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
        return repeat(call) if short == "repeat" else stack(call)
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
        return normalized(GraphCall(state, node, symbol, tuple(arguments)), given.value)
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


HANDLERS: dict[str, Handler] = {f"{module}.arg_scope": _arg_scope for module in _MODULES}
