"""Sparse gradients of embeddings, where their form changes the numbers."""

from __future__ import annotations

import libcst as cst

from tf2torch.analyse.facts import Obj
from tf2torch.cst.forms import TIGHT
from tf2torch.plan.units import contents
from tf2torch.rewrite.gradient_paths import holds_gradient, path_of
from tf2torch.rewrite.operands import Typed
from tf2torch.rewrite.writer import Unconvertible, Writer
from tf2torch.rulebook.values import Value

_NORMS = ("tf.clip_by_global_norm", "tf.global_norm")
_GATHERS = ("tf.nn.embedding_lookup", "tf.gather")
_SAMPLED = ("tf.nn.nce_loss", "tf.nn.sampled_softmax_loss")

#: Functions whose gradient has only the rows that they looked up.
LOOKUPS = frozenset((*_GATHERS, *_SAMPLED))

#: Optimizers that leave the other rows alone, and the classes that do so too. Without momentum the
#: others do not move anyway; Adam moves all rows in TensorFlow as well.
ROW_WISE = {
    "MomentumOptimizer": "TFMomentum",
    "RMSPropOptimizer": "TFRMSProp",
    "AdadeltaOptimizer": "TFAdadelta",
    "FtrlOptimizer": "TFFtrl",
    "LazyAdamOptimizer": "TFLazyAdam",
}


def lookup(writer: Writer, node: cst.Call, symbol: str, written: Typed) -> Typed:
    """``F.embedding(ids, table)`` -> ``F.embedding(ids, table, sparse=True)``.

    Where the optimizer updates only the rows that were looked up, and where gradients are clipped
    by their norm: TensorFlow counts repeated rows one by one in it, so that they have to be kept
    apart until the norm is taken.
    """
    made = written.node
    tables = _tables(writer, node, symbol)
    rows = any(is_row_wise(writer, table) for table in tables)
    rows = rows or (bool(tables) and _clips_rows(writer))
    if isinstance(made, cst.Call) and isinstance(made.func, cst.Attribute):
        if made.func.attr.value == "embedding" and (rows or _clips_norms(writer, node)):
            return Typed(_with_sparse(made), written.layout, written.rank)
    if not rows:
        return written
    if isinstance(made, cst.Call) and symbol in _SAMPLED:
        return Typed(_with_sparse(made), written.layout, written.rank)
    if isinstance(made, cst.Subscript) and len(made.slice) == 1 and symbol in _GATHERS:
        index = made.slice[0].slice
        if isinstance(index, cst.Index):
            writer.support.add("lookup_rows")
            args = [cst.Arg(made.value), cst.Arg(index.value)]
            return Typed(cst.Call(cst.Name("lookup_rows"), args), written.layout, written.rank)
    raise Unconvertible("sparse-rows", "the optimizer moves only the rows of this lookup", node)


