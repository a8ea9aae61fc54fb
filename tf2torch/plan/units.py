"""Cuts a program scope into units: single statements, classified by what they do to the graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import libcst as cst

from tf2torch.analyse import Analysis
from tf2torch.cst.keep import keep_reason
from tf2torch.cst.memory import remember
from tf2torch.cst.names import Names, names_in
from tf2torch.cst.walk import below, children
from tf2torch.plan import feeding
from tf2torch.rulebook.values import Value

#: Objects whose `with` block only names or places graph code, so that it dissolves.
SCOPES = frozenset(
    "NameScope VariableScopeManager VariableScope device control_dependencies as_default scope"
    " Session arg_scope variable_scope".split()
)


@dataclass(frozen=True, eq=False)
class Unit:
    """One statement of a scope.

    Attributes:
        kind: `import`, `define`, `host`, `graph` (computes tensors), `param` (makes variables),
            `alias` (names existing variables), `placeholder`, `object` (optimizers, savers, ops),
            `data` (describes input data), `source` (draws from it in every run).
        managers: `with` items that were dissolved around it, outermost first.
        dependencies: whether it stood under control_dependencies.
        metric: whether it makes streaming metrics, whose inputs only their updates need.
    """

    index: int
    node: cst.BaseStatement
    kind: str
    names: Names
    managers: tuple[cst.WithItem, ...] = ()
    scope: cst.CSTNode | None = field(default=None)
    metric: bool = False

    @cached_property
    def defines(self) -> set[str]:
        """Names that this unit binds or whose content it changes."""
        changed = self.names.stores | self.names.attribute_stores
        value = self.value
        if isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute):
            base: cst.CSTNode = value.func.value
            while isinstance(base, (cst.Attribute, cst.Subscript)):
                base = base.value
            if isinstance(base, cst.Name) and isinstance(self.small, cst.Expr):
                changed = changed | {base.value}
        return changed

    @cached_property
    def small(self) -> cst.BaseSmallStatement | None:
        """The simple statement, None for a compound one."""
        if isinstance(self.node, cst.SimpleStatementLine):
            return self.node.body[0]
        return None

    @cached_property
    def targets(self) -> tuple[cst.BaseExpression, ...]:
        small = self.small
        if isinstance(small, cst.Assign):
            return tuple(target.target for target in small.targets)
        return ()

    @cached_property
    def value(self) -> cst.BaseExpression | None:
        small = self.small
        if isinstance(small, (cst.Assign, cst.Expr, cst.AnnAssign)):
            return small.value
        return None


def units_of(
    analysis: Analysis, body: Sequence[cst.CSTNode], scope: cst.CSTNode | None, start: int = 0
) -> list[Unit]:
    """Units of a block in order, scopes dissolved and lines with several statements split."""
    units: list[Unit] = []
    for node, managers in _flatten(analysis, body, ()):
        kind = classify(analysis, node)
        metric = kind == "object" and makes_metric(analysis, node)
        names = names_in(node)
        units.append(Unit(start + len(units), node, kind, names, managers, scope, metric))
    return units


def _flatten(
    analysis: Analysis, body: Sequence[cst.CSTNode], managers: tuple[cst.WithItem, ...]
) -> Iterator[tuple[cst.BaseStatement, tuple[cst.WithItem, ...]]]:
    for node in body:
        if isinstance(node, cst.BaseStatement) and keep_reason(node) is not None:
            yield node, managers
        elif isinstance(node, cst.SimpleStatementLine) and len(node.body) > 1:
            for index, small in enumerate(node.body):
                line = cst.SimpleStatementLine(
                    [small.with_changes(semicolon=cst.MaybeSentinel.DEFAULT)],
                    leading_lines=node.leading_lines if index == 0 else (),
                )
                yield line, managers
        elif isinstance(node, cst.With) and dissolves(analysis, node):
            inner = list(_flatten(analysis, node.body.body, (*managers, *node.items)))
            for index, (statement, around) in enumerate(inner):
                if index == 0:
                    statement = prepend_comments(node, statement)
                yield statement, around
        elif isinstance(node, cst.BaseStatement):
            yield node, managers


def prepend_comments(outer: cst.With, statement: cst.BaseStatement) -> cst.BaseStatement:
    """The first statement of a dissolved block takes over the block's comments."""
    header = [*outer.leading_lines]
    if isinstance(outer.body, cst.IndentedBlock) and outer.body.header.comment is not None:
        header.append(cst.EmptyLine(comment=outer.body.header.comment))
    lines = [*header, *statement.leading_lines]  # type: ignore[attr-defined]
    # `with_changes` copies only the statement node: the expressions in it, which carry the facts
    # of analysis, stay the same objects.
    return statement.with_changes(leading_lines=lines)


