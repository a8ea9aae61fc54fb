"""Lists of variables: ``tf.trainable_variables()`` and selections from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import libcst as cst

from tf2torch.analyse.facts import Obj
from tf2torch.analyse.templates import HOLE, is_open
from tf2torch.cst.walk import walk
from tf2torch.diagnostics import Outcome
from tf2torch.plan.units import Unit, calls_in, contents
from tf2torch.rewrite import training
from tf2torch.rewrite.forms import has_frozen_biases
from tf2torch.rewrite.operands import Typed
from tf2torch.rewrite.statements import write_statement
from tf2torch.rewrite.suites import Statements, todo, with_leading
from tf2torch.rewrite.weights import variable_keys
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, lines, parse
from tf2torch.rulebook.values import Value

if TYPE_CHECKING:
    from tf2torch.rewrite.host import Host

#: Calls that list variables of the graph.
LISTS = frozenset(
    "tf.trainable_variables tf.global_variables tf.all_variables tf.get_collection"
    " tf.get_collection_ref tf.contrib.framework.get_variables"
    " tf.contrib.slim.get_variables".split()
)


def alias(host: Host, unit: Unit) -> Statements:
    """``theta = [W1, W2]`` -> ``theta = [model.W1, model.W2]``; selections become parameters."""
    writer, small = host.writer, unit.small
    assert isinstance(small, (cst.Assign, cst.AnnAssign, cst.AugAssign)) and small.value
    value = writer.value(small.value)
    if not _is_read(writer, unit) or only_metrics(writer, value):
        writer.settle(unit.node, Outcome.ABSORBED, "variable-list")
        return []
    calls = {writer.analysis.symbols.get(call.func) for call in calls_in(small.value)}
    derived = calls & LISTS or isinstance(small.value, (cst.ListComp, cst.GeneratorExp))
    if derived and all(leaf.kind == "variable" and leaf.detail for leaf in contents(value)):
        target = small.targets[0].target if isinstance(small, cst.Assign) else small.target
        if isinstance(target, cst.Name) and value.kind == "sequence":
            try:
                ordered = _in_pairs(writer, target.value)
                text = list_text(writer, value, unit.node, writer.plan.instance, ordered)
            except Unconvertible as problem:
                writer.todo(unit.node, problem)
                return todo(writer, unit.node, problem)
            writer.settle(unit.node, Outcome.CONVERTED, "variable-list")
            sign = "+=" if isinstance(small, cst.AugAssign) else "="
            return with_leading(lines(f"{target.value} {sign} {text}\n"), unit.node)
    return write_statement(writer, unit.node, host.scope, None)


def _in_pairs(writer: Writer, name: str) -> bool:
    """Whether a program pairs what a list has with something, so that the order counts."""
    for node in walk(writer.analysis.source.module):
        if isinstance(node, cst.Subscript) and isinstance(node.value, cst.Name):
            if node.value.value == name:
                return True
        elif isinstance(node, cst.Call) and isinstance(node.func, cst.Name):
            given = [arg.value for arg in node.args]
            if node.func.value in ("zip", "enumerate") and any(
                isinstance(item, cst.Name) and item.value == name for item in given
            ):
                return True
    return False


def as_registered(keys: Sequence[str]) -> list[str]:
    """Keys in the order of ``parameters()``: a module's own stand before those of its parts."""
    own = [key for key in keys if "." not in key]
    parts: dict[str, list[str]] = {}
    for key in keys:
        head, dot, rest = key.partition(".")
        if dot:
            parts.setdefault(head, []).append(rest)
    below = [f"{head}.{rest}" for head, rests in parts.items() for rest in as_registered(rests)]
    return [*own, *below]


def only_metrics(writer: Writer, value: Value) -> bool:
    """Whether all that a list has are the counts of streaming metrics."""
    names = {f"{metric['scope']}/total" for metric in writer.analysis.state.metrics.values()}
    items = contents(value) if names else []
    return bool(items) and all(i.kind == "variable" and i.detail.name in names for i in items)


def _is_read(writer: Writer, unit: Unit) -> bool:
    """Whether anything that is written reads this list of variables."""
    others = [*writer.plan.graph.units, *writer.plan.root.nested]
    waiting, seen = set(unit.names.stores), set(unit.names.stores)
    while waiting:
        name = waiting.pop()
        for other in others:
            if name not in other.names.loads or other.node is unit.node or _is_derived(other):
                continue
            if other.kind != "alias":
                if _is_saver(writer, other):
                    continue
                return True
            waiting |= other.names.stores - seen
            seen |= other.names.stores
    return False


