"""The imports of a file that is put together from several forms of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import libcst as cst

from tf2torch.cst.forms import dotted_name
from tf2torch.cst.printing import code_of
from tf2torch.rewrite.assemble import grouped
from tf2torch.rewrite.writer import lines

Statements = list[Any]
SUPPORT = "tf1_support"


def is_import(item: cst.CSTNode) -> bool:
    """Whether a statement imports."""
    return isinstance(item, cst.SimpleStatementLine) and isinstance(
        item.body[0], (cst.Import, cst.ImportFrom)
    )


def joined(
    forms: Sequence[tuple[cst.Module, str]], used: set[str], local: frozenset[str]
) -> tuple[Statements, tuple[str, ...]]:
    """The imports of all forms for what is used, and the names taken from the support file.

    Forms are given as the output and its source; `local` are first names of the folder's modules.
    """
    packages: dict[str, None] = {}
    own: dict[str, None] = {}
    support: set[str] = set()
    for index, (module, source_text) in enumerate(forms):
        for item in module.body:
            if not is_import(item):
                continue
            for small in item.body.body if isinstance(item.body, cst.BaseSuite) else item.body:
                for text, name, source in _single(small):
                    if source == SUPPORT:
                        support |= {text.partition(" import ")[2]} if name in used else set()
                    elif name in used or name == "*" or (index == 0 and text in source_text):
                        first = source.partition(".")[0]
                        (own if source.startswith(".") or first in local else packages)[text] = None
    head = lines("".join(f"{text}\n" for text in packages))
    rest = "".join(f"{text}\n" for text in own)
    rest += f"from {SUPPORT} import {', '.join(sorted(support))}\n" if support else ""
    names = tuple(sorted(name.split(" as ")[0] for name in support))
    return grouped(head, lines(rest) if rest else []), names


def _single(small: Any) -> Iterator[tuple[str, str, str]]:
    """Each import of a statement by itself: its code, the name that it binds, the module."""
    if isinstance(small, cst.Import):
        for alias in small.names:
            name = alias.asname.name if alias.asname is not None else alias.name
            bare = alias.with_changes(comma=cst.MaybeSentinel.DEFAULT)
            first = dotted_name(name).partition(".")[0]
            yield f"import {code_of(bare)}", first, dotted_name(alias.name)
    elif isinstance(small, cst.ImportFrom):
        source = "." * len(small.relative) + dotted_name(small.module)
        if isinstance(small.names, cst.ImportStar):
            yield f"from {source} import *", "*", source
            return
        for alias in small.names:
            name = alias.asname.name if alias.asname is not None else alias.name
            bare = alias.with_changes(comma=cst.MaybeSentinel.DEFAULT)
            yield f"from {source} import {code_of(bare)}", dotted_name(name), source
