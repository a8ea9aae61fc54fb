"""Which module holds the cells of a recurrent call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import libcst as cst

from tf2torch.analyse.cells import Cell, RecurrentCreation
from tf2torch.analyse.sizes import Size
from tf2torch.rewrite.writer import Unconvertible, Writer
from tf2torch.rulebook.values import UNKNOWN

PROBABILITIES = ("input_keep_prob", "output_keep_prob", "state_keep_prob")
TANH = ("tf.tanh", "tf.nn.tanh", "tf.math.tanh")
RELU = ("tf.nn.relu",)


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
    for creation in writer.analysis.creations_at(node):
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
        _is_runtime(cell) for part in first.parts for cell in every_cell(part.cell)
    )
    drivers = {other.driver for other in group}
    if len({len(other.parts) for other in group}) > 1:
        raise Unconvertible("rnn-sharing", "one cell in loops of different kinds", creation.node)
    if "call" not in drivers:
        kind = _plain_kind(first)
        if kind is not None:
            return Form(kind, True, bare(first.parts[0].cell).kind == "MultiRNNCell")
    return Form("cells", wrapped)


def every_cell(cell: Cell) -> Iterator[Cell]:
    yield cell
    for inner in cell.cells:
        yield from every_cell(inner)


def _is_runtime(cell: Cell) -> bool:
    return any(cell.given[name].value.is_tensor for name in PROBABILITIES if name in cell.given)


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
        and all(cell.literal(name, 1) == 1 for name in PROBABILITIES if not _is_tensor(cell, name))
        and not any(_is_tensor(cell, name) for name in PROBABILITIES)
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
        return "rnn" if activation_of(cell) in (None, *TANH, *RELU) else None
    if not cell.is_lstm:
        return None
    plain = (
        cell.literal("use_peepholes", False) is False
        and cell.literal("cell_clip", None) is None
        and cell.literal("proj_clip", None) is None
        and cell.literal("state_is_tuple", True) is True
        and activation_of(cell) in (None, *TANH)
    )
    return "lstm" if plain else None


def _equal(one: Cell, other: Cell) -> bool:
    """Whether two leaf cells have the same sizes and options."""
    kinds = one.is_lstm and other.is_lstm or one.kind == other.kind
    if not kinds or one.cells or other.cells or activation_of(one) != activation_of(other):
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


def activation_of(cell: Cell) -> Any:
    """Canonical name of the activation, None for the default."""
    given = cell.given.get("activation")
    if given is None or given.value.literal is None:
        return None
    return given.value.detail if given.value.kind == "symbol" else UNKNOWN


def has_frozen_biases(writer: Writer) -> bool:
    """Whether the program has an nn.LSTM or nn.RNN, whose second bias stays zero."""
    return "init_rnn_like_tf" in writer.support
