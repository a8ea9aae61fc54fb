"""Find the lines of a conversion that make a parameter."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def about_parameter(text: str, module: str, key: str, initial: bool = False) -> int:
    """The line that gives a parameter its initial value, or else the one that makes it."""
    tree = ast.parse(text)
    name = module.split("#")[0]
    scope: ast.AST = next(
        (n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == name), tree
    )
    wanted = f"self.{key}" if module != "script" else key
    owner = wanted.rpartition(".")[0] or wanted
    starts, made = [], []
    for statement in statements(scope):
        loops = names_in_loops(scope, statement)
        written = {ast.unparse(n) for n in ast.walk(statement) if isinstance(n, ast.expr)}
        sets = any(f"{a}.{key.rpartition('.')[2]}" in written for a in loops if owner in loops[a])
        if sets or wanted in written:
            starts.append((is_initialization(statement), statement.lineno))
        targets = getattr(statement, "targets", [])
        if any(ast.unparse(target) in (owner, wanted) for target in targets):
            made.append(statement.lineno)
    inits = [line for is_init, line in starts if is_init]
    order = [inits[-1:], made[:1]] if initial else [made[:1], inits[-1:]]
    found = [line for lines in [*order, [line for _, line in starts][:1]] for line in lines]
    return found[0] if found else _mentioned(scope, owner.split(".")[-1].split("[")[0])


def statements(scope: ast.AST) -> Iterator[ast.stmt]:
    """Simple statements, in the order of their lines."""
    found = [
        node
        for node in ast.walk(scope)
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr))
    ]
    return iter(sorted(found, key=lambda node: node.lineno))


def names_in_loops(scope: ast.AST, statement: ast.stmt) -> dict[str, set[str]]:
    """What the variables of loops around it stand for: `for layer in (self.a, self.b)`."""
    found: dict[str, set[str]] = {}
    for loop in ast.walk(scope):
        if isinstance(loop, ast.For) and isinstance(loop.target, ast.Name):
            inside = loop.lineno <= statement.lineno <= (loop.end_lineno or 0)
            if inside and isinstance(loop.iter, (ast.Tuple, ast.List)):
                found[loop.target.id] = {ast.unparse(item) for item in loop.iter.elts}
    return found


def is_initialization(statement: ast.stmt) -> bool:
    """Whether a statement sets a value in place: `nn.init.zeros_(...)`, `self.bias[0] = 1`."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        return ast.unparse(statement.value.func).endswith("_")
    if isinstance(statement, ast.Assign):
        return any(isinstance(target, ast.Subscript) for target in statement.targets)
    return False


def _mentioned(scope: ast.AST, name: str) -> int:
    """The first line that has a name, as an identifier or as a key."""
    for statement in statements(scope):
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id == name:
                return statement.lineno
            if isinstance(node, ast.Constant) and node.value == name:
                return statement.lineno
    return 0


def makers(text: str, line: int) -> list[tuple[str, int]]:
    """The layers that a line calls, with the lines that make them: `self.conv(x)`."""
    tree = ast.parse(text)
    found = []
    for scope in ast.walk(tree):
        if not isinstance(scope, ast.ClassDef):
            continue
        if not scope.lineno <= line <= (scope.end_lineno or 0):
            continue
        made = {
            ast.unparse(target): statement.lineno
            for statement in statements(scope)
            for target in getattr(statement, "targets", [])
        }
        for node in ast.walk(scope):
            if isinstance(node, ast.Call) and node.lineno <= line <= (node.end_lineno or 0):
                name = ast.unparse(node.func)
                if name.startswith("self.") and name in made and (name, made[name]) not in found:
                    found.append((name, made[name]))
    return found
