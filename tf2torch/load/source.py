"""A source file: its text, its concrete syntax tree, and how to write it back."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import libcst as cst

from tf2torch.diagnostics import Diagnostic, LoadError, Severity
from tf2torch.load import python2
from tf2torch.load.decode import decode, unify_newlines
from tf2torch.load.indent import expand_tabs

if TYPE_CHECKING:
    from tf2torch.load.notebook import Notebook


@dataclass(frozen=True)
class Source:
    """One Python 3 source; `text` has `\\n` line ends, `newline` is what the file had.

    `original` is the text as it was read, where that was Python 2 or had mixed tabs; `notebook`
    is the notebook whose code this is. Where the module was made from several files, `plain` is
    what it looked like before their names were told apart, and `origins` gives its nodes; `homes`
    is the number of the file that binds each module-level name.
    """

    path: str
    text: str
    module: cst.Module
    encoding: str = "utf-8"
    newline: str = "\n"
    notes: tuple[Diagnostic, ...] = ()
    original: str = ""
    notebook: Notebook | None = None
    plain: cst.Module | None = None
    origins: Mapping[cst.CSTNode, cst.CSTNode] = field(default_factory=dict)
    homes: Mapping[str, int] = field(default_factory=dict)


def load(path: Path | str) -> Source:
    """Reads and parses a file; raises LoadError."""
    shown = str(path)
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise LoadError(shown, 0, 0, error.strerror or str(error)) from None
    return load_bytes(data, shown)


def load_bytes(data: bytes, path: str) -> Source:
    """Decodes and parses the bytes of a file; raises LoadError."""
    if path.endswith(".ipynb"):
        from tf2torch.load import notebook

        read = notebook.read(data, path)
        return replace(_parse(read.text, path, "utf-8", []), notebook=read)
    text, encoding, guessed = decode(data, path)
    notes = []
    if guessed:
        message = "not UTF-8 and no coding declaration: read as Latin-1, written as UTF-8"
        notes.append(Diagnostic(path, 1, 1, "encoding", Severity.NOTE, message))
    return _parse(text, path, encoding, notes)


def load_text(text: str, path: str = "<string>") -> Source:
    """Parses source text; raises LoadError."""
    return _parse(text.removeprefix("\ufeff"), path, "utf-8", [])


def _parse(text: str, path: str, encoding: str, notes: list[Diagnostic]) -> Source:
    text, newline = unify_newlines(text)
    original = text
    null = text.find("\0")
    if null >= 0:
        line = text.count("\n", 0, null) + 1
        column = null - text.rfind("\n", 0, null)
        raise LoadError(path, line, column, "source contains a null byte")
    tree = _python3_tree(text, path)
    if isinstance(tree, TabError):
        text = expand_tabs(text)
        message = "tabs and spaces mixed in indentation: tabs expanded to eight columns"
        notes.append(Diagnostic(path, tree.lineno or 1, 1, "tabs", Severity.NOTE, message))
        tree = _python3_tree(text, path)
    if isinstance(tree, SyntaxError):
        text = _from_python2_syntax(text, path, tree, notes)
    else:
        names = python2.names_used(tree, text)
        if names:
            text = _from_python2_names(text, path, names, notes)
    try:
        module = cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        raise _syntax_error(path, error) from None
    return Source(path, text, module, encoding, newline, tuple(notes), original)


def _python3_tree(text: str, path: str) -> ast.Module | SyntaxError:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes are the author's business
            return ast.parse(text)
    except SyntaxError as error:
        if error.msg == "too many nested parentheses":
            raise LoadError(path, error.lineno or 1, error.offset or 1, error.msg) from None
        return error
    except (RecursionError, MemoryError):
        # Checked before libcst sees the text: its parser would overflow the stack.
        raise LoadError(path, 1, 1, "expressions are nested too deeply to parse") from None


def _from_python2_syntax(text: str, path: str, error: SyntaxError, notes: list[Diagnostic]) -> str:
    """Python 3 text of a source that Python 3 does not parse."""
    result = python2.to_python3(text, print_statement=True)
    if isinstance(result, SyntaxError):
        try:
            cst.parse_module(text)
            return text  # syntax newer than the Python that runs us
        except cst.ParserSyntaxError:
            # The error that lies further on is the real one: the other is only old syntax.
            old = result.msg.startswith("EOF") or (result.lineno or 0) <= (error.lineno or 0)
            raise _syntax_error(path, error if old else result) from None
    converted = _python3_tree(result, path)
    if isinstance(converted, SyntaxError):
        raise _syntax_error(path, converted)
    reason = error.msg.split(". ")[0][:1].lower() + error.msg.split(". ")[0][1:]
    message = f"Python 2 source ({reason}), read as Python 3"
    notes.append(Diagnostic(path, error.lineno or 1, 1, "python2", Severity.NOTE, message))
    notes.extend(python2.division_notes(converted, path))
    return result


def _from_python2_names(
    text: str, path: str, names: dict[str, int], notes: list[Diagnostic]
) -> str:
    """Python 3 text of a source that parses but uses names only Python 2 has."""
    result = python2.to_python3(text, print_statement=python2.PRINT in names)
    if isinstance(result, SyntaxError):
        return text
    converted = _python3_tree(result, path)
    if isinstance(converted, SyntaxError):
        return text
    message = f"Python 2 source ({', '.join(names)}), read as Python 3"
    line = min(names.values())
    notes.append(Diagnostic(path, line, 1, "python2", Severity.NOTE, message))
    notes.extend(python2.division_notes(converted, path))
    return result


def _syntax_error(path: str, error: SyntaxError | cst.ParserSyntaxError) -> LoadError:
    if isinstance(error, cst.ParserSyntaxError):
        return LoadError(path, error.editor_line, error.editor_column, "invalid syntax")
    return LoadError(path, error.lineno or 1, error.offset or 1, error.msg or "invalid syntax")
