"""Recurrent cells become modules; the loops that run them become calls of these modules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import libcst as cst

from tf2torch.analyse.cells import CELLS, STATE_TUPLES, Cell, RecurrentCreation
from tf2torch.analyse.recurrent import LOOPS
from tf2torch.rewrite import cell_weights, cells, forms
from tf2torch.rewrite.cell_statements import is_cell
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.forms import Form
from tf2torch.rewrite.names_read import loaded
from tf2torch.rewrite.operands import Typed
from tf2torch.rewrite.state_sizes import state_tuple, zero_state
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, lines, parse

#: Parameters of the loops, in TensorFlow 1.15's order.
_DYNAMIC = "sequence_length initial_state dtype parallel_iterations swap_memory time_major scope"

_SIGNATURES = {
    "dynamic_rnn": f"cell inputs {_DYNAMIC}".split(),
    "static_rnn": "cell inputs initial_state dtype sequence_length scope".split(),
    "bidirectional_dynamic_rnn": (
        "cell_fw cell_bw inputs sequence_length initial_state_fw initial_state_bw dtype"
        " parallel_iterations swap_memory time_major scope"
    ).split(),
    "static_bidirectional_rnn": (
        "cell_fw cell_bw inputs initial_state_fw initial_state_bw dtype sequence_length scope"
    ).split(),
    "stack_bidirectional_dynamic_rnn": (
        "cells_fw cells_bw inputs initial_states_fw initial_states_bw dtype sequence_length"
        " parallel_iterations time_major scope swap_memory"
    ).split(),
}

_PASSED = ("sequence_length", "initial_state", "initial_state_fw", "initial_state_bw")

#: Functions of the support file for nn.LSTM and nn.RNN.
_TORCH_LOOPS = {
    "dynamic_rnn": "lstm_dynamic",
    "static_rnn": "lstm_static",
    "bidirectional_dynamic_rnn": "bidirectional_lstm_dynamic",
    "static_bidirectional_rnn": "bidirectional_lstm_static",
}


# -- the module ----------------------------------------------------------------------------------


def _module(writer: Writer, node: cst.Call, scope: Scope) -> tuple[str, RecurrentCreation, Form]:
    """Text that reaches the module of a call; the constructor makes it."""
    from tf2torch.rewrite.layers import reach

    creation = forms.creation_of(writer, node)
    form = forms.form_of(writer, creation)
    slot = scope.slots.get(node)
    if slot is None or scope.model is None:
        raise Unconvertible("rnn", "a cell runs where no module can hold it", node)
    first = forms.first_of(creation)
    if scope.create is not None:
        init_scope: Scope = scope.create.scope  # type: ignore[attr-defined]
        if len(slot.loops) == 1 and (rounds := _rounds(writer, node, form)):
            # Each round of the loop has sizes of its own.
            made = ", ".join(cells.constructor(writer, one, form) for one in rounds)
            made_resets = tuple(
                text.replace("{}", f"{{}}[{index}]")
                for index, one in enumerate(rounds)
                for text in cell_weights.resets(writer, one, form, init_scope)
            )
            slot_of_all = replace(slot, loops=())
            scope.create(node, slot_of_all, parse(f"nn.ModuleList([{made}])"), made_resets)
        else:
            made = _constructor(writer, node, creation, first, form)
            made_resets = cell_weights.resets(writer, first, form, init_scope)
            scope.create(node, slot, parse(made), made_resets)
    return code(reach(slot, scope)), creation, form


def _rounds(writer: Writer, node: cst.Call, form: Form) -> list[RecurrentCreation]:
    """The executions of a call in a loop, if they need different constructors."""
    rounds = [
        forms.first_of(creation)
        for creation in writer.analysis.creations_at(node)
        if creation.node is node and isinstance(creation, RecurrentCreation)
    ]
    indices = [next((step[1] for step in c.path if isinstance(step, tuple)), None) for c in rounds]
    made = {cells.constructor(writer, creation, form) for creation in rounds}
    exact = indices == list(range(len(rounds)))
    return rounds if exact and len(made) > 1 else []


def _constructor(
    writer: Writer,
    node: cst.Call,
    creation: RecurrentCreation,
    first: RecurrentCreation,
    form: Form,
) -> str:
    """The constructor; every execution of the call must need the same one."""
    made = cells.constructor(writer, first, form)
    for other in writer.analysis.creations_at(node):
        if other.node is node and isinstance(other, RecurrentCreation) and other is not creation:
            if cells.constructor(writer, forms.first_of(other), form) != made:
                raise Unconvertible("rnn-size", "the cell is made with different sizes here", node)
    return made


# -- loops ---------------------------------------------------------------------------------------


def _given(node: cst.Call, driver: str) -> dict[str, cst.BaseExpression]:
    """Arguments of a loop by name."""
    names = _SIGNATURES[driver]
    found: dict[str, cst.BaseExpression] = {}
    for index, arg in enumerate(node.args):
        if arg.star or (arg.keyword is None and index >= len(names)):
            raise Unconvertible("rnn", "star arguments of a recurrent loop", node)
        found[arg.keyword.value if arg.keyword is not None else names[index]] = arg.value
    return found


def _passed(writer: Writer, given: dict[str, cst.BaseExpression]) -> dict[str, cst.BaseExpression]:
    return {
        name: given[name]
        for name in _PASSED
        if name in given and writer.value(given[name]).literal is not None
    }


def _check(writer: Writer, node: cst.Call, given: dict[str, cst.BaseExpression]) -> None:
    dtype = writer.value(given["dtype"]).literal if "dtype" in given else None
    if dtype not in (None, "float32"):
        raise Unconvertible("rnn", "a recurrent loop in another type than float32", node)
    for name in ("initial_states_fw", "initial_states_bw"):
        if name in given and writer.value(given[name]).literal is not None:
            raise Unconvertible("rnn", f"{name} of a stacked bidirectional loop", node)


def _loop(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """``tf.nn.dynamic_rnn(cell, x)`` -> ``lstm_dynamic(self.lstm, x)``"""
    return Typed(parse(_loop_text(writer, node, scope)))


def _loop_text(writer: Writer, node: cst.Call, scope: Scope) -> str:
    module, creation, form = _module(writer, node, scope)
    driver = creation.driver
    given = _given(node, driver)
    _check(writer, node, given)
    if "inputs" not in given:
        raise Unconvertible("rnn", "a recurrent loop without inputs", node)
    function = driver if form.kind == "cells" else _TORCH_LOOPS[driver]
    writer.support.add(function)
    text = f"{function}({_wrapped(writer, creation, form, module, scope)}, "
    text += code(convert(writer, given["inputs"], scope))
    for name, value in _passed(writer, given).items():
        text += f", {name}={code(convert(writer, value, scope))}"
    if driver.endswith("dynamic_rnn") and cells.is_time_major(writer, creation):
        text += ", time_major=True"
    if form.stacked and _may_be_one(creation.parts[0].cell):
        text += ", stacked=True"
    return text + ")"


def _may_be_one(cell: Cell) -> bool:
    cell = forms.bare(cell)
    return cell.count is not None and cell.count.literal in (None, 1) or len(cell.cells) == 1


def _wrapped(
    writer: Writer, creation: RecurrentCreation, form: Form, module: str, scope: Scope
) -> str:
    """The cell argument, or the two of a bidirectional loop."""
    if form.kind != "cells":
        return module
    node = creation.node
    if len(creation.parts) == 1:
        if form.wrapped:
            return module
        return cells.wrapped(writer, creation.parts[0].cell, module, creation.owner, scope, node)
    if form.wrapped:
        return f"*{module}"
    if creation.driver.startswith("stack"):
        raise Unconvertible("rnn-cell", "run-time dropout in stacked bidirectional loops", node)
    return ", ".join(
        cells.wrapped(writer, part.cell, f"{module}[{index}]", creation.owner, scope, node)
        for index, part in enumerate(creation.parts)
    )


def assigned(writer: Writer, node: cst.Assign, scope: Scope) -> list[cst.BaseStatement] | None:
    """``outputs, state = tf.nn.dynamic_rnn(...)`` where only the outputs are used: a plain call.

    None if the general form is needed.
    """
    call = node.value
    target = node.targets[0].target
    if (
        not isinstance(call, cst.Call)
        or len(node.targets) != 1
        or not isinstance(target, cst.Tuple)
    ):
        return None
    driver = LOOPS.get(writer.analysis.symbols.get(call.func, ""))
    if driver is None or driver not in _TORCH_LOOPS:
        return None
    creation = forms.creation_of(writer, call)
    form = forms.form_of(writer, creation)
    given = _given(call, driver)
    targets = [element.value for element in target.elements]
    states_unused = all(_is_unused(writer, state) for state in targets[1:])
    if form.kind == "cells" or _passed(writer, given) or not states_unused or "inputs" not in given:
        return None
    _check(writer, call, given)
    module, creation, form = _module(writer, call, scope)
    writer.converted(call.func, driver)
    inputs = code(convert(writer, given["inputs"], scope))
    time_major = driver.endswith("dynamic_rnn") and cells.is_time_major(writer, creation)
    if time_major != _batch_last(writer, forms.first_of(creation)):
        return None
    axis = 0 if time_major else 1
    if driver.startswith("static"):
        inputs = f"torch.stack(tuple({inputs}), dim={axis})"
        if isinstance(given["inputs"], cst.Name):
            inputs = f"torch.stack({code(convert(writer, given['inputs'], scope))}, dim={axis})"
    if driver == "bidirectional_dynamic_rnn":
        if isinstance(targets[0], cst.Name):
            name = targets[0].value
            return lines(f"{name}, _ = {module}({inputs})\n{name} = {name}.chunk(2, dim=2)\n")
        pair = (
            code(targets[0].with_changes(lpar=(), rpar=()))
            if isinstance(targets[0], cst.Tuple)
            else None
        )
        return None if pair is None else lines(f"{pair} = {module}({inputs})[0].chunk(2, dim=2)\n")
    if not isinstance(targets[0], cst.Name):
        return None
    name = targets[0].value
    text = f"{name}, _ = {module}({inputs})\n"
    if driver.startswith("static"):
        text += f"{name} = {name}.unbind({axis})\n"
    return lines(text)


def _batch_last(writer: Writer, first: RecurrentCreation) -> bool:
    return first.driver.endswith("dynamic_rnn") and cells.is_time_major(writer, first)


def _is_unused(writer: Writer, target: cst.BaseExpression) -> bool:
    if isinstance(target, (cst.Tuple, cst.List)):
        return all(_is_unused(writer, element.value) for element in target.elements)
    return isinstance(target, cst.Name) and target.value not in loaded(writer)


# -- cells on their own --------------------------------------------------------------------------


def cell_call(writer: Writer, node: cst.Call, scope: Scope) -> Typed | None:
    """``cell(x, state)`` -> ``self.cell(x, state)``; None if this calls no cell."""
    if not is_cell(writer.value(node.func)):
        return None
    module, creation, form = _module(writer, node, scope)
    given: dict[str, cst.BaseExpression] = {}
    for name, arg in zip(("inputs", "state", "scope"), node.args, strict=False):
        given[arg.keyword.value if arg.keyword is not None else name] = arg.value
    if "inputs" not in given or "state" not in given:
        raise Unconvertible("rnn", "a cell is called without inputs or state", node)
    text = _wrapped(writer, creation, form, module, scope)
    arguments = ", ".join(code(convert(writer, given[name], scope)) for name in ("inputs", "state"))
    return Typed(parse(f"{text}({arguments})"))


def _cell_as_value(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    raise Unconvertible("rnn-cell", "a cell is used in a way that could not be followed", node)


_Special = Callable[[Writer, cst.Call, Scope], Typed]

SPECIAL: dict[str, _Special] = {
    **dict.fromkeys(CELLS, _cell_as_value),
    **dict.fromkeys(LOOPS, _loop),
    **dict.fromkeys(STATE_TUPLES, state_tuple),
}

METHODS: dict[str, _Special] = {"RNNCell.zero_state": zero_state}
