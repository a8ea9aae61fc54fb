"""Torch-to-torch pass: loops that draw until an iterator ends become ``for`` loops.

``while True: try: x = next(it); ... except StopIteration: break`` -> ``for x in it: ...``
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import libcst as cst

from tf2torch.cst.walk import children, transform
from tf2torch.rewrite.writer import code


def tidy(module: cst.Module) -> cst.Module:
    """Rewrites every loop over drawn elements, and what is left of threads."""
    return transform(module, _tidied)  # type: ignore[return-value]


def _tidied(node: cst.CSTNode) -> Any:
    if isinstance(node, cst.While):
        return _tidy_while(node)
    if isinstance(node, cst.Try):
        return _tidy_try(node)
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not):
        # ``not False``, from ``not coord.should_stop()``
        return cst.Name("True") if code(node.expression) == "False" else node
    return node


def _tidy_while(node: cst.While) -> cst.BaseStatement:
    if not _is_forever(node) or node.orelse is not None:
        return node
    body = node.body.body
    if len(body) != 1 or not isinstance(body[0], cst.Try):
        return node
    attempt = body[0]
    handler = _end_handler(attempt)
    if handler is None or [code(s).strip() for s in handler] != ["break"]:
        return node
    made = _for_loop(attempt.body.body, node.leading_lines)
    return node if made is None else made


def _tidy_try(node: cst.Try) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement]:
    final = node.finalbody
    if final is not None and all(code(s).strip() == "pass" for s in final.body.body):
        node = node.with_changes(finalbody=None)
        if not node.handlers:
            return _spliced(node.body.body, node.leading_lines)
    handler = _end_handler(node)
    if handler is None:
        return node
    *before, last = node.body.body
    if not isinstance(last, cst.While) or not _is_forever(last) or last.orelse is not None:
        return node
    if any("next(" in code(s) for s in before):
        return node
    made = _for_loop(last.body.body, last.leading_lines)
    if made is None:
        return node
    after = [s for s in handler if code(s).strip() != "pass"]
    if _breaks(last.body.body) and after:
        made = made.with_changes(orelse=cst.Else(cst.IndentedBlock(after)))
        after = []
    return _spliced([*before, made, *after], node.leading_lines)


def _spliced(
    body: Sequence[cst.CSTNode], lines: Sequence[cst.EmptyLine]
) -> cst.FlattenSentinel[cst.BaseStatement]:
    first, *rest = (s for s in body if isinstance(s, cst.BaseStatement))
    merged = [*lines, *first.leading_lines]  # type: ignore[attr-defined]
    return cst.FlattenSentinel([first.with_changes(leading_lines=merged), *rest])


def _is_forever(node: cst.While) -> bool:
    return code(node.test) in ("True", "1")


def _end_handler(node: cst.Try) -> Sequence[cst.BaseStatement] | None:
    """Statements under the only handler, if that is for the end of an iterator."""
    if len(node.handlers) != 1 or node.orelse is not None or node.finalbody is not None:
        return None
    handler = node.handlers[0]
    if handler.type is None or code(handler.type) != "StopIteration" or handler.name is not None:
        return None
    return handler.body.body  # type: ignore[return-value]


def _for_loop(body: Sequence[cst.CSTNode], lines: Sequence[cst.EmptyLine]) -> cst.For | None:
    """``for target in iterator``, if the first statement draws and no other does."""
    if not body or not isinstance(body[0], cst.SimpleStatementLine) or len(body[0].body) != 1:
        return None
    small = body[0].body[0]
    if not isinstance(small, cst.Assign) or len(small.targets) != 1:
        return None
    call = small.value
    if not isinstance(call, cst.Call) or code(call.func) != "next" or len(call.args) != 1:
        return None
    target = small.targets[0].target
    if not isinstance(target, (cst.Name, cst.Tuple)) or not isinstance(
        call.args[0].value, cst.Name
    ):
        return None
    if any("next(" in code(s) for s in body[1:]):
        return None
    rest = [s for s in body[1:] if isinstance(s, cst.BaseStatement)] or [
        cst.SimpleStatementLine([cst.Pass()])
    ]
    return cst.For(
        target,
        call.args[0].value,
        cst.IndentedBlock(rest),
        leading_lines=[*lines, *body[0].leading_lines],
    )


def _breaks(body: Sequence[cst.CSTNode]) -> bool:
    """Whether a ``break`` leaves the loop that has this body."""
    for node in body:
        if isinstance(node, (cst.For, cst.While, cst.FunctionDef, cst.ClassDef)):
            continue
        if isinstance(node, cst.Break) or _breaks(children(node)):
            return True
    return False
