"""Graph statements that bind several names get a line each; lists grow with ``append``."""

from __future__ import annotations

from collections.abc import Callable

import libcst as cst

from tf2torch.analyse.wording import library_names, names_below, runs_graph
from tf2torch.cst.walk import below, with_children

Origins = dict[cst.CSTNode, cst.CSTNode]


def write_out(module: cst.Module, origins: Origins) -> cst.Module:
    """``outs += [tf.matmul(x, w)]`` -> ``outs.append(tf.matmul(x, w))``

    ``real, fake = critic(x), critic(g)`` becomes a line for each of them: a run may need only one.
    """
    grows = any(_grows(node) for node in below(module, cst.AugAssign))
    if not grows and not any(_binds_several(node) for node in below(module, cst.Assign)):
        return module
    graph = _graph_names(module)

    def change(node: cst.CSTNode) -> cst.CSTNode:
        if type(node) in (cst.Module, cst.IndentedBlock):
            new = _with_own_lines(node, graph, change, origins)
        elif isinstance(node, cst.AugAssign):
            if not _grows(node) or runs_graph(node) or not names_below(node.value) & graph:
                return node
            new = cst.Expr(_call(node))
        elif isinstance(node, cst.BaseExpression):
            return node
        else:
            new = with_children(node, change)
        if new is not node:
            origins.setdefault(new, origins.get(node, node))
        return new

    return change(module)  # type: ignore[return-value]


def _with_own_lines(
    node: cst.CSTNode,
    graph: set[str],
    change: Callable[[cst.CSTNode], cst.CSTNode],
    origins: Origins,
) -> cst.CSTNode:
    body: list[cst.CSTNode] = []
    for line in node.body:  # type: ignore[attr-defined]
        small = line.body[0] if isinstance(line, cst.SimpleStatementLine) else None
        if isinstance(small, cst.Assign) and len(line.body) == 1 and _binds_several(small):
            target = cst.ensure_type(small.targets[0].target, cst.Tuple)
            read = names_below(small.value) or names_below(target)
            if read & graph and not runs_graph(small):
                made = _own_lines(line, small, target)
                origins.update((new, origins.get(line, line)) for new in made)
                body += made
                continue
        body.append(change(line))
    old = node.body  # type: ignore[attr-defined]
    if len(body) == len(old) and all(one is other for one, other in zip(body, old)):
        return node
    return node.with_changes(body=body)


def _own_lines(
    line: cst.SimpleStatementLine, small: cst.Assign, target: cst.Tuple
) -> list[cst.CSTNode]:
    values = cst.ensure_type(small.value, cst.Tuple)
    made: list[cst.CSTNode] = []
    for name, value in zip(target.elements, values.elements, strict=True):
        single = small.with_changes(
            targets=[cst.AssignTarget(cst.ensure_type(name.value, cst.Name))], value=value.value
        )
        leading = [] if made else line.leading_lines
        made.append(line.with_changes(body=[single], leading_lines=leading))
    return made


def _binds_several(node: cst.Assign) -> bool:
    """``a, b = f(x), f(y)``, or ``outs, count = [], 0``; no value reads a name that is bound."""
    if len(node.targets) != 1 or not isinstance(node.value, cst.Tuple):
        return False
    target = node.targets[0].target
    if not isinstance(target, cst.Tuple) or len(target.elements) != len(node.value.elements):
        return False
    values = [element.value for element in node.value.elements]
    if not all(isinstance(element.value, cst.Name) for element in target.elements):
        return False
    calls = sum(isinstance(value, cst.Call) for value in values)
    starts = len({_is_empty(value) for value in values}) == 2
    return (calls > 1 or starts) and not names_below(node.value) & names_below(target)


def _is_empty(node: cst.BaseExpression) -> bool:
    return isinstance(node, (cst.List, cst.Dict)) and not node.elements


def _grows(node: cst.AugAssign) -> bool:
    return (
        isinstance(node.operator, cst.AddAssign)
        and isinstance(node.target, cst.Name)
        and isinstance(node.value, cst.List)
        and bool(node.value.elements)
        and not any(isinstance(item, cst.StarredElement) for item in node.value.elements)
    )


def _call(node: cst.AugAssign) -> cst.Call:
    elements = cst.ensure_type(node.value, cst.List).elements
    name = "append" if len(elements) == 1 else "extend"
    given = elements[0].value if len(elements) == 1 else node.value
    return cst.Call(cst.Attribute(node.target, cst.Name(name)), [cst.Arg(given)])


def _graph_names(module: cst.Module) -> set[str]:
    """Names of TensorFlow, and of what is made with it outside of runs."""
    found = set(library_names(module))
    bound: list[tuple[set[str], set[str]]] = []
    for made in below(module, cst.Assign):
        if not runs_graph(made.value):
            bound += [(names_below(t.target), names_below(made.value)) for t in made.targets]
    for loop in below(module, cst.For):
        if not runs_graph(loop.iter):
            bound.append((names_below(loop.target), names_below(loop.iter)))
    for call in below(module, cst.Call):
        if isinstance(call.func, cst.Attribute) and call.func.attr.value in ("append", "extend"):
            if not runs_graph(call):
                bound.append((names_below(call.func.value), names_below(call)))
    for node in below(module, cst.AugAssign):
        if not runs_graph(node):
            bound.append((names_below(node.target), names_below(node.value)))
    size = -1
    while size != len(found):
        size = len(found)
        for names, read in bound:
            if read & found:
                found |= names
    return found
