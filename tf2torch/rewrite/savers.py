"""``tf.train.Saver``: checkpoints become files with a state dict.

Paths stay TensorFlow's, so that what is printed and parsed of them stays; the file has ``.pt``
behind. A program that numbers its checkpoints or looks for the latest one keeps their rotation
through `CheckpointSaver` of the support file; others write the file themselves. Where the training
goes on behind a restore, a file with ``.training.pt`` keeps the optimizers and steps beside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from tf2torch.analyse.facts import Obj
from tf2torch.cst.walk import below
from tf2torch.plan.counters import train_records
from tf2torch.plan.units import calls_in
from tf2torch.rewrite import saver_parts
from tf2torch.rewrite.arguments import argument
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
    """``saver = tf.train.Saver(max_to_keep=3)``, where the rotation is kept.

    The keys of a part of the variables get a name beside it.
    """
    writer = host.writer
    if not isinstance(small, cst.Assign) or not isinstance(small.value, cst.Call):
        return []
    target = code(convert(writer, small.targets[0].target, host.scope))
    record = writer.value(small.value).detail
    keys: Statements = []
    part = _part(host, small.value, record)
    if part is not None and target.isidentifier():
        name = writer.plan.root.free_name(f"{target}_keys")
        host.saver_keys[id(record)] = name
        keys = lines(f"{name} = {saver_parts.keys_text(writer, part)}\n") if part.keys else []
    if not rotates(writer):
        return keys
    writer.support.add("CheckpointSaver")
    parts = []
    for name, default in (("max_to_keep", "5"), ("keep_checkpoint_every_n_hours", "10000.0")):
        given = argument(small.value, None, name)
        if given is not None and (text := code(convert(writer, given, host.scope))) != default:
            parts.append(f"{name}={text}")
    return [*keys, *lines(f"{target} = CheckpointSaver({', '.join(parts)})\n")]


def _part(host: Host, call: cst.Call, record: Obj) -> saver_parts.Part | None:
    """The part of the variables that a saver takes; refuses programs without a model to save."""
    if host.writer.plan.model is None:
        raise Unconvertible("saver", "a saver of variables that are in no model", call)
    return saver_parts.part_of(host.writer, record, call)


def _training(host: Host, part: saver_parts.Part | None) -> list[saver_parts.Entry]:
    """What a saver takes beside the model, where that matters."""
    if part is None and not saver_parts.keeps_training(host.writer):
        return []
    return saver_parts.training_entries(host, part)


def _keys(host: Host, part: saver_parts.Part | None, record: Obj) -> str:
    """The keys of a part: the name that holds them, where the saver has one."""
    if part is None:
        return ""
    name = host.saver_keys.get(id(record))
    return saver_parts.keys_text(host.writer, part) if name is None else name


def save(host: Host, small: cst.BaseSmallStatement, call: cst.Call, record: Obj) -> Statements:
    """``saver.save(sess, path, step)`` -> ``saver.save(model.state_dict(), path, step)``"""
    writer = host.writer
    part = _part(host, call, record)
    path, step = argument(call, 1, "save_path"), _step(writer, call)
    if path is None:
        raise Unconvertible("saver", "save without a path", call)
    where = code(convert(writer, path, host.scope))
    target = ""
    if isinstance(small, cst.Assign):
        target = code(convert(writer, small.targets[0].target, host.scope))
    folder = _folder(host, path)
    state = saver_parts.state_text(host.writer.plan.instance, part, _keys(host, part, record))
    training = ""
    entries = _training(host, part)
    if entries:
        pairs = (f'"{entry.name}": {entry.saved}' for entry in entries)
        training = f"{{{', '.join(pairs)}}}"
    if rotates(writer):
        assert isinstance(call.func, cst.Attribute)
        saver = code(convert(writer, call.func.value, host.scope))
        more = ""
        if step is not None:
            more = f", global_step={code(convert(writer, step, host.scope))}"
        if training:
            more += f", training={training}"
        text = f"{saver}.save({state}, {where}{more})"
        return lines(f"{folder}{target + ' = ' if target else ''}{text}\n")
    text = folder
    file, beside = _file(host, path), _file(host, path, ".training.pt")
    if target:
        text += f"{target} = {where}\n"
        file, beside = f'{target} + ".pt"', f'{target} + ".training.pt"'
    text += f"torch.save({state}, {file})\n"
    if training:
        text += f"torch.save({training}, {beside})\n"
    return lines(text)


def _saves(host: Host, small: cst.CSTNode) -> list[cst.Call]:
    found = []
    for call in calls_in(small):
        if isinstance(call.func, cst.Attribute) and call.func.attr.value in ("save", "restore"):
            owner = host.writer.value(call.func.value)
            if owner.kind == "object" and owner.detail.type == "Saver":
                found.append(call)
    return found


def nested_saves(host: Host, small: cst.BaseSmallStatement) -> list[cst.Call]:
    """Calls of `Saver.save` inside an expression: their path is used."""
    whole = small.value if isinstance(small, (cst.Expr, cst.Assign)) else None
    found = [call for call in _saves(host, small) if call is not whole]
    return [call for call in found if call.func.attr.value == "save"]  # type: ignore[attr-defined]


def call_with_runs(host: Host, small: cst.BaseSmallStatement) -> bool:
    """Whether a saver is called with the result of a run, or inside of an expression."""
    calls = _saves(host, small)
    if not calls:
        return False
    if nested_saves(host, small):
        return True
    return any(inner in host.writer.plan.sites for call in calls for inner in calls_in(call))


def _file(host: Host, path: cst.BaseExpression, suffix: str = ".pt") -> str:
    """Text of the file of a checkpoint: its path with the suffix behind."""
    text = code(convert(host.writer, path, host.scope))
    if isinstance(path, cst.SimpleString):
        return f"{text[:-1]}{suffix}{text[-1]}"
    simple = text.replace("_", "").replace(".", "").isalnum()
    return f'{text} + "{suffix}"' if simple else f'({text}) + "{suffix}"'


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
    part = _part(host, call, record)
    path = argument(call, 1, "save_path")
    if path is None:
        raise Unconvertible("saver", "restore without a path", call)
    where = code(convert(writer, path, host.scope))
    before = ""
    entries = _training(host, part)
    whole = bool(entries or (part is not None and part.shadows))
    if rotates(writer):
        writer.support.add("load_checkpoint")
        beside = f'{where} + ".training"'
        if isinstance(path, cst.SimpleString):
            beside = f"{where[:-1]}.training{where[-1]}"
        elif whole and not where.isidentifier():
            name = writer.plan.root.free_name("checkpoint_path")
            before, where, beside = f"{name} = {where}\n", name, f'{name} + ".training"'
        loaded = f"load_checkpoint({where}, device)"
        beside = f"load_checkpoint({beside}, device)"
    else:
        loaded = f"torch.load({_file(host, path)}, map_location=device)"
        beside = f"torch.load({_file(host, path, '.training.pt')}, map_location=device)"
    name = writer.plan.root.free_name("checkpoint")
    model = host.writer.plan.instance
    text = before + saver_parts.loading_text(model, part, _keys(host, part, record), loaded, name)
    training = writer.plan.root.free_name("training")
    if whole:
        text += f"{training} = {beside}\n"
        for entry in entries:
            if entry.load.startswith("restore_slots"):
                writer.support.add("restore_slots")
            saved = f'{training}["{entry.name}"]'
            text += entry.load.format(saved) + "\n"
        if part is not None and part.shadows:
            text += saver_parts.shadows_text(model, part, training)
    if part is not None and _takes_slots(writer, record):
        message = "the saver's list has the slots of optimizers too, which are not restored"
        writer.findings.append((call, "saver", "warning", message))
    elif part is not None and part.counters and train_records(writer.analysis):
        message = "slots of optimizers that the saver may have taken start anew"
        writer.note(call, "saver", message)
    return lines(text)


_SLOTTED = frozenset("Momentum Adam RMSProp Adagrad Adadelta Ftrl LazyAdam".split())


def _takes_slots(writer: Writer, record: Obj) -> bool:
    """Whether a saver's list is one of all variables of the graph, with those of optimizers."""
    given = record["var_list"]
    names = (made["optimizer"].detail["symbol"] for made in train_records(writer.analysis))
    kinds = {name.rpartition(".")[2].removesuffix("Optimizer") for name in names}
    if given is None or not kinds & _SLOTTED:
        return False
    node: cst.CSTNode | None = given.node
    if isinstance(node, cst.Name):
        units = writer.plan.graph.units
        unit = next((u for u in reversed(units) if node.value in u.names.stores), None)
        node = unit.value if unit is not None else None
    for call in below(node, cst.Call) if node is not None else ():
        symbol = writer.analysis.symbols.get(call.func, "")
        if symbol in ("tf.global_variables", "tf.all_variables"):
            return True
        if symbol == "tf.get_collection" and call.args:
            key = writer.value(call.args[0].value)
            names_all = (key.literal, str(key.detail).rpartition(".")[2])
            return bool({"variables", "GLOBAL_VARIABLES"} & {str(name) for name in names_all})
    return False
