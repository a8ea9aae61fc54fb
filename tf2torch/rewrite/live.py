"""Fed tensors that are still there for the next run: whether what they were made of has changed."""

from __future__ import annotations

import libcst as cst

from tf2torch.cst.memory import remember
from tf2torch.cst.names import names_in
from tf2torch.cst.walk import walk
from tf2torch.plan.units import calls_in
from tf2torch.rewrite.host import Host
from tf2torch.rewrite.suites import Statements
from tf2torch.rewrite.writer import code, parse


def forget(host: Host, done: Statements) -> None:
    """Drops fed tensors whose source these statements may have changed."""
    if not host.live:
        return
    for statement in done:
        changed = names_in(statement)
        stores = changed.stores | changed.attribute_stores
        assigned = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
        feeds = isinstance(assigned, cst.Assign) and stores & host.live.keys()
        written = code(statement).strip() if feeds else ""
        stores |= _changed_in_place(statement)
        for name, text in list(host.live.items()):
            if written.startswith(f"{name} = torch.as_tensor({text},"):
                continue
            if name in stores or "(" in text or (stores & _names_of(text)):
                del host.live[name]


def forget_before_loop(host: Host, node: cst.For | cst.While) -> None:
    """Drops fed tensors that are others in the second round of a loop."""
    changed = names_in(node)
    stores = changed.stores | changed.attribute_stores | _changed_in_place(node)
    fed: dict[str, set[str]] = {}
    for call in calls_in(node):
        if call in host.writer.plan.sites:
            site, _ = host.writer.plan.sites[call]
            for feed in site.feeds or ():
                fed.setdefault(feed.name, set()).add(host.writer.text(feed.value))
    for name, text in list(host.live.items()):
        other = fed.get(name, set()) - {text}
        if name in stores or other or "(" in text or (stores & _names_of(text)):
            del host.live[name]


#: Methods and functions that change an array or a list.
_METHODS = frozenset(
    "append extend insert pop remove clear sort reverse fill resize put itemset partition update"
    " setdefault setfield".split()
)
_FUNCTIONS = frozenset({"shuffle", "copyto", "put", "place", "putmask", "fill_diagonal"})


def _changed_in_place(node: cst.CSTNode) -> set[str]:
    """Names of what code changes without binding them anew."""
    found: set[str] = set()
    for item in walk(node):
        if isinstance(item, (cst.AssignTarget, cst.AugAssign)):
            found |= _bases(item.target)
        elif isinstance(item, cst.Call) and isinstance(item.func, cst.Attribute):
            name = item.func.attr.value
            if name in _METHODS:
                found |= _bases(item.func.value)
            if name in _FUNCTIONS and item.args:
                found |= _bases(item.args[0].value)
        elif isinstance(item, cst.Call) and isinstance(item.func, cst.Name) and item.args:
            if item.func.value in _FUNCTIONS:
                found |= _bases(item.args[0].value)
    return found


def _bases(node: cst.CSTNode) -> set[str]:
    """``x`` of ``x[0].y``"""
    if isinstance(node, (cst.Tuple, cst.List)):
        return {name for element in node.elements for name in _bases(element.value)}
    while isinstance(node, (cst.Subscript, cst.Attribute)):
        node = node.value
    return {node.value} if isinstance(node, cst.Name) else set()


@remember
def _names_of(text: str) -> set[str]:
    return names_in(parse(text)).loads
