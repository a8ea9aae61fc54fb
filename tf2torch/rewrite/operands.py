"""Written expressions with their axis order, and how operands come to share one."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from tf2torch.analyse import tensors
from tf2torch.rewrite import layout
from tf2torch.rewrite.layout import FIRST
from tf2torch.rewrite.writer import Writer, code, parse
from tf2torch.rulebook.dtype_text import TORCH_DTYPES
from tf2torch.rulebook.values import Value


@dataclass(frozen=True)
class Typed:
    """A written expression, its axis order (None: TensorFlow's), rank and, of a list, its items."""

    node: cst.BaseExpression
    layout: str | None = None
    rank: int | None = None
    parts: tuple[Typed, ...] = ()

    def last(self) -> cst.BaseExpression:
        """The expression in TensorFlow's axis order."""
        if self.layout is None:
            return self.node
        return layout.to_last(self.node, self.rank or 4)

    def first(self) -> cst.BaseExpression:
        """The expression with channels first."""
        if self.layout is not None:
            return self.node
        return layout.to_first(self.node, self.rank or 4)


def array_tensor(array: cst.BaseExpression, dtype: str | None) -> cst.BaseExpression:
    """A numpy array as a tensor; TensorFlow gives it the dtype of the tensor beside it."""
    known = (
        f", dtype=torch.{TORCH_DTYPES[dtype]}"
        if dtype is not None and dtype in TORCH_DTYPES
        else ""
    )
    return parse(f"torch.as_tensor({code(array)}{known}, device=device)")


def unify(
    writer: Writer, nodes: list[cst.BaseExpression], items: list[Typed]
) -> tuple[Typed, Typed, str | None, int | None]:
    """Two operands in one axis order: channels first if broadcasting then means the same."""
    done, order, rank = unify_all(writer, nodes, items)
    return done[0], done[1], order, rank


def unify_all(
    writer: Writer, nodes: list[cst.BaseExpression], items: list[Typed]
) -> tuple[list[Typed], str | None, int | None]:
    """Operands of an elementwise operation in one axis order."""
    images = [item for item in items if item.layout is not None]
    if not images:
        return items, None, None
    rank = images[0].rank or 4
    values = [tensors.plain(writer.value(node)) for node in nodes]
    done: list[Typed] = []
    for item, value in zip(items, values, strict=True):
        if item.layout is not None:
            done.append(item)
        elif _is_scalar(value):
            done.append(item)
        elif value.rank == rank:
            done.append(Typed(item.first(), FIRST, rank))
        elif value.rank == 1:
            shape = ", ".join(["-1"] + ["1"] * (rank - 2))
            done.append(Typed(fill_method(item.node, f"view({shape})"), FIRST, rank))
        else:
            return [Typed(i.last()) for i in items], None, None
    return done, FIRST, rank


def _is_scalar(value: Value) -> bool:
    if value.is_tensor:
        return value.rank == 0
    return isinstance(value.literal, (int, float, bool)) or value.literal is None


def fill_method(node: cst.BaseExpression, call: str) -> cst.BaseExpression:
    """``(node).call``"""
    loose = (cst.BinaryOperation, cst.UnaryOperation, cst.BooleanOperation, cst.IfExp)
    if isinstance(node, (*loose, cst.Comparison, cst.Lambda)) and not node.lpar:
        node = node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return parse(f"_.{call}").visit(_Receiver(node))  # type: ignore[return-value]


class _Receiver(cst.CSTTransformer):
    """Puts an expression in the place of the name ``_``."""

    def __init__(self, node: cst.BaseExpression) -> None:
        self.node = node

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        return self.node if original_node.value == "_" else updated_node