def dissolves(analysis: Analysis, node: cst.With) -> bool:
    """Whether every item of a `with` is a TensorFlow scope or session."""
    for item in node.items:
        value = analysis.values.get(item.item)
        if value is None or value.kind != "object" or value.detail.type not in SCOPES:
            return False
    return True


def classify(analysis: Analysis, node: cst.BaseStatement) -> str:
    """Kind of a unit, by the values that its expressions have."""
    if keep_reason(node) is not None:
        return "host"
    if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
        return "define"
    if not isinstance(node, cst.SimpleStatementLine):
        return _classify_compound(analysis, node)
    small = node.body[0]
    if isinstance(small, (cst.Import, cst.ImportFrom)):
        return "import"
    if contains_run(analysis, node) or runs_inside(analysis, node):
        return "host"
    if isinstance(small, (cst.Assign, cst.AnnAssign, cst.AugAssign)):
        if small.value is None:
            return "host"
        target = small.targets[0].target if isinstance(small, cst.Assign) else small.target
        if isinstance(target, cst.Attribute):
            owner = analysis.values.get(target.value)
            if owner is not None and owner.kind in ("object", "operation"):
                return "object"
        if feeding.draws(analysis, calls_in(small.value)) and not creates(analysis, small.value):
            return "source"
        if small.value in analysis.callees and small.value in summary_calls(analysis):
            held = analysis.values.get(small.value)
            if held is not None and held.kind in ("object", "python"):
                return "graph"
        value = analysis.values.get(small.value)
        if isinstance(small, cst.AugAssign):
            # Lists of two lengths have no value in common, nor has a sum with the number it starts
            # from; but what is added is of their kind.
            recorded = analysis.values.get(target)
            if recorded is not None and recorded.kind not in ("python", "unknown"):
                value = recorded
        return _classify_value(analysis, value, small.value)
    if isinstance(small, cst.Expr):
        return _classify_expression(analysis, small.value)
    if isinstance(small, cst.Return) and small.value is not None:
        value = analysis.values.get(small.value)
        if creates(analysis, small) or (value and any(v.is_tensor for v in contents(value))):
            return "graph"
    return "host"


def _classify_value(analysis: Analysis, value: Value | None, node: cst.BaseExpression) -> str:
    if value is None:
        return "host"
    content = contents(value)
    kinds = {item.kind for item in content}
    if feeding.describes_data(content):
        return "data"
    if analysis.state.metrics and makes_metric(analysis, node):
        return "object"
    if isinstance(node, cst.Call) and value.kind == "placeholder":
        return "placeholder"
    if kinds & {"tensor", "placeholder"} or any(map(_is_distribution, content)):
        return "graph"
    if "variable" in kinds:
        return "param" if creates(analysis, node) else "alias"
    if "operation" in kinds:
        return "object"
    if value.kind == "object" and value.detail.type in ("TensorShape", "Dimension"):
        return "host"
    if "object" in kinds or value.kind == "symbol":
        return "object"
    if value.kind == "many" and contents(value.detail):
        return _classify_value(analysis, value.detail, node)
    return "host"


def _is_distribution(value: Value) -> bool:
    return value.kind == "object" and value.detail.type == "Distribution"


def makes_metric(analysis: Analysis, node: cst.CSTNode) -> bool:
    """Whether a statement makes a streaming metric."""
    made = {metric.node for metric in analysis.state.metrics.values()}
    return bool(made) and any(call in made for call in calls_in(node))


