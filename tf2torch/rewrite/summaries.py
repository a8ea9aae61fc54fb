"""Summaries become SummaryWriter calls where they are added; savers become state_dict files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from tf2torch.analyse.facts import Obj
from tf2torch.rewrite import coordinator, flags
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
        return _save(host, small, call) if name == "save" else _restore(host, call)
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


def _path(host: Host, path: cst.BaseExpression, step: cst.BaseExpression | None, end: str) -> str:
    """Text of a checkpoint's path: TensorFlow's, with the step if there is one, and `end`."""
    literal = host.writer.value(path).literal if isinstance(path, cst.SimpleString) else None
    text = code(convert(host.writer, path, host.scope))
    number = code(convert(host.writer, step, host.scope)) if step is not None else None
    if number is not None:
        return f'f"{literal}-{{{number}}}{end}"' if isinstance(literal, str) else f'f"{{{text}}}-{{{number}}}{end}"'
    if not end:
        return text
    if isinstance(literal, str):
        return f"{text[:-1]}{end}{text[-1]}"
    return f'{text} + "{end}"' if text.replace("_", "").replace(".", "").isalnum() else f'({text}) + "{end}"'


def _save(host: Host, small: cst.BaseSmallStatement, call: cst.Call) -> list[cst.BaseStatement]:
    """``saver.save(sess, path, step)`` -> ``torch.save(model.state_dict(), f"{path}-{step}.pt")``"""
    path, step = argument(call, 1, "save_path"), argument(call, 2, "global_step")
    if path is None:
        raise Unconvertible("saver", "save without a path", call)
    if step is not None and host.writer.value(step).literal is None:
        step = None
    folder = _folder(host, path)
    if isinstance(small, cst.Assign):
        target = code(convert(host.writer, small.targets[0].target, host.scope))
        base = _path(host, path, step, "")
        return lines(f'{folder}{target} = {base}\ntorch.save(model.state_dict(), {target} + ".pt")\n')
    return lines(f"{folder}torch.save(model.state_dict(), {_path(host, path, step, '.pt')})\n")


def _folder(host: Host, path: cst.BaseExpression) -> str:
    """TensorFlow makes the folder that a checkpoint goes to."""
    literal = host.writer.value(path).literal if isinstance(path, cst.SimpleString) else None
    if isinstance(literal, str):
        parent = literal.rpartition("/")[0]
        return f'os.makedirs("{parent}", exist_ok=True)\n' if parent not in ("", ".", "/tmp") else ""
    text = code(convert(host.writer, path, host.scope))
    return f'os.makedirs(os.path.dirname({text}) or ".", exist_ok=True)\n'


def _restore(host: Host, call: cst.Call) -> list[cst.BaseStatement]:
    path = argument(call, 1, "save_path")
    if path is None:
        raise Unconvertible("saver", "restore without a path", call)
    text = _path(host, path, None, ".pt")
    return lines(f"model.load_state_dict(torch.load({text}, map_location=device))\n")
