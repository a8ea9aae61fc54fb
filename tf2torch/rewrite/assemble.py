"""Puts the parts of the output together: imports, device, definitions, main, guard."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import libcst as cst

from tf2torch.analyse.placing import is_guard
from tf2torch.cst.names import free_names, names_in, parameters
from tf2torch.cst.printing import code_of
from tf2torch.rewrite import flags
from tf2torch.rewrite.recording import recorder
from tf2torch.rewrite.writer import Writer, lines

if TYPE_CHECKING:
    from tf2torch.rewrite.host import Host

Statements = list[cst.BaseStatement]

#: Names that converted code uses and the import that binds each.
IMPORTS = {
    "argparse": "import argparse",
    "logging": "import logging",
    "math": "import math",
    "os": "import os",
    "shutil": "import shutil",
    "glob": "import glob",
    "sys": "import sys",
    "np": "import numpy as np",
    "torch": "import torch",
    "F": "import torch.nn.functional as F",
    "nn": "from torch import nn",
}

DEVICE = 'device = torch.device("cuda" if torch.cuda.is_available() else "cpu")\n'


def assemble(writer: Writer, module: Statements, main: Statements, host: Host) -> cst.Module:
    """The converted module from its parts."""
    root = writer.plan.root.function
    source = writer.analysis.source.module
    body = list(module)
    if root is not None:
        body = _insert_root(writer, body, main)
    elif main:
        body = _main(writer, body, main)
    body = _guard_last(body)
    doc, imports, rest = _divide(body)
    used = names_in(rest).loads
    head: Statements = []
    if flags.has_flags(writer):
        rest = flags.with_parser(writer, rest)
        used |= names_in(rest).loads
    if "device" in used and "device" not in names_in(rest).stores:
        head = lines(DEVICE)
        used |= {"torch"}
    if "Summaries" in writer.support:
        head += lines(f"{recorder(writer)} = Summaries()\n")
        used |= {"Summaries"}
    imports = _imports(writer, imports, used)
    rest = spaced(rest)
    if head:
        head[0] = head[0].with_changes(leading_lines=[cst.EmptyLine(indent=False)])
    if rest and (head or imports):
        rest[0] = separated(rest[0])
    made = source.with_changes(body=[*doc, *imports, *head, *rest])
    return made


def _guard_last(body: Statements) -> Statements:
    """Classes of functions that stood behind the guard, as methods do, come before it."""
    place = next((i for i, statement in enumerate(body) if is_guard(statement)), None)
    if place is None:
        return body
    late = [s for s in body[place + 1 :] if isinstance(s, cst.ClassDef)]
    if not late:
        return body
    names = {s.name.value for s in late}
    kept = [s for s in body if not any(s is moved for moved in late)]
    before = next(i for i, s in enumerate(kept) if is_guard(s) or names & names_in(s).loads)
    return [*kept[:before], *late, *kept[before:]]


def separated(statement: cst.BaseStatement) -> cst.BaseStatement:
    """The first statement behind imports and device, with a blank line before it."""
    lines_before = list(statement.leading_lines)  # type: ignore[attr-defined]
    if lines_before and lines_before[0].comment is None:
        return statement
    return statement.with_changes(leading_lines=[cst.EmptyLine(indent=False), *lines_before])


def _text(node: cst.CSTNode) -> str:
    return code_of(node)


def _divide(body: Statements) -> tuple[Statements, Statements, Statements]:
    doc: Statements = []
    imports: Statements = []
    rest: Statements = []
    for statement in body:
        small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
        if (
            not doc
            and not imports
            and not rest
            and isinstance(small, cst.Expr)
            and isinstance(small.value, (cst.SimpleString, cst.ConcatenatedString))
        ):
            doc.append(statement)
        elif isinstance(small, (cst.Import, cst.ImportFrom)):
            imports.append(statement)
        else:
            rest.append(statement)
    return doc, imports, rest


def _imports(writer: Writer, kept: Statements, used: set[str]) -> Statements:
    """Imports of the original that stay and those of the converted code, in three groups."""
    bound = {name for statement in kept for name in names_in(statement).stores}
    texts = [text for name, text in IMPORTS.items() if name in used and name not in bound]
    texts += [t for t in sorted(writer.imports) if t not in texts and not _is_bound(t, bound)]
    added = lines("".join(f"{t}\n" for t in texts))
    support = sorted(writer.support & used)
    local = lines(f"from tf1_support import {', '.join(support)}\n") if support else []
    return grouped([*kept, *added], local)


def grouped(imports: Statements, local: Statements) -> Statements:
    """Imports of the standard library, of packages, and of the program's own files."""
    standard: Statements = []
    packages: Statements = []
    for statement in imports:
        (standard if _package(statement) in _STANDARD else packages).append(_bare(statement))
    standard.sort(key=lambda s: (isinstance(s.body[0], cst.ImportFrom), _package(s)))  # type: ignore[attr-defined]
    result: Statements = []
    for group in (standard, packages, local):
        if group and result:
            group[0] = group[0].with_changes(
                leading_lines=[cst.EmptyLine(indent=False), *group[0].leading_lines]  # type: ignore[attr-defined]
            )
        result += group
    return result