def _classify_expression(analysis: Analysis, node: cst.BaseExpression) -> str:
    value = analysis.values.get(node)
    if node in analysis.callees and node in summary_calls(analysis):
        return "graph"
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        owner = analysis.values.get(node.func.value)
        if node.func.attr.value in ("append", "extend", "insert", "update") and node.args:
            added = analysis.values.get(node.args[-1].value)
            if added is not None and any(item.is_tensor for item in contents(added)):
                return "graph"
        if owner is not None and owner.kind in ("object", "operation"):
            types = ("Saver", "FileWriter", "Session", "Coordinator")
            return "host" if owner.detail.type in types else "object"
    symbol = analysis.symbols.get(node.func) if isinstance(node, cst.Call) else None
    if symbol is not None:
        if value is not None and (value.is_tensor or value.kind in ("object", "operation")):
            return "object"
        if "DEFINE_" in symbol or "add_to_collection" in symbol:
            return "object"
        return "host"
    if value is not None and creates(analysis, node):
        return "graph"
    return "host"


def runs_inside(analysis: Analysis, node: cst.CSTNode) -> bool:
    """Whether code calls a program function that runs a session."""
    for call in calls_in(node):
        function = analysis.callees.get(call)
        if function is None or not isinstance(function.node, cst.FunctionDef):
            continue
        key = function.node
        runners: dict[cst.CSTNode, bool] = analysis.state.cache.setdefault("runners", {})
        if key not in runners:
            runners[key] = False  # a recursive call adds nothing
            body = key.body
            runners[key] = contains_run(analysis, body) or runs_inside(analysis, body)
        if runners[key]:
            return True
    return False


def _classify_compound(analysis: Analysis, node: cst.BaseStatement) -> str:
    if contains_run(analysis, node) or runs_inside(analysis, node):
        return "host"
    kinds = {classify(analysis, child) for child in _nested(node)}
    recorded = any(call in summary_calls(analysis) for call in calls_in(node))
    if kinds & {"graph", "param", "source"} or recorded:
        return "graph"
    if "data" in kinds and kinds <= {"data", "host"}:
        return "data"
    if kinds and kinds <= {"object", "alias", "placeholder", "host"} and kinds - {"host"}:
        return "object" if "host" not in kinds else "host"
    return "host"


def _nested(node: cst.CSTNode) -> Iterator[cst.BaseStatement]:
    for child in children(node):
        if isinstance(child, cst.BaseStatement):
            yield child
        elif isinstance(child, (cst.BaseSuite, cst.Else, cst.Finally, cst.ExceptHandler)):
            yield from _nested(child)


def contents(value: Value) -> list[Value]:
    """The value, or the leaves of the lists and dicts it is made of."""
    if value.kind == "sequence":
        return [leaf for item in value.detail for leaf in contents(item)]
    if value.kind == "mapping":
        return [leaf for _, item in value.detail for leaf in contents(item)]
    if value.kind == "many":
        return contents(value.detail)
    return [value]


def creates(analysis: Analysis, node: cst.CSTNode) -> bool:
    """Whether evaluating `node` makes variables, itself or in the functions it calls."""
    makers = creation_nodes(analysis)
    return any(call in makers for call in calls_in(node))


def creation_nodes(analysis: Analysis) -> set[cst.CSTNode]:
    """Calls that make variables, and calls of program functions on the way to them."""
    cached: set[cst.CSTNode] | None = analysis.state.cache.get("creation_nodes")
    if cached is None:
        cached = set()
        for creation in analysis.creations:
            cached.add(creation.node)
            cached.update(step for step in creation.path if isinstance(step, cst.Call))
        analysis.state.cache["creation_nodes"] = cached
    return cached


def summary_calls(analysis: Analysis) -> set[cst.CSTNode]:
    """Calls that make summaries, and calls of program functions on the way to them."""
    cached: set[cst.CSTNode] | None = analysis.state.cache.get("summary_calls")
    if cached is None:
        cached = set()
        for value in analysis.state.summaries:
            use = value.detail["use"]
            cached.add(use.node)
            cached.update(step for step in use.path if isinstance(step, cst.Call))
        analysis.state.cache["summary_calls"] = cached
    return cached


def contains_run(analysis: Analysis, node: cst.CSTNode) -> bool:
    return any(call in analysis.runs for call in calls_in(node))


@remember
def calls_in(node: cst.CSTNode) -> tuple[cst.Call, ...]:
    """Calls below a node in source order, not those inside function definitions."""
    found = below(node, cst.Call, cst.FunctionDef)
    if all(type(item) is cst.Call for item in found):
        return tuple(found)  # type: ignore[arg-type]
    if isinstance(node, cst.FunctionDef):
        return ()
    inside = tuple(call for child in children(node) for call in calls_in(child))
    return (node, *inside) if isinstance(node, cst.Call) else inside
