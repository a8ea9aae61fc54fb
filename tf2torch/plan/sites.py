"""What each `Session.run` fetches and feeds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import libcst as cst

from tf2torch.analyse import Analysis
from tf2torch.analyse.facts import Obj, Run
from tf2torch.cst.names import names_in
from tf2torch.plan.feeding import dataset_node
from tf2torch.plan.reaching import STALE, Reaching
from tf2torch.plan.units import contents
from tf2torch.rulebook.values import Value


@dataclass(frozen=True, eq=False)
class Leaf:
    """One fetched thing."""

    node: cst.BaseExpression
    value: Value

    @property
    def record(self) -> Obj | None:
        """The operation or object behind it, None for tensors."""
        detail = self.value.detail
        return (
            detail
            if self.value.kind in ("operation", "object") and isinstance(detail, Obj)
            else None
        )


@dataclass(frozen=True, eq=False)
class Tree:
    """Fetches with their structure: `items` of a list or dict, or one `leaf`."""

    leaf: Leaf | None = None
    items: tuple[tuple[cst.BaseExpression | None, Tree], ...] = ()
    kind: str = "leaf"

    def leaves(self) -> list[Leaf]:
        if self.leaf is not None:
            return [self.leaf]
        return [leaf for _, item in self.items for leaf in item.leaves()]


@dataclass(frozen=True, eq=False)
class Feed:
    """One fed tensor: the placeholder's name and the host expression."""

    name: str
    key: cst.BaseExpression
    value: cst.BaseExpression
    placeholder: Value


@dataclass(frozen=True, eq=False)
class Site:
    """A run with everything that is needed to plan it.

    Attributes:
        needed: names of graph values that the fetches need.
        feeds: fed values; None if the dictionary could not be followed.
        feed_name: name of the dictionary, when it is built elsewhere.
        dictionaries: the literals that it may be.
        source: name of a dictionary of host code whose keys are the names of the placeholders.
        kept: whether it stays a dictionary, because its placeholders are fed otherwise meanwhile.
    """

    run: Run
    tree: Tree
    needed: frozenset[str]
    feeds: tuple[Feed, ...] | None
    feed_name: str | None = None
    dictionaries: tuple[cst.BaseExpression, ...] = ()
    kept: bool = False
    source: str | None = None


def find_sites(
    analysis: Analysis,
    everywhere: Mapping[str, cst.BaseExpression],
    reaching: Reaching,
    changed: Collection[str] = (),
    grown: Collection[str] = (),
) -> list[Site]:
    """All runs.

    `everywhere` gives the list and dict literals that names stand for, `reaching` those that they
    may stand for at each run, `changed` the names of dictionaries that get more entries later,
    `grown` those of everything that is fetched and has other items than its literal.
    """
    sites = []
    for run in analysis.runs.values():
        here = reaching.values.get(run.node, {})
        last = {name: values[-1] for name, values in here.items() if values and name != STALE}
        literals = {**everywhere, **last}
        fixed = {name: value for name, value in literals.items() if name not in grown}
        tree = _tree(analysis, run.fetches, fixed)
        needed: set[str] = set()
        for leaf in tree.leaves():
            needed |= needed_names(leaf)
        feeds, name = _feeds(analysis, run.feeds, literals)
        if name in changed:
            sites.append(Site(run, tree, frozenset(needed), None))
            continue
        dictionaries = here.get(name, ()) if name is not None else ()
        if feeds is not None and len(dictionaries) > 1:
            feeds = _united(analysis, dictionaries)
        kept = name in reaching.kept and feeds is not None
        sites.append(Site(run, tree, frozenset(needed), feeds, name, dictionaries, kept))
    return sites


