"""Streaming metrics: objects of the support file that are updated in runs, read and reset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import libcst as cst

from tf2torch.analyse.facts import Obj
from tf2torch.cst.names import names_in
from tf2torch.cst.walk import children
from tf2torch.diagnostics import Outcome
from tf2torch.plan.sites import Leaf, Site
from tf2torch.plan.units import Unit, calls_in, contents
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, lines, parse
from tf2torch.rulebook.values import Value

if TYPE_CHECKING:
    from tf2torch.rewrite.host import Host

Statements = list[cst.BaseStatement]

#: Class of each metric, the attribute that is its result, and arguments of its constructor.
_CLASSES: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "accuracy": ("StreamingAccuracy", "result()", ()),
    "mean": ("StreamingMean", "result()", ()),
    "mean_squared_error": ("StreamingMeanSquaredError", "result()", ()),
    "root_mean_squared_error": ("StreamingMeanSquaredError", "result()", ()),
    "mean_absolute_error": ("StreamingMean", "result()", ()),
    "precision": ("StreamingCounts", "precision", ()),
    "recall": ("StreamingCounts", "recall", ()),
    "true_positives": ("StreamingCounts", "true_positives", ()),
    "false_positives": ("StreamingCounts", "false_positives", ()),
    "true_negatives": ("StreamingCounts", "true_negatives", ()),
    "false_negatives": ("StreamingCounts", "false_negatives", ()),
    "auc": ("StreamingAUC", "result()", ("num_thresholds", "curve")),
    "mean_iou": ("StreamingMeanIoU", "result()", ("num_classes",)),
}


def metrics_in(writer: Writer, node: cst.CSTNode) -> list[Obj]:
    """The metrics that a statement makes."""
    calls = set(calls_in(node))
    return [m for m in writer.analysis.state.metrics.values() if m.node in calls]


def name_of(writer: Writer, metric: Obj) -> str:
    """The name that the metric has in the output."""
    names: dict[int, str] = writer.analysis.state.cache.setdefault("metric_names", {})
    known = names.get(id(metric))
    if known is not None:
        return known
    units = writer.plan.graph.units
    unit = next((u for u in units if metric in metrics_in(writer, u.node)), None)
    if unit is None:
        raise Unconvertible("metrics", "a metric that a function makes", metric.node)
    base = str(metric["kind"])
    if len(metrics_in(writer, unit.node)) == 1 and unit.targets:
        targets = [unit.targets[0]]
        if isinstance(unit.targets[0], (cst.Tuple, cst.List)):
            targets = [element.value for element in unit.targets[0].elements]
        found = [t.value for t in targets if isinstance(t, cst.Name) and t.value.strip("_")]
        base = found[0] if found else base
    stores = [u for u in units if base in names_in(u.node).stores and u is not unit]
    stored = bool(stores)
    name, number = (f"{base}_metric" if stored else base), 2
    start = name
    while name in names.values():
        name, number = f"{start}_{number}", number + 1
    names[id(metric)] = name
    return name


def make(host: Host, unit: Unit) -> Statements | None:
    """``acc, acc_op = tf.metrics.accuracy(y, p)`` -> ``acc = StreamingAccuracy()``"""
    writer = host.writer
    made = metrics_in(writer, unit.node)
    if not made:
        return None
    text = ""
    for metric in made:
        kind = metric["kind"]
        short, _, wanted = _CLASSES[kind]
        writer.support.add(short)
        arguments = [
            f"{key}={code(convert(writer, metric['arguments'][key].node, host.scope))}"
            for key in wanted
            if key in metric["arguments"]
        ]
        if kind == "root_mean_squared_error":
            arguments.append("root=True")
        if kind == "mean_iou":
            arguments = [arguments[0].partition("=")[2]]
        text += f"{name_of(writer, metric)} = {short}({', '.join(arguments)})\n"
        assert isinstance(metric.node, cst.Call)
        writer.converted(metric.node.func, "metrics")
    writer.settle(unit.node, Outcome.ABSORBED, "metrics")
    return lines(text)


def metric_of(writer: Writer, value: Value) -> Obj | None:
    """The metric whose result a value is."""
    if value.kind != "tensor" or not isinstance(value.detail, int):
        return None
    found: Obj | None = writer.analysis.state.metrics.get(value.detail)
    return found


def result_text(writer: Writer, metric: Obj) -> str:
    return f"{name_of(writer, metric)}.{_CLASSES[metric['kind']][1]}"


def read(writer: Writer, node: cst.BaseExpression) -> cst.BaseExpression | None:
    """A result inside of another computation."""
    metric = metric_of(writer, writer.value(node))
    return None if metric is None else parse(f"torch.tensor({result_text(writer, metric)})")


#: Names of a metric's local variables below its scope.
_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "precision": ("true_positives/count", "false_positives/count"),
    "recall": ("true_positives/count", "false_negatives/count"),
    "auc": ("true_positives", "false_negatives", "true_negatives", "false_positives"),
    "mean_iou": ("total_confusion_matrix",),
    **{
        f"{truth}_{answer}": ("count",)
        for truth in ("true", "false")
        for answer in ("positives", "negatives")
    },
}


def local_variables(writer: Writer) -> dict[str, None]:
    """TensorFlow's variables behind the metrics, which have no counterpart in the weight map."""
    return {
        f"{metric['scope']}/{name}": None
        for metric in writer.analysis.state.metrics.values()
        for name in _VARIABLES.get(metric["kind"], ("total", "count"))
    }


