"""Which names are bound exactly once, so that their text means one value for good."""

from __future__ import annotations

import re

import libcst as cst

from tf2torch.analyse.state import PREVIOUS, Frame, State
from tf2torch.cst.printing import code_of
from tf2torch.cst.walk import STATEMENTS, children
from tf2torch.rulebook import symbols

_WORD = re.compile(r"[^\W\d]\w*")


def is_public(symbol: str) -> bool:
    """Whether TensorFlow 1.15 had this name, so that a star import may have bound it."""
    return symbols.canonical(symbol) is not None


def count_stores(
    body: cst.CSTNode, weight: int = 1, counts: dict[str, int] | None = None
) -> dict[str, int]:
    """How often a scope binds each name; what loops bind counts twice.

    Only statements are walked: expressions bind names too rarely to pay for it.
    """
    counts = {} if counts is None else counts
    if isinstance(body, (cst.FunctionDef, cst.ClassDef)):
        counts[body.name.value] = counts.get(body.name.value, 0) + weight
        return counts
    if isinstance(body, cst.Assign):
        for target in body.targets:
            _count_target(target.target, weight, counts)
    elif isinstance(body, (cst.AugAssign, cst.AnnAssign)):
        _count_target(body.target, weight * 2, counts)
    elif isinstance(body, cst.For):
        _count_target(body.target, 2, counts)
        weight = 2
    elif isinstance(body, cst.While):
        weight = 2
    elif isinstance(body, cst.With):
        for item in body.items:
            if item.asname is not None:
                _count_target(item.asname.name, weight, counts)
    for child in children(body):
        if type(child) in _BINDING:
            count_stores(child, weight, counts)
    return counts


#: What binds names, and what holds statements; `isinstance` is slow here.
_BINDING = STATEMENTS - {cst.Match} | {
    cst.Assign,
    cst.AugAssign,
    cst.AnnAssign,
    cst.IndentedBlock,
    cst.SimpleStatementSuite,
    cst.Else,
    cst.Finally,
    cst.ExceptHandler,
}


def _count_target(target: cst.CSTNode, weight: int, counts: dict[str, int]) -> None:
    if isinstance(target, cst.Name):
        counts[target.value] = counts.get(target.value, 0) + weight
    elif isinstance(target, (cst.Tuple, cst.List)):
        for element in target.elements:
            _count_target(element.value, weight, counts)


def scope_counts(state: State, frame: Frame) -> dict[str, int]:
    """Store counts of the scope a frame executes, parameters included; computed once."""
    key = frame.function.node if frame.function is not None else state.module
    counts = state.store_counts.get(key)
    if counts is None:
        counts = {}
        block = key.body if isinstance(key, cst.FunctionDef) else key
        body = () if isinstance(block, cst.Lambda) else getattr(block, "body", ())
        for child in body:
            if isinstance(child, cst.CSTNode):
                count_stores(child, 1, counts)
        if isinstance(key, (cst.FunctionDef, cst.Lambda)):
            params = key.params
            for parameter in (*params.posonly_params, *params.params, *params.kwonly_params):
                counts[parameter.name.value] = counts.get(parameter.name.value, 0) + 1
        state.store_counts[key] = counts
    return counts


def is_stable(state: State, frame: Frame, name: str) -> bool:
    return scope_counts(state, frame).get(name, 0) == 1


def is_alias(state: State, frame: Frame, name: str) -> bool:
    """Whether a name stands for one TensorFlow symbol for good: imported, or assigned once."""
    if not is_stable(state, frame, name):
        return scope_counts(state, frame).get(name, 0) == 0
    function = frame.function.node if frame.function is not None else None
    if function is None:
        return True
    params = function.params
    return all(
        p.name.value != name
        for p in (*params.posonly_params, *params.params, *params.kwonly_params)
    )


def text_of(state: State, node: cst.BaseExpression) -> str | None:
    """Source of an arithmetic expression whose leaves all have a text, else None."""
    if isinstance(node, cst.BinaryOperation):
        left, right = text_of(state, node.left), text_of(state, node.right)
        if left is None or right is None:
            return None
        return code_of(node, state.module)
    if isinstance(node, cst.UnaryOperation):
        return code_of(node, state.module) if text_of(state, node.expression) else None
    value = state.values.get(node)
    return value.text if value is not None else None


def words_in(text: str) -> set[str]:
    """The names that a text reads: its words but for those behind a dot."""
    return {m.group() for m in _WORD.finditer(text) if not text[: m.start()].endswith(".")}


def outside(state: State, text: str, texts: dict[str, str | None]) -> str | None:
    """A callee's text in the caller's words: `texts` has the caller's text for each parameter."""
    words = words_in(text)
    module = scope_counts(state, state.frame.module)
    for word in words - {PREVIOUS}:
        if texts.get(word) is None and (word in texts or module.get(word, 0) != 1):
            return None

    def swap(match: re.Match[str]) -> str:
        word = match.group()
        if match.start() and text[match.start() - 1] == ".":
            return word
        found = texts.get(word)
        if found is None:
            return word
        plain = word == text or _WORD.fullmatch(found.replace(".", "_")) or found.isdigit()
        return found if plain else f"({found})"

    return _WORD.sub(swap, text)


def is_foreign_text(state: State, definition: cst.CSTNode | None, text: str) -> bool:
    """Whether `text` has a module-level name of another file than a function's."""
    if not state.homes or not isinstance(definition, cst.FunctionDef):
        return False
    own = state.homes.get(definition.name.value)
    return any(state.homes.get(word, own) != own for word in words_in(text))


def is_global_text(state: State, text: str) -> bool:
    """Whether every name in `text` is a module-level name bound once."""
    module = state.frame.module
    counts = scope_counts(state, module)
    return all(
        counts.get(word, 0) == 1 and word not in state.instance_names for word in words_in(text)
    )