def _tree(
    analysis: Analysis, node: cst.BaseExpression, literals: Mapping[str, cst.BaseExpression]
) -> Tree:
    if isinstance(node, (cst.List, cst.Tuple)):
        items = tuple((None, _tree(analysis, e.value, literals)) for e in node.elements)
        return Tree(items=items, kind="list" if isinstance(node, cst.List) else "tuple")
    if isinstance(node, cst.Dict):
        entries = [e for e in node.elements if isinstance(e, cst.DictElement)]
        if len(entries) == len(node.elements):
            pairs = tuple((e.key, _tree(analysis, e.value, literals)) for e in entries)
            return Tree(items=pairs, kind="dict")
    value = analysis.values.get(node, Value("unknown"))
    if (
        isinstance(node, cst.Name)
        and value.kind in ("sequence", "mapping")
        and node.value in literals
    ):
        literal = literals[node.value]
        if isinstance(literal, (cst.List, cst.Tuple, cst.Dict)):
            return _tree(analysis, literal, literals)
    if isinstance(value.literal, str):
        value = _by_name(analysis, value.literal) or value
    return Tree(leaf=Leaf(node, value))


def _by_name(analysis: Analysis, name: str) -> Value | None:
    """The variable that TensorFlow gives a name to: ``sess.run("conv1/kernel:0")``"""
    wanted = name.removesuffix(":0").removesuffix("/read")
    for creation in analysis.creations:
        for variable in creation.variables:
            if variable.name == wanted:
                shape, dtype = variable.shape, variable.dtype
                return Value("variable", dtype=dtype, shape=shape, detail=variable)
    return None


def needed_names(leaf: Leaf) -> set[str]:
    """Graph names behind one fetch: of its expression, or of what its operation reads."""
    record = leaf.record
    if record is None:
        return names_in(leaf.node).loads
    return operation_names(record)


def operation_names(record: Obj, *, rates: bool = True) -> set[str]:
    """Graph names that running an operation needs, with or without those of learning rates."""
    found: set[str] = set()
    for field in ("loss", "pairs", "targets", "labels", "predictions", "values", "weights"):
        argument = record[field]
        if argument is not None:
            found |= names_in(argument.node).loads
    optimizer = record["optimizer"]
    if optimizer is not None and rates:
        rate = optimizer.detail["call"].argument(0, "learning_rate")
        if rate is not None and rate.value.is_tensor:
            found |= names_in(rate.node).loads
    for member in record["members"] or ():
        value = getattr(member, "value", member)
        if value.kind in ("operation", "object") and isinstance(value.detail, Obj):
            found |= operation_names(value.detail, rates=rates)
        elif hasattr(member, "node"):
            found |= names_in(member.node).loads
    for given in record["control"] or ():
        for leaf in contents(given):
            if leaf.kind == "operation" and isinstance(leaf.detail, Obj):
                found |= operation_names(leaf.detail, rates=rates)
    if record.type == "IteratorInit" and (data := dataset_node(record)) is not None:
        found |= names_in(data).loads
    if record.type == "Summary" and record["own"]:
        for argument in record["call"].node.args:
            found |= names_in(argument.value).loads
    return found


def _feeds(
    analysis: Analysis, node: cst.BaseExpression | None, literals: Mapping[str, cst.BaseExpression]
) -> tuple[tuple[Feed, ...] | None, str | None]:
    if node is None:
        return (), None
    if isinstance(node, cst.Name):
        literal = literals.get(node.value)
        if isinstance(literal, cst.Dict) or (isinstance(literal, cst.Call) and not literal.args):
            feeds = feed_items(analysis, literal)
            return feeds, node.value
        return None, node.value
    return feed_items(analysis, node), None


def _united(
    analysis: Analysis, dictionaries: tuple[cst.BaseExpression, ...]
) -> tuple[Feed, ...] | None:
    """What any of several dictionaries feeds."""
    found: dict[str, Feed] = {}
    for node in dictionaries:
        items = feed_items(analysis, node)
        if items is None:
            return None
        found |= {feed.name: feed for feed in items}
    return tuple(found.values())


def feed_items(analysis: Analysis, node: cst.BaseExpression) -> tuple[Feed, ...] | None:
    if not isinstance(node, cst.Dict):
        return None
    feeds = []
    for element in node.elements:
        if not isinstance(element, cst.DictElement) or not isinstance(element.key, cst.Name):
            return None
        value: Any = analysis.values.get(element.key, Value("unknown"))
        feeds.append(Feed(element.key.value, element.key, element.value, value))
    return tuple(feeds)
