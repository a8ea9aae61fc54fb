"""``tf.train.Saver``: checkpoints become files with a state dict.

Paths stay TensorFlow's, so that what is printed and parsed of them stays; the file has ``.pt``
behind. A program that numbers its checkpoints or looks for the latest one keeps their rotation
through `CheckpointSaver` of the support file; others write the file themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from tf2torch.analyse.facts import Obj
from tf2torch.rewrite.control import argument
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.writer import Unconvertible, Writer, code, lines

if TYPE_CHECKING:
    from tf2torch.rewrite.host import Host

Statements = list[cst.BaseStatement]

_SEARCHES = frozenset({"tf.train.latest_checkpoint", "tf.train.get_checkpoint_state"})


def rotates(writer: Writer) -> bool:
    """Whether checkpoints are numbered, or looked for by folder."""
    if _SEARCHES & set(writer.analysis.symbols.values()):
        return True
    for call in writer.analysis.values:
        if type(call) is not cst.Call:
            continue
        if isinstance(call.func, cst.Attribute) and call.func.attr.value == "save":
            owner = writer.value(call.func.value)
            if owner.kind == "object" and owner.detail.type == "Saver" and _step(writer, call):
                return True
    return False


def _step(writer: Writer, call: cst.Call) -> cst.BaseExpression | None:
    step = argument(call, 2, "global_step")
    if step is None or writer.value(step).literal is None:
        return None
    return step


def made(host: Host, small: cst.BaseSmallStatement | None) -> Statements:
    """``saver = tf.train.Saver(max_to_keep=3)``, where the rotation is kept."""
    writer = host.writer
    if not isinstance(small, cst.Assign) or not isinstance(small.value, cst.Call):
        return []
    if not rotates(writer):
        return []
    writer.support.add("CheckpointSaver")
    parts = []
    for name, default in (("max_to_keep", "5"), ("keep_checkpoint_every_n_hours", "10000.0")):
        given = argument(small.value, None, name)
        if given is not None and (text := code(convert(writer, given, host.scope))) != default:
            parts.append(f"{name}={text}")
    target = code(convert(writer, small.targets[0].target, host.scope))
    return lines(f"{target} = CheckpointSaver({', '.join(parts)})\n")


def check(host: Host, call: cst.Call, record: Obj) -> None:
    """Refuses savers of a part of the variables, and programs without a model to save."""
    writer = host.writer
    if writer.plan.model is None:
        raise Unconvertible("saver", "a saver of variables that are in no model", call)
    given = record["var_list"]
    if given is None or given.value.literal is None:
        return
    every = writer.analysis.state.collections.get("trainable_variables", [])
    chosen = given.value.detail if given.value.kind == "sequence" else ()
    names = {v.detail.name for v in chosen if v.kind == "variable"}
    if not names >= {v.detail.name for v in every} or given.value.kind != "sequence":
        raise Unconvertible("saver", "a saver of a part of the variables", call)


def save(host: Host, small: cst.BaseSmallStatement, call: cst.Call, record: Obj) -> Statements:
    """``saver.save(sess, path, step)`` -> ``saver.save(model.state_dict(), path, step)``"""
    writer = host.writer
    check(host, call, record)
    path, step = argument(call, 1, "save_path"), _step(writer, call)
    if path is None:
        raise Unconvertible("saver", "save without a path", call)
    where = code(convert(writer, path, host.scope))
    target = ""
    if isinstance(small, cst.Assign):
        target = code(convert(writer, small.targets[0].target, host.scope))
    folder = _folder(host, path)
    if rotates(writer):
        assert isinstance(call.func, cst.Attribute)
        saver = code(convert(writer, call.func.value, host.scope))
        number = ""
        if step is not None:
            number = f", global_step={code(convert(writer, step, host.scope))}"
        text = f"{saver}.save(model.state_dict(), {where}{number})"
        return lines(f"{folder}{target + ' = ' if target else ''}{text}\n")
    if target:
        return lines(
            f'{folder}{target} = {where}\ntorch.save(model.state_dict(), {target} + ".pt")\n'
        )
    return lines(f"{folder}torch.save(model.state_dict(), {_file(host, path)})\n")


def _file(host: Host, path: cst.BaseExpression) -> str:
    """Text of the file of a checkpoint: its path with ``.pt`` behind."""
    text = code(convert(host.writer, path, host.scope))
    if isinstance(path, cst.SimpleString):
        return f"{text[:-1]}.pt{text[-1]}"
    simple = text.replace("_", "").replace(".", "").isalnum()
    return f'{text} + ".pt"' if simple else f'({text}) + ".pt"'


def _folder(host: Host, path: cst.BaseExpression) -> str:
    """TensorFlow makes the folder that a checkpoint goes to."""
    literal = host.writer.value(path).literal if isinstance(path, cst.SimpleString) else None
    if isinstance(literal, str):
        parent = literal.rpartition("/")[0]
        if parent in ("", ".", "/tmp"):
            return ""
        return f'os.makedirs("{parent}", exist_ok=True)\n'
    text = code(convert(host.writer, path, host.scope))
    return f'os.makedirs(os.path.dirname({text}) or ".", exist_ok=True)\n'


def restore(host: Host, call: cst.Call, record: Obj) -> Statements:
    """``saver.restore(sess, path)`` -> ``model.load_state_dict(...)``"""
    writer = host.writer
    check(host, call, record)
    path = argument(call, 1, "save_path")
    if path is None:
        raise Unconvertible("saver", "restore without a path", call)
    if host.optimizers or host.counters:
        message = (
            "TensorFlow also restores the optimizer's slots and the step; here they start anew"
        )
        writer.findings.append((call, "saver", "warning", message))
    if rotates(writer):
        writer.support.add("load_checkpoint")
        where = code(convert(writer, path, host.scope))
        return lines(f"model.load_state_dict(load_checkpoint({where}, device))\n")
    return lines(f"model.load_state_dict(torch.load({_file(host, path)}, map_location=device))\n")
