"""Names for the attributes of an opened class, and which of them hold tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import libcst as cst

from tf2torch.analyse.methods import Method
from tf2torch.analyse.sections import kept_argument
from tf2torch.cst.names import bound, local_names, parameters, plain_names
from tf2torch.cst.walk import walk

#: Names that converted code uses itself.
TAKEN = frozenset("model device torch F nn np optimizer scheduler writer main self".split())


def bound_at_module(module: cst.Module) -> set[str]:
    made = cst.FunctionDef(cst.Name("module"), cst.Parameters(), cst.IndentedBlock(module.body))
    return set(local_names(made))


def attribute_names(
    module: cst.Module,
    node: cst.ClassDef,
    methods: Mapping[str, Method],
    sections: Sequence[str],
    instances: Mapping[str | None, str],
    around: set[str],
) -> dict[str, str]:
    """A module-level name for every attribute; none means something else where it is used."""
    taken = bound_at_module(module) | around | TAKEN | {node.name.value}
    for method in methods.values():
        if method.name not in sections:
            taken |= method.locals if method.runs else method.locals & set(method.mentioned)
    for item in module.body:
        if isinstance(item, cst.FunctionDef) and item.name.value in instances:
            made = Method(item, instances[item.name.value], tuple(walk(item.body)))
            taken |= made.locals if made.runs else made.locals & set(made.mentioned)
    wanted = [name for method in methods.values() for name in method.mentioned]
    stored = {name for method in methods.values() for name in method.stores}
    found: dict[str, str] = {}
    for attribute in dict.fromkeys(wanted):
        if attribute in methods and attribute not in stored:
            continue
        name = attribute
        while name in taken or name in found or (name != attribute and name in wanted):
            name += "_"
        found[name] = attribute
    return found


def kept_arguments(methods: Mapping[str, Method]) -> frozenset[str]:
    """Attributes that are an argument of the constructor and nothing else: ``self.x = x``."""
    made = methods["__init__"]
    lines = [item for item in made.node.body.body if isinstance(item, cst.SimpleStatementLine)]
    found = {name for item in lines if (name := kept_argument(item.body[0], made)) is not None}
    again: dict[str, int] = {}
    for method in methods.values():
        for target in bound(method.nodes):
            name = method.attribute(target)
            if name is None and method is made and isinstance(target, cst.Name):
                name = target.value
            if name is not None:
                again[name] = again.get(name, 0) + 1
    return frozenset(n for n in found if again[n] == 1 and n in parameters(made.node))


def extra_attributes(
    methods: Mapping[str, Method],
    names: Mapping[str, str],
    functions: Iterable[str],
    makes: frozenset[str],
    tensorflow: frozenset[str],
) -> dict[str, tuple[str, ...]]:
    """Attributes without tensors that each graph-building method reads, itself or through others.

    `names` gives the attributes as values, `functions` the methods that become functions.
    """
    graph = _graph_attributes(methods, makes, tensorflow)
    plain = set(names.values()) - graph
    chosen = [name for name in functions if name in makes and not methods[name].runs]
    read = {name: {a for a in methods[name].loads if a in plain} for name in chosen}
    changed = True
    while changed:
        changed = False
        for name in chosen:
            for other in set(methods[name].loads) & set(chosen):
                if not read[other] <= read[name]:
                    read[name] |= read[other]
                    changed = True
    return {
        name: tuple(a for a in names.values() if a in found)
        for name, found in read.items()
        if found
    }


def _graph_attributes(
    methods: Mapping[str, Method], makes: frozenset[str], tensorflow: frozenset[str]
) -> set[str]:
    """Attributes that may hold something of the graph."""
    found: set[str] = set()
    while True:
        size = len(found)
        for method in methods.values():
            tainted: set[str] = set()
            for _ in range(2):  # a loop hands names on to statements above
                for node in method.nodes:
                    if not isinstance(
                        node, (cst.Assign, cst.AugAssign, cst.AnnAssign, cst.For, cst.With)
                    ):
                        continue
                    source: list[cst.CSTNode] = (
                        [node.iter]
                        if isinstance(node, cst.For)
                        else [item.item for item in node.items]
                        if isinstance(node, cst.With)
                        else [node.value]
                        if node.value is not None
                        else []
                    )
                    inside = [item for part in source for item in walk(part)]
                    used = {name for part in source for name in plain_names(part)}
                    attributes = {method.attribute(item) for item in inside}
                    if used & (tainted | tensorflow | makes) or attributes & (found | makes):
                        for target in bound([node, *_targets(node)]):
                            attribute = method.attribute(_base(target))
                            if attribute is not None:
                                found.add(attribute)
                            elif isinstance(_base(target), cst.Name):
                                tainted.add(_base(target).value)  # type: ignore[attr-defined]
        if len(found) == size:
            return found


def _targets(node: cst.CSTNode) -> list[cst.CSTNode]:
    """The nodes of a statement that name targets."""
    if isinstance(node, cst.Assign):
        return list(node.targets)
    if isinstance(node, cst.With):
        return [item.asname for item in node.items if item.asname is not None]
    return []


def _base(node: cst.CSTNode) -> cst.CSTNode:
    while isinstance(node, cst.Subscript):
        node = node.value
    return node