# -- runs ----------------------------------------------------------------------------------------


def updates(host: Host, leaves: Sequence[Leaf], scope: Scope) -> tuple[Statements, dict[int, str]]:
    """The updates that a run makes, and what its fetches of metrics give."""
    writer = host.writer
    text = ""
    results: dict[int, str] = {}
    done: set[int] = set()
    changing = [r for leaf in leaves for r in _updates_of(leaf.value)]
    changed = {id(record["metric"]) for record in changing}
    for leaf in leaves:
        metric = metric_of(writer, leaf.value)
        if metric is None:
            continue
        results[id(leaf)] = result_text(writer, metric)
        if id(metric) in changed:
            name = f"{name_of(writer, metric)}_before"
            text += f"{name} = {results[id(leaf)]}\n"
            results[id(leaf)] = name
            writer.note(
                leaf.node, "metrics", "TensorFlow may read the result before or after the update"
            )
    for record in changing:
        if id(record["metric"]) not in done:
            done.add(id(record["metric"]))
            text += _update(host, record["metric"], scope)
    for leaf in leaves:
        if leaf.record is not None and leaf.record.type == "MetricUpdate":
            metric = leaf.record["metric"]
            held = f"{name_of(writer, metric)}.confusion.numpy().copy()"
            iou = metric["kind"] == "mean_iou"
            results[id(leaf)] = held if iou else result_text(writer, metric)
    return lines(text), results


def only_updates(record: Obj) -> bool:
    """Whether a group of operations does nothing but update metrics."""
    members = [getattr(member, "value", member) for member in record["members"] or ()]
    leaves = [leaf for member in members for leaf in contents(member)]
    return (
        bool(leaves)
        and record.type == "Group"
        and all(
            leaf.kind == "operation"
            and leaf.detail is not None
            and leaf.detail.type in ("MetricUpdate", "Init", "NoOp")
            for leaf in leaves
        )
    )


def _updates_of(value: Value) -> Iterator[Obj]:
    for leaf in contents(value):
        record = leaf.detail
        if leaf.kind != "operation" or not isinstance(record, Obj):
            continue
        if record.type == "MetricUpdate":
            yield record
        for member in record["members"] or ():
            yield from _updates_of(getattr(member, "value", member))


def _update(host: Host, metric: Obj, scope: Scope) -> str:
    writer = host.writer
    given = metric["arguments"]
    texts = {
        key: code(convert(writer, given[key].node, scope))
        for key in ("labels", "predictions", "values", "weights")
        if key in given
    }
    if metric["kind"] == "mean_absolute_error":
        texts = {
            "values": f"({texts['predictions']} - {texts['labels']}).abs()",
            **{key: text for key, text in texts.items() if key == "weights"},
        }
    return f"{name_of(writer, metric)}.update({', '.join(texts.values())})\n"


def resets(host: Host, site: Site, leaves: Sequence[Leaf]) -> Statements:
    """``sess.run(tf.local_variables_initializer())`` -> ``acc.reset()``, once there is a value."""
    writer = host.writer
    metrics = list({id(m): m for m in writer.analysis.state.metrics.values()}.values())
    if not metrics:
        return []
    wanted = [m for leaf in leaves for m in _initialised(leaf.value, metrics)]
    if not wanted or _is_first(writer, site):
        return []
    return lines("".join(f"{name_of(writer, metric)}.reset()\n" for metric in wanted))


def _initialised(value: Value, metrics: Sequence[Obj]) -> Iterator[Obj]:
    for leaf in contents(value):
        record = leaf.detail
        if leaf.kind != "operation" or not isinstance(record, Obj):
            continue
        for member in record["members"] or ():
            yield from _initialised(getattr(member, "value", member), metrics)
        if record.type != "Init":
            continue
        call = record["call"]
        short = call.symbol.rpartition(".")[2]
        if "local" in short:
            yield from metrics
        elif short in ("variables_initializer", "initialize_variables"):
            given = call.value(0, "var_list")
            names = {
                item.detail.name
                for item in (contents(given) if given is not None else ())
                if item.kind == "variable" and item.detail is not None
            }
            yield from (m for m in metrics if f"{m['scope']}/total" in names)


def _is_first(writer: Writer, site: Site) -> bool:
    """Whether the metrics are still new at a run that initialises them."""
    if _repeats(writer.analysis.source.module, site.run.node):
        return False
    for other, _ in writer.plan.sites.values():
        if other.run is site.run:
            return True
        metrics = list(writer.analysis.state.metrics.values())
        for leaf in other.tree.leaves():
            if any(True for _ in _updates_of(leaf.value)):
                return False
            if any(True for _ in _initialised(leaf.value, metrics)):
                return False
    return True


def _repeats(tree: cst.CSTNode, wanted: cst.CSTNode, inside: bool = False) -> bool:
    """Whether a node stands in a loop or a function."""
    if tree is wanted:
        return inside
    inner = inside or isinstance(tree, (cst.For, cst.While, cst.Lambda))
    return any(_repeats(child, wanted, inner) for child in children(tree))
