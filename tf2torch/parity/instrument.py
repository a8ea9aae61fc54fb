"""Probes in the converted program: what it gives its names, and where bare tensors are made."""

from __future__ import annotations

import ast
from typing import Any

from tf2torch.parity.recorder import probes

BIND = "__tf2torch_bind__"
NATIVE = "__tf2torch_native__"


class Instrument(probes.Instrument):
    """Probes, and around the making of a bare tensor: torch's own draws, then its value."""

    fetching = frozenset(("item", "numpy", "tolist", "state_to_numpy"))

    def __init__(self, roots: dict[str, set[str]]) -> None:
        super().__init__()
        self._roots = roots
        self.names: set[str] = set()
        self._empty: set[str] = set()

    def visit_For(self, node: ast.For) -> Any:
        """``xs = []`` and a loop that fills it: what was a comprehension in the original."""
        filled = sorted(self._empty & filled_in(node))
        self._empty -= set(filled)
        self.generic_visit(node)
        if not filled:
            return node
        scope = ".".join(self._scope)
        values = ", ".join(filled)
        line = f"{probes.PROBE}({node.lineno}, {scope!r}, True, {tuple(filled)!r}, ({values},))"
        return [node, *self._parsed(line, node)]

    def takes(self, node: ast.AST) -> bool:
        """``b = a`` gives ``b`` what was fetched, if ``a`` has it."""
        return super().takes(node) or (isinstance(node, ast.Name) and node.id in self.names)

    def visit_Assign(self, node: ast.Assign) -> Any:
        if isinstance(node.value, (ast.List, ast.Dict)) and not ast.unparse(node.value)[1:-1]:
            self._empty |= {t.id for t in node.targets if isinstance(t, ast.Name)}
        made = super().visit_Assign(node)
        statements = made if isinstance(made, list) else [made]
        scope = ".".join(self._scope)
        names = {root_of(part) for target in node.targets for part in parts_of(target)}
        wanted = sorted(name for name in names if self._wanted(name))
        if not wanted:
            return statements
        before = self._parsed(f"{NATIVE}(True)", node)
        lines = [f"{BIND}({scope!r}, {name!r}, {name})" for name in wanted]
        after = self._parsed("\n".join([f"{NATIVE}(False)", *lines]), node)
        return [*before, statements[0], *after, *statements[1:]]

    def _wanted(self, name: str) -> bool:
        functions = self._roots.get(name, set())
        return "" in functions or bool(self._scope and self._scope[-1] in functions)

    @staticmethod
    def _parsed(source: str, node: ast.stmt) -> list[ast.stmt]:
        statements = ast.parse(source).body
        for statement in statements:
            for part in ast.walk(statement):
                ast.copy_location(part, node)
        return statements


def filled_in(loop: ast.For) -> set[str]:
    """Names of the lists and dictionaries that a loop adds to."""
    found: set[str] = set()
    for node in ast.walk(loop):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "append":
                found.add(root_of(node.func.value))
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            found.add(root_of(node))
    return found


def parts_of(target: ast.AST) -> list[ast.AST]:
    if isinstance(target, (ast.Tuple, ast.List)):
        return [part for item in target.elts for part in parts_of(item)]
    return [target]


def root_of(target: Any) -> str:
    while isinstance(target, (ast.Attribute, ast.Subscript, ast.Starred)):
        target = target.value
    return target.id if isinstance(target, ast.Name) else ""


def host_names(tree: ast.Module) -> set[str]:
    """Names that the program gives a value taken from a tensor: `loss = total.item()`."""
    found: set[str] = set()
    aliases: list[tuple[str, set[str]]] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        names = {text for target in node.targets for text in probes.target_texts(target)}
        if probes.fetches(node.value, Instrument.fetching):
            found |= names
        elif isinstance(node.value, ast.Name):
            aliases.append((node.value.id, names))
    for _ in aliases:
        found |= {name for source, names in aliases if source in found for name in names}
    return found
