"""Runs of initializers: the first is the constructor's work, later ones start anew."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import libcst as cst

from tf2torch.analyse.facts import Creation, Obj
from tf2torch.cst.walk import STATEMENTS, below, children, walk
from tf2torch.plan.sites import Site
from tf2torch.plan.units import contents
from tf2torch.rewrite import saver_parts
from tf2torch.rewrite.counting import start_text
from tf2torch.rewrite.operations import records
from tf2torch.rewrite.variables_list import only_metrics
from tf2torch.rewrite.weights import variable_keys
from tf2torch.rewrite.writer import Unconvertible, Writer, code, lines

if TYPE_CHECKING:
    from tf2torch.rewrite.host import Host

Statements = list[cst.BaseStatement]

_EVERYTHING = ("tf.global_variables_initializer", "tf.initialize_all_variables")
_CHANGING = ("tf.assign", "tf.scatter_", "tf.state_ops.assign")
_SOME = ("tf.variables_initializer", "tf.initialize_variables")


def initializers(site: Site) -> list[Obj]:
    """Initializers of global variables that a run runs."""
    found = []
    for leaf in site.tree.leaves():
        for value in contents(leaf.value):
            record = value.detail
            members = [record] if value.kind == "operation" and isinstance(record, Obj) else []
            if members and record.type == "Group":
                given = [getattr(m, "value", m) for m in record["members"] or ()]
                members = [g.detail for g in given if g.kind == "operation"]
            found += [
                made
                for made in members
                if isinstance(made, Obj)
                and made.type == "Init"
                and made["call"].symbol in (*_EVERYTHING, *_SOME)
            ]
    return found


def restarts(writer: Writer) -> frozenset[cst.CSTNode]:
    """Runs of initializers at a time when variables may have other values than at the start."""
    cached: frozenset[cst.CSTNode] | None = writer.analysis.state.cache.get("restarts")
    if cached is None:
        cached = frozenset(_find(writer))
        writer.analysis.state.cache["restarts"] = cached
    return cached


def _run_order(writer: Writer, module: cst.Module) -> list[cst.CSTNode]:
    """All nodes, those of a function where it is called first, or at the end if it never is."""
    found: list[cst.CSTNode] = []
    placed: set[cst.CSTNode] = set()
    waiting: list[cst.CSTNode] = []
    root = writer.plan.root.function

    def visit(node: cst.CSTNode) -> None:
        if type(node) in STATEMENTS and not any(
            type(item) is cst.FunctionDef or item in writer.analysis.callees
            for item in below(node, cst.Call, cst.FunctionDef)
        ):
            found.extend(walk(node))
            return
        found.append(node)
        if type(node) is cst.FunctionDef:
            if node is not root:
                waiting.append(node)
                return
            placed.add(node)
        for child in children(node):
            visit(child)
        if type(node) is not cst.Call:
            return
        function = writer.analysis.callees.get(node)
        called = function.node if function is not None else None
        if isinstance(called, cst.FunctionDef) and called not in placed:
            placed.add(called)
            visit(called.body)

    visit(module)
    while waiting:
        node = waiting.pop(0)
        if node not in placed:
            placed.add(node)
            visit(node.body)  # type: ignore[attr-defined]
    return found


def _find(writer: Writer) -> list[cst.CSTNode]:
    module = writer.analysis.source.module
    sites = [site for site, _ in writer.plan.sites.values()]
    starts = [site.run.node for site in sites if initializers(site)]
    if not starts:
        return []
    order = {node: index for index, node in enumerate(_run_order(writer, module))}
    changes = [
        order.get(site.run.node, 0)
        for site, needed in writer.plan.sites.values()
        if any(record for leaf in site.tree.leaves() for record in records(leaf.value))
        or any(_assigns(writer, node) for node in (site.run.fetches, *(u.node for u in needed)))
    ]
    changes += [
        order[node]
        for node in below(module, cst.Call)
        if isinstance(node.func, cst.Attribute)
        and node.func.attr.value in ("restore", "load")
        and writer.value(node.func.value).kind in ("object", "variable")
    ]
    repeated = _repeated(writer)
    several_sessions = bool(changes)
    changes += _reads_of_drawn_values(writer, order)
    first = min(starts, key=lambda node: order.get(node, 0))
    found: list[cst.CSTNode] = []
    for start in starts:
        place = order.get(start, 0)
        before = start is not first or any(change < place for change in changes)
        several = start in repeated and several_sessions
        if (several or (before and any(c < place for c in changes))) and not _restored(
            writer, order, place, changes
        ):
            found.append(start)
    return found


def _reads_of_drawn_values(writer: Writer, order: Mapping[cst.CSTNode, int]) -> list[int]:
    """Where runs read variables that a further initialization draws anew."""
    drawn = {c.node for c in writer.analysis.creations if c.reused is None and _is_drawn(c)}
    found = []
    for site, needed in writer.plan.sites.values():
        nodes = [site.run.node, *(unit.node for unit in needed)] if not initializers(site) else []
        if drawn and any(item in drawn for node in nodes for item in walk(node)):
            found.append(order.get(site.run.node, 0))
    return found


def _is_drawn(creation: Creation) -> bool:
    """Whether the initial values of what a call makes are random, as far as its text tells."""
    text = code(creation.node)
    if creation.symbol == "tf.Variable":
        return _RANDOM.search(text) is not None
    return "initializer" not in text or _RANDOM.search(text) is not None


_RANDOM = re.compile("random|truncated|xavier|glorot|variance|uniform|normal|orthogonal|he_")


def _assigns(writer: Writer, node: cst.CSTNode) -> bool:
    """Whether graph code gives a variable another value: ``w.assign(w * 2)``."""
    for call in below(node, cst.Call):
        if (writer.analysis.symbols.get(call.func) or "").startswith(_CHANGING):
            return True
        if isinstance(call.func, cst.Attribute) and call.func.attr.value.startswith("assign"):
            if writer.value(call.func.value).kind == "variable":
                return True
    return False


def _repeated(writer: Writer) -> set[cst.CSTNode]:
    """Nodes in loops, and in functions that are called more than once or from loops."""
    root = writer.plan.root.function
    found: set[cst.CSTNode] = set()
    loops: set[cst.CSTNode] = set()
    module = writer.analysis.source.module
    for loop in (*below(module, cst.For), *below(module, cst.While)):
        loops |= set(walk(loop.body))
    found |= loops
    for node in below(module, cst.FunctionDef):
        if node is not root:
            calls = {call for call, _ in writer.analysis.calls.get(node, ())}
            if len(calls) > 1 or calls & loops:
                found |= set(walk(node.body))
    return found


def _restored(
    writer: Writer, order: dict[cst.CSTNode, int], place: int, changes: list[int]
) -> bool:
    """Whether the next thing that happens to the variables is that all of them are restored."""
    following = min((change for change in changes if change > place), default=None)
    if following is None:
        return False
    node = next(n for n, index in order.items() if index == following)
    if not saver_parts.restores_all(writer, node):
        return False
    return not any(
        isinstance(outer, (cst.If, cst.Try)) and any(inner is node for inner in walk(outer))
        for outer in order
    )


def restart(host: Host, site: Site) -> Statements:
    """``sess.run(init)`` once more: new values for the variables, and none for the slots."""
    writer = host.writer
    if site.run.node not in restarts(writer):
        return []
    text = ""
    for record in initializers(site):
        if record["call"].symbol in _EVERYTHING:
            if host.average_names:
                message = "variables with moving averages are initialized a second time"
                raise Unconvertible("initializer", message, site.run.node)
            text += _everything(host)
        else:
            text += _some(host, record)
    return lines(text)


def _everything(host: Host) -> str:
    text = ""
    if host.writer.plan.model is not None:
        text += f"{host.writer.plan.instance}.load_state_dict({host.constructor}.state_dict())\n"
    for name in dict.fromkeys(optimizer.name for optimizer in host.optimizers.values()):
        text += f"{name}.state.clear()\n"
    return text + start_text(host.writer, host.scope, set(host.writer.plan.counters.variables))


def _some(host: Host, record: Obj) -> str:
    writer = host.writer
    given = record["call"].argument(0, "var_list")
    leaves = contents(given.value) if given is not None else []
    if not leaves or any(leaf.kind != "variable" or leaf.detail is None for leaf in leaves):
        message = "which variables are initialized is not known"
        raise Unconvertible("initializer", message, record.node)
    names = {leaf.detail.name for leaf in leaves if not only_metrics(writer, leaf)}
    known = variable_keys(writer)
    counted = writer.plan.counters.variables
    text = start_text(writer, host.scope, names & counted.keys())
    keys = {key: key for name in names - counted.keys() for key in known.get(name, [])}
    if any(name not in known for name in names - counted.keys()):
        message = "where a variable that is initialized again lives is not known"
        raise Unconvertible("initializer", message, record.node)
    if keys:
        ordered = [key for found in known.values() for key in found if key in keys]
        part = saver_parts.Part({key: key for key in ordered}, {}, {})
        name = writer.plan.root.free_name("initial")
        text += f"{name} = {host.constructor}.state_dict()\n"
        text += (
            f"{writer.plan.instance}.load_state_dict({{key: {name}[key] for key in"
            f" {saver_parts.keys_text(writer, part)}}}, strict=False)\n"
        )
    return text
