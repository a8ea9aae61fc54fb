"""Fetched variables that graph code hands over: ``h, w, b = linear(x, 5, with_w=True)``."""

from __future__ import annotations

from dataclasses import replace

import libcst as cst

from tf2torch.plan.blocks import Graph
from tf2torch.plan.sites import Leaf, Site, needed_names


def is_held(graph: Graph, leaf: Leaf) -> bool:
    """Whether a fetch is a variable of which the name comes from graph code.

    The model has the variable; the code that gave it the name need not run.
    """
    if leaf.value.kind != "variable" or leaf.value.detail is None:
        return False
    if leaf.record is not None or not isinstance(leaf.node, cst.Name):
        return False
    unit = graph.definition(leaf.node.value, len(graph.units) + 1)
    return unit is not None and unit.kind == "graph"


def without_held(graph: Graph, site: Site) -> Site:
    """A run that does not need the code which such variables have their names from."""
    leaves = site.tree.leaves()
    if not any(is_held(graph, leaf) for leaf in leaves):
        return site
    rest = [needed_names(leaf) for leaf in leaves if not is_held(graph, leaf)]
    return replace(site, needed=frozenset().union(*rest))
