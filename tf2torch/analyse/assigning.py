"""Puts helper functions that make or run lists of assignments where they are called.

    def copy_ops(source, target):                      ops = []
        ops = []                                       for s, t in zip(source, target):
        for s, t in zip(source, target):       ->          ops.append(t.assign(s))
            ops.append(t.assign(s))                    sess.run(ops)
        return ops
    for op in copy_ops(e_params, t_params):
        sess.run(op)

An assignment is done where the program runs it: a list of them that passes through functions has no
counterpart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import libcst as cst

from tf2torch.analyse.inlining import OTHERS, called_names, expanded, is_plain, returned
from tf2torch.cst.forms import is_call_of
from tf2torch.cst.walk import below, transform, walk

Origins = dict[cst.CSTNode, cst.CSTNode]

_ASSIGNS = frozenset({"assign", "assign_add", "assign_sub"})


def inline_assignments(module: cst.Module, origins: Origins) -> cst.Module:
    """The program with lists of assignments made and run in one scope."""
    functions = [node for node in module.body if isinstance(node, cst.FunctionDef)]
    for function in functions:
        if _makes(function):
            module = _inline(module, function, origins, _is_made)
    names = _names_of_lists(module)
    if not names:
        return module
    for function in functions:
        if _runs_each(function) is not None and not _is_given_others(module, function, names):
            module = _inline(module, function, origins, _is_called)
    return _runs_at_once(module, _names_of_lists(module), origins)


def inline_made(module: cst.Module, function: cst.FunctionDef, origins: Origins) -> cst.Module:
    """The module with the body of a function in place of each ``a, b = f(...)``."""
    return _inline(module, function, origins, _is_made)


def _makes(function: cst.FunctionDef) -> bool:
    """Whether a function does nothing but make assignments, which it returns."""
    called = called_names(function)
    made = returned(function)
    return (
        is_plain(function)
        and bool(called & _ASSIGNS)
        and not called & OTHERS
        and len(below(function.body, cst.Return)) == 1
        and made is not None
        and not isinstance(made, cst.Tuple)
    )


def _runs_each(function: cst.FunctionDef) -> str | None:
    """The parameter whose items a function runs one after the other."""
    if not is_plain(function) or below(function.body, cst.Return):
        return None
    params = {p.name.value for p in function.params.params}
    for node in walk(function.body):
        name = _run_of_each(node)
        if name in params:
            return name
    return None


def _run_of_each(node: cst.CSTNode) -> str | None:
    """``ops`` of ``for op in ops: sess.run(op)``."""
    if not isinstance(node, cst.For) or node.orelse is not None:
        return None
    run = _only_call(node.body)
    if not isinstance(node.iter, cst.Name) or not isinstance(node.target, cst.Name) or run is None:
        return None
    if not isinstance(run.func, cst.Attribute) or run.func.attr.value != "run":
        return None
    given = run.args[0].value if len(run.args) == 1 and not run.args[0].star else None
    same = isinstance(given, cst.Name) and given.value == node.target.value
    return node.iter.value if same else None


def _only_call(body: cst.BaseSuite) -> cst.Call | None:
    """The call that a block consists of."""
    statement: Any = body.body[0] if len(body.body) == 1 else None
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else statement
    if isinstance(statement, cst.SimpleStatementLine) and len(statement.body) != 1:
        return None
    value = small.value if isinstance(small, cst.Expr) else None
    return value if isinstance(value, cst.Call) else None


def _names_of_lists(module: cst.Module) -> frozenset[str]:
    """Names that hold lists of assignments."""
    found: set[str] = set()
    for node in walk(module):
        if isinstance(node, cst.Assign) and len(node.targets) == 1:
            target, value = node.targets[0].target, node.value
            parts = [value.elt] if isinstance(value, cst.ListComp) else []
            if isinstance(value, cst.List):
                parts = [element.value for element in value.elements]
            if isinstance(target, cst.Name) and parts and all(map(_is_assignment, parts)):
                found.add(target.value)
        elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
            owner, items = node.func.value, [arg.value for arg in node.args]
            if node.func.attr.value == "append" and isinstance(owner, cst.Name):
                if len(items) == 1 and _is_assignment(items[0]):
                    found.add(owner.value)
    aliases = [
        (node.targets[0].target, node.value)
        for node in below(module, cst.Assign)
        if len(node.targets) == 1 and isinstance(node.value, cst.Name)
    ]
    for _ in aliases:
        found |= {
            target.value
            for target, value in aliases
            if isinstance(target, cst.Name) and value.value in found
        }
    return frozenset(found)


def _is_assignment(node: cst.BaseExpression) -> bool:
    func = node.func if isinstance(node, cst.Call) else None
    return isinstance(func, cst.Attribute) and func.attr.value in _ASSIGNS


def _is_given_others(module: cst.Module, function: cst.FunctionDef, names: frozenset[str]) -> bool:
    """Whether a call of a function has no list of assignments."""
    calls = [call for call in below(module, cst.Call) if is_call_of(call, function.name.value)]
    return not all(
        any(isinstance(arg.value, cst.Name) and arg.value.value in names for arg in call.args)
        for call in calls
    )


def _is_made(small: cst.CSTNode, name: str) -> bool:
    """``ops = make(...)``"""
    return (
        isinstance(small, cst.Assign) and len(small.targets) == 1 and is_call_of(small.value, name)
    )


def _is_called(small: cst.CSTNode, name: str) -> bool:
    """``update(...)`` as a statement"""
    return isinstance(small, cst.Expr) and is_call_of(small.value, name)


def _inline(
    module: cst.Module,
    function: cst.FunctionDef,
    origins: Origins,
    stands: Callable[[cst.CSTNode, str], bool],
) -> cst.Module:
    """The module without a function, if each use of it can be replaced by its body."""
    name = function.name.value
    rest = [node for node in module.body if node is not function]
    uses = sum(n.value == name for node in rest for n in below(node, cst.Name))
    places = [node for item in rest for node in walk(item) if stands(node, name)]
    if not places or uses != len(places):
        return module
    taken = _visible(rest, name)
    failed: list[cst.CSTNode] = []

    def block(body: Sequence[Any]) -> list[Any]:
        done: list[Any] = []
        for node in body:
            small = node.body[0] if isinstance(node, cst.SimpleStatementLine) else None
            if small is not None and len(node.body) == 1 and stands(small, name):
                assert isinstance(small, (cst.Assign, cst.Expr))
                assert isinstance(small.value, cst.Call)
                made = expanded(node, small, small.value, function, taken, origins, named=True)
                if made is None:
                    failed.append(node)
                    made = [node]
                done += made
                taken.update(n.value for item in made for n in below(item, cst.Name))
            else:
                done.append(inside(node))
        return done

    def inside(node: cst.CSTNode) -> cst.CSTNode:
        if isinstance(node, cst.IndentedBlock):
            inner = block(node.body)
            if all(a is b for a, b in zip(inner, node.body)) and len(inner) == len(node.body):
                return node
            return node.with_changes(body=inner)
        if isinstance(node, (cst.SimpleStatementLine, cst.BaseExpression)):
            return node
        new = transform(node, lambda item: item, descend=inside)
        if new is not node:
            origins.setdefault(new, origins.get(node, node))
        return new

    body = block(rest)
    if failed or any(_uses(item, name) for item in body):
        return module
    return module.with_changes(body=body)


def _visible(body: Sequence[Any], name: str) -> set[str]:
    """Names that mean something where a function is called."""
    found: set[str] = set()
    for node in body:
        if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
            found.add(node.name.value)
            if not _uses(node, name):
                continue
        found |= {item.value for item in below(node, cst.Name)}
    return found


def _uses(node: cst.CSTNode, name: str) -> bool:
    return any(item.value == name for item in below(node, cst.Name))


def _runs_at_once(module: cst.Module, names: frozenset[str], origins: Origins) -> cst.Module:
    """``for op in ops: sess.run(op)`` -> ``sess.run(ops)``: one after the other all the same."""

    def change(node: cst.CSTNode) -> cst.CSTNode:
        if _run_of_each(node) not in names:
            return node
        assert isinstance(node, cst.For)
        run = _only_call(node.body)
        assert run is not None
        call = run.with_changes(args=[run.args[0].with_changes(value=node.iter)])
        small = cst.Expr(call)
        line = cst.SimpleStatementLine([small], leading_lines=node.leading_lines)
        origins[call] = origins.get(run, run)
        origins[line] = origins[small] = origins.get(node, node)
        return line

    made = transform(module, change)
    assert isinstance(made, cst.Module)
    return made
