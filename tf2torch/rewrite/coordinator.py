"""Threads that fill queues: the coordinator and the runners have no counterpart."""

from __future__ import annotations

import libcst as cst

from tf2torch.cst.walk import read
from tf2torch.diagnostics import Outcome
from tf2torch.plan.units import calls_in
from tf2torch.rewrite.writer import Unconvertible, Writer

_DROPPED = frozenset("request_stop join register_thread clear_stop wait_for_stop".split())


def is_dropped(writer: Writer, small: cst.BaseSmallStatement) -> bool:
    """Whether a statement only starts or stops the threads of queues."""
    call = small.value if isinstance(small, (cst.Expr, cst.Assign)) else None
    if not isinstance(call, cst.Call):
        return False
    if writer.analysis.symbols.get(call.func) in (
        "tf.train.start_queue_runners",
        "tf.train.Coordinator",
    ):
        writer.settle(small, Outcome.ABSORBED, "queue-runners")
        return True
    if not isinstance(call.func, cst.Attribute) or not is_coordinator(writer, call.func.value):
        return False
    name = call.func.attr.value
    if name == "request_stop" and _stops_loop(writer, call):
        raise Unconvertible("coordinator", "a loop that a request of its own ends", call)
    return name in _DROPPED


def is_coordinator(writer: Writer, node: cst.BaseExpression) -> bool:
    value = writer.value(node)
    return value.kind == "object" and value.detail.type == "Coordinator"


def _stops_loop(writer: Writer, request: cst.Call) -> bool:
    """Whether the request stands in a loop that asks ``should_stop()``."""
    finder = _Loops(writer, request)
    read(writer.analysis.source.module, finder)
    return finder.found


class _Loops(cst.CSTVisitor):
    def __init__(self, writer: Writer, request: cst.Call) -> None:
        self.writer, self.request, self.found = writer, request, False

    def visit_While(self, node: cst.While) -> None:
        asks = any(
            isinstance(c.func, cst.Attribute) and c.func.attr.value == "should_stop"
            for c in calls_in(node.test)
        )
        if asks and self.request in calls_in(node.body):
            self.found = True
