"""Puts helper functions that make the train op where they are called.

An optimizer lives in the program's main function and its step in the training loop: a function
around both, called once, has no counterpart of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import libcst as cst

from tf2torch.cst.forms import is_docstring
from tf2torch.cst.walk import below, transform, walk

Origins = dict[cst.CSTNode, cst.CSTNode]

_STEPS = ("minimize", "apply_gradients")

#: Calls of functions that do more than train.
_OTHERS = frozenset(
    "get_variable Variable run eval Session InteractiveSession restore placeholder".split()
)


def inline_training(module: cst.Module, origins: Origins) -> cst.Module:
    """``train_op = train(loss)`` -> the body of ``train``."""
    for function in [node for node in module.body if isinstance(node, cst.FunctionDef)]:
        if not _is_training(function):
            continue
        name = function.name.value
        outside = [node for node in module.body if node is not function]
        uses = [n for node in outside for n in below(node, cst.Name) if n.value == name]
        if len(uses) == 1:
            module = _inlined(module, function, origins)
    return module


def _is_training(function: cst.FunctionDef) -> bool:
    params = function.params
    stars = params.star_kwarg or isinstance(params.star_arg, cst.Param) or params.posonly_params
    if function.decorators or stars or not isinstance(function.body, cst.IndentedBlock):
        return False
    if below(function.body, cst.Yield, cst.Global, cst.FunctionDef, cst.Lambda):
        return False
    called = set()
    for call in below(function.body, cst.Call):
        func = call.func
        called.add(
            func.attr.value if isinstance(func, cst.Attribute) else getattr(func, "value", "")
        )
        if isinstance(func, cst.Attribute) and mentions(func.value, "layers"):
            return False
    returned = _returned(function)
    steps = called & set(_STEPS)
    return (
        bool(steps)
        and not called & _OTHERS
        and len(below(function.body, cst.Return)) == 1
        and returned is not None
        and not isinstance(returned, (cst.Tuple, cst.List))
    )


def mentions(node: cst.CSTNode, name: str) -> bool:
    return any(item.value == name for item in below(node, cst.Name))


def _returned(function: cst.FunctionDef) -> cst.BaseExpression | None:
    """What the last statement of a function returns."""
    last: Any = function.body.body[-1]
    while isinstance(last, cst.With):
        last = last.body.body[-1]
    if isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[-1], cst.Return):
        return last.body[-1].value
    return None


def _inlined(module: cst.Module, function: cst.FunctionDef, origins: Origins) -> cst.Module:
    defined = [node for node in module.body if isinstance(node, (cst.FunctionDef, cst.ClassDef))]
    globals_ = _names([node for node in module.body if node not in defined])
    globals_ |= {node.name.value for node in defined}
    body = _in_block(module.body, function, globals_, origins)
    if body is not None:
        return module.with_changes(body=[node for node in body if node is not function])
    for index, node in enumerate(module.body):
        if isinstance(node, cst.FunctionDef) and node is not function:
            inner = _in_block(node.body.body, function, _names([node]) | globals_, origins)
            if inner is not None:
                new = node.with_changes(body=node.body.with_changes(body=inner))
                origins[new] = origins.get(node, node)
                rest = [*module.body[:index], new, *module.body[index + 1 :]]
                return module.with_changes(body=[item for item in rest if item is not function])
    return module


def _names(body: Sequence[cst.CSTNode]) -> set[str]:
    return {node.value for item in body for node in below(item, cst.Name)}


def _in_block(
    body: Sequence[cst.CSTNode], function: cst.FunctionDef, taken: set[str], origins: Origins
) -> list[Any] | None:
    """The block with the call replaced; None if the call does not stand in it as a statement."""
    for index, node in enumerate(body):
        if isinstance(node, cst.With):
            inner = _in_block(node.body.body, function, taken, origins)
            if inner is not None:
                new = node.with_changes(body=node.body.with_changes(body=inner))
                origins[new] = origins.get(node, node)
                return [*body[:index], new, *body[index + 1 :]]
        if not isinstance(node, cst.SimpleStatementLine) or len(node.body) != 1:
            continue
        small = node.body[0]
        if not isinstance(small, cst.Assign) or len(small.targets) != 1:
            continue
        call = small.value
        if isinstance(call, cst.Call) and isinstance(call.func, cst.Name):
            if call.func.value == function.name.value:
                made = _expanded(node, small, call, function, taken, origins)
                return None if made is None else [*body[:index], *made, *body[index + 1 :]]
    return None


def _expanded(
    node: cst.SimpleStatementLine,
    small: cst.Assign,
    call: cst.Call,
    function: cst.FunctionDef,
    taken: set[str],
    origins: Origins,
) -> list[Any] | None:
    from tf2torch.analyse.prepare import rename

    given = arguments_of(call, function)
    if given is None:
        return None
    stores = {
        inner.value
        for item in walk(function.body)
        if isinstance(item, (cst.AssignTarget, cst.AugAssign, cst.For, cst.CompFor))
        for inner in walk(item.target)
        if isinstance(inner, cst.Name)
    }
    here = {n.value for n in below(function.body, cst.Name)}
    replaced: dict[str, cst.BaseExpression] = {}
    before: list[Any] = []
    for name, value in given.items():
        if name not in stores and _is_simple(value):
            replaced[name] = value
        else:
            stores.add(name)
            line = cst.SimpleStatementLine([cst.Assign([cst.AssignTarget(cst.Name(name))], value)])
            before.append(line)
    for name in sorted(stores & taken):
        fresh = next(f"{name}_{n}" for n in range(2, 99) if f"{name}_{n}" not in here | taken)
        replaced[name] = cst.Name(fresh)

    def change(item: cst.CSTNode) -> cst.CSTNode:
        if isinstance(item, cst.Name) and item.value in replaced:
            return replaced[item.value].deep_clone()
        return item

    target = small.targets[0]

    def finish(item: cst.CSTNode) -> cst.CSTNode:
        if isinstance(item, cst.Return) and item.value is not None:
            assign = cst.Assign([target], item.value)
            origins[assign] = origins.get(item, item)
            return assign
        return item

    statements = list(function.body.body)
    if is_docstring(statements[0]):
        statements = statements[1:]
    renamed = [rename(item, change, origins) for item in [*before, *statements]]
    done: list[Any] = [transform(item, finish) for item in renamed]
    for new, old in zip(done, renamed):
        if new is not old:
            origins[new] = origins.get(old, old)
    done[0] = done[0].with_changes(leading_lines=[*node.leading_lines, *done[0].leading_lines])
    return done


def _is_simple(node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.Attribute):
        return _is_simple(node.value)
    return isinstance(node, (cst.Name, cst.Integer, cst.Float, cst.SimpleString))


def arguments_of(call: cst.Call, function: cst.FunctionDef) -> dict[str, cst.BaseExpression] | None:
    parameters = [*function.params.params, *function.params.kwonly_params]
    names = [p.name.value for p in parameters]
    given: dict[str, cst.BaseExpression] = {}
    for index, arg in enumerate(call.args):
        if arg.star or (arg.keyword is None and index >= len(function.params.params)):
            return None
        given[arg.keyword.value if arg.keyword is not None else names[index]] = arg.value
    for parameter in parameters:
        if parameter.name.value not in given:
            if parameter.default is None:
                return None
            given[parameter.name.value] = parameter.default
    return given if set(given) == set(names) else None
