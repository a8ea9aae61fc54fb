"""Source for recurrent modules: their constructors and wrappers."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from tf2torch.analyse.cells import WRAPPERS, Cell, RecurrentCreation
from tf2torch.analyse.sizes import Size
from tf2torch.rewrite.arguments import argument
from tf2torch.rewrite.forms import PROBABILITIES, RELU, TANH, Form, activation_of, bare, every_cell
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code


def constructor(writer: Writer, creation: RecurrentCreation, form: Form) -> str:
    """Source that makes the module."""
    maker = Maker(writer, creation.owner, creation.node, form)
    parts = creation.parts
    if form.kind != "cells":
        return maker.torch_module(creation)
    if len(parts) == 1:
        return maker.cell(parts[0].cell, parts[0].inputs)
    made = [maker.cell(part.cell, part.inputs) for part in parts]
    if creation.driver.startswith("stack"):
        forward, backward = ", ".join(made[::2]), ", ".join(made[1::2])
        return f"nn.ModuleList([nn.ModuleList([{forward}]), nn.ModuleList([{backward}])])"
    return f"nn.ModuleList([{', '.join(made)}])"


@dataclass(frozen=True, eq=False)
class Maker:
    writer: Writer
    owner: cst.CSTNode | None
    node: cst.Call
    form: Form

    def number(self, size: Size | None, what: str) -> str:
        text = size.spelled(self.owner) if size is not None else None
        if text is None:
            raise Unconvertible(
                "rnn-size", f"{what} is not known where the module is made", self.node
            )
        return text

    def inputs(self, size: Size) -> str:
        return self.number(size, "the size of the cell's input")

    def units(self, cell: Cell) -> str:
        return self.number(cell.sizes.get("num_units"), "the number of units")

    def torch_module(self, creation: RecurrentCreation) -> str:
        """``nn.LSTM(28, 128, batch_first=True)``"""
        part = creation.parts[0]
        leaf = part.cell.leaves()[0]
        name = "LSTM" if self.form.kind == "lstm" else "RNN"
        text = f"nn.{name}({self.inputs(part.inputs)}, {self.units(leaf)}"
        layers = self.layers(part.cell)
        if layers != "1":
            text += f", num_layers={layers}"
        if activation_of(leaf) in RELU:
            text += ', nonlinearity="relu"'
        time_major = creation.driver.endswith("dynamic_rnn") and is_time_major(
            self.writer, creation
        )
        text += "" if time_major else ", batch_first=True"
        if leaf.literal("num_proj", None) is not None:
            text += f", proj_size={self.number(leaf.output, 'num_proj')}"
        if len(creation.parts) == 2:
            text += ", bidirectional=True"
        return text + ")"

    def layers(self, cell: Cell) -> str:
        cell = bare(cell)
        if cell.kind != "MultiRNNCell":
            return "1"
        if cell.count is not None:
            return self.number(cell.count, "the number of layers")
        spelled = cell.length.spelled(self.owner) if cell.length is not None else None
        return spelled or str(len(cell.cells))

    def cell(self, cell: Cell, inputs: Size) -> str:
        """``GRUCell(28, 128)``"""
        writer = self.writer
        cell = bare(cell)
        if cell.kind in WRAPPERS:
            inner = self.cell(cell.cells[0], inputs)
            if not self.form.wrapped:
                return inner
            return wrapper(writer, cell, inner, self.owner, None, self.node)
        writer.support.add(_support_name(cell))
        if cell.kind == "MultiRNNCell":
            return self.stack(cell, inputs)
        text = f"{_support_name(cell)}({self.inputs(inputs)}, {self.units(cell)}"
        if cell.literal("use_peepholes", False) is not False:
            text += f", use_peepholes={self.flag(cell, 'use_peepholes')}"
        for name in ("cell_clip", "num_proj", "proj_clip", "forget_bias"):
            if cell.literal(name, None) is not None and cell.is_lstm:
                if name != "forget_bias" or cell.literal(name, 1.0) != 1.0:
                    text += f", {name}={self.number(cell.sizes.get(name), name)}"
        if cell.literal("state_is_tuple", True) is not True:
            text += f", state_is_tuple={self.flag(cell, 'state_is_tuple')}"
        return text + self.activation(cell) + ")"

    def flag(self, cell: Cell, name: str) -> str:
        literal = cell.literal(name, None)
        if not isinstance(literal, bool):
            raise Unconvertible("rnn-cell", f"{name} is not known", self.node)
        return str(literal)

    def activation(self, cell: Cell) -> str:
        name = activation_of(cell)
        if name is None or name in TANH:
            return ""
        rule = self.writer.analysis.rulebook.find(name) if isinstance(name, str) else None
        if rule is None or rule.value is None:
            raise Unconvertible("rnn-cell", "the activation of the cell is not known", self.node)
        self.writer.support.update(rule.support)
        return f", activation={rule.value}"

    def stack(self, cell: Cell, inputs: Size) -> str:
        tail = ")"
        if cell.literal("state_is_tuple", True) is not True:
            tail = f", state_is_tuple={self.flag(cell, 'state_is_tuple')})"
        cells = cell.cells
        if cell.count is not None:
            layers = self.number(cell.count, "the number of layers")
            first, rest = self.cell(cells[0], inputs), self.cell(cells[0], cell.output or Size())
            if cell.shared:
                return f"MultiRNNCell([{rest}] * {layers}{tail}"
            if first == rest:
                return f"MultiRNNCell([{rest} for _ in range({layers})]{tail}"
            written = f"{first} if i == 0 else {rest} for i in range({layers})"
            return f"MultiRNNCell([{written}]{tail}"
        if len(cells) > 1 and len({id(inner) for inner in cells}) < len(cells):
            if len({id(inner) for inner in cells}) > 1:
                raise Unconvertible("rnn-sharing", "a cell that stands in a stack twice", self.node)
            if not cell.unequal:
                return f"MultiRNNCell([{self.cell(cells[0], inputs)}] * {self.layers(cell)}{tail}"
            self.writer.note(
                self.node,
                "rnn-sharing",
                "one cell object in layers with inputs of different sizes: TensorFlow 1.15 refuses"
                " it; each layer has weights of its own here, as in TensorFlow 1.0",
            )
        made = []
        for inner in cells:
            made.append(self.cell(inner, inputs))
            inputs = inner.output or Size()
        return f"MultiRNNCell([{', '.join(made)}]{tail}"


def _support_name(cell: Cell) -> str:
    return "LSTMCell" if cell.is_lstm else cell.kind


def is_time_major(writer: Writer, creation: RecurrentCreation) -> bool:
    """Whether a dynamic loop has its steps on the first axis."""
    position = {"dynamic_rnn": 7, "bidirectional_dynamic_rnn": 9}.get(creation.driver, 8)
    given = argument(creation.node, position, "time_major")
    literal = writer.value(given).literal if given is not None else False
    if not isinstance(literal, bool):
        raise Unconvertible("rnn", "time_major is not known", creation.node)
    return literal


def wrapper(
    writer: Writer,
    cell: Cell,
    inner: str,
    owner: cst.CSTNode | None,
    scope: Scope | None,
    node: cst.Call,
) -> str:
    """``DropoutWrapper(cell, output_keep_prob=0.5)``; `scope` where probabilities are tensors."""
    writer.support.add(cell.kind)
    if cell.kind == "ResidualWrapper":
        if cell.literal("residual_fn", None) is not None:
            raise Unconvertible("rnn-cell", "a ResidualWrapper with a function of its own", node)
        return f"ResidualWrapper({inner})"
    text = f"DropoutWrapper({inner}"
    for name in PROBABILITIES:
        argument = cell.given.get(name)
        if argument is None or argument.value.literal == 1:
            continue
        text += f", {name}={_probability(writer, cell, name, owner, scope, node)}"
    recurrent = cell.literal("variational_recurrent", False)
    if recurrent is not False:
        if recurrent is not True:
            raise Unconvertible("rnn-cell", "variational_recurrent is not known", node)
        text += ", variational_recurrent=True"
    if "dropout_state_filter_visitor" in cell.given:
        raise Unconvertible("rnn-cell", "dropout_state_filter_visitor", node)
    return text + ")"


def _probability(
    writer: Writer,
    cell: Cell,
    name: str,
    owner: cst.CSTNode | None,
    scope: Scope | None,
    node: cst.Call,
) -> str:
    argument = cell.given[name]
    if not argument.value.is_tensor:
        text = cell.sizes[name].spelled(owner)
        if text is not None:
            return text
        if argument.value.kind == "unknown":
            raise Unconvertible("rnn-cell", f"{name} is not known", node)
    if scope is not None:
        for placeholder, unit in writer.plan.placeholders.items():
            if unit.value is not None and writer.value(unit.value).detail == argument.value.detail:
                return scope.names.get(placeholder, placeholder)
        if cell.owner is owner:
            from tf2torch.rewrite.expressions import convert

            return code(convert(writer, argument.node, scope))
    raise Unconvertible("rnn-cell", f"{name} is not known where the cell runs", node)


def wrapped(
    writer: Writer, cell: Cell, text: str, owner: cst.CSTNode | None, scope: Scope, node: cst.Call
) -> str:
    """The module `text` of a bare cell with the wrappers of `cell` around it, made for one call."""
    cell = bare(cell)
    if not any(bare(inner).kind in WRAPPERS for inner in every_cell(cell)):
        return text
    if cell.kind in WRAPPERS:
        inner_text = wrapped(writer, cell.cells[0], text, owner, scope, node)
        return wrapper(writer, cell, inner_text, owner, scope, node)
    writer.support.add("MultiRNNCell")
    tail = ")" if cell.literal("state_is_tuple", True) is True else ", state_is_tuple=False)"
    made = [wrapped(writer, inner, "cell", owner, scope, node) for inner in cell.cells]
    if len(set(made)) == 1:
        return f"MultiRNNCell([{made[0]} for cell in {text}.cells]{tail}"
    made = [
        wrapped(writer, inner, f"{text}.cells[{index}]", owner, scope, node)
        for index, inner in enumerate(cell.cells)
    ]
    return f"MultiRNNCell([{', '.join(made)}]{tail}"
