"""Calls of layer functions: their variables are named, their output inferred."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from tf2torch.analyse import tensors
from tf2torch.analyse.expansion import QUIET, SCOPE
from tf2torch.analyse.facts import Creation, Obj, Variable
from tf2torch.analyse.name_scopes import reuse_of
from tf2torch.analyse.naming import VariableScope
from tf2torch.analyse.regularization import regularize
from tf2torch.analyse.state import State
from tf2torch.analyse.templates import naming_text
from tf2torch.analyse.variables import register
from tf2torch.rulebook.apply import Bound, infer
from tf2torch.rulebook.predicates import holds
from tf2torch.rulebook.values import Value


def create_layer(
    state: State,
    node: Any,
    symbol: str,
    bound: Bound,
    fixed: Mapping[str, Any] = MappingProxyType({}),
) -> Value:
    """A call of a layer function: its variables are named, its output inferred.

    `fixed` is what `expansion` says of calls that it wrote: the scope, and whether Keras made the
    layer, which keeps its losses and updates out of the graph's collections.
    """
    naming = state.naming
    name = bound.values.get("name")
    scope = bound.values.get("scope")
    given = next((v for v in (scope, name) if v is not None and v.literal is not None), None)
    reuse = reuse_of(bound.values.get("reuse"))
    if SCOPE in fixed:
        full = str(state.values[fixed[SCOPE]].literal)
        previous = (naming.scope, naming.name_scope)
        naming.scope = VariableScope(full)
        naming.counts[full] = naming.counts.get(full, 0) + 1
    elif given is not None and given.kind == "object" and given.detail.type == "VariableScope":
        previous = naming.reenter_variable_scope(given.detail["scope"], reuse=reuse)
    else:
        base = bound.rule.scope or symbol.rpartition(".")[2]
        if given is None:
            chosen = naming.default_scope_name(base)
        else:
            chosen = given.literal
            if not isinstance(chosen, str):
                chosen = naming_text(state, given)
        previous = naming.enter_variable_scope(chosen, reuse=reuse)
    full = naming.scope.name
    creation = Creation(node, state.path, symbol, bound, full)
    created = []
    for row in bound.rule.weights:
        if row.when is not None and holds(row.when, bound.facts()) is False:
            continue
        key = f"{full}/{row.tf}"
        known = naming.variables.get(key)
        if known is not None:
            creation.reused = known.detail.creation
            created.append(known.detail)
            continue
        trainable = not row.tf.startswith("moving_") and _trainable(bound)
        variable = Variable(key, row.tf, None, "float32", trainable, creation)
        value = Value("variable", dtype="float32", detail=variable)
        naming.variables[key] = value
        register(state, value)
        created.append(variable)
        if trainable and QUIET in fixed:
            given = bound.values.get(row.regularizer or "")
            regularize(state, variable, given, "layer_losses")
        elif trainable:
            regularize(state, variable, bound.values.get(row.regularizer or ""))
            regularize(state, variable, naming.scope.regularizer)
    creation.variables = tuple(created)
    moving = any(row.tf == "moving_mean" for row in bound.rule.weights)
    in_place = bound.values.get("updates_collections")
    if moving and not state.shadow and (in_place is None or in_place.literal is not None):
        update = Value("operation", detail=Obj("UpdateOp", {"scope": full, "creation": creation}))
        collection = "layer_updates" if QUIET in fixed else "update_ops"
        state.collections.setdefault(collection, []).append(update)
    naming.leave_variable_scope(previous)
    if not state.shadow:
        state.creations.append(creation)
    value = infer(bound)
    return tensors.result(state, value.dtype, value.shape)


def _trainable(bound: Bound) -> bool:
    value = bound.values.get("trainable")
    return value is None or value.literal is not False
