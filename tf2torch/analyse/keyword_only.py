"""Keyword-only parameters of functions that make variables become ordinary ones.

Some of the parameters of such a function become those of a constructor, others those of `forward`;
calls name the ones behind the star anyway.

    def norm(x, scope, *, axis=-1): ...    ->    def norm(x, scope, axis=-1): ...
"""

from __future__ import annotations

from typing import Any

import libcst as cst

from tf2torch.analyse.inlining import Origins
from tf2torch.cst.names import plain_names
from tf2torch.cst.walk import below

#: What makes variables, as far as names tell.
_MAKERS = frozenset({"get_variable", "Variable", "variable_scope", "layers"})


def without_stars(module: cst.Module, origins: Origins) -> cst.Module:
    """The module with those functions rewritten; `origins` gets the new nodes."""
    functions = [node for node in module.body if isinstance(node, cst.FunctionDef)]
    starred = [node for node in functions if node.params.kwonly_params]
    if not starred:
        return module
    makers = _makers(functions)
    changed: dict[cst.CSTNode, cst.CSTNode] = {}
    for node in starred:
        params = _ordinary(node.params) if node.name.value in makers else None
        if params is not None:
            changed[node] = node.with_changes(params=params)
            origins[changed[node]] = origins.get(node, node)
    if not changed:
        return module
    return module.with_changes(body=[changed.get(node, node) for node in module.body])


def _makers(functions: list[cst.FunctionDef]) -> set[str]:
    """Functions that make variables, themselves or by what they call."""
    found = {
        node.name.value
        for node in functions
        if any(item.attr.value in _MAKERS for item in below(node.body, cst.Attribute))
    }
    mentioned = {node.name.value: set(plain_names(node.body)) for node in functions}
    while True:
        more = {name for name, names in mentioned.items() if names & found} - found
        if not more:
            return found
        found |= more


def _ordinary(params: cst.Parameters) -> cst.Parameters | None:
    """The parameters without a star, None where their order does not allow it."""
    if not isinstance(params.star_arg, cst.ParamStar):
        return None
    optional = any(param.default is not None for param in params.params)
    own: list[Any] = sorted(params.kwonly_params, key=lambda param: param.default is not None)
    if optional and any(param.default is None for param in own):
        return None
    every = [_without_comma(param) for param in (*params.params, *own)]
    return params.with_changes(params=every, kwonly_params=(), star_arg=cst.MaybeSentinel.DEFAULT)


def _without_comma(param: cst.Param) -> Any:
    return param.with_changes(comma=cst.MaybeSentinel.DEFAULT)
