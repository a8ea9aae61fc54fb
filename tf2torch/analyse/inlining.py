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
OTHERS = frozenset(
    "get_variable Variable run eval Session InteractiveSession restore placeholder layers".split()
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
    called = called_names(function)
    made = returned(function)
    return (
        is_plain(function)
        and bool(called & set(_STEPS))
        and not called & OTHERS
        and len(below(function.body, cst.Return)) == 1
        and made is not None
        and not isinstance(made, cst.List)
    )


def is_plain(function: cst.FunctionDef) -> bool:
    """Whether the body of a function can stand in place of a call."""
    params = function.params
    stars = params.star_kwarg or isinstance(params.star_arg, cst.Param) or params.posonly_params
    if function.decorators or stars or not isinstance(function.body, cst.IndentedBlock):
        return False
    return not below(function.body, cst.Yield, cst.Global, cst.FunctionDef, cst.Lambda)


def called_names(function: cst.FunctionDef) -> set[str]:
    """Last parts of the names of what a function calls; ``layers`` for what makes layers."""
    called = set()
    for call in below(function.body, cst.Call):
        func = call.func
        called.add(
            func.attr.value if isinstance(func, cst.Attribute) else getattr(func, "value", "")
        )
        if isinstance(func, cst.Attribute) and mentions(func.value, "layers"):
            called.add("layers")
    return called


def mentions(node: cst.CSTNode, name: str) -> bool:
    return any(item.value == name for item in below(node, cst.Name))


def returned(function: cst.FunctionDef) -> cst.BaseExpression | None:
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
                made = expanded(node, small, call, function, taken, origins)
                return None if made is None else [*body[:index], *made, *body[index + 1 :]]
    return None


def expanded(
    node: cst.SimpleStatementLine,
    small: cst.Assign | cst.Expr,
    call: cst.Call,
    function: cst.FunctionDef,
    taken: set[str],
    origins: Origins,
    *,
    named: bool = False,
) -> list[Any] | None:
    """The body of a function in place of a statement that calls it; None if that cannot be.

    Numbers keep the names of the parameters if they are to be `named`.
    """
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
        number = named and isinstance(value, (cst.Integer, cst.Float))
        if name not in stores and _is_simple(value) and not number:
            replaced[name] = value
        else:
            stores.add(name)
            line = cst.SimpleStatementLine([cst.Assign([cst.AssignTarget(cst.Name(name))], value)])
            before.append(line)
    target = small.targets[0].target if isinstance(small, cst.Assign) else None
    pairs = _pairs(target, returned(function))
    if isinstance(target, cst.Tuple) and not pairs:
        return None
    named = named or isinstance(target, cst.Tuple)
    passed = {n.value for n in below(call, cst.Name)}
    for wanted, result in pairs if named else ():
        if isinstance(result, cst.Name) and result.value in stores - given.keys() - replaced.keys():
            free = wanted.value == result.value or wanted.value not in here
            if free and wanted.value not in (*passed, "_"):
                replaced[result.value] = wanted  # what the function returns has its name at once
    for name in sorted(stores & taken - replaced.keys()):
        fresh = next(f"{name}_{n}" for n in range(2, 99) if f"{name}_{n}" not in here | taken)
        replaced[name] = cst.Name(fresh)

    def change(item: cst.CSTNode) -> cst.CSTNode:
        if isinstance(item, cst.Name) and item.value in replaced:
            return replaced[item.value].deep_clone()
        return item

    def finish(item: cst.CSTNode) -> cst.CSTNode:
        if isinstance(item, cst.Return) and item.value is not None:
            assert isinstance(small, cst.Assign)
            assign = cst.Assign([small.targets[0]], item.value)
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
    if named and isinstance(done[-1], cst.SimpleStatementLine):
        done[-1:] = _one_by_one(done[-1], origins)
    done[0] = done[0].with_changes(leading_lines=[*node.leading_lines, *done[0].leading_lines])
    return done


def _pairs(
    target: cst.BaseExpression | None, result: cst.BaseExpression | None
) -> list[tuple[cst.Name, cst.BaseExpression]]:
    """Names with what a function returns for them; nothing if that does not go up."""
    if isinstance(target, cst.Name) and result is not None:
        return [(target, result)]
    if not isinstance(target, cst.Tuple) or not isinstance(result, cst.Tuple):
        return []
    names = [element.value for element in target.elements]
    values = [element.value for element in result.elements]
    if len(names) != len(values) or not all(isinstance(name, cst.Name) for name in names):
        return []
    if any(isinstance(element, cst.StarredElement) for element in result.elements):
        return []
    return list(zip(names, values))  # type: ignore[arg-type]


def _one_by_one(line: cst.SimpleStatementLine, origins: Origins) -> list[cst.BaseStatement]:
    """``a, b, c = a, x, y`` -> ``b = x``, ``c = y``"""
    small = line.body[-1]
    if not isinstance(small, cst.Assign) or len(line.body) != 1:
        return [line]
    pairs = _pairs(small.targets[0].target, small.value)
    rest = [(n, v) for n, v in pairs if not isinstance(v, cst.Name) or v.value != n.value]
    read = {item.value for _, value in rest for item in below(value, cst.Name)}
    if not pairs or (len(rest) > 1 and read & {name.value for name, _ in rest}):
        return [line]
    made: list[cst.BaseStatement] = []
    for name, value in rest:
        assign = cst.Assign([cst.AssignTarget(name)], value)
        new = cst.SimpleStatementLine([assign])
        origins[assign], origins[new] = origins.get(small, small), origins.get(line, line)
        made.append(new)
    return made


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
