"""Variables as TensorFlow sees them: torch's parameters with the axes in TensorFlow's order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import libcst as cst

from tf2torch.analyse.facts import Variable
from tf2torch.cst.walk import walk
from tf2torch.rewrite import copying
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


def view_text(writer: Writer, variable: Variable, node: cst.CSTNode, model: str) -> str:
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


def _layout(writer: Writer, variable: Variable) -> object:
    """How torch holds a variable; every variable that is no single tensor is held otherwise."""
    entry = entries(writer).get(variable.name)
    return entry["layout"] if isinstance(entry, dict) else object()


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


@dataclass(frozen=True)
class Looked:
    """A loop over variables that looks at them.

    Attributes:
        target: what the loop binds then.
        replaced: the lists of variables as TensorFlow sees them, and where their names are read.
    """

    target: cst.BaseAssignTargetExpression
    replaced: dict[cst.CSTNode, cst.BaseExpression]


def looked_at(
    writer: Writer,
    target: cst.BaseAssignTargetExpression,
    iterable: cst.BaseExpression,
    bodies: Sequence[cst.CSTNode],
    scope: Scope,
) -> Looked | None:
    """``for v in variables:`` over what TensorFlow sees, with the names where these are read.

    None where the loop only hands the variables on.
    """
    if scope.model is None:
        return None
    replaced: dict[cst.CSTNode, cst.BaseExpression] = {}
    if scope.unread and copying.copies(writer, target, iterable, bodies, partial(_layout, writer)):
        return None
    for name, given in _places(target, iterable):
        items = variables_of(writer.value(given))
        if items is None:
            continue
        named, others = _uses(writer, bodies, name.value)
        moved = any(moves(writer, item.detail) for item in items)
        if not named and not (others and moved):
            continue
        texts = [view_text(writer, item.detail, given, scope.model) for item in items]
        if not named:
            replaced[given] = parse(f"[{', '.join(texts)}]")
            continue
        label = writer.plan.root.free_name(f"{name.value}_name")
        for use, ends in named.items():
            replaced[use] = parse(label if ends == ":0" else f'{label}.rpartition(":")[0]')
        pairs = ", ".join(
            f'"{item.detail.name}:0": {text}' for item, text in zip(items, texts, strict=True)
        )
        replaced[given] = parse(f"{{{pairs}}}.items()")
        both = parse(f"({label}, {name.value})" if target is not name else f"{label}, {name.value}")
        assert isinstance(both, cst.Tuple)
        target = both if target is name else _with_element(target, name, both)
    return Looked(target, replaced) if replaced else None


def _places(
    target: cst.BaseExpression, iterable: cst.BaseExpression
) -> list[tuple[cst.Name, cst.BaseExpression]]:
    """Names that a loop binds, with what they run over: of ``zip`` and ``enumerate`` too."""
    if isinstance(target, cst.Name):
        return [(target, iterable)]
    call = iterable if isinstance(iterable, cst.Call) else None
    if not isinstance(target, (cst.Tuple, cst.List)) or call is None:
        return []
    names = [element.value for element in target.elements]
    given = [argument.value for argument in call.args]
    if isinstance(call.func, cst.Name) and call.func.value == "enumerate" and len(names) == 2:
        return _places(names[1], given[0])
    if isinstance(call.func, cst.Name) and call.func.value == "zip" and len(names) == len(given):
        return [
            (name, part)
            for name, part in zip(names, given, strict=True)
            if isinstance(name, cst.Name)
        ]
    return []


def _with_element(
    target: cst.BaseAssignTargetExpression, name: cst.Name, new: cst.Tuple
) -> cst.BaseAssignTargetExpression:
    assert isinstance(target, (cst.Tuple, cst.List))
    elements = [
        element.with_changes(value=new) if element.value is name else element
        for element in target.elements
    ]
    return target.with_changes(elements=elements)


def reads(writer: Writer, node: cst.CSTNode) -> dict[cst.CSTNode, cst.BaseExpression]:
    """Runs in comprehensions that only read the variable at hand: ``[sess.run(v) for v in vs]``"""
    found: dict[cst.CSTNode, cst.BaseExpression] = {}
    for comp in walk(node):
        if not isinstance(comp, cst.BaseComp):
            continue
        for name, given in _places(comp.for_in.target, comp.for_in.iter):
            if variables_of(writer.value(given)) is None:
                continue
            for call in walk(comp):
                if not isinstance(call, cst.Call) or call not in writer.plan.sites:
                    continue
                site, _ = writer.plan.sites[call]
                leaf = site.tree.leaf
                if leaf is not None and not site.feeds and _is(leaf.node, name.value):
                    found[call] = parse(f"{name.value}.detach().cpu().numpy().copy()")
    return found


def _uses(
    writer: Writer, bodies: Sequence[cst.CSTNode], name: str
) -> tuple[dict[cst.BaseExpression, str], bool]:
    """Where a loop reads the names of its variables, and whether it looks at them otherwise."""
    named: dict[cst.BaseExpression, str] = {}
    others = False
    for inner in (node for body in bodies for node in walk(body)):
        if isinstance(inner, cst.Attribute) and _is(inner.value, name):
            if inner.attr.value == "name":
                named[inner] = ":0"
            elif inner.attr.value != "op":
                others = True
        elif isinstance(inner, cst.Attribute) and inner.attr.value == "name":
            outer = inner.value
            if isinstance(outer, cst.Attribute) and outer.attr.value == "op":
                if _is(outer.value, name):
                    named[inner] = ""
        elif isinstance(inner, cst.Call) and inner in writer.plan.sites:
            site, _ = writer.plan.sites[inner]
            others = others or any(_is(leaf.node, name) for leaf in site.tree.leaves())
        elif isinstance(inner, cst.Call):
            symbol = writer.analysis.symbols.get(inner.func, "")
            method = inner.func.attr.value if isinstance(inner.func, cst.Attribute) else ""
            if symbol.startswith("tf.assign") or method.startswith("assign"):
                others = others or any(_is(part, name) for part in walk(inner))
    return named, others


def _is(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name
