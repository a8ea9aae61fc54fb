"""See what a program does with fetched values that it gives no name: each gets a probe."""

import ast
from typing import Any, Dict, Iterator, List, Optional, Tuple

from .probes import FETCHES

USE = "__tf2torch_use__"
STORE = "__tf2torch_store__"
#: Statements with a body: what belongs to themselves are the expressions in front of it.
HEADS = {"If": ("test",), "While": ("test",), "For": ("iter",), "With": ("items",)}


def path_of(node: ast.AST) -> str:
    """What an expression names, with its keys but not its numbers: ``h['loss'][].append``."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return path_of(node.value) + "." + node.attr
    if isinstance(node, ast.Subscript):
        index: Any = node.slice
        if type(index).__name__ == "Index":  # of older Pythons, as Str is
            index = index.value
        key = getattr(index, "value" if isinstance(index, ast.Constant) else "s", None)
        return path_of(node.value) + ("[%r]" % key if isinstance(key, str) else "[]")
    if isinstance(node, ast.Call):
        return path_of(node.func) + "()"
    return ""


def sink_of(statement: ast.AST) -> str:
    """What a statement does with its values: ``losses.append``, ``return``, ``best[]``."""
    if isinstance(statement, ast.Expr):
        value = statement.value
        if isinstance(value, (ast.Yield, ast.YieldFrom)):
            return "yield"
        return path_of(value.func) if isinstance(value, ast.Call) else "value"
    if isinstance(statement, ast.Assign):
        return path_of(statement.targets[0]) or "="
    if isinstance(statement, (ast.AugAssign, ast.AnnAssign)):
        return path_of(statement.target)
    return type(statement).__name__.lower()


def own_parts(statement: ast.AST) -> Iterator[ast.AST]:
    """The expressions of a statement that are not in its body."""
    fields = HEADS.get(type(statement).__name__)
    if fields is None and hasattr(statement, "body"):
        return
    for name, value in ast.iter_fields(statement):
        if fields is None or name in fields:
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, ast.AST):
                    yield item


def stored_parts(statement: Any) -> Iterator[Tuple[str, ast.AST, ast.AST]]:
    """What a statement stores, returns, passes on or decides by: its name, its owner, itself."""
    if isinstance(statement, ast.Expr):
        call = statement.value
        if isinstance(call, ast.Call):
            for number, argument in enumerate(call.args):
                if not isinstance(argument, ast.Starred):
                    yield str(number), call, argument
            for keyword in call.keywords:
                if keyword.arg is not None:
                    yield keyword.arg, keyword, keyword.value
        elif isinstance(call, ast.Yield) and call.value is not None:
            yield "", call, call.value
    elif isinstance(statement, (ast.Return, ast.AugAssign)):
        if statement.value is not None:
            yield "", statement, statement.value
    elif isinstance(statement, ast.Assign):
        if isinstance(statement.targets[0], ast.Subscript):
            yield "", statement, statement.value
    elif isinstance(statement, (ast.If, ast.While)):
        yield "", statement, statement.test


def is_fetch(node: Any) -> bool:
    return (
        isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", None)) in FETCHES
    )


def fetches_within(node: ast.AST) -> bool:
    return any(is_fetch(item) for item in ast.walk(node))


def named_fetch(statement: ast.AST) -> Optional[ast.AST]:
    """The fetch that a statement gives a name just as it is, or does not use at all."""
    value: Any = getattr(statement, "value", None)
    if isinstance(statement, ast.Assign):
        targets: List[Any] = []
        for target in statement.targets:
            targets += target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
        if any(isinstance(target, (ast.Subscript, ast.Starred)) for target in targets):
            return None
        return value if is_fetch(value) else None
    return value if isinstance(statement, ast.Expr) and is_fetch(value) else None


def is_plain(node: ast.AST) -> bool:
    """Whether an expression holds text or numbers as they stand in the program."""
    return not any(isinstance(item, (ast.Name, ast.Attribute)) for item in ast.walk(node))


class Uses(ast.NodeTransformer):
    """Wraps fetches, and what statements store, in probes that return their value."""

    def __init__(self) -> None:
        self._scope: List[str] = []
        self._site: Dict[str, Any] = {}

    def visit(self, node: Any) -> Any:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self._scope.append(node.name)
            self.generic_visit(node)
            self._scope.pop()
            return node
        if isinstance(node, ast.stmt):
            return self._statement(node)
        return super().visit(node)

    def _statement(self, node: ast.stmt) -> Any:
        unused = isinstance(node, ast.Expr) and named_fetch(node) is not None
        parts = list(own_parts(node))
        sure = [fetches_within(value) for _, _, value in stored_parts(node)]
        if any(fetches_within(part) for part in parts) and not unused:
            site = self._site
            self._site = {"sink": sink_of(node), "line": node.lineno, "count": 0,
                          "named": named_fetch(node) is not None}  # fmt: skip
            for part in parts:
                replace(node, part, self.visit(part))
            self._site = site
        now = [] if unused else list(stored_parts(node))  # with the probes in them
        for (name, owner, value), certain in zip(now, sure):
            if not certain and is_plain(value):
                continue
            given = (node.lineno, ".".join(self._scope), sink_of(node), name, certain)
            replace(owner, value, probe(STORE, given, value))
        for name in ("body", "orelse", "finalbody", "handlers"):
            if isinstance(getattr(node, name, None), list):
                for item in getattr(node, name):
                    self.visit(item)
        return node

    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        if not (self._site and is_fetch(node)):
            return node
        self._site["count"] += 1
        site = self._site
        given = (site["line"], ".".join(self._scope), site["sink"], site["count"], site["named"])
        return probe(USE, given, node)


def probe(function: str, given: Tuple[Any, ...], value: Any) -> ast.expr:
    """A call of a probe with what is known of a place, and the value found there."""
    call: Any = ast.parse("%s(%s)" % (function, ", ".join(map(repr, given))), mode="eval").body
    for part in ast.walk(call):
        ast.copy_location(part, value)
    call.args.append(value)
    return call


def replace(owner: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for name, value in ast.iter_fields(owner):
        if value is old:
            setattr(owner, name, new)
        elif isinstance(value, list):
            setattr(owner, name, [new if item is old else item for item in value])
