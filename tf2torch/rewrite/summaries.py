"""Summaries become SummaryWriter calls where they are added; savers become state_dict files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from tf2torch.analyse.facts import Obj
from tf2torch.diagnostics import Outcome
from tf2torch.plan.recorded import members
from tf2torch.rewrite import coordinator, flags, recording, savers
from tf2torch.rewrite.arguments import argument
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.tags import tag_text
from tf2torch.rewrite.writer import Unconvertible, code, lines
from tf2torch.rulebook.values import Value

if TYPE_CHECKING:
    from tf2torch.rewrite.host import Host


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
        if value.kind == "object" and value.detail.type == "SummaryProto":
            return []
        if value.kind == "object" and value.detail.type == "FileWriter":
            return _writer(host, small, call)
        if value.kind == "object" and value.detail.type == "Saver":
            return savers.made(host, small)
    if not isinstance(call.func, cst.Attribute):
        return None
    if code(call.func).endswith(".value.add") and isinstance(call.func.value, cst.Attribute):
        owner = host.writer.value(call.func.value.value)
        if owner.kind == "object" and owner.detail.type == "SummaryProto":
            raise Unconvertible("add-summary", "a summary that is filled in later", call)
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
    """``writer.add_summary(summary, step)`` -> a call for each of its members"""
    summary, step = argument(call, 0, "summary"), argument(call, 1, "global_step")
    assert isinstance(call.func, cst.Attribute)
    writer = code(convert(host.writer, call.func.value, host.scope))
    suffix = f", {code(convert(host.writer, step, host.scope))}" if step is not None else ""
    before: list[cst.BaseStatement] = []
    if summary is None:
        raise Unconvertible("add-summary", "a summary is missing", call)
    value = host.writer.value(summary)
    if value.kind == "object" and value.detail.type == "SummaryProto":
        return lines(_proto(host, value.detail, writer, suffix))
    if isinstance(summary, cst.Name) and summary.value in host.summaries:
        records = host.summaries[summary.value]
    elif isinstance(summary, cst.Call) and summary in host.writer.plan.sites:
        before, recorded, records = _fetched(host, summary)
        if recorded is not None:
            return [*before, *lines(f"{recorded}.write({writer}{suffix})\n")]
    elif value.kind == "object" and value.detail.type == "FetchedSummary":
        text = code(convert(host.writer, summary, host.scope))
        return lines(f"{text}.write({writer}{suffix})\n")
    else:
        raise Unconvertible("add-summary", "where this summary was fetched is not known", call)
    text = "".join(_member(host, member.detail, writer, suffix) for member in records)
    return [*before, *lines(text)]


def _fetched(host: Host, run: cst.Call) -> tuple[list[cst.BaseStatement], str | None, list[Value]]:
    """``writer.add_summary(sess.run(merged), step)``: the run, and what it records."""
    from tf2torch.rewrite.lowering import lower

    site, needed = host.writer.plan.sites[run]
    leaf = site.tree.leaf
    if leaf is None or leaf.record is None:
        raise Unconvertible("add-summary", "what this run records is not known", run)
    before, results = lower(host, site, needed)
    host.writer.settle(run, Outcome.CONVERTED, "session-run")
    return before, results.get(id(leaf)), members(leaf.record)


def _member(host: Host, record: Obj, writer: str, suffix: str) -> str:
    """``writer.add_scalar("loss", loss, step)``"""
    node = record.node
    assert isinstance(node, cst.Call)
    kind = recording.kind_of(record["symbol"])
    values = argument(node, 1, "tensor", "values")
    if kind not in recording.KINDS or values is None:
        raise Unconvertible("add-summary", f"tf.summary.{kind} has no counterpart", node)
    label = tag_text(host.writer, node, host.scope)
    written = code(convert(host.writer, values, host.scope))
    host.writer.converted(node.func, "summary")
    if kind in ("image", "audio"):
        name = "add_images" if kind == "image" else "add_audio"
        host.writer.support.add(name)
        extra = recording.extra_text(host.writer, node, kind, host.scope)
        if kind == "audio" and extra:
            extra = ", sample_rate=" + extra[2:]
        return f"{name}({writer}, {label}, {written}{suffix}{extra})\n"
    return f"{writer}.add_{kind}({label}, {written}{suffix})\n"


def _proto(host: Host, record: Obj, writer: str, suffix: str) -> str:
    """``tf.Summary(value=[tf.Summary.Value(tag="loss", simple_value=x)])``"""
    node = record.node
    assert isinstance(node, cst.Call)
    given = argument(node, 0, "value")
    if not isinstance(given, (cst.List, cst.Tuple)):
        raise Unconvertible("add-summary", "a summary that is filled in later", node)
    text = ""
    for element in given.elements:
        entry = element.value
        if not isinstance(entry, cst.Call):
            raise Unconvertible("add-summary", "a summary whose values are not known", node)
        tag, number = argument(entry, None, "tag"), argument(entry, None, "simple_value")
        if tag is None or number is None:
            raise Unconvertible("add-summary", "only simple values have a counterpart", entry)
        label = code(convert(host.writer, tag, host.scope))
        shown = code(convert(host.writer, number, host.scope))
        text += f"{writer}.add_scalar({label}, {shown}{suffix})\n"
    host.writer.settle(node, Outcome.CONVERTED, "summary")
    return text