def _is_saver(writer: Writer, unit: Unit) -> bool:
    """Whether a statement makes a saver, which is written with keys of its own."""
    record = writer.value(unit.value).detail if unit.value is not None else None
    return unit.kind == "object" and isinstance(record, Obj) and record.type == "Saver"


def _is_derived(unit: Unit) -> bool:
    value = getattr(unit.small, "value", None)
    return unit.kind == "alias" and isinstance(value, (cst.ListComp, cst.GeneratorExp))


def list_text(
    writer: Writer, value: Value, node: cst.CSTNode, model: str, ordered: bool = False
) -> str:
    """Python text for a list of variables, by module where they are all of one.

    An `ordered` list has them in TensorFlow's order, others may have torch's.
    """
    from tf2torch.rewrite.instance_lists import list_of_instances

    of_instances = list_of_instances(writer, value, node)
    if of_instances is not None:
        return of_instances
    keys = variable_keys(writer)
    wanted: list[str] = []
    for leaf in contents(value):
        found = keys.get(leaf.detail.name)
        if not found:
            raise Unconvertible(
                "variable-list", f"where {leaf.detail.name} lives is not known", node
            )
        wanted += [key for key in found if key not in wanted]
    trainable = [
        k
        for v in writer.analysis.state.collections.get("trainable_variables", [])
        for k in keys.get(v.detail.name, ())
    ]
    made = as_registered([key for key in trainable if key in wanted])
    alike = not ordered or made == wanted
    if set(wanted) == set(trainable) and alike:
        return _all_of(writer, model)
    for prefix in (found for found in _prefixes(wanted) if HOLE not in found and alike):
        inside = {key for key in trainable if key.startswith(prefix + ".")}
        if inside == set(wanted):
            return _all_of(writer, f"{model}.{prefix}")
    items: dict[str, None] = {}
    for key in wanted:
        layers = key.partition(f".{HOLE}.")[0]
        whole = layers != key and {k for k in trainable if k.startswith(f"{layers}.")} <= set(
            wanted
        )
        text = f"*{key_text(model, layers)}.parameters()" if whole else item_text(model, key)
        items[text] = None
    return f"[{', '.join(items)}]"


def _all_of(writer: Writer, module: str) -> str:
    """The trained parameters of a module."""
    variables = [v for c in writer.analysis.creations for v in c.variables]
    counted = training.counted_variables(writer)
    frozen = [
        v for v in variables if v.shape is not None and not v.trainable and v.name not in counted
    ]
    if has_frozen_biases(writer) or frozen:
        return f"[p for p in {module}.parameters() if p.requires_grad]"
    return f"list({module}.parameters())"


def _prefixes(keys: list[str]) -> list[str]:
    first = keys[0].split(".") if keys else []
    return [".".join(first[:n]) for n in range(1, len(first))]


def item_text(model: str, key: str) -> str:
    """The parameter of a key in a list; those of every round of a loop for ``dense.{}.weight``."""
    if HOLE not in key:
        return key_text(model, key)
    layers, _, rest = key.partition(f".{HOLE}")
    if not rest:
        return f"*{key_text(model, layers)}"
    name = "layer" if "layer" != model else "item"
    return f"*[{key_text(name, rest[1:])} for {name} in {key_text(model, layers)}]"


def key_text(model: str, key: str) -> str:
    """``weights.h1`` -> ``model.weights.h1``, ``layers.0.weight`` -> ``model.layers[0].weight``"""
    if is_open(key):
        raise Unconvertible("variable-list", f"{key} is another variable in each round of a loop")
    text = model
    for part in key.split("."):
        text += (
            f"[{part}]"
            if part.isdigit()
            else (f".{part}" if part.isidentifier() else f"[{part!r}]")
        )
    return text


def list_call(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """``tf.trainable_variables()`` inside an expression."""
    value = writer.value(node)
    if value.kind != "sequence" or scope.model is None:
        raise Unconvertible("variable-list", "which variables this lists is not known", node)
    if not all(leaf.kind == "variable" and leaf.detail for leaf in contents(value)):
        raise Unconvertible("collection", "a collection of something else than variables", node)
    written = parse(list_text(writer, value, node, scope.model))
    writer.settle(node, Outcome.CONVERTED, "variable-list")
    return Typed(written)
