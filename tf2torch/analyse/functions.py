"""Abstract execution of program functions, from their arguments to what they return."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from typing import Any

import libcst as cst

from tf2torch.analyse import calling, expressions, names, overrides, tensors
from tf2torch.analyse.comprehended import SESSION_MAKERS
from tf2torch.analyse.facts import Function
from tf2torch.analyse.interpreter import body_of, parameters_of, run_block
from tf2torch.analyse.state import BUDGET, Frame, State, join
from tf2torch.analyse.summaries import note_use
from tf2torch.analyse.wording import last_name
from tf2torch.cst.memory import remember
from tf2torch.cst.walk import below
from tf2torch.rulebook.values import ANYTHING, UNKNOWN, Dim, Value, constant


def call_function(
    state: State,
    function: Function,
    arguments: Sequence[tuple[str | None, Value]],
    node: cst.Call | None,
    *,
    certain: bool = True,
) -> Value:
    """Executes a program function for these arguments; unknown if it cannot be followed."""
    definition = function.node
    if state.stack.count(definition) > 0 or len(state.stack) > 24 or state.spent > BUDGET:
        return ANYTHING
    if state.shadow and definition in state.parameters:
        return state.returns.get(definition, ANYTHING)  # what is not reached tells nothing of it
    if node is not None:
        note_use(state, node, state.naming.name_scope)
        around = state.naming.scope.name
        if state.scopes_at.setdefault(node, around) != around:
            state.scopes_at[node] = None
    start = state.path if node is None else (*state.path, node)
    frame = Frame(parent=function.frame, function=function, entry=(state.naming.name_scope, start))
    _bind_parameters(state, definition, frame, arguments, certain)
    if node is not None:
        state.calls.setdefault(definition, []).append((node, state.path))
    seen = state.parameters.setdefault(definition, {})
    for name, value in frame.names.items():
        seen[name] = join(seen[name], value) if name in seen else value
    outer, outer_path, outer_opened = state.frame, state.path, state.opened
    state.frame, state.opened = frame, ()
    state.stack = (*state.stack, definition)
    if node is not None:
        state.path = (*outer_path, node)
    if isinstance(definition, cst.Lambda):
        result = expressions.evaluate(state, definition.body)
    else:
        flow = run_block(state, body_of(definition))
        if flow != "return" and flow != "raise":
            frame.returned.append(constant(None))
        result = frame.returned[0] if frame.returned else constant(None)
        for value in frame.returned[1:]:
            result = join(result, value)
        result = overrides.returned(state, definition, result)
    state.stack = state.stack[:-1]
    state.frame, state.path, state.opened = outer, outer_path, outer_opened
    old = state.returns.get(definition)
    state.returns[definition] = result if old is None else join(old, result)
    texts = {name: value.text for name, value in _by_name(definition, arguments)}
    # Lengths of tensors that were passed have names of their own here.
    lengths = ((name, frame.names[name]) for name in frame.names if "_size" in name)
    labels = {name: v.text for name, v in lengths if v.kind == "python" and name not in texts}
    texts |= labels
    if node is not None:
        _note_locals(state, definition, node, frame, texts, labels)
    return calling.leave_scope(state, result, texts)


def _by_name(
    definition: cst.FunctionDef | cst.Lambda, arguments: Sequence[tuple[str | None, Value]]
) -> list[tuple[str, Value]]:
    """Arguments under the names of the parameters that take them."""
    params = [*definition.params.posonly_params, *definition.params.params]
    free = [value for keyword, value in arguments if keyword is None]
    pairs = [(p.name.value, value) for p, value in zip(params, free, strict=False)]
    return pairs + [(keyword, value) for keyword, value in arguments if keyword is not None]


def _enter(state: State, frame: Frame, name: str, value: Value) -> Value:
    """An argument as the function sees it.

    A length that only the caller can spell gets a name of the function's own (``x_size``), so that
    a constructor can take it as an argument.
    """
    if value.is_tensor and value.shape is not None:
        shape = []
        definition = frame.function.node if frame.function is not None else None
        for axis, dim in enumerate(value.shape):
            label = f"{name}_size" if axis == len(value.shape) - 1 else f"{name}_size_{axis}"
            if definition is not None:
                state.lengths.setdefault((definition, name, axis), set()).add(dim)
            words = dim.text is not None and not dim.text.isdigit()
            spelled = words and not names.is_global_text(state, dim.text or "")
            foreign = words and names.is_foreign_text(state, definition, dim.text or "")
            if (
                foreign
                or (definition, name, axis) in state.named_lengths
                or (spelled and state.instance_names)
            ):
                literal = UNKNOWN if dim.size is None else dim.size
                frame.names[label] = Value("python", literal, "int32", text=dim.text)
                dim = Dim(dim.size, label)
            elif dim.size is None and dim.text and not names.is_global_text(state, dim.text):
                frame.names[label] = Value("python", text=dim.text, dtype="int32")
                dim = Dim(None, label)
            shape.append(dim)
        value = replace(value, shape=tuple(shape))
        return value
    return calling.leave_scope(state, value)


def _note_locals(
    state: State,
    definition: cst.CSTNode,
    node: cst.Call,
    frame: Frame,
    texts: dict[str, str | None],
    labels: Container[str],
) -> None:
    """Keeps the host values that a function's names ended with, as its caller spells them."""
    seen = state.locals.setdefault((definition, node), {})
    here: dict[str, Value] = {}
    for name, value in frame.names.items():
        plain = tensors.plain(value)
        if plain.text is not None and name not in labels:
            plain = replace(plain, text=names.outside(state, plain.text, texts))
        if plain.kind == "python":
            seen[name] = join(seen[name], plain) if name in seen else plain
            here[name] = plain
    if any(isinstance(step, tuple) for step in state.path):
        state.rounds.setdefault((definition, node), []).append((state.path, here))


