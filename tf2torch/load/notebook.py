"""Jupyter notebooks: their code cells as one module, and a converted module as cells again."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import libcst as cst

from tf2torch.diagnostics import LoadError

#: Calls that stand for the start of a cell and for a magic or shell command.
CELL, MAGIC = "__notebook_cell__", "__notebook_magic__"

_LINE_MAGIC = re.compile(r"(\s*)([%!].*|\?.*|[\w.]+\?\??\s*)$")
_ASSIGNED_MAGIC = re.compile(r"(\s*[\w, ]+=\s*)([%!].*)$")
#: Cell magics whose cells are Python all the same.
_PYTHON_CELLS = ("time", "timeit", "capture", "prun")
_MARK = re.compile(rf"{MAGIC}\((\d+)\)")


@dataclass(frozen=True)
class Cell:
    """A code cell of the module: its number in the notebook, its lines, and where they begin."""

    index: int
    text: str
    start: int


@dataclass(frozen=True)
class Notebook:
    """A notebook with its code as one module.

    Attributes:
        document: the JSON as it was read.
        cells: the code cells that are part of the module; the others stay as they are.
        magics: texts of magics and shell commands by number.
        text: the module.
    """

    document: Any
    cells: tuple[Cell, ...]
    magics: tuple[str, ...]
    text: str


def read(data: bytes, path: str) -> Notebook:
    """The code of a notebook; raises LoadError."""
    try:
        document = json.loads(data.decode("utf-8-sig"))
        cells = document["cells"]
        sources = [(cell["cell_type"], _source(cell)) for cell in cells]
    except (ValueError, KeyError, TypeError):
        help = "older formats: jupyter nbconvert --to notebook FILE"
        raise LoadError(path, 0, 0, "is no notebook of format 4", help) from None
    lines: list[str] = []
    magics: list[str] = []
    found: list[Cell] = []
    for index, (kind, text) in enumerate(sources):
        if kind != "code" or not _is_python(text):
            continue
        found.append(Cell(index, text, len(lines) + 2))
        lines.append(f"{CELL}({index})")
        for line in text.splitlines():
            lines.append(_without_magic(line, magics))
    return Notebook(document, tuple(found), tuple(magics), "\n".join(lines) + "\n")


def _source(cell: Any) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _is_python(text: str) -> bool:
    """Whether a cell has Python in it: neither only magics nor another language."""
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and lines[0].startswith("%%"):
        name = lines[0][2:].split()[0] if lines[0][2:].split() else ""
        if name not in _PYTHON_CELLS:
            return False
    return any(not _LINE_MAGIC.match(line) and not line.strip().startswith("#") for line in lines)


def _without_magic(line: str, magics: list[str]) -> str:
    """The line with a call in place of a magic or shell command."""
    found = _ASSIGNED_MAGIC.match(line) or _LINE_MAGIC.match(line)
    if found is None:
        return line
    magics.append(found[2])
    return f"{found[1]}{MAGIC}({len(magics) - 1})"


# -- back to cells -------------------------------------------------------------------------------


def write(notebook: Notebook, text: str) -> str:
    """The notebook with the converted module in its cells.

    Imports and definitions come first, in a cell of their own; what the conversion puts into a
    `main` function of its own stands in the cells again. Outputs are dropped.
    """
    parts: dict[int, list[cst.BaseStatement]] = {}
    head: list[cst.BaseStatement] = []
    place = head
    for statement in _statements(notebook, text):
        number = _cell_number(statement)
        if number is not None:
            place = parts.setdefault(number, [])
        else:
            place.append(statement)
    module = cst.parse_module(text)
    first = min((cell.index for cell in notebook.cells), default=0)
    python = {cell.index for cell in notebook.cells}
    done: list[Any] = []
    for index, cell in enumerate(notebook.document["cells"]):
        if index == first and head:
            done.append(_cell(notebook, _code(notebook, module, head), "imports-and-models"))
        if index not in python:
            done.append(cell)
            continue
        source = _code(notebook, module, parts.get(index, []))
        if source:
            done.append({**cell, "source": _lines(source), "outputs": [], "execution_count": None})
    document = {**notebook.document, "cells": done}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _statements(notebook: Notebook, text: str) -> list[cst.BaseStatement]:
    """Top-level statements, with those of a `main` that the conversion made among them."""
    had_main = re.search(r"^def main\b", notebook.text, re.MULTILINE) is not None
    found: list[cst.BaseStatement] = []
    for statement in cst.parse_module(text).body:
        if not had_main and isinstance(statement, cst.FunctionDef):
            if statement.name.value == "main" and isinstance(statement.body, cst.IndentedBlock):
                inner = [s for s in statement.body.body if not _is_global(s)]
                found += inner
                continue
        if not had_main and _is_guard(statement):
            continue
        found.append(statement)
    return found


def _is_global(node: cst.BaseStatement) -> bool:
    return isinstance(node, cst.SimpleStatementLine) and isinstance(node.body[0], cst.Global)


def _is_guard(node: cst.BaseStatement) -> bool:
    return isinstance(node, cst.If) and "__name__" in cst.Module([]).code_for_node(node.test)


def _cell_number(node: cst.BaseStatement) -> int | None:
    small = node.body[0] if isinstance(node, cst.SimpleStatementLine) else None
    call = small.value if isinstance(small, cst.Expr) else None
    if isinstance(call, cst.Call) and isinstance(call.func, cst.Name):
        if call.func.value == CELL and isinstance(call.args[0].value, cst.Integer):
            return int(call.args[0].value.value)
    return None


def _code(notebook: Notebook, module: cst.Module, body: Sequence[cst.BaseStatement]) -> str:
    text = module.with_changes(body=list(body), header=[], footer=[]).code
    text = _MARK.sub(lambda found: notebook.magics[int(found[1])], text)
    return text.strip("\n")


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _cell(notebook: Notebook, text: str, name: str) -> dict[str, Any]:
    cell: dict[str, Any] = {
        "cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [],
        "source": _lines(text),
    }  # fmt: skip
    named = any("id" in other for other in notebook.document["cells"])
    return {"id": name, **cell} if named else cell
