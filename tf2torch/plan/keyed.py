"""Feed dictionaries that functions return or that are built in steps: their keys become names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import libcst as cst

from tf2torch.analyse import Analysis
from tf2torch.cst.names import names_in, parameters
from tf2torch.cst.walk import below
from tf2torch.plan.graph import Graph
from tf2torch.plan.sites import Feed, Site
from tf2torch.plan.units import Unit, calls_in
from tf2torch.rulebook.values import Value


def tensor_names(analysis: Analysis, units: Iterable[Unit]) -> dict[Any, str]:
    """Root names of tensors by identity: what stands for them as a key."""
    found: dict[Any, str] = {}
    for unit in units:
        if unit.kind not in ("placeholder", "graph", "number"):
            continue
        for target in unit.targets:
            value = analysis.values.get(target)
            if isinstance(target, cst.Name) and value is not None and value.is_tensor:
                if value.detail is not None:
                    found.setdefault(value.detail, target.value)
    return found


def changed_dictionaries(analysis: Analysis) -> frozenset[str]:
    """Names of feed dictionaries that get entries after they were made, or that are arguments."""
    fed = {run.feeds.value for run in analysis.runs.values() if isinstance(run.feeds, cst.Name)}
    found: set[str] = set()
    kinds = (cst.AssignTarget, cst.AugAssign, cst.Del, cst.FunctionDef, cst.Call)
    for node in below(analysis.source.module, *kinds) if fed else ():
        target: cst.CSTNode | None = None
        if isinstance(node, (cst.AssignTarget, cst.AugAssign, cst.Del)):
            target = node.target
            target = target.value if isinstance(target, cst.Subscript) else None
        elif isinstance(node, cst.FunctionDef):
            runs = [call for call in calls_in(node.body) if call in analysis.runs]
            feeds = (analysis.runs[call].feeds for call in runs)
            read = {feed.value for feed in feeds if isinstance(feed, cst.Name)}
            found |= read & set(parameters(node)) - names_in(node.body).stores
        elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
            if node.func.attr.value in ("update", "pop", "setdefault"):
                target = node.func.value
        if isinstance(target, cst.Name) and target.value in fed:
            found.add(target.value)
    return frozenset(found)


def keyed_site(
    analysis: Analysis, graph: Graph, site: Site, names: Mapping[Any, str], source: str
) -> tuple[Site, list[Unit]] | None:
    """A run whose feed dictionary is an expression of its own, and the units that it needs.

    Its values are taken out of the dictionary by the names of the placeholders; None where some
    placeholder has no name.
    """
    expression = site.run.feeds
    if expression is None:
        return None
    if isinstance(expression, cst.Name):
        source = expression.value
    fed, complete = _fed(site.run.feed_value, names)
    if fed is None:
        return None
    limit = len(graph.units) + 1
    needed = graph.closure(set(site.needed), fed if complete else set(), limit)
    placeholders = {
        unit.targets[0].value: unit
        for unit in (*needed, *(u for u in graph.units if u.kind == "placeholder"))
        if unit.kind == "placeholder" and isinstance(unit.targets[0], cst.Name)
    }
    wanted = {unit.targets[0].value for unit in needed if unit.kind == "placeholder"}  # type: ignore[attr-defined]
    names_read = names_in([u.node for u in needed]).loads | set(site.needed)
    chosen = [
        name
        for name in dict.fromkeys([*sorted(fed, key=_order(graph)), *sorted(wanted)])
        if (name in fed or not complete) and (name in wanted or name in names_read)
    ]
    feeds = []
    for name in chosen:
        unit = placeholders.get(name) or graph.definition(name, limit)
        value = analysis.values.get(unit.value) if unit is not None and unit.value else None
        if value is None:
            return None
        text = f'{source}["{name}"]'
        if not complete and (default := _default(analysis, unit)):
            text = f'{source}.get("{name}", {default})'
        feeds.append(Feed(name, cst.Name(name), cst.parse_expression(text), value))
    made = replace(site, feeds=tuple(feeds), feed_name=None, source=source)
    return made, needed


def _order(graph: Graph) -> Any:
    order = {name: unit.index for unit in reversed(graph.units) for name in unit.names.stores}
    return lambda name: order.get(name, 0)


def _fed(value: Value | None, names: Mapping[Any, str]) -> tuple[set[str] | None, bool]:
    """Names that a dictionary feeds, and whether these are all; None for keys without a name."""
    if value is None or value.kind != "mapping":
        return set(), False
    found: set[str] = set()
    for key, _ in value.detail:
        known = isinstance(key, tuple) and len(key) == 2 and key[0] == "id"
        if known and key[1] not in names:
            return None, False
        if not known:
            return set(), False
        found.add(names[key[1]])
    return found, True


def _default(analysis: Analysis, unit: Unit | None) -> str | None:
    """Text of the default of a placeholder that need not be fed, where it is a constant."""
    call = unit.value if unit is not None else None
    if not isinstance(call, cst.Call) or not call.args:
        return None
    if analysis.symbols.get(call.func) != "tf.placeholder_with_default":
        return None
    literal = analysis.values[call.args[0].value].literal
    return repr(literal) if isinstance(literal, (bool, int, float)) else None


def with_first_names(site: Site, names: Mapping[Any, str]) -> Site:
    """A run whose placeholders are fed under the names that the graph has them by."""
    if not site.feeds or site.feed_name is not None:
        return site
    feeds = tuple(
        replace(feed, name=names.get(feed.placeholder.detail, feed.name)) for feed in site.feeds
    )
    return replace(site, feeds=feeds)