def _package(statement: cst.BaseStatement) -> str:
    assert isinstance(statement, cst.SimpleStatementLine)
    text = _text(statement.body[0])
    return text.split()[1].partition(".")[0].rstrip(",")


def _bare(statement: cst.BaseStatement) -> cst.BaseStatement:
    """The statement with its comments, without blank lines."""
    kept = [line for line in statement.leading_lines if line.comment is not None]  # type: ignore[attr-defined]
    return statement.with_changes(leading_lines=kept)


def _is_bound(text: str, bound: set[str]) -> bool:
    return bool(names_in(lines(text + "\n")).stores & bound)


_STANDARD = frozenset(sys.stdlib_module_names)


def _main(writer: Writer, module: Statements, main: Statements) -> Statements:
    """The module with ``def main()`` and its call under the usual guard."""
    name = writer.plan.root.free_name("main")
    shared = sorted(_shared(module, main))
    body = (lines(f"global {', '.join(shared)}\n") if shared else []) + main
    if writer.analysis.opened is not None:  # `closing` takes it apart
        return [*module, main_function(name, body)]
    return with_main(module, body, name)


def main_function(name: str, body: Statements) -> cst.FunctionDef:
    """``def main():``"""
    before = [cst.EmptyLine(indent=False), cst.EmptyLine(indent=False)]
    return cst.FunctionDef(
        cst.Name(name), cst.Parameters(), cst.IndentedBlock(body), leading_lines=before
    )


def with_main(module: Statements, body: Statements, name: str) -> Statements:
    """Definitions with the program that runs behind them.

    Where the source has a guard of its own, its code comes after what ran when it was imported.
    """
    body = list(body)
    declared = [n for n in body if _is_global(n)]
    if len(declared) == len(body):
        return module
    place = next((i for i, node in enumerate(module) if is_guard(node)), None)
    own = module[place] if place is not None else None
    if place is not None and isinstance(own, cst.If) and isinstance(own.body, cst.IndentedBlock):
        first = [node for node in body if not _is_global(node)]
        first[0] = _bare(first[0])
        inside = own.body.with_changes(body=[*first, *own.body.body])
        return [*module[:place], own.with_changes(body=inside), *module[place + 1 :]]
    called = _only_call(module, body)
    if called is not None:
        return [*module, *lines(f'\n\nif __name__ == "__main__":\n    {called}\n')]
    guard = lines(f'\n\nif __name__ == "__main__":\n    {name}()\n')
    return [*module, main_function(name, body), *guard]


def _only_call(module: Statements, body: Statements) -> str | None:
    """``main()``, if a program does nothing but call a function of its own that is called so."""
    line = body[0] if len(body) == 1 else None
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
        return None
    if any(above.comment is not None for above in line.leading_lines):
        return None
    small = line.body[0]
    call = small.value if isinstance(small, cst.Expr) else None
    if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Name):
        return None
    named = [s for s in module if isinstance(s, cst.FunctionDef) and s.name.value == "main"]
    return _text(call) if named and call.func.value == "main" else None


def _is_global(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.SimpleStatementLine) and isinstance(node.body[0], cst.Global)


def _shared(module: Statements, main: Statements) -> set[str]:
    """Names bound in main that functions at module level read."""
    stored = names_in(main).stores
    bound = names_in(module).stores
    wanted: set[str] = set()
    for statement in module:
        if isinstance(statement, cst.FunctionDef):
            wanted |= free_names(statement)
        elif isinstance(statement, cst.ClassDef):
            wanted |= names_in(statement).loads
    return (stored - bound) & wanted


def _insert_root(writer: Writer, module: Statements, main: Statements) -> Statements:
    """Puts the root function back where it was: behind the definitions, before the guard."""
    root = writer.plan.root.function
    assert root is not None
    decorators = [d for d in root.decorators if d.decorator not in writer.analysis.symbols]
    shared = sorted(_shared(module, main) - set(parameters(root)))
    body = (lines(f"global {', '.join(shared)}\n") if shared else []) + main
    function = root.with_changes(
        body=cst.IndentedBlock(body or lines("pass\n")), decorators=decorators
    )
    for index, statement in enumerate(module):
        if is_guard(statement):
            return [*module[:index], function, *module[index:]]
    return [*module, function]


def spaced(rest: Statements) -> Statements:
    """Two blank lines around top-level definitions."""
    done: Statements = []
    before_was_definition = False
    for statement in rest:
        definition = isinstance(statement, (cst.FunctionDef, cst.ClassDef))
        if definition or before_was_definition:
            kept = list(statement.leading_lines)  # type: ignore[attr-defined]
            while kept and kept[0].comment is None:
                kept.pop(0)
            statement = statement.with_changes(
                leading_lines=[cst.EmptyLine(indent=False), cst.EmptyLine(indent=False), *kept]
            )
        done.append(statement)
        before_was_definition = definition
    return done
