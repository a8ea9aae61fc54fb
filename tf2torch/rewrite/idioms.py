"""Torch-to-torch passes: shorter forms that mean exactly the same.

``torch.mean(F.cross_entropy(x, y, reduction="none"))`` -> ``F.cross_entropy(x, y)``
"""

from __future__ import annotations

import libcst as cst

from tf2torch.cst.walk import walk, with_children
from tf2torch.rewrite.writer import code

#: Losses whose default reduction is the plain mean over all elements.
_MEAN_LOSSES = frozenset(
    "F.cross_entropy F.binary_cross_entropy_with_logits F.mse_loss F.l1_loss F.huber_loss"
    " F.binary_cross_entropy".split()
)


def simplify(module: cst.Module) -> cst.Module:
    """Applies every idiom once, inside out."""
    return _simplified(module)  # type: ignore[return-value]


def _simplified(node: cst.CSTNode) -> cst.CSTNode:
    if type(node) is cst.SimpleStatementLine and not any(map(_may_change, walk(node))):
        return _unindent_blank_lines(node)
    return _idiom(with_children(node, _simplified))


def _may_change(node: cst.CSTNode) -> bool:
    """Whether an expression looks like one of the idioms: most statements have none."""
    if type(node) is cst.Call:
        return isinstance(node.func, cst.Attribute) and node.func.attr.value == "mean"
    return type(node) is cst.Subscript


def _idiom(node: cst.CSTNode) -> cst.CSTNode:
    kind = type(node)
    if kind is cst.Call:
        return _mean_of_loss(node) or node  # type: ignore[arg-type]
    if kind is cst.Subscript:
        return _part_of_list(_shape_item(node))  # type: ignore[arg-type]
    if kind is cst.IndentedBlock:
        node = _blank_lines(node)  # type: ignore[arg-type]
    return _unindent_blank_lines(node)


def _shape_item(node: cst.Subscript) -> cst.BaseExpression:
    """``list(x.shape)[0]`` -> ``x.shape[0]``"""
    value = node.value
    if not (isinstance(value, cst.Call) and isinstance(value.func, cst.Name)):
        return node
    if value.func.value != "list" or len(value.args) != 1:
        return node
    inner = value.args[0].value
    single = len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index)
    if single and isinstance(inner, cst.Attribute) and inner.attr.value == "shape":
        return node.with_changes(value=inner)
    return node


def _part_of_list(node: cst.BaseExpression) -> cst.BaseExpression:
    """``[1, k, k, 1][1:3]`` -> ``[k, k]``"""
    if not isinstance(node, cst.Subscript) or not isinstance(node.value, cst.List):
        return node
    elements = node.value.elements
    part = node.slice[0].slice if len(node.slice) == 1 else None
    starred = any(not isinstance(element, cst.Element) for element in elements)
    if starred or any(isinstance(item, cst.Call) for item in walk(node.value)):
        return node
    if not isinstance(part, cst.Slice) or part.step is not None:
        return node
    ends = [None if end is None else _integer(end) for end in (part.lower, part.upper)]
    if any(end is None and given is not None for end, given in zip(ends, (part.lower, part.upper))):
        return node
    chosen = list(elements)[slice(*ends)]
    if not chosen:
        return node
    chosen[-1] = chosen[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return node.value.with_changes(elements=chosen)


def _integer(node: cst.BaseExpression) -> int | None:
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
        inner = _integer(node.expression)
        return None if inner is None else -inner
    return node.evaluated_value if isinstance(node, cst.Integer) else None


def _blank_lines(node: cst.IndentedBlock) -> cst.IndentedBlock:
    """No blank lines at the start of a block, at most one between its statements."""
    body = []
    for index, statement in enumerate(node.body):
        lines = list(getattr(statement, "leading_lines", ()))
        kept: list[cst.EmptyLine] = []
        for line in lines:
            blank = line.comment is None
            if blank and ((index == 0 and not kept) or (kept and kept[-1].comment is None)):
                continue
            kept.append(line)
        if len(kept) != len(lines):
            statement = statement.with_changes(leading_lines=kept)
        body.append(statement)
    return node.with_changes(body=body)


def _unindent_blank_lines(node: cst.CSTNode) -> cst.CSTNode:
    """Blank lines carry no white space."""
    changes = {}
    for name in ("leading_lines", "lines_after_decorators", "footer"):
        lines = getattr(node, name, ())
        if any(line.indent and line.comment is None for line in lines):
            changes[name] = [
                line if line.comment else line.with_changes(indent=False) for line in lines
            ]
    return node.with_changes(**changes) if changes else node


def _mean_of_loss(node: cst.Call) -> cst.BaseExpression | None:
    """The mean of an elementwise loss is the loss with its default reduction."""
    if not (isinstance(node.func, cst.Attribute) and node.func.attr.value == "mean"):
        return None
    if code(node.func) != "torch.mean" or len(node.args) != 1 or node.args[0].keyword is not None:
        return None
    inner = node.args[0].value
    if not isinstance(inner, cst.Call) or code(inner.func) not in _MEAN_LOSSES:
        return None
    kept = [arg for arg in inner.args if not _is_none_reduction(arg)]
    if len(kept) == len(inner.args) or any(
        _keyword(arg) in ("weight", "ignore_index") for arg in kept
    ):
        return None
    kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return inner.with_changes(args=kept)


def _keyword(arg: cst.Arg) -> str:
    return arg.keyword.value if arg.keyword is not None else ""


def _is_none_reduction(arg: cst.Arg) -> bool:
    return _keyword(arg) == "reduction" and code(arg.value) in ('"none"', "'none'")
