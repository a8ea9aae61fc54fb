"""Summaries and their tags: TensorFlow makes a tag of the name scopes that a summary stands in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import libcst as cst

from tf2torch.analyse.calls import GraphCall, Handler
from tf2torch.analyse.facts import Obj
from tf2torch.analyse.state import Frame, State
from tf2torch.rulebook.values import Value

#: What a program names scopes with: the expression, and the name that it asks for.
Asked = tuple[cst.BaseExpression | None, str | None]


@dataclass(frozen=True, eq=False)
class Use:
    """One execution of a summary, or of a call of a program function.

    Attributes:
        node: the call.
        function: the definition it stands in, None for the module.
        start: path of the call that executed `function`.
        path: path of this execution.
        name: the summary's tag, or the name scope in which the call stands.
        entry: the name scope in which `function` was called.
        opened: name scopes opened since, outermost first.
        asked: the summary's own name.
    """

    node: cst.Call
    function: cst.CSTNode | None
    start: tuple[Any, ...]
    path: tuple[Any, ...]
    name: str | None
    entry: str
    opened: tuple[Asked, ...]
    asked: Asked = (None, None)


def note_use(state: State, node: cst.Call, name: str | None, asked: Asked = (None, None)) -> Use:
    """Keeps where a call stands among the name scopes."""
    frame = _function_frame(state)
    entry, start = frame.entry
    function = frame.function.node if frame.function is not None else None
    use = Use(node, function, start, state.path, name, entry, state.opened, asked)
    if not state.shadow:
        state.uses.setdefault(node, []).append(use)
    return use


def _function_frame(state: State) -> Frame:
    """The frame of the function that executes, not that of a comprehension in it."""
    frame = state.frame
    while frame.parent is not None and frame.parent.function is frame.function:
        frame = frame.parent
    return frame


def clean(name: str) -> str:
    return re.sub(r"[^-/\w.]", "_", name).lstrip("/")


def scoped_tag(state: State, name: str, family: str | None) -> str:
    """`summary_op_util.summary_scope` of TensorFlow 1.15: the tag is a name scope of its own."""
    cleaned = clean(name)
    naming = state.naming
    outer = naming.enter_name_scope(f"{family}/{cleaned}" if family else cleaned)
    full = naming.name_scope
    naming.leave_name_scope(outer)
    return f"{family}/{full}" if family else full


def _summary(call: GraphCall) -> Value:
    """``tf.summary.scalar(name, tensor)``, and its forerunner with tags as they are."""
    state = call.state
    given = call.argument(0, "name", "tag", "tags")
    name = given.value.literal if given is not None else None
    name = name if isinstance(name, str) else None
    old = not call.symbol.startswith("tf.summary.")
    family = call.text(None, "family")
    tag = name
    if name is not None and not old:
        tag = scoped_tag(state, name, family)
    if "?" in (tag or ""):
        tag = None
    word = name if name is None or old else clean(name)
    use = note_use(state, call.node, tag, (None if given is None else given.node, word))
    if old and state.uses.get(call.node):
        use = Use(call.node, use.function, use.start, use.path, tag, "", (), use.asked)
        state.uses[call.node][-1:] = [use]
    record = {"symbol": call.symbol, "call": call, "use": use, "family": family}
    value = Value("object", detail=Obj("Summary", record, call.node))
    if not state.shadow:
        for key in _collections(call):
            state.collections.setdefault(key, []).append(value)
        state.summaries.append(value)
    return value


def _collections(call: GraphCall) -> list[str]:
    given = call.value(None, "collections")
    if given is None or given.kind != "sequence":
        return ["summaries"]
    return [
        item.literal
        if isinstance(item.literal, str)
        else str(item.detail).rpartition(".")[2].lower()
        for item in given.detail
    ]


def merged(call: GraphCall, members: tuple[Value, ...]) -> Value:
    record = {"symbol": call.symbol, "call": call, "members": members}
    return Value("object", detail=Obj("MergedSummary", record, call.node))


def _merge_all(call: GraphCall) -> Value:
    given = call.value(0, "key")
    key = "summaries"
    if given is not None:
        key = (
            given.literal
            if isinstance(given.literal, str)
            else str(given.detail).rpartition(".")[2].lower()
        )
    return merged(call, tuple(call.state.collections.get(key, ())))


def _merge(call: GraphCall) -> Value:
    given = call.value(0, "inputs")
    members: list[Value] = []
    for item in given.detail if given is not None and given.kind == "sequence" else ():
        if item.kind == "object" and item.detail.type == "MergedSummary":
            members += item.detail["members"]
        else:
            members.append(item)
    return merged(call, tuple(members))


_KINDS = "scalar histogram image audio text tensor_summary".split()

HANDLERS: dict[str, Handler] = {
    "tf.summary.merge_all": _merge_all,
    "tf.merge_all_summaries": _merge_all,
    "tf.summary.merge": _merge,
    "tf.merge_summary": _merge,
    **{f"tf.summary.{name}": _summary for name in _KINDS},
    **{f"tf.{name}_summary": _summary for name in _KINDS},
}
