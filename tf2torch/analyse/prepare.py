"""Rewrites a program before analysis so that each name of a variable means one variable.

The nodes that do not change stay the same objects; for the others `origins` gives the node of the
source that they come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from tf2torch.analyse import comprehended, own_lines, versions
from tf2torch.analyse.assigning import inline_assignments
from tf2torch.analyse.chapters import Divide, chapters, whole
from tf2torch.analyse.fed_values import read_fed_values
from tf2torch.analyse.guards import without_guard
from tf2torch.analyse.inlining import inline_training, mentions
from tf2torch.analyse.keyword_only import without_stars
from tf2torch.analyse.opening import OpenedClass, open_class
from tf2torch.analyse.placeholders import name_placeholders
from tf2torch.analyse.spelled_out import spell_out
from tf2torch.cst.walk import below, transform

Origins = dict[cst.CSTNode, cst.CSTNode]

_MAKERS = ("get_variable", "Variable")


def prepare(
    module: cst.Module, apart: bool = True, opening: bool = True
) -> tuple[cst.Module, Origins, OpenedClass | None]:
    """The program as module code: its model class opened, helper functions of training inlined,
    and variables' names made unique, those of several graphs `apart` or not. Without `opening`
    classes stay as they are."""
    origins: Origins = {}
    module = without_guard(module, origins)
    module = comprehended.write_out(module, origins)
    module = own_lines.write_out(module, origins)
    module = spell_out(module, origins)
    module = read_fed_values(module, origins)
    module, opened = open_class(module, origins) if opening else (module, None)
    module = without_stars(module, origins)
    divide = chapters if apart else whole
    module = versions.separate(module, _runs, origins, divide)
    module = name_placeholders(module, origins)
    module = inline_training(module, origins)
    module = inline_assignments(module, origins)
    factories = _factories(module)
    body = _separate(module.body, factories, origins, divide)
    changed = [_separate_function(node, factories, origins, divide) for node in body]
    if all(one is other for one, other in zip(changed, module.body)):
        return module, origins, opened
    return module.with_changes(body=changed), origins, opened


def _separate_function(
    node: cst.CSTNode, factories: set[str], origins: Origins, divide: Divide
) -> cst.CSTNode:
    if not isinstance(node, cst.FunctionDef):
        return node
    body = _separate(node.body.body, factories, origins, divide)
    if not _runs(node):
        body = _keep_variables(body, factories, origins)
    if len(body) == len(node.body.body) and all(a is b for a, b in zip(body, node.body.body)):
        return node
    new = node.with_changes(body=node.body.with_changes(body=body))
    origins[new] = origins.get(node, node)
    return new


def _runs(node: cst.FunctionDef) -> bool:
    """Whether a function opens sessions: then its names are those of the whole program."""
    names = ("Session", "InteractiveSession", "run", "eval")
    return any(item.attr.value in names for item in below(node.body, cst.Attribute))


def _keep_variables(
    body: Sequence[cst.CSTNode], factories: set[str], origins: Origins
) -> list[cst.CSTNode]:
    """``w = get_variable(..); w = f(w)``: the variable becomes ``w_var``, and ``w = w_var``."""
    bound: dict[str, int] = {}
    for item in body:
        for node in below(item, cst.AssignTarget, cst.AugAssign):
            target = node.target  # type: ignore[attr-defined]
            if isinstance(target, cst.Name):
                bound[target.value] = bound.get(target.value, 0) + 1
    taken = {node.value for item in body for node in below(item, cst.Name)}

    def block(nodes: Sequence[cst.CSTNode]) -> list[cst.CSTNode]:
        done: list[cst.CSTNode] = []
        for node in nodes:
            if isinstance(node, cst.With):
                inner = block(node.body.body)
                if len(inner) == len(node.body.body) and all(
                    a is b for a, b in zip(inner, node.body.body)
                ):
                    done.append(node)
                    continue
                new: cst.CSTNode = node.with_changes(body=node.body.with_changes(body=inner))
                origins[new] = origins.get(node, node)
                done.append(new)
                continue
            small = (
                node.body[0]
                if isinstance(node, cst.SimpleStatementLine) and len(node.body) == 1
                else None
            )
            name = _assigned(small, factories) if small is not None else None
            fresh = f"{name}_var"
            if name is None or bound.get(name, 0) < 2 or fresh in taken:
                done.append(node)
                continue
            taken.add(fresh)
            assert isinstance(small, cst.Assign)
            kept = small.with_changes(
                targets=[small.targets[0].with_changes(target=cst.Name(fresh))]
            )
            line = node.with_changes(body=[kept])
            origins[kept], origins[line] = origins.get(small, small), origins.get(node, node)
            alias = cst.Assign([cst.AssignTarget(cst.Name(name))], cst.Name(fresh))
            done += [line, cst.SimpleStatementLine([alias])]
        return done

    return block(body)


def _factories(module: cst.Module) -> set[str]:
    """Functions that make one variable and return it."""
    functions = [node for node in module.body if isinstance(node, cst.FunctionDef)]
    found: set[str] = set()
    size = -1
    while size != len(found):
        size = len(found)
        for function in functions:
            if function.name.value not in found and _returns_variable(function, found):
                found.add(function.name.value)
    return found


def _returns_variable(function: cst.FunctionDef, factories: set[str]) -> bool:
    made: set[str] = set()
    for node in below(function.body, cst.Assign):
        if len(node.targets) == 1:
            target = node.targets[0].target
            if isinstance(target, cst.Name) and _makes(node.value, factories):
                made.add(target.value)
    returned = [node.value for node in below(function.body, cst.Return)]
    return bool(returned) and all(
        value is not None
        and (_makes(value, factories) or (isinstance(value, cst.Name) and value.value in made))
        for value in returned
    )


def _makes(node: cst.BaseExpression, factories: set[str]) -> bool:
    if not isinstance(node, cst.Call):
        return False
    if isinstance(node.func, cst.Attribute):
        return node.func.attr.value in _MAKERS
    return isinstance(node.func, cst.Name) and node.func.value in (*factories, *_MAKERS)


def _separate(
    body: Sequence[cst.CSTNode], factories: set[str], origins: Origins, divide: Divide
) -> list[cst.CSTNode]:
    """``w = get_variable(..); ..; w = get_variable(..)``: the second variable becomes ``w_2``."""
    taken = {node.value for item in body for node in below(item, cst.Name)}
    separated: list[cst.CSTNode] = []
    for statements in divide(body):
        separated += _separate_chapter(statements, body, taken, factories, origins)
    return separated


def _separate_chapter(
    body: Sequence[cst.CSTNode],
    scope: Sequence[cst.CSTNode],
    taken: set[str],
    factories: set[str],
    origins: Origins,
) -> list[cst.CSTNode]:
    counts: dict[str, int] = {}
    for small in _straight(body):
        name = _assigned(small, factories)
        if name is not None:
            counts[name] = counts.get(name, 0) + 1
    looped = _in_loops(body, factories)
    for name, count in looped.items():
        counts[name] = counts.get(name, 0) + count
    repeated = {name for name, count in counts.items() if count > 1}
    repeated -= _unsafe(scope, frozenset(looped))
    if not repeated:
        return list(body)
    current: dict[str, str] = {}
    versions: dict[str, int] = {}

    def change(node: cst.CSTNode) -> cst.CSTNode:
        if isinstance(node, cst.Name) and node.value in current:
            return node.with_changes(value=current[node.value])
        if isinstance(node, cst.Attribute):
            return node
        return node

    def statement(node: cst.CSTNode) -> cst.CSTNode:
        new: cst.CSTNode
        if isinstance(node, cst.With):
            items = [rename(item, change, origins) for item in node.items]
            inner = [statement(child) for child in node.body.body]
            same = all(a is b for a, b in zip([*items, *inner], [*node.items, *node.body.body]))
            new = (
                node
                if same
                else node.with_changes(items=items, body=node.body.with_changes(body=inner))
            )
        elif isinstance(node, cst.For) and repeated & _makes_in(node, factories):
            head = rename(node.iter, change, origins)
            inner = [statement(child) for child in node.body.body]
            new = node.with_changes(iter=head, body=node.body.with_changes(body=inner))
        elif isinstance(node, cst.SimpleStatementLine):
            smalls = [simple(small) for small in node.body]
            same = all(a is b for a, b in zip(smalls, node.body))
            new = node if same else node.with_changes(body=smalls)
        else:
            new = rename(node, change, origins)
        if new is not node:
            origins.setdefault(new, origins.get(node, node))
        return new

    def simple(small: cst.CSTNode) -> cst.CSTNode:
        name = _assigned(small, factories)
        if name not in repeated:
            return rename(small, change, origins)
        assert isinstance(small, cst.Assign) and name is not None
        value = rename(small.value, change, origins)
        versions[name] = versions.get(name, 0) + 1
        if versions[name] > 1:
            number = versions[name]
            while f"{name}_{number}" in taken:
                number += 1
            taken.add(f"{name}_{number}")
            current[name] = f"{name}_{number}"
        target = small.targets[0]
        renamed = target.with_changes(target=cst.Name(current.get(name, name)))
        new = small.with_changes(targets=[renamed], value=value)
        origins[new] = origins.get(small, small)
        return new

    return [statement(node) for node in body]


def rename(node: cst.CSTNode, change: object, origins: Origins) -> cst.CSTNode:
    """`transform`, but for names of attributes and keywords."""
    if isinstance(node, cst.Attribute):
        value = rename(node.value, change, origins)
        new: cst.CSTNode = node if value is node.value else node.with_changes(value=value)
    elif isinstance(node, cst.Arg):
        value = rename(node.value, change, origins)
        new = node if value is node.value else node.with_changes(value=value)
    else:
        new = transform(node, change, descend=lambda child: rename(child, change, origins))  # type: ignore[arg-type]
    if new is not node:
        origins.setdefault(new, origins.get(node, node))
    return new


def _straight(body: Sequence[cst.CSTNode]) -> Iterator[cst.CSTNode]:
    """Simple statements of a block and of the `with` blocks in it."""
    for node in body:
        if isinstance(node, cst.With):
            yield from _straight(node.body.body)
        elif isinstance(node, cst.SimpleStatementLine):
            yield from node.body


def _assigned(small: cst.CSTNode, factories: set[str]) -> str | None:
    if isinstance(small, cst.Assign) and len(small.targets) == 1 and _makes(small.value, factories):
        target = small.targets[0].target
        return target.value if isinstance(target, cst.Name) else None
    return None


def _makes_in(node: cst.For, factories: set[str]) -> set[str]:
    """Names that the body of a loop gives to variables, before it reads them."""
    found: set[str] = set()
    seen: set[str] = set()
    for small in _straight(node.body.body):
        name = _assigned(small, factories)
        if name is not None and name not in seen:
            found.add(name)
        seen |= {item.value for item in below(small, cst.Name)}
    return found


def _in_loops(body: Sequence[cst.CSTNode], factories: set[str]) -> dict[str, int]:
    """Names of variables that loops make for themselves: nothing reads them behind the loop.

    What stands behind a loop binds the name anew before it reads it, if it has the name at all.
    """
    flat = list(_flat(body))
    found: dict[str, int] = {}
    for index, node in enumerate(flat):
        if not isinstance(node, cst.For):
            continue
        for name in _makes_in(node, factories):
            if _bound_first(flat[index + 1 :], name, factories):
                found[name] = found.get(name, 0) + 1
    return found


def _flat(body: Sequence[cst.CSTNode]) -> Iterator[cst.CSTNode]:
    for node in body:
        if isinstance(node, cst.With):
            yield from _flat(node.body.body)
        else:
            yield node


def _bound_first(nodes: Sequence[cst.CSTNode], name: str, factories: set[str]) -> bool:
    for node in nodes:
        small = node.body[0] if isinstance(node, cst.SimpleStatementLine) else None
        if small is not None and _assigned(small, factories) == name:
            assert isinstance(small, cst.Assign)
            return not mentions(small.value, name)
        if isinstance(node, cst.For) and name in _makes_in(node, factories):
            return True
        if mentions(node, name):
            return False
    return True


def _unsafe(body: Sequence[cst.CSTNode], looped: frozenset[str]) -> set[str]:
    """Names that functions, classes and lambdas in the block mention, or that branches bind."""
    found: set[str] = set()
    for node in body:
        for inner in below(node, *_DEFERRED):
            found.update(n.value for n in below(inner, cst.Name))
        for branch in below(node, cst.If, cst.For, cst.While, cst.Try):
            own = looped if isinstance(branch, cst.For) else frozenset()
            for bound in below(branch, cst.AssignTarget, cst.AugAssign, cst.For):
                target = bound.target  # type: ignore[attr-defined]
                found |= {n.value for n in below(target, cst.Name)} - own
    return found


_DEFERRED = (
    cst.FunctionDef,
    cst.ClassDef,
    cst.Lambda,
    cst.ListComp,
    cst.SetComp,
    cst.DictComp,
    cst.GeneratorExp,
    cst.Global,
)
