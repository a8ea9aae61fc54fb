"""Fetched values as host values: numbers, texts and NumPy arrays."""

from __future__ import annotations

import libcst as cst

from tf2torch.cst.names import names_in
from tf2torch.plan.held import is_held
from tf2torch.plan.sites import Leaf
from tf2torch.plan.units import contents
from tf2torch.rewrite import counting, operations, rates, views
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.host import Host
from tf2torch.rewrite.host_numbers import gives_number
from tf2torch.rewrite.operands import fill_method
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, parse


def fetched_value(
    host: Host, leaf: Leaf, scope: Scope, numbers_scope: Scope, *, tracked: bool
) -> str:
    """Host value of a fetched tensor: a number, or a NumPy array."""
    writer = host.writer
    counter = rates.counter_of(writer, leaf.node)
    if counter is not None:
        return counter
    counted = counting.assignment(writer, leaf.node, numbers_scope)
    if counted is not None:
        return counted[0]
    if rates.is_number(writer, leaf.node):
        return code(convert(writer, leaf.node, numbers_scope))
    written = _fetched_variables(writer, leaf, scope) or convert(writer, leaf.node, scope)
    if leaf.value.is_tensor and gives_number(writer, leaf.node):
        made = parse(f"torch.as_tensor({code(written)})")
        return code(fill_method(made, "item()" if leaf.value.rank == 0 else "cpu().numpy()"))
    if leaf.value.host:  # torch has a size as an integer, a shape as a tuple
        return code(written) if leaf.value.rank == 0 else f"np.array({code(written)})"
    if leaf.value.kind in ("sequence", "many"):
        writer.support.add("state_to_numpy")
        return f"state_to_numpy({code(written)})"
    if leaf.value.kind == "mapping":
        if not all(item.is_tensor and not item.host for item in contents(leaf.value)):
            message = "a dictionary that is built elsewhere, with other items than tensors"
            raise Unconvertible("fetch", message, leaf.node)
        writer.support.add("state_to_numpy")
        return f"{{key: state_to_numpy(value) for key, value in {code(written)}.items()}}"
    if leaf.value.rank == 0 and leaf.value.category in ("float", "int", "bool", None):
        return code(fill_method(written, "item()"))
    if leaf.value.category == "string":
        if _is_text(writer, leaf.node):
            return code(_as_bytes(written))
        return code(written) if leaf.value.rank == 0 else f"np.array({code(written)}, dtype=object)"
    tracked = tracked or bool(names_in(leaf.node).loads & writer.plan.attributes.keys())
    assigned = ".data.copy_(" in code(written)
    if leaf.value.kind == "variable" or operations.is_average(leaf.node) or assigned:
        # The next step changes the tensor in place; what TensorFlow returns stays as it is.
        return code(fill_method(written, "detach().cpu().numpy().copy()"))
    return code(fill_method(written, "detach().cpu().numpy()" if tracked else "cpu().numpy()"))


def _fetched_variables(writer: Writer, leaf: Leaf, scope: Scope) -> cst.BaseExpression | None:
    """Variables as TensorFlow sees them, where torch keeps them otherwise or without a name."""
    if scope.model is None or leaf.node in scope.replaced:
        return None
    if leaf.value.kind == "sequence":
        text = views.list_of_views(writer, leaf.value, leaf.node, scope.model)
        return None if text is None else parse(text)
    if leaf.value.kind != "variable" or leaf.value.detail is None:
        return None
    variable = leaf.value.detail
    by_name = isinstance(leaf.node, cst.SimpleString)
    held = is_held(writer.plan.graph, leaf)
    if not by_name and not held and not views.moves(writer, variable):
        return None
    return parse(views.view_text(writer, variable, leaf.node, scope.model))


def _is_text(writer: Writer, node: cst.BaseExpression) -> bool:
    """Whether a string tensor is a constant: a text of the program's, not bytes that were read."""
    if isinstance(node, cst.Name):
        made = [u.value for u in writer.plan.graph.units if node.value in u.names.stores]
        return bool(made) and all(v is not None and _is_text(writer, v) for v in made)
    if not isinstance(node, cst.Call) or not node.args:
        return False
    symbol = writer.analysis.symbols.get(node.func)
    made_of = writer.value(node.args[0].value)
    return symbol == "tf.constant" and isinstance(made_of.literal, str)


def _as_bytes(node: cst.BaseExpression) -> cst.BaseExpression:
    """What TensorFlow gives for a string: bytes."""
    if isinstance(node, cst.SimpleString) and node.prefix == "" and node.raw_value.isascii():
        return node.with_changes(value=f"b{node.value}")
    return fill_method(node, "encode()")
