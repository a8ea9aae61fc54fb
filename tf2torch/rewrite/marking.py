"""Renames a program's names while it is converted, or what the output brings in itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import libcst as cst

from tf2torch.cst.walk import with_children

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
    """The program with some of its names as other words.

    Not so attributes, imports and keywords of calls of other packages.
    """

    def change(node: cst.CSTNode) -> cst.CSTNode:
        if isinstance(node, cst.ImportAlias):
            return node
        if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Name):
            return _renamed(node, words, change)
        call = with_children(node, change)
        args = [
            a.with_changes(keyword=cst.Name(words[a.keyword.value]))
            if a.keyword is not None and a.keyword.value in words
            else a
            for a in call.args  # type: ignore[attr-defined]
        ]
        return call.with_changes(args=args)

    return with_children(module, change)  # type: ignore[return-value]


def _renamed(
    node: cst.CSTNode, names: Mapping[str, str], change: Callable[[cst.CSTNode], cst.CSTNode]
) -> cst.CSTNode:
    """The node with other names in it, but not the names of attributes and keywords."""
    if isinstance(node, cst.Name):
        other = names.get(node.value)
        return node if other is None else node.with_changes(value=other)
    if isinstance(node, (cst.Attribute, cst.Arg)):
        value = change(node.value)
        return node if value is node.value else node.with_changes(value=value)
    return with_children(node, change)


def rename_output(module: cst.Module, names: Iterable[str], text: str) -> cst.Module:
    """The output with other names for what it brings in itself."""
    others = {}
    for name in names:
        other = OTHERWISE.get(name, f"tf1_{name}")
        while other in text:
            other += "_"
        others[name] = other

    def change(node: cst.CSTNode) -> cst.CSTNode:
        if not isinstance(node, cst.ImportAlias):
            return _renamed(node, others, change)
        bound = node.asname.name if node.asname else node.name
        if not isinstance(bound, cst.Name) or bound.value not in others:
            return node
        return node.with_changes(asname=cst.AsName(cst.Name(others[bound.value])))

    return with_children(module, change)  # type: ignore[return-value]


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