def _bind_parameters(
    state: State,
    definition: cst.FunctionDef | cst.Lambda,
    frame: Frame,
    arguments: Sequence[tuple[str | None, Value]],
    certain: bool,
) -> None:
    params = definition.params
    positional = [*params.posonly_params, *params.params]
    positions = [parameter.name.value for parameter in positional]
    known = {parameter.name.value for parameter in parameters_of(params)}
    free = [value for keyword, value in arguments if keyword is None]
    extra: dict[Any, Value] = {}
    for name, value in zip(positions, free, strict=False):
        frame.names[name] = _enter(state, frame, name, value)
    for keyword, value in arguments:
        if keyword is not None and keyword in known:
            frame.names[keyword] = _enter(state, frame, keyword, value)
        elif keyword is not None:
            extra[keyword] = value
    for parameter in parameters_of(params):
        name = parameter.name.value
        if name in frame.names:
            continue
        if parameter.default is not None and certain:
            outer, state.frame = state.frame, function_frame(frame)
            frame.names[name] = expressions.evaluate(state, parameter.default)
            state.frame = outer
        else:
            frame.names[name] = _given_by_anyone(definition, parameter)
    if isinstance(params.star_arg, cst.Param):
        rest = tuple(free[len(positions) :])
        star = Value("sequence", detail=rest) if certain else ANYTHING
        frame.names[params.star_arg.name.value] = star
    if params.star_kwarg is not None:
        star = Value("mapping", detail=tuple(extra.items())) if certain else ANYTHING
        frame.names[params.star_kwarg.name.value] = star
    for parameter in parameters_of(params):
        state.record(parameter, frame.names[parameter.name.value])


def _given_by_anyone(definition: cst.FunctionDef | cst.Lambda, parameter: cst.Param) -> Value:
    """An argument that nobody knows: code that opens a session is not called with tensors."""
    default = parameter.default
    if isinstance(default, cst.UnaryOperation):
        default = default.expression
    plain = isinstance(default, (cst.Integer, cst.Float, cst.SimpleString))
    return Value("python", shape=()) if plain and _opens_session(definition) else ANYTHING


@remember
def _opens_session(definition: cst.FunctionDef | cst.Lambda) -> bool:
    calls = below(definition, cst.Call)
    return any(last_name(call.func) in SESSION_MAKERS for call in calls)


def function_frame(frame: Frame) -> Frame:
    return frame.parent if frame.parent is not None else frame
