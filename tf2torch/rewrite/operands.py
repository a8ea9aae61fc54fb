"""Written expressions with their axis order, and how operands come to share one."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from tf2torch.analyse import tensors
from tf2torch.cst.parsing import with_links
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
    chained = with_links(node, call)
    return chained if chained is not None else _received(parse(f"_.{call}"), node)


def _received(chain: cst.BaseExpression, node: cst.BaseExpression) -> cst.BaseExpression:
    """The chain of calls and attributes with `node` in the place of its first name."""
    if isinstance(chain, cst.Name):
        return node
    if isinstance(chain, cst.Call):
        return chain.with_changes(func=_received(chain.func, node))
    assert isinstance(chain, (cst.Attribute, cst.Subscript))
    return chain.with_changes(value=_received(chain.value, node))
