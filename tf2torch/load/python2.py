"""Python 2 sources to Python 3, by a kept-up fork of lib2to3, and how to tell them."""

from __future__ import annotations

import ast
import logging
import re
from typing import TYPE_CHECKING

from tf2torch.diagnostics import Diagnostic, Severity

if TYPE_CHECKING:
    from fissix.refactor import RefactoringTool

_NAMES = frozenset("basestring execfile long raw_input reduce unichr unicode xrange reload".split())
_METHODS = {"iteritems": 0, "iterkeys": 0, "itervalues": 0, "has_key": 1}
_MODULES = frozenset(
    "__builtin__ ConfigParser cPickle cStringIO HTMLParser httplib Queue StringIO Tkinter"
    " urllib2 urlparse".split()
)
#: What `names_used` calls a print statement that happens to parse.
PRINT = "print"
#: Without those that change style only, or that guess about packages (`import`).
_FIXERS = (
    "apply basestring dict except exec execfile filter funcattrs getcwdu has_key imports input"
    " itertools itertools_imports long map metaclass methodattrs ne next nonzero numliterals"
    " paren raise raw_input reduce renames repr standarderror sys_exc throw tuple_params types"
    " unicode urllib xrange xreadlines zip"
).split()


_MENTION = re.compile(rf"\b(?:{'|'.join([*_NAMES, *_METHODS, *_MODULES])})\b|\bprint\b(?!\s*\()")


def names_used(tree: ast.Module, text: str) -> dict[str, int]:
    """Names that only Python 2 defines and this file does not, with their first lines."""
    if _MENTION.search(text) is None:
        return {}
    loads: dict[str, int] = {}
    bound: set[str] = set()
    found: dict[str, int] = {}
    guarded: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                if node.id in _NAMES:
                    loads.setdefault(node.id, node.lineno)
            else:
                bound.add(node.id)
        elif isinstance(node, ast.Call):
            func = node.func
            if isinstance(func, ast.Attribute) and _METHODS.get(func.attr) == len(node.args):
                found.setdefault(f".{func.attr}()", node.lineno)
        elif isinstance(node, ast.Expr) and _is_print_statement(node.value):
            found.setdefault(PRINT, node.lineno)
        elif isinstance(node, ast.Try):
            # try: import cPickle as pickle / except ImportError: runs on both already
            guarded.update(child for part in node.body for child in ast.walk(part))
            guarded.update(c for h in node.handlers for part in h.body for c in ast.walk(part))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                bound.add(alias.asname or alias.name)
                module = node.module if isinstance(node, ast.ImportFrom) else alias.name
                if module in _MODULES and node not in guarded:
                    found.setdefault(f"import {module}", node.lineno)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
    if "*" not in bound or "tensorflow" in bound:
        found.update((name, line) for name, line in loads.items() if name not in bound)
    return found


def _is_print_statement(node: ast.expr) -> bool:
    """Whether an expression is `print` or `print >>f, x`, which parse but do nothing."""
    if isinstance(node, ast.Tuple) and node.elts:
        node = node.elts[0]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.RShift):
        node = node.left
    return isinstance(node, ast.Name) and node.id == "print"


def to_python3(text: str, *, print_statement: bool) -> str | SyntaxError:
    """The source as Python 3 text, comments and formatting kept; an error if it is neither."""
    logging.getLogger("RefactoringTool").setLevel(logging.CRITICAL)
    from fissix.pgen2.parse import ParseError
    from fissix.pgen2.tokenize import TokenError

    tool = _tool(print_statement)
    ended = text if text.endswith("\n") else text + "\n"
    try:
        tree = tool.refactor_string(ended, "source")
    except ParseError as error:
        line, column = error.context[1] if error.context else (1, 0)
        return _error("invalid syntax", line, column)
    except (TokenError, SyntaxError) as error:
        return _error(str(error.args[0]), *_place(error.args[1]))
    except RecursionError:
        return _error("expressions are nested too deeply to parse", 1, 0)
    if tree is None:
        return _error("invalid syntax", 1, 0)
    result = str(tree)
    return result if text.endswith("\n") else result.removesuffix("\n")


def _tool(print_statement: bool) -> RefactoringTool:
    from fissix.refactor import RefactoringTool

    fixers = [*_FIXERS, "print"] if print_statement else _FIXERS
    options = {} if print_statement else {"print_function": True}
    return RefactoringTool([f"fissix.fixes.fix_{name}" for name in fixers], options)


def _place(detail: tuple[object, ...]) -> tuple[int, int]:
    """Line and column of a tokenizer's error: (line, column) or (file, line, column, text)."""
    line, column = detail[1:3] if isinstance(detail[0], str) else detail[:2]
    return int(str(line)), int(str(column))


def _error(message: str, line: int, column: int) -> SyntaxError:
    return SyntaxError(message, ("", line, column + 1, None))


def division_notes(tree: ast.Module, path: str) -> list[Diagnostic]:
    """A note on each division that Python 2 may have done in integers."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            if any(alias.name == "division" for alias in node.names):
                return []
    message = "Python 2 divides integers in integers; here / is true division"
    help = "write // if both sides are integers"
    return [
        Diagnostic(path, line, column, "division", Severity.NOTE, message, help)
        for line, column in sorted(_divisions(tree))
    ]


def _divisions(tree: ast.Module) -> set[tuple[int, int]]:
    places = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Div):
            sides = (
                (node.left, node.right)
                if isinstance(node, ast.BinOp)
                else (node.target, node.value)
            )
            if not any(_is_float(side) for side in sides):
                places.add((node.lineno, node.col_offset + 1))
    return places


def _is_float(node: ast.AST) -> bool:
    """Whether an expression is a float whatever its names hold."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, float)
    if isinstance(node, ast.BinOp):
        return _is_float(node.left) or _is_float(node.right)
    if isinstance(node, ast.UnaryOp):
        return _is_float(node.operand)
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"
    )
