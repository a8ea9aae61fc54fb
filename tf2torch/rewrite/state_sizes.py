"""States of recurrent cells: their sizes, zero states and tuples."""

from __future__ import annotations

import libcst as cst

from tf2torch.analyse.cells import Cell
from tf2torch.rewrite.arguments import argument
from tf2torch.rewrite.cell_statements import is_cell
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.operands import Typed
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, parse


def zero_state(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """``cell.zero_state(n, tf.float32)`` -> ``zero_state(n, LSTMStateTuple(128, 128), device)``"""
    assert isinstance(node.func, cst.Attribute)
    cell: Cell = writer.value(node.func.value).detail["cell"]
    batch = argument(node, 0, "batch_size")
    dtype = argument(node, 1, "dtype")
    if batch is None or dtype is not None and writer.value(dtype).literal != "float32":
        raise Unconvertible("rnn", "a zero state of an unknown size or type", node)
    sizes = _state_size(writer, cell, cell.zero_states.get(node), node)
    writer.support.add("zero_state")
    return Typed(parse(f"zero_state({code(convert(writer, batch, scope))}, {sizes}, device)"))


def _state_size(writer: Writer, cell: Cell, owner: cst.CSTNode | None, node: cst.CSTNode) -> str:
    """Source of `cell.state_size`."""

    def number(name: str) -> str:
        size = cell.output if name == "output" else cell.sizes.get(name)
        text = size.spelled(owner) if size is not None else None
        if text is None:
            raise Unconvertible("rnn-size", "the size of the state is not known here", node)
        return text

    if cell.kind not in ("MultiRNNCell", *_LEAVES):
        return _state_size(writer, cell.cells[0], owner, node)
    joined = cell.literal("state_is_tuple", True)
    if not isinstance(joined, bool):
        raise Unconvertible("rnn-cell", "state_is_tuple is not known", node)
    if cell.kind == "MultiRNNCell":
        parts = [_state_size(writer, inner, owner, node) for inner in cell.cells]
        if cell.count is not None:
            count = cell.count.spelled(owner)
            if count is None:
                raise Unconvertible("rnn-size", "the number of layers is not known here", node)
            return (
                f"({parts[0]},) * {_factor(count)}"
                if joined
                else f"{_factor(parts[0])} * {_factor(count)}"
            )
        if len(parts) > 1 and len(set(parts)) == 1:
            spelled = cell.length.spelled(owner) if cell.length is not None else None
            count = _factor(spelled or str(len(parts)))
            return f"({parts[0]},) * {count}" if joined else f"{count} * {parts[0]}"
        if not joined:
            return " + ".join(parts)
        return f"({', '.join(parts)})" if len(parts) > 1 else f"({parts[0]},)"
    if not cell.is_lstm:
        return number("num_units")
    units, output = number("num_units"), number("output")
    if not joined:
        return f"2 * {_factor(units)}" if units == output else f"{units} + {output}"
    writer.support.add("LSTMStateTuple")
    return f"LSTMStateTuple({units}, {output})"


_LEAVES = ("BasicRNNCell", "GRUCell", "BasicLSTMCell", "LSTMCell")


def _factor(text: str) -> str:
    return text if text.replace(".", "_").isidentifier() or text.isdigit() else f"({text})"


def attribute(writer: Writer, node: cst.Attribute) -> cst.BaseExpression | None:
    """``cell.state_size``, ``cell.output_size``; None for objects that are no cells."""
    owner = writer.value(node.value)
    if not is_cell(owner):
        return None
    cell: Cell = owner.detail["cell"]
    if node.attr.value == "state_size":
        return parse(_state_size(writer, cell, cell.owner, node))
    if node.attr.value == "output_size" and cell.output is not None:
        text = cell.output.spelled(cell.owner)
        if text is not None:
            return parse(text)
    raise Unconvertible("rnn", f"the attribute {node.attr.value} of a cell", node)


def state_tuple(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    writer.support.add("LSTMStateTuple")
    args = [arg.with_changes(value=convert(writer, arg.value, scope)) for arg in node.args]
    return Typed(cst.Call(cst.Name("LSTMStateTuple"), args))
