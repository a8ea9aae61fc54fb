"""Abstract evaluation of subscripts, and assignments to them."""

from __future__ import annotations

import operator

import libcst as cst

from tf2torch.analyse import arrays, by_name, tensors
from tf2torch.analyse.containers import element_of, items_of, mapping_key, sequence
from tf2torch.analyse.facts import Obj
from tf2torch.analyse.operators import fold
from tf2torch.analyse.state import State, join_all
from tf2torch.rulebook.values import ANYTHING, UNKNOWN, Dim, Value, constant


def subscript(state: State, node: cst.Subscript) -> Value:
    owner = state.evaluate(state, node.value)
    if owner.kind == "sequence" and (output := by_name.output(state, node)) is not None:
        return output
    for element in node.slice:
        index_or_slice = element.slice
        if isinstance(index_or_slice, cst.Index):
            state.evaluate(state, index_or_slice.value)
        elif isinstance(index_or_slice, cst.Slice):
            for bound in (index_or_slice.lower, index_or_slice.upper, index_or_slice.step):
                if bound is not None:
                    state.evaluate(state, bound)
    if owner.is_tensor:
        return tensors.subscript(state, owner, node)
    if arrays.is_array(owner):
        return arrays.subscript(state, owner, node)
    if len(node.slice) != 1:
        return Value("python") if owner.kind == "python" else ANYTHING
    part = node.slice[0].slice
    if isinstance(part, cst.Slice):
        return _slice(state, owner, part)
    assert isinstance(part, cst.Index)
    index = state.values[part.value]
    if owner.kind == "object" and owner.detail.type == "TensorShape":
        items = items_of(owner)
        if (
            items is not None
            and isinstance(index.literal, int)
            and -len(items) <= index.literal < len(items)
        ):
            return items[index.literal]
        return Value("object", detail=Obj("Dimension", {"dim": Dim()}))
    if owner.kind == "mapping":
        found = dict(owner.detail).get(mapping_key(index))
        return found if found is not None else join_all(value for _, value in owner.detail)
    items = items_of(owner)
    number = tensors.number(index)
    if items is not None and isinstance(number, int) and -len(items) <= number < len(items):
        return items[number]
    if isinstance(owner.literal, str) and isinstance(number, int):
        return fold(operator.getitem, owner.literal, number, None)
    if owner.kind == "python" and isinstance(owner.detail, str) and owner.detail.endswith(".shape"):
        spelled = owner.text is not None and isinstance(index.literal, int)
        text = f"{owner.text}[{index.literal}]" if spelled else None
        return Value("python", dtype="int32", text=text)
    if owner.kind == "python":
        text = (
            f"{owner.text}[{index.literal!r}]"
            if owner.text and index.literal is not UNKNOWN
            else None
        )
        return Value("python", text=text)
    return element_of(owner)


def _slice(state: State, owner: Value, part: cst.Slice) -> Value:
    bounds = []
    for bound in (part.lower, part.upper, part.step):
        literal = None if bound is None else tensors.number(state.values[bound])
        if not isinstance(literal, (int, type(None))):
            return (
                Value("many", detail=element_of(owner))
                if owner.kind != "python"
                else Value("python")
            )
        bounds.append(literal)
    cut = slice(*bounds)
    if owner.kind == "object" and owner.detail.type == "TensorShape":
        items = items_of(owner)
        return tensors.shape_value(None if items is None else tuple(items[cut]))
    if owner.kind == "sequence":
        return sequence(owner.detail[cut])
    if isinstance(owner.literal, (str, tuple)):
        return constant(owner.literal[cut])
    return owner if owner.kind == "many" else Value("python")


def store_item(state: State, target: cst.Subscript, value: Value) -> None:
    """``owner[index] = value``"""
    owner = state.evaluate(state, target.value)
    part = target.slice[0].slice
    key = state.evaluate(state, part.value) if isinstance(part, cst.Index) else ANYTHING
    state.record(target, value)
    if owner.kind == "mapping":
        pairs = dict(owner.detail)
        pairs[mapping_key(key)] = value
        replace_container(state, target.value, Value("mapping", detail=tuple(pairs.items())))
    elif (
        owner.kind == "sequence"
        and isinstance(key.literal, int)
        and -len(owner.detail) <= key.literal < len(owner.detail)
    ):
        items = list(owner.detail)
        items[key.literal] = value
        replace_container(state, target.value, sequence(items))


def replace_container(state: State, node: cst.BaseExpression, value: Value) -> None:
    """Gives the container an expression names its new content."""
    if isinstance(node, cst.Name):
        found = state.frame.lookup(node.value)
        if found is not None:
            found[1].names[node.value] = value
    elif isinstance(node, cst.Attribute):
        owner = state.evaluate(state, node.value)
        if owner.kind == "instance":
            state.set_field(owner, node.attr.value, value)
