"""Renames a program's names while it is converted, or what the output brings in itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import libcst as cst

#: Names that conversions bind, and what they are called where the program has the name.
OTHERWISE = {
    "F": "functional",
    "nn": "torch_nn",
    "np": "numpy",
    "device": "torch_device",
    "model": "network",
    "torch": "pytorch",
}

#: Letters that programs do not use for names: those of Georgian.
_FIRST = 0x10D0

_LETTERS = 33


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


class _Renaming(cst.CSTTransformer):
    """Gives names other words, but not attributes, keywords and what is imported."""

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

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        word = self.words.get(original_node.value)
        if word is None or id(original_node) in self.kept:
            return updated_node
        return updated_node.with_changes(value=word)


class _Marker(_Renaming):
    """Renames keywords of calls too, where the program's own functions may be called."""

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


def rename_output(module: cst.Module, names: Iterable[str], text: str) -> cst.Module:
    """The output with other names for what it brings in itself."""
    others = {}
    for name in names:
        other = OTHERWISE.get(name, f"tf1_{name}")
        while other in text:
            other += "_"
        others[name] = other
    return module.visit(_Renamer(others))


class _Renamer(_Renaming):
    """Imports under the other names too."""

    def leave_ImportAlias(
        self, original_node: cst.ImportAlias, updated_node: cst.ImportAlias
    ) -> cst.ImportAlias:
        bound = original_node.asname.name if original_node.asname else original_node.name
        if not isinstance(bound, cst.Name) or bound.value not in self.words:
            return updated_node
        return updated_node.with_changes(asname=cst.AsName(cst.Name(self.words[bound.value])))


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