def _with_sparse(call: cst.Call) -> cst.Call:
    option = cst.Arg(cst.Name("True"), keyword=cst.Name("sparse"), equal=TIGHT)
    last = call.args[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return call.with_changes(args=[*call.args[:-1], last, option])


def _tables(writer: Writer, node: cst.Call, symbol: str) -> list[Value]:
    """The trained variables whose rows a call looks up."""
    names = ("weights", "biases") if symbol in _SAMPLED else ("params",)
    given: list[cst.BaseExpression] = []
    for position, name in enumerate(names):
        found = [arg.value for arg in node.args if arg.keyword and arg.keyword.value == name]
        free = [arg.value for arg in node.args if arg.keyword is None]
        given += found or free[position : position + 1]
    if symbol == "tf.gather" and len(node.args) > 2:
        axis = next((a.value for a in node.args if a.keyword and a.keyword.value == "axis"), None)
        if axis is not None and writer.value(axis).literal not in (None, 0):
            return []
    leaves = [leaf for item in given for leaf in contents(writer.value(item))]
    return [leaf for leaf in leaves if leaf.kind == "variable" and leaf.detail is not None]


def is_row_wise(writer: Writer, table: Value) -> bool:
    """Whether every train op that moves a table does so row by row."""
    trains = [
        record
        for record in _trains(writer)
        if record["variables"] is None
        or any(item.detail is table.detail for item in record["variables"])
    ]
    applied = _applied(writer)
    shorts = {made["optimizer"].detail["symbol"].rpartition(".")[2] for made in (*trains, *applied)}
    return bool(shorts) and shorts <= ROW_WISE.keys() and (not applied or path_of(writer).rows)


def row_wise_class(writer: Writer, short: str) -> str | None:
    """The class of an optimizer in a program that looks up rows of what it trains."""
    if short not in ROW_WISE or (_applied(writer) and not path_of(writer).rows):
        return None
    for node, symbol in list(writer.analysis.symbols.items()):
        if symbol not in LOOKUPS:
            continue
        for call in _calls_of(writer, node):
            if any(is_row_wise(writer, table) for table in _tables(writer, call, symbol)):
                return ROW_WISE[short]
    return None


def warns(writer: Writer, short: str) -> bool:
    """Whether rows are looked up that the conversion moves all together."""
    if short not in ("MomentumOptimizer", "RMSPropOptimizer", "AdadeltaOptimizer", "FtrlOptimizer"):
        return False
    if not _applied(writer) or path_of(writer).rows:
        return False
    return any(
        table.detail.trainable
        for node, symbol in list(writer.analysis.symbols.items())
        if symbol in LOOKUPS
        for call in _calls_of(writer, node)
        for table in _tables(writer, call, symbol)
    )


def _calls_of(writer: Writer, func: cst.CSTNode) -> list[cst.Call]:
    calls: dict[cst.CSTNode, cst.Call] | None = writer.analysis.state.cache.get("calls_by_func")
    if calls is None:
        calls = {node.func: node for node in writer.analysis.values if isinstance(node, cst.Call)}
        writer.analysis.state.cache["calls_by_func"] = calls
    found = calls.get(func)
    return [found] if found is not None else []


def _trains(writer: Writer) -> list[Obj]:
    return [
        value.detail
        for value in writer.analysis.values.values()
        if value.kind == "operation" and value.detail is not None and value.detail.type == "Train"
    ]


def _applied(writer: Writer) -> list[Obj]:
    """Train ops for which the program takes gradients into its own hands."""
    found = [
        value.detail
        for value in writer.analysis.values.values()
        if value.kind == "operation" and value.detail is not None and value.detail.type == "Apply"
    ]
    return [made for made in found if made["optimizer"] is not None]


def _clips_rows(writer: Writer) -> bool:
    """Whether gradients are clipped, and only clipped, between taking and applying them.

    Repeated rows are clipped one by one then, and are added up afterwards.
    """
    path = path_of(writer)
    return bool(_applied(writer)) and not _trains(writer) and path.rows and path.clips


def clip(writer: Writer, node: cst.Call, symbol: str, written: Typed) -> Typed:
    """A function that clips gradients of which some may be rows of a table."""
    made = written.node
    if symbol == "tf.global_norm" or not node.args or not isinstance(made, cst.Call):
        return written
    if not _clips_rows(writer) or not holds_gradient(writer, node.args[0].value):
        return written
    tables = [
        table
        for func, name in list(writer.analysis.symbols.items())
        if name in LOOKUPS
        for call in _calls_of(writer, func)
        for table in _tables(writer, call, name)
    ]
    if not tables:
        return written
    if symbol == "tf.clip_by_value":
        writer.support.add("clip_gradient_by_value")
        made = made.with_changes(func=cst.Name("clip_gradient_by_value"))
    if any(is_row_wise(writer, table) for table in tables):
        made = _with_sparse(made)
    return Typed(made, written.layout, written.rank)


def _clips_norms(writer: Writer, node: cst.Call) -> bool:
    """Whether gradients are clipped by their norm and only ever applied after that."""
    if not any(symbol in _NORMS for symbol in writer.analysis.symbols.values()):
        return False
    table = writer.value(node.args[0].value) if node.args else None
    return not _trains(writer) and table is not None and table.kind == "variable"
