"""Variables as TensorFlow sees them: torch's parameters with the axes in TensorFlow's order."""

from __future__ import annotations

from typing import Any

import libcst as cst

from tf2torch.analyse.facts import Variable
from tf2torch.cst.walk import walk
from tf2torch.rewrite.variables_list import key_text
from tf2torch.rewrite.weights import weight_map
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, parse
from tf2torch.rulebook.values import Value


def entries(writer: Writer) -> dict[str, Any]:
    """The weight map's variables; computed once, when the first is asked for."""
    found: dict[str, Any] | None = writer.analysis.state.cache.get("views")
    if found is None:
        found = weight_map(writer)["variables"]
        writer.analysis.state.cache["views"] = found
    return found


def view_text(writer: Writer, variable: Variable, node: cst.CSTNode, model: str = "model") -> str:
    """``model.fc.weight.T`` for the kernel of a dense layer: it shares the parameter's memory."""
    counter = writer.plan.counters.variables.get(variable.name)
    if counter is not None:
        return counter
    entry = entries(writer).get(variable.name)
    rows = entry if isinstance(entry, list) else [entry]
    row = rows[0]
    if len(rows) == 1 and isinstance(row, dict) and row["module"] == writer.plan.model:
        text = key_text(model, row["key"])
        step, *rest = row["layout"]
        if step == "identity":
            return text
        if step == "transpose":
            return f"{text}.T"
        if step == "permute":
            axes = list(rest[0])
            back = ", ".join(str(axes.index(axis)) for axis in range(len(axes)))
            return f"{text}.permute({back})"
    message = f"{variable.name} is no single tensor in torch"
    raise Unconvertible("variable-layout", message, node)


def moves(writer: Writer, variable: Variable) -> bool:
    """Whether the axes of a variable are in another order in torch."""
    entry = entries(writer).get(variable.name)
    return entry is not None and not (isinstance(entry, dict) and entry["layout"] == ["identity"])


def seen(
    writer: Writer, node: cst.BaseExpression, scope: Scope, written: cst.BaseExpression
) -> cst.BaseExpression:
    """`written`, an expression for a variable, as TensorFlow sees the variable."""
    value = writer.value(node)
    if node in scope.replaced or value.kind != "variable" or value.detail is None:
        return written
    if scope.model is None or not moves(writer, value.detail):
        return written
    return parse(view_text(writer, value.detail, node, scope.model))


def variables_of(value: Value) -> list[Value] | None:
    """The variables of a list, where all are known."""
    if value.kind != "sequence" or not value.detail:
        return None
    known = all(item.kind == "variable" and item.detail is not None for item in value.detail)
    return list(value.detail) if known else None


def list_of_views(writer: Writer, value: Value, node: cst.CSTNode, model: str) -> str | None:
    """A list of variables as TensorFlow sees them; None where torch's are the same."""
    items = variables_of(value)
    if items is None or not any(moves(writer, item.detail) for item in items):
        return None
    return f"[{', '.join(view_text(writer, item.detail, node, model) for item in items)}]"


def loop(writer: Writer, node: cst.For, scope: Scope) -> tuple[cst.For, Scope] | None:
    """``for v in variables:`` over what TensorFlow sees, with their names where these are read.

    None where the loop only hands the variables on.
    """
    items = variables_of(writer.value(node.iter))
    if items is None or scope.model is None or not isinstance(node.target, cst.Name):
        return None
    name = node.target.value
    named, looked_at = _uses(writer, node, name)
    if not looked_at and not named:
        return None
    if not named and not any(moves(writer, item.detail) for item in items):
        return None
    texts = [view_text(writer, item.detail, node, scope.model) for item in items]
    if not named:
        return node.with_changes(iter=parse(f"[{', '.join(texts)}]")), scope
    label = writer.plan.root.free_name(f"{name}_name")
    replaced = dict(scope.replaced)
    for use, ends in named.items():
        replaced[use] = parse(label if ends == ":0" else f'{label}.rpartition(":")[0]')
    pairs = ", ".join(
        f'"{item.detail.name}:0": {text}' for item, text in zip(items, texts, strict=True)
    )
    target = parse(f"{label}, {name}")
    assert isinstance(target, cst.Tuple)
    made = node.with_changes(target=target, iter=parse(f"{{{pairs}}}.items()"))
    return made, scope.inside(replaced=replaced)


def _uses(writer: Writer, node: cst.For, name: str) -> tuple[dict[cst.BaseExpression, str], bool]:
    """Where a loop reads the names of its variables, and whether it looks at them otherwise."""
    named: dict[cst.BaseExpression, str] = {}
    looked_at = False
    for inner in walk(node.body):
        if isinstance(inner, cst.Attribute) and _is(inner.value, name):
            if inner.attr.value == "name":
                named[inner] = ":0"
            elif inner.attr.value != "op":
                looked_at = True
        elif isinstance(inner, cst.Attribute) and inner.attr.value == "name":
            outer = inner.value
            if isinstance(outer, cst.Attribute) and outer.attr.value == "op":
                if _is(outer.value, name):
                    named[inner] = ""
        elif isinstance(inner, cst.Call) and inner in writer.plan.sites:
            site, _ = writer.plan.sites[inner]
            looked_at = looked_at or any(_is(leaf.node, name) for leaf in site.tree.leaves())
        elif isinstance(inner, cst.Call):
            symbol = writer.analysis.symbols.get(inner.func, "")
            if symbol.startswith("tf.assign"):
                looked_at = looked_at or any(_is(arg.value, name) for arg in inner.args)
    return named, looked_at


def _is(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name
