"""Source for recurrent modules: constructors, initial values and places of the weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import libcst as cst

from tf2torch.analyse.recurrent import WRAPPERS, Built, Cell, RecurrentCreation
from tf2torch.analyse.sizes import Size
from tf2torch.rewrite import initial
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, parse
from tf2torch.rulebook.values import UNKNOWN, Value

_PROBABILITIES = ("input_keep_prob", "output_keep_prob", "state_keep_prob")
_TANH = ("tf.tanh", "tf.nn.tanh", "tf.math.tanh")
_RELU = ("tf.nn.relu",)


@dataclass(frozen=True, eq=False)
class Form:
    """What module holds the cells of a call.

    Attributes:
        kind: `lstm` (nn.LSTM), `rnn` (nn.RNN) or `cells` (the support file's cells in a loop).
        wrapped: whether wrappers are made in the constructor, not on each call.
        stacked: for nn.LSTM, whether the state is a tuple with one state a layer.
    """

    kind: str
    wrapped: bool = True
    stacked: bool = False


def creation_of(writer: Writer, node: cst.CSTNode) -> RecurrentCreation:
    """The first execution of a call that runs cells."""
    for creation in writer.analysis.creations:
        if creation.node is node and isinstance(creation, RecurrentCreation):
            return creation
    raise Unconvertible("rnn", "the cell is not known here: it is no cell of tf.nn.rnn_cell", node)


def first_of(creation: RecurrentCreation) -> RecurrentCreation:
    """The execution that made the variables."""
    made = creation.reused
    return made if isinstance(made, RecurrentCreation) else creation


def form_of(writer: Writer, creation: RecurrentCreation) -> Form:
    """The module for the variables of a call, the same for all calls that share them."""
    names = {variable.name for variable in creation.variables}
    group = [
        other
        for other in writer.analysis.creations
        if isinstance(other, RecurrentCreation) and names & {v.name for v in other.variables}
    ]
    if any({v.name for v in other.variables} != names for other in group):
        raise Unconvertible(
            "rnn-sharing", "cells that share some of their variables", creation.node
        )
    first = group[0] if group else creation
    tops = {id(part.cell) for other in group for part in other.parts}
    wrapped = len(tops) <= len(first.parts) and not any(
        _is_runtime(cell) for part in first.parts for cell in _all(part.cell)
    )
    drivers = {other.driver for other in group}
    if len({len(other.parts) for other in group}) > 1:
        raise Unconvertible("rnn-sharing", "one cell in loops of different kinds", creation.node)
    if "call" not in drivers:
        kind = _plain_kind(first)
        if kind is not None:
            return Form(kind, True, bare(first.parts[0].cell).kind == "MultiRNNCell")
    return Form("cells", wrapped)


def _all(cell: Cell) -> Iterator[Cell]:
    yield cell
    for inner in cell.cells:
        yield from _all(inner)


def _is_runtime(cell: Cell) -> bool:
    return any(cell.given[name].value.is_tensor for name in _PROBABILITIES if name in cell.given)


def _plain_kind(creation: RecurrentCreation) -> str | None:
    """`lstm` or `rnn` if torch's own module has the same arithmetic."""
    kinds = {_plain(part.cell) for part in creation.parts}
    if creation.driver.startswith("stack") or len(kinds) != 1:
        return None
    if len(creation.parts) == 2:
        one, other = (bare(part.cell) for part in creation.parts)
        if one.kind == "MultiRNNCell" or not _equal(one, other) or one is other:
            return None
    return kinds.pop()


def bare(cell: Cell) -> Cell:
    """The cell without wrappers that do nothing to its numbers."""
    while cell.kind == "DeviceWrapper" or (
        cell.kind == "DropoutWrapper"
        and all(cell.literal(name, 1) == 1 for name in _PROBABILITIES if not _is_tensor(cell, name))
        and not any(_is_tensor(cell, name) for name in _PROBABILITIES)
    ):
        cell = cell.cells[0]
    return cell


def _is_tensor(cell: Cell, name: str) -> bool:
    return name in cell.given and cell.given[name].value.is_tensor


def _plain(cell: Cell) -> str | None:
    cell = bare(cell)
    if cell.kind == "MultiRNNCell":
        leaves = [bare(inner) for inner in cell.cells]
        if not leaves or cell.shared or len({id(leaf) for leaf in leaves}) != len(leaves):
            return None
        if any(leaf.cells for leaf in leaves) or cell.literal("state_is_tuple", True) is not True:
            return None
        if not all(_equal(leaves[0], leaf) for leaf in leaves):
            return None
        return _plain(leaves[0])
    if cell.kind == "BasicRNNCell":
        return "rnn" if _activation(cell) in (None, *_TANH, *_RELU) else None
    if not cell.is_lstm:
        return None
    plain = (
        cell.literal("use_peepholes", False) is False
        and cell.literal("cell_clip", None) is None
        and cell.literal("proj_clip", None) is None
        and cell.literal("state_is_tuple", True) is True
        and _activation(cell) in (None, *_TANH)
    )
    return "lstm" if plain else None


def _equal(one: Cell, other: Cell) -> bool:
    """Whether two leaf cells have the same sizes and options."""
    kinds = one.is_lstm and other.is_lstm or one.kind == other.kind
    if not kinds or one.cells or other.cells or _activation(one) != _activation(other):
        return False
    return all(
        same(one.sizes.get(name, default), other.sizes.get(name, default))
        for name, default in (
            ("num_units", Size()),
            ("num_proj", Size(None, None, ((None, "None"),))),
            ("forget_bias", Size(1.0)),
        )
    )


def same(one: Size, other: Size) -> bool:
    """Whether two numbers are known to be equal."""
    if one.literal is not None and other.literal is not None:
        return bool(one.literal == other.literal)
    return bool(set(one.spellings) & set(other.spellings))


def _activation(cell: Cell) -> Any:
    """Canonical name of the activation, None for the default."""
    given = cell.given.get("activation")
    if given is None or given.value.literal is None:
        return None
    return given.value.detail if given.value.kind == "symbol" else UNKNOWN


def has_frozen_biases(writer: Writer) -> bool:
    """Whether the program has an nn.LSTM or nn.RNN, whose second bias stays zero."""
    return "init_rnn_like_tf" in writer.support


# -- constructors --------------------------------------------------------------------------------


def constructor(writer: Writer, creation: RecurrentCreation, form: Form) -> str:
    """Source that makes the module."""
    maker = _Maker(writer, creation.owner, creation.node, form)
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
class _Maker:
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
        if _activation(leaf) in _RELU:
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
        name = _activation(cell)
        if name is None or name in _TANH:
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
    from tf2torch.rewrite.control import argument

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
    for name in _PROBABILITIES:
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
    if not any(bare(inner).kind in WRAPPERS for inner in _all(cell)):
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


# -- initial values ------------------------------------------------------------------------------


def resets(
    writer: Writer, creation: RecurrentCreation, form: Form, scope: Scope
) -> tuple[str, ...]:
    """Statements over ``{}`` that give the module TensorFlow's initial values."""
    texts = []
    maker = _Maker(writer, creation.owner, creation.node, form)
    if form.kind != "cells":
        writer.support.add("init_rnn_like_tf")
        leaf = creation.parts[0].cell.leaves()[0]
        bias = ""
        if form.kind == "lstm" and leaf.literal("forget_bias", 1.0) != 1.0:
            bias = f", forget_bias={maker.number(leaf.sizes.get('forget_bias'), 'forget_bias')}"
        texts.append(f"init_rnn_like_tf({{}}{bias})")
    for part, path in _leaves(creation, form):
        for role, value in part.variables.items():
            given: Value | None = value.detail.initial
            if (
                given is None
                or given.literal is None
                or role.endswith("bias")
                and part.cell.kind != "GRUCell"
            ):
                continue
            if any(inner.count is not None for p in creation.parts for inner in _all(p.cell)):
                raise Unconvertible(
                    "rnn-initializer",
                    "an initializer for an unknown number of layers",
                    creation.node,
                )
            for key in _targets(form, role, path):
                # The layer's name is filled in later; braces stand for it.
                target = parse(f"LAYER{'' if key.startswith('[') else '.'}{key}")
                written = initial.initializer(
                    writer, given, "glorot_uniform", target, scope, creation.node, None
                )
                if written is not None:
                    text = code(written).replace("{", "{{").replace("}", "}}")
                    texts.append(text.replace("LAYER", "{}"))
    return tuple(texts)


def _targets(form: Form, role: str, path: str) -> list[str]:
    if form.kind == "cells":
        return [f"{path}.{_ATTRIBUTES.get(role, role)}".lstrip(".")]
    if role == "projection/kernel":
        return [f"weight_hr{path}"]
    return [f"weight_ih{path}", f"weight_hh{path}"]


_ATTRIBUTES = {
    "gates/kernel": "gates_kernel",
    "gates/bias": "gates_bias",
    "candidate/kernel": "candidate_kernel",
    "candidate/bias": "candidate_bias",
    "projection/kernel": "projection_kernel",
}


def _leaves(
    creation: RecurrentCreation, form: Form, *, dotted: bool = False
) -> Iterator[tuple[Built, str]]:
    """Leaf cells with their places: ``_l1_reverse``, or ``cells[1]`` (dotted: ``cells.1``)."""
    for number, part in enumerate(creation.parts):
        if form.kind != "cells":
            for layer, leaf in enumerate(_flat(part)):
                yield leaf, f"_l{layer}" + ("_reverse" if number else "")
            continue
        path: tuple[Any, ...] = ()
        if creation.driver.startswith("stack"):
            path = (number % 2, number // 2)
        elif len(creation.parts) > 1:
            path = (number,)
        for leaf, place in _placed(part, path, form):
            if dotted:
                yield leaf, ".".join(str(step) for step in place)
            else:
                text = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in place)
                yield leaf, text.lstrip(".")


def _flat(part: Built) -> list[Built]:
    return [leaf for inner in part.cells for leaf in _flat(inner)] if part.cells else [part]


def _placed(
    part: Built, path: tuple[Any, ...], form: Form
) -> Iterator[tuple[Built, tuple[Any, ...]]]:
    if not part.cells:
        yield part, path
    elif part.cell.kind == "MultiRNNCell":
        for index, inner in enumerate(part.cells):
            yield from _placed(inner, (*path, "cells", index), form)
    else:
        step = ("cell",) if form.wrapped and bare(part.cell) is part.cell else ()
        yield from _placed(part.cells[0], (*path, *step), form)


# -- the weight map ------------------------------------------------------------------------------


def weight_entry(
    writer: Writer, creation: RecurrentCreation, name: str, key: str, model: Any
) -> Any:
    """Entry of the weight map for one TensorFlow variable."""
    try:
        form = form_of(writer, creation)
    except Unconvertible:
        return None
    for leaf, path in _leaves(creation, form, dotted=True):
        for role, value in leaf.variables.items():
            if value.detail.name != name:
                continue
            if form.kind == "cells":
                attribute = _ATTRIBUTES.get(role, role)
                layout: list[Any] = ["identity"]
                if leaf.cell.kind == "GRUCell":
                    layout = ["gru", {"part": attribute}]
                full = ".".join(step for step in (key, path, attribute) if step)
                return {"module": model, "key": full, "layout": layout}
            return _torch_rows(leaf, role, f"{key}.", path, form, model)
    return None


def _torch_rows(leaf: Built, role: str, key: str, path: str, form: Form, model: Any) -> Any:
    inputs, state = leaf.inputs.guess, (leaf.cell.output or Size()).guess
    if inputs is None and state is not None:
        inputs = -state  # counted from the end: the rows of the state are the last ones
    if role == "projection/kernel":
        return {"module": model, "key": f"{key}weight_hr{path}", "layout": ["transpose"]}
    if role == "bias":
        layout: list[Any] = ["identity"]
        if form.kind == "lstm":
            bias = leaf.cell.sizes.get("forget_bias", Size(1.0, 1.0)).guess
            layout = ["lstm", {"part": "bias", "gates": "ijfo", "forget_bias": bias}]
        return {"module": model, "key": f"{key}bias_ih{path}", "layout": layout}
    rows = []
    for part in ("ih", "hh"):
        if form.kind == "lstm":
            layout = ["lstm", {"part": part, "input": inputs, "gates": "ijfo"}]
        else:
            ends = {"start": 0, "stop": inputs} if part == "ih" else {"start": inputs, "stop": None}
            layout = [["split", {"axis": 0, **ends}], ["transpose"]]
            if part == "hh" and inputs is not None and state is not None and inputs >= 0:
                layout[0][1]["stop"] = inputs + state
        rows.append({"module": model, "key": f"{key}weight_{part}{path}", "layout": layout})
    return rows
