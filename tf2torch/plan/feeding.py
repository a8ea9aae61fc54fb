"""Which statements describe input data, and which draw from it in every run."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst

from tf2torch.analyse import Analysis
from tf2torch.analyse.facts import Obj
from tf2torch.rulebook.values import Value

#: Objects that describe input data.
DATA = frozenset({"Dataset", "Iterator", "Reader", "Transformation"})


def describes_data(values: Iterable[Value]) -> bool:
    """Whether values are data sets, iterators or queues."""
    return any(v.kind == "object" and v.detail.type in DATA for v in values)


def drawing_functions(analysis: Analysis) -> set[cst.CSTNode]:
    """Functions of the program that draw elements, themselves or through others."""
    return {
        analysis.callees[step].node
        for _, path in analysis.state.draws
        for step in path
        if isinstance(step, cst.Call) and step in analysis.callees
    }


def draws(analysis: Analysis, calls: Iterable[cst.Call]) -> bool:
    """Whether one of the calls draws elements."""
    nodes = analysis.state.draw_nodes
    return bool(nodes) and any(call in nodes for call in calls)


def dataset_node(record: Obj) -> cst.BaseExpression | None:
    """The data set that running an iterator's initializer starts."""
    found: cst.BaseExpression | None
    given = record["dataset"]
    if given is not None:
        found = given.node
        return found
    iterator = record["iterator"]
    if iterator is None or iterator.detail["call"] is None:
        return None
    call = iterator.detail["call"]
    func = call.node.func
    if call.receiver is not None and isinstance(func, cst.Attribute):
        return func.value
    first = call.argument(0, "dataset")
    found = None if first is None else first.node
    return found
