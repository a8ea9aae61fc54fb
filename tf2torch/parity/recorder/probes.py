"""See what a program assigns to which name: its source gets a probe behind each assignment."""

import ast
from typing import Any, Iterator, List

import numpy as np

PROBE = "__tf2torch_probe__"


def target_texts(target: ast.AST) -> List[str]:
    """The assigned names of one target, as source text: `a`, `self.a`, `a['k']`."""
    if isinstance(target, (ast.Tuple, ast.List)):
        return [text for item in target.elts for text in target_texts(item)]
    if isinstance(target, ast.Starred):
        return target_texts(target.value)
    text = _path(target)
    return [text] if text and text != "_" else []


def _path(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = _path(node.value)
        return base + "." + node.attr if base else ""
    return ""


def calls_in(node: ast.AST) -> Iterator[ast.Call]:
    return (item for item in ast.walk(node) if isinstance(item, ast.Call))


FETCHES = frozenset(("run", "eval"))


def fetches(node: ast.AST, names: Any = FETCHES) -> bool:
    """Whether the expression itself runs the graph, or calls another of some functions."""
    return any(
        getattr(call.func, "attr", getattr(call.func, "id", None)) in names
        for call in calls_in(node)
    )


def is_constant(node: ast.AST) -> bool:
    """``0``, ``-1`` or ``0, 0``: a start value, which nothing computes."""
    if isinstance(node, ast.UnaryOp):
        return is_constant(node.operand)
    if isinstance(node, (ast.Tuple, ast.List)):
        return all(is_constant(item) for item in node.elts)
    return isinstance(node, ast.Constant)


class Instrument(ast.NodeTransformer):
    """Adds a probe behind every assignment whose value may have been computed."""

    fetching = FETCHES

    def __init__(self) -> None:
        self._scope: List[str] = []

    def takes(self, node: ast.AST) -> bool:
        """Whether an expression gives what a run has fetched."""
        return fetches(node, self.fetching)

    def _inside(self, node: Any) -> Any:
        self._scope.append(node.name)
        self.generic_visit(node)
        self._scope.pop()
        return node

    visit_FunctionDef = _inside
    visit_AsyncFunctionDef = _inside
    visit_ClassDef = _inside

    def visit_Assign(self, node: ast.Assign) -> Any:
        if isinstance(node.value, ast.Lambda) or is_constant(node.value):
            return node
        names = [text for target in node.targets for text in target_texts(target)]
        return [node] + self.probes(node, names)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is None or isinstance(node.value, ast.Constant):
            return node
        return [node] + self.probes(node, target_texts(node.target))

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        return [node] + self.probes(node, target_texts(node.target), False)

    def probes(self, node: Any, names: List[str], may_fetch: bool = True) -> List[ast.stmt]:
        if not names:
            return []
        source = "%s(%d, %r, %r, %r, (%s,))" % (
            PROBE,
            node.lineno,
            ".".join(self._scope),
            may_fetch and self.takes(node.value),
            tuple(names),
            ", ".join(names),
        )
        statements = ast.parse(source).body
        for statement in statements:
            for part in ast.walk(statement):
                ast.copy_location(part, node)
        return statements


def numeric(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return len(value) > 0 and all(numeric(item) for item in value if item is not None)
    if isinstance(value, dict):
        return len(value) > 0 and all(numeric(item) for item in value.values())
    if isinstance(value, (bool, int, float, np.generic)):
        return np.asarray(value).dtype.kind in "biufc"
    return isinstance(value, np.ndarray) and value.dtype.kind in "biufc"
