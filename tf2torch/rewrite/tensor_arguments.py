"""Host values where torch takes tensors: lists, arrays and numbers, which TensorFlow converts."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Final

import libcst as cst

from tf2torch.cst.templates import TemplateError, parse_template
from tf2torch.cst.walk import walk
from tf2torch.rewrite.writer import code, parse
from tf2torch.rulebook.apply import Bound
from tf2torch.rulebook.dtype_text import TORCH_DTYPES
from tf2torch.rulebook.model import Rule
from tf2torch.rulebook.shapes.common import as_tensor
from tf2torch.rulebook.values import Value

#: What TensorFlow calls the parameters that are tensors.
TENSORS: Final = frozenset(
    "a b x y input input_ inputs input_tensor tensor value features logits labels onehot_labels "
    "multi_class_labels predictions targets log_input params indices ids condition diagonal "
    "matrix rhs chol image images signals data segment_ids updates sorted_sequence real "
    "imag".split()
)
#: Parameters that TensorFlow gives the dtype of the tensor beside them.
ALIKE: Final = frozenset("a b x y matrix rhs logits labels predictions targets".split())
#: Functions that take host values themselves.
MAKERS: Final = frozenset(
    "as_tensor tensor from_numpy stack full zeros ones empty arange linspace eye randn rand "
    "randint normal broadcast_shapes manual_seed finfo".split()
)


def lifted(rule: Rule, template: str, bound: Bound) -> Bound:
    """`bound` with ``torch.as_tensor(...)`` around host values where the template wants tensors."""
    wanted = [name for name in _places(template) if name in TENSORS and name in bound.nodes]
    found = {name for name in wanted if _is_host(bound.values.get(name))}
    if not found:
        return bound
    nodes, values = dict(bound.nodes), dict(bound.values)
    for name in found:
        value = values[name]
        dtype = _dtype_beside(rule, bound, name)
        nodes[name] = tensor_of(nodes[name], value, dtype)
        known = as_tensor(value)
        values[name] = Value("tensor", dtype=dtype or known.dtype, shape=known.shape)
    return replace(bound, nodes=nodes, values=values)


def lifted_alone(bound: Bound, name: str) -> Bound:
    """`bound` with ``torch.as_tensor(...)`` around one argument, if it is a host value."""
    value = bound.values.get(name)
    if value is None or not _is_host(value):
        return bound
    known = as_tensor(value)
    made = Value("tensor", dtype=known.dtype, shape=known.shape)
    nodes = {**bound.nodes, name: tensor_of(bound.nodes[name], value, None)}
    return replace(bound, nodes=nodes, values={**bound.values, name: made})


def tensor_of(node: cst.BaseExpression, value: Value, dtype: str | None) -> cst.BaseExpression:
    """A host value as a tensor; a list that holds tensors is stacked."""
    items = value.detail if value.kind == "sequence" else ()
    if isinstance(node, (cst.List, cst.Tuple)) and _holds_tensors(items):
        parts = [
            element.value if item.is_tensor else tensor_of(element.value, item, _first(items).dtype)
            for element, item in zip(node.elements, items, strict=True)
        ]
        return parse(f"torch.stack([{', '.join(map(code, parts))}])")
    if _holds_tensors(items):
        return parse(f"torch.stack({code(node)})")
    makes = as_tensor(value).dtype  # what torch makes of it without being told
    known = ""
    if dtype is not None and dtype in TORCH_DTYPES and dtype != makes:
        known = f", dtype=torch.{TORCH_DTYPES[dtype]}"
    return parse(f"torch.as_tensor({code(node)}{known}, device=device)")


def _holds_tensors(items: Sequence[Value] | None) -> bool:
    return any(
        item.is_tensor or (item.kind == "sequence" and _holds_tensors(item.detail))
        for item in items or ()
    )


def _first(items: Sequence[Value]) -> Value:
    return next((item for item in items if item.is_tensor), Value("tensor"))


def _is_host(value: Value | None) -> bool:
    if value is None or value.literal is None:
        return False
    return value.host or value.kind in ("python", "sequence")


def _dtype_beside(rule: Rule, bound: Bound, name: str) -> str | None:
    if name not in ALIKE or rule.id.startswith("sparse"):
        return None
    others = (bound.values[other] for other in bound.nodes if other in ALIKE and other != name)
    return next((value.dtype for value in others if value.is_tensor and not value.host), None)


@cache
def _places(template: str) -> tuple[str, ...]:
    """Names of the fields that stand where torch takes nothing but tensors."""
    try:
        parsed = parse_template(template)
    except TemplateError:
        return ()
    holes = {f"_hole_{number}_": field.name for number, field in enumerate(parsed.fields)}
    return tuple(dict.fromkeys(_tensor_places(parsed.tree, holes)))


def _tensor_places(tree: cst.BaseExpression, holes: Mapping[str, str | None]) -> list[str]:
    found: list[str | None] = []
    for node in walk(tree):
        if isinstance(node, (cst.Attribute, cst.Subscript)):
            found.append(_hole(node.value, holes))
        elif isinstance(node, cst.Call) and _takes_tensors(node.func):
            found += [_hole(arg.value, holes) for arg in node.args if arg.star == ""]
    return [name for name in found if name is not None]


def _hole(node: cst.BaseExpression, holes: Mapping[str, str | None]) -> str | None:
    return holes.get(node.value) if isinstance(node, cst.Name) else None


def _takes_tensors(function: cst.BaseExpression) -> bool:
    if isinstance(function, cst.Name):  # of the support file; Python's own take host values
        return not hasattr(builtins, function.value)
    text = code(function)
    return text.startswith(("torch.", "F.")) and text.rpartition(".")[2] not in MAKERS
