"""Names of the program that the output needs for something else: the output's get another name.

A program may call its own tensor ``one_hot``, ``F`` or ``model``. Its names stay; what the
conversion brings in is imported under another one: ``from tf1_support import one_hot as
tf1_one_hot``. To tell both apart, the program's names are written in letters of their own while it
is converted, as long as they are, so that places in the source stay what they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import libcst as cst

from tf2torch.cst.walk import below, walk

#: Names that conversions bind, and what they are called where the program has the name.
OTHERWISE = {
    "F": "functional",
    "nn": "torch_nn",
    "np": "numpy",
    "device": "torch_device",
    "model": "network",
    "torch": "pytorch",
}
_MODULES = frozenset("F nn np torch argparse glob logging math os shutil sys SummaryWriter".split())
#: Letters that programs do not use for names: those of Georgian.
_FIRST, _LETTERS = 0x10D0, 33


_BINDING = frozenset(
    {
        cst.AssignTarget,
        cst.AugAssign,
        cst.AnnAssign,
        cst.For,
        cst.CompFor,
        cst.FunctionDef,
        cst.ClassDef,
        cst.Param,
        cst.AsName,
        cst.NamedExpr,
    }
)


def bound_names(module: cst.CSTNode) -> set[str]:
    """Every name that something beside an import binds, in any scope."""
    found: set[str] = set()

    def target(node: cst.CSTNode | None) -> None:
        if isinstance(node, cst.Name):
            found.add(node.value)
        elif isinstance(node, (cst.Tuple, cst.List)):
            for element in node.elements:
                target(element.value)
        elif isinstance(node, cst.StarredElement):
            target(node.value)

    imports = {
        id(node.asname) for node in below(module, cst.ImportAlias) if node.asname is not None
    }
    for node in walk(module):
        if type(node) not in _BINDING:
            continue
        if isinstance(node, (cst.AssignTarget, cst.AugAssign, cst.AnnAssign, cst.For, cst.CompFor)):
            target(node.target)
        elif isinstance(node, (cst.FunctionDef, cst.ClassDef, cst.Param)):
            target(node.name)
        elif isinstance(node, cst.AsName) and id(node) not in imports:
            target(node.name)
        elif isinstance(node, cst.NamedExpr):
            target(node.target)
    return found


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
        inner = [n for statement in body for n in _own(statement)]
        makes = [n for n in inner if isinstance(n, cst.Assign) and _makes_model(n)]
        if not makes:
            continue
        params = node.params if isinstance(node, cst.FunctionDef) else None
        names = {p.name.value for p in params.params} if params is not None else set()
        if "model" in names or any(_binds(n) for n in inner if n not in makes):
            return True
    return False


def _own(node: cst.CSTNode) -> list[cst.CSTNode]:
    """Nodes below one, but not inside of definitions."""
    if isinstance(node, (cst.FunctionDef, cst.ClassDef, cst.Lambda)):
        return [node]
    return [node, *(inner for child in node.children for inner in _own(child))]


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


# -- marking -------------------------------------------------------------------------------------


def marks(names: Iterable[str], text: str) -> dict[str, str]:
    """A word of its own for each name, of the same length and not in the text."""
    found: dict[str, str] = {}
    number = 0
    for name in sorted(names):
        while True:
            rest, word = number, ""
            for _ in name:
                rest, digit = divmod(rest, _LETTERS)
                word += chr(_FIRST + digit)
            number += 1
            if word not in text and word not in found.values():
                break
        found[name] = word
    return found


def mark(module: cst.Module, words: Mapping[str, str]) -> cst.Module:
    """The program with some of its names as other words."""
    return module.visit(_Marker(words))


class _Marker(cst.CSTTransformer):
    """Renames names, but not attributes, imports and keywords of calls of other packages."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self.words = words
        self.kept: set[int] = set()

    def visit_Attribute(self, node: cst.Attribute) -> None:
        self.kept.add(id(node.attr))

    def visit_Arg(self, node: cst.Arg) -> None:
        if node.keyword is not None:
            self.kept.add(id(node.keyword))

    def visit_ImportAlias(self, node: cst.ImportAlias) -> bool:
        return False

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        if not isinstance(original_node.func, cst.Name):
            return updated_node
        args = [
            a.with_changes(keyword=cst.Name(self.words[a.keyword.value]))
            if a.keyword is not None and a.keyword.value in self.words
            else a
            for a in updated_node.args
        ]
        return updated_node.with_changes(args=args)

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        word = self.words.get(original_node.value)
        if word is None or id(original_node) in self.kept:
            return updated_node
        return updated_node.with_changes(value=word)


def rename_output(module: cst.Module, names: Iterable[str], text: str) -> cst.Module:
    """The output with other names for what it brings in itself."""
    others = {}
    for name in names:
        other = OTHERWISE.get(name, f"tf1_{name}")
        while other in text:
            other += "_"
        others[name] = other
    return module.visit(_Renamer(others))


class _Renamer(cst.CSTTransformer):
    def __init__(self, others: Mapping[str, str]) -> None:
        self.others = others
        self.kept: set[int] = set()

    def visit_Attribute(self, node: cst.Attribute) -> None:
        self.kept.add(id(node.attr))

    def visit_Arg(self, node: cst.Arg) -> None:
        if node.keyword is not None:
            self.kept.add(id(node.keyword))

    def visit_ImportAlias(self, node: cst.ImportAlias) -> bool:
        return False

    def leave_ImportAlias(
        self, original_node: cst.ImportAlias, updated_node: cst.ImportAlias
    ) -> cst.ImportAlias:
        bound = original_node.asname.name if original_node.asname else original_node.name
        if not isinstance(bound, cst.Name) or bound.value not in self.others:
            return updated_node
        return updated_node.with_changes(asname=cst.AsName(cst.Name(self.others[bound.value])))

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        other = self.others.get(original_node.value)
        if other is None or id(original_node) in self.kept:
            return updated_node
        return updated_node.with_changes(value=other)


def unmarked(value: Any, words: Mapping[str, str]) -> Any:
    """Text, or a structure of texts, with the program's names back."""
    if isinstance(value, str):
        for name, word in words.items():
            value = value.replace(word, name)
        return value
    if isinstance(value, dict):
        return {unmarked(k, words): unmarked(v, words) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(unmarked(item, words) for item in value)
    return value
