"""Names that the program and its conversion both want, and which of the two gives way.

A script's own ``model`` or ``device`` becomes ``model_`` before it is analysed, since its code and
the conversion's stand in one function. Everywhere else the program keeps its names, and what the
conversion brings in gets another one afterwards (`rewrite.marking`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import libcst as cst

from tf2torch.cst.names import bound, own_nodes
from tf2torch.cst.walk import below, children, walk

#: Names that every conversion uses itself.
RESERVED: Final = frozenset("torch nn F device model".split())


def renamed(
    module: cst.Module, roots: Sequence[cst.FunctionDef], taken: set[str]
) -> dict[cst.CSTNode, str]:
    """``model = tf.nn.softmax(x)`` -> ``model_ = ...``: `model` is what the conversion calls.

    `roots` are the functions whose code becomes session code. The result gives the nodes that get
    another name; `taken` grows by the new ones.
    """
    if not RESERVED & taken:
        return {}
    aliases = _aliases(module)
    found: dict[cst.CSTNode, str] = {}
    scopes: tuple[cst.Module | cst.FunctionDef, ...] = (module, *roots)
    for scope in scopes:
        names = {name: _free(name, taken) for name in sorted(_values_of(scope, aliases) & taken)}
        if names:
            _collect(scope, names, frozenset(), found)
    return found


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _collect(
    node: cst.CSTNode,
    names: dict[str, str],
    hidden: frozenset[str],
    found: dict[cst.CSTNode, str],
) -> None:
    """The nodes below one that mean these names, as far as no function binds them itself."""
    if isinstance(node, cst.Name):
        if node.value in names and node.value not in hidden:
            found[node] = names[node.value]
    elif isinstance(node, (cst.Attribute, cst.Arg)):
        _collect(node.value, names, hidden, found)
    elif not isinstance(node, (cst.Import, cst.ImportFrom)):
        for child in children(node):
            inner = hidden
            if isinstance(child, cst.FunctionDef):
                inner = hidden | _bound_in(child)
            _collect(child, names, inner, found)


def _bound_in(function: cst.FunctionDef) -> frozenset[str]:
    parts = walk(function)
    shared = {
        item.name.value for part in parts if isinstance(part, cst.Global) for item in part.names
    }
    own = {part.name.value for part in parts if isinstance(part, cst.Param)}
    own |= {name for part in parts for name, _ in _bindings(part)}
    return frozenset(own - shared)


def _values_of(scope: cst.Module | cst.FunctionDef, aliases: frozenset[str]) -> set[str]:
    """Reserved names that a scope binds to values which stay in its code."""
    body = scope.body if isinstance(scope, cst.Module) else scope.body.body
    stays: dict[str, bool] = {}
    for node in (inner for statement in body for inner in own_nodes(statement)):
        for name, value in _bindings(node):
            if name in RESERVED:
                stays[name] = stays.get(name, True) and not _is_foreign(value, aliases)
    return {name for name, kept in stays.items() if kept}


_BINDING: Final = frozenset({cst.Assign, cst.For, cst.WithItem})


def _bindings(node: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode]]:
    if type(node) not in _BINDING:
        return
    if isinstance(node, cst.Assign):
        for target in node.targets:
            yield from ((name, node.value) for name in _targets(target.target))
    elif isinstance(node, cst.For):
        yield from ((name, node.iter) for name in _targets(node.target))
    elif isinstance(node, cst.WithItem) and node.asname is not None:
        yield from ((name, node.item) for name in _targets(node.asname.name))


def _targets(target: cst.CSTNode) -> set[str]:
    if isinstance(target, cst.Name):
        return {target.value}
    if isinstance(target, (cst.Tuple, cst.List)):
        return set().union(*(_targets(element.value) for element in target.elements))
    return set()


def _aliases(module: cst.Module) -> frozenset[str]:
    """Names of classes and of what is imported."""
    found: set[str] = set()
    for node in below(module, cst.ClassDef, cst.Import, cst.ImportFrom):
        if isinstance(node, cst.ClassDef):
            found.add(node.name.value)
        elif isinstance(node, (cst.Import, cst.ImportFrom)):
            for item in () if isinstance(node.names, cst.ImportStar) else node.names:
                name: cst.CSTNode = item.asname.name if item.asname is not None else item.name
                while isinstance(name, cst.Attribute):
                    name = name.value
                assert isinstance(name, cst.Name)
                found.add(name.value)
    return frozenset(found)


def _is_foreign(value: cst.CSTNode, aliases: frozenset[str]) -> bool:
    """``nn = tf.nn``, an alias; ``model = Net()``, ``model = tf.keras.Model()``, objects."""
    called = value.func if isinstance(value, cst.Call) else value
    base: cst.CSTNode = called
    while isinstance(base, cst.Attribute):
        base = base.value
    if not isinstance(base, cst.Name) or base.value not in aliases:
        return False
    last = called.attr.value if isinstance(called, cst.Attribute) else base.value
    return not isinstance(value, cst.Call) or (last[:1].isupper() and last != "Variable")


# -- what a finished conversion brings in --------------------------------------------------------

_MODULES = frozenset("F nn np torch argparse glob logging math os shutil sys SummaryWriter".split())


def bound_names(module: cst.CSTNode) -> set[str]:
    """Every name that something beside an import binds, in any scope."""
    imports = {id(alias.asname) for alias in below(module, cst.ImportAlias)}
    targets = bound(node for node in walk(module) if id(node) not in imports)
    found = {target.value for target in targets if isinstance(target, cst.Name)}
    made = below(module, cst.FunctionDef, cst.ClassDef, cst.Param)
    return found | {node.name.value for node in made}  # type: ignore[attr-defined]


def clashes(original: cst.Module, output: cst.Module, support: Iterable[str]) -> frozenset[str]:
    """Names that the program binds, and that the output binds to something else as well."""
    wanted = (set(support) | _MODULES | {"device", "model"}) & bound_names(original)
    wanted -= _imported(original)
    if not wanted:
        return frozenset()
    again = bound_names(output)
    brought = _members(output) - _members(original)
    found = wanted & again & set(support)
    found |= {name for name in wanted & again & _MODULES if any(b[0] == name for b in brought)}
    if "device" in wanted and _passes_device(output):
        found.add("device")
    if "model" in wanted and _binds_model_twice(output):
        found.add("model")
    return frozenset(found)


def _imported(module: cst.Module) -> set[str]:
    found: set[str] = set()
    for node in below(module, cst.ImportAlias):
        name = node.asname.name if node.asname is not None else node.name
        found |= {name.value} if isinstance(name, cst.Name) else set()
    return found


def _members(module: cst.Module) -> set[tuple[str, str]]:
    """Names with what is taken of them: ``F.relu``."""
    return {
        (node.value.value, node.attr.value)
        for node in below(module, cst.Attribute)
        if isinstance(node.value, cst.Name)
    }


def _passes_device(module: cst.Module) -> bool:
    for node in walk(module):
        if isinstance(node, cst.Arg) and isinstance(node.value, cst.Name):
            if node.value.value == "device" and node.keyword is not None:
                if node.keyword.value == "device":
                    return True
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
            if node.func.attr.value == "to" and len(node.args) == 1:
                value = node.args[0].value
                if isinstance(value, cst.Name) and value.value == "device":
                    return True
    return False


def _binds_model_twice(module: cst.Module) -> bool:
    """Whether the function that makes the model binds its name to something else."""
    for node in walk(module):
        if not isinstance(node, (cst.FunctionDef, cst.Module)):
            continue
        body = node.body if isinstance(node, cst.Module) else node.body.body
        inner = [n for statement in body for n in own_nodes(statement)]
        makes = [n for n in inner if isinstance(n, cst.Assign) and _makes_model(n)]
        if not makes:
            continue
        params = node.params if isinstance(node, cst.FunctionDef) else None
        names = {p.name.value for p in params.params} if params is not None else set()
        if "model" in names or any(_binds(n) for n in inner if n not in makes):
            return True
    return False


def _makes_model(node: cst.Assign) -> bool:
    value = node.value
    return (
        len(node.targets) == 1
        and isinstance(node.targets[0].target, cst.Name)
        and node.targets[0].target.value == "model"
        and isinstance(value, cst.Call)
        and isinstance(value.func, cst.Attribute)
        and value.func.attr.value == "to"
    )


def _binds(node: cst.CSTNode) -> bool:
    targets: list[cst.CSTNode] = []
    if isinstance(node, cst.Assign):
        targets = [target.target for target in node.targets]
    elif isinstance(node, (cst.AugAssign, cst.For)):
        targets = [node.target]
    elif isinstance(node, cst.FunctionDef):
        targets = [node.name]
    names = [n for target in targets for n in walk(target)]
    return any(isinstance(n, cst.Name) and n.value == "model" for n in names)
