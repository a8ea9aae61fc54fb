"""Summaries become SummaryWriter calls where they are added; savers become state_dict files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from tf2torch.analyse.facts import Obj
from tf2torch.rewrite import coordinator, flags, savers
from tf2torch.rewrite.control import argument
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.writer import Unconvertible, code, lines
from tf2torch.rulebook.values import Value

if TYPE_CHECKING:
    from tf2torch.rewrite.session import Host

_METHODS = {"scalar": "add_scalar", "histogram": "add_histogram", "image": "add_images", "text": "add_text"}


def members(record: Obj) -> list[Value]:
    """The summaries that fetching one value gives."""
    if record.type == "MergedSummary":
        return list(record["members"] or ())
    return [Value("object", detail=record)]


def host_statement(host: Host, small: cst.BaseSmallStatement) -> list[cst.BaseStatement] | None:
    """Statements for calls on writers and savers; None for everything else."""
    done = flags.host_statement(host.writer, small, host.scope)
    if done is not None:
        return done
    if coordinator.is_dropped(host.writer, small):
        return []
    call = small.value if isinstance(small, (cst.Expr, cst.Assign)) else None
    if not isinstance(call, cst.Call):
        return None
    if isinstance(small, cst.Assign):
        value = host.writer.value(call)
        if value.kind == "object" and value.detail.type == "FileWriter":
            return _writer(host, small, call)
        if value.kind == "object" and value.detail.type == "Saver":
            return savers.made(host, small)
    if not isinstance(call.func, cst.Attribute):
        return None
    owner = host.writer.value(call.func.value)
    if owner.kind != "object":
        return None
    name = call.func.attr.value
    if owner.detail.type == "FileWriter":
        if name == "add_summary":
            return _add_summary(host, call)
        if name in ("add_graph", "add_run_metadata", "add_meta_graph", "add_session_log", "reopen"):
            host.writer.note(call, "summary-writer", f"{name} has no counterpart")
            return []
        if name in ("flush", "close"):
            return lines(f"{code(convert(host.writer, call.func.value, host.scope))}.{name}()\n")
        return None
    if owner.detail.type == "Saver" and name in ("save", "restore"):
        if name == "save":
            return savers.save(host, small, call, owner.detail)
        return savers.restore(host, call, owner.detail)
    return None


def _writer(host: Host, small: cst.Assign, call: cst.Call) -> list[cst.BaseStatement]:
    folder = argument(call, 0, "logdir")
    if folder is None:
        raise Unconvertible("summary-writer", "a FileWriter without a folder", call)
    host.writer.imports.add("from torch.utils.tensorboard import SummaryWriter")
    target = code(convert(host.writer, small.targets[0].target, host.scope))
    return lines(f"{target} = SummaryWriter({code(convert(host.writer, folder, host.scope))})\n")


def _add_summary(host: Host, call: cst.Call) -> list[cst.BaseStatement]:
    summary, step = argument(call, 0, "summary"), argument(call, 1, "global_step")
    assert isinstance(call.func, cst.Attribute)
    writer = code(convert(host.writer, call.func.value, host.scope))
    if not isinstance(summary, cst.Name) or summary.value not in host.summaries:
        raise Unconvertible("add-summary", "where this summary was fetched is not known", call)
    suffix = f", {code(convert(host.writer, step, host.scope))}" if step is not None else ""
    text = ""
    for member in host.summaries[summary.value]:
        record = member.detail
        node = record.node
        kind = record["symbol"].rpartition(".")[2].removesuffix("_summary")
        method = _METHODS.get(kind)
        tag, values = argument(node, 0, "name", "tag", "tags"), argument(node, 1, "tensor", "values")
        if method is None or tag is None or values is None:
            raise Unconvertible("add-summary", f"tf.summary.{kind} has no counterpart", call)
        written = code(convert(host.writer, values, host.scope))
        label = code(convert(host.writer, tag, host.scope))
        extra = ', dataformats="NHWC"' if kind == "image" else ""
        text += f"{writer}.{method}({label}, {written}{suffix}{extra})\n"
        host.writer.converted(node.func, "summary")
    return lines(text)
