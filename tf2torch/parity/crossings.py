"""Keep what a conversion takes out of tensors, where the original gives a fetch no name."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from tf2torch.parity.recorder.uses import own_parts, probe, replace, sink_of, stored_parts
from tf2torch.parity.recorder.writing import Writer
from tf2torch.parity.records import Record, references

SEEN = "__tf2torch_seen__"
TAKING = ("item", "numpy", "tolist", "__float__", "__int__", "__bool__", "__index__")
SUPPORT = "tf1_support.py"
TORCH = torch.Tensor.__format__.__code__.co_filename  # whose methods take values by the others
MOST_PARTS = 64  # of a nested value


@dataclass(frozen=True)
class Wanted:
    """The values that are looked for: their numbers of axes and elements, and where they go."""

    ranks: frozenset[int]
    size: int
    sinks: frozenset[str]


def wanted(record: Record, assigned: Collection[str]) -> Wanted | None:
    """What the original fetches without a name, or by a name that the conversion has not."""
    events = [*record.of("use"), *record.of("store")]
    events += [e for e in record.of("assign") if e["name"] not in assigned and any(e["labels"])]
    sizes = [[record.shape(leaf) for leaf in references(event["value"])] for event in events]
    ranks = frozenset(len(shape) for shapes in sizes for shape in shapes)
    if not ranks:
        return None
    size = max(sum(int(np.prod(shape)) for shape in shapes) for shapes in sizes)
    sinks = frozenset(event["sink"] for event in events if event["kind"] != "assign")
    return Wanted(ranks, size, sinks)


class Crossings:
    """Writes each number that leaves a tensor in the program's own text, and where."""

    def __init__(self, writer: Writer, path: str, kept: Wanted) -> None:
        self._writer, self._path, self._kept = writer, path, kept
        self._places: dict[int, dict[str, Any]] = {}
        self._busy = False

    def instrument(self, tree: ast.Module) -> ast.Module:
        self._places = places(tree)
        return instrument(tree, self._kept.sinks)

    def install(self) -> None:
        for name in TAKING:
            setattr(torch.Tensor, name, self._watched(getattr(torch.Tensor, name)))

    def _watched(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def take(tensor: torch.Tensor, *given: Any, **options: Any) -> Any:
            if self._busy:
                return original(tensor, *given, **options)
            self._busy = True
            try:
                value = original(tensor, *given, **options)
                place = self._place()
                if place is not None and tensor.dim() in self._kept.ranks:
                    self._keep(place[0], f"at {place[1]}", value)
            finally:
                self._busy = False
            return value

        take.__name__ = original.__name__
        return take

    def _place(self) -> tuple[int, int] | None:
        """The line of the program that takes the value, itself or by the support file."""
        frame: Any = sys._getframe(2)
        while frame:
            name = frame.f_code.co_filename
            if name == self._path:
                return frame.f_lineno, frame.f_lasti
            if not (name.endswith(SUPPORT) or name == TORCH):
                return None
            frame = frame.f_back
        return None

    def seen(self, line: int, place: str, value: Any) -> Any:
        """A part of a statement that does what the original does with fetched values."""
        busy, self._busy = self._busy, True
        self._keep(line, place, value)
        self._busy = busy
        return value

    def _keep(self, line: int, place: str, value: Any) -> None:
        parts = list(flat(value))
        if parts and len(parts) <= MOST_PARTS and sum(p.size for p in parts) <= self._kept.size:
            if line in self._places:
                self._writer.event("place", line=line, **self._places.pop(line))
            stored = {"list": [self._writer.value(part) for part in parts]}
            self._writer.event("cross", line=line, place=place, value=stored)


def flat(value: Any) -> Iterator[Any]:
    """The arrays of a nested value."""
    if isinstance(value, dict):
        for item in value.values():
            yield from flat(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from flat(item)
    elif isinstance(value, torch.Tensor):
        if value.layout == torch.strided:
            detached = value.detach().cpu()
            yield (detached.float() if value.dtype == torch.bfloat16 else detached).numpy().copy()
    elif isinstance(value, (bool, int, float, np.generic, np.ndarray)):
        array = np.asarray(value)
        if array.dtype.kind in "biufc":
            yield array


def places(tree: ast.Module) -> dict[int, dict[str, Any]]:
    """For every line its function, what the statement does, and the names in it."""
    found: dict[int, dict[str, Any]] = {}

    def visit(node: ast.AST, scope: tuple[str, ...]) -> None:
        inner = (*scope, node.name) if hasattr(node, "body") and hasattr(node, "name") else scope
        if isinstance(node, ast.stmt):
            parts = list(own_parts(node))
            names = {
                str(getattr(item, "id", "") or getattr(item, "attr", ""))
                for part in parts
                for item in ast.walk(part)
            }
            ends = [getattr(part, "end_lineno", None) or 0 for part in parts]
            row = {"scope": ".".join(scope), "sink": sink_of(node), "names": sorted(names - {""})}
            found.update(dict.fromkeys(range(node.lineno, max(ends, default=0) + 1), row))
            found[node.lineno] = row
        for child in ast.iter_child_nodes(node):
            visit(child, inner)

    visit(tree, ())
    return found


def instrument(tree: ast.Module, sinks: Collection[str]) -> ast.Module:
    """Puts probes around what the statements with some sinks store, and the names in it."""
    for statement in [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]:
        if sink_of(statement) not in sinks:
            continue
        names = Names(statement.lineno)
        for part in list(own_parts(statement)):
            replace(statement, part, names.visit(part))
        for name, owner, value in list(stored_parts(statement)):
            given = (statement.lineno, f"whole {name}")
            replace(owner, value, probe(SEEN, given, value))
    return tree


#: What is in them is read more often than the statement is run, or not at all.
INNER = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Names(ast.NodeTransformer):
    """Wraps the names in an expression, with their attributes and indices."""

    def __init__(self, line: int) -> None:
        self._line, self._count = line, 0

    def visit(self, node: Any) -> Any:
        if isinstance(node, INNER):
            return node
        if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
            if not isinstance(node.ctx, ast.Load):
                return node
            self._count += 1
            return probe(SEEN, (self._line, f"name {self._count}"), node)
        if isinstance(node, ast.Call):
            node.args = [self.visit(argument) for argument in node.args]
            for keyword in node.keywords:
                keyword.value = self.visit(keyword.value)
            return node
        return self.generic_visit(node)
