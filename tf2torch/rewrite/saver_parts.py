"""What a checkpoint holds: the model or a part of it, and the state of the training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import libcst as cst

from tf2torch.analyse.facts import Obj
from tf2torch.analyse.templates import is_open
from tf2torch.cst.walk import walk
from tf2torch.plan.counters import train_records
from tf2torch.plan.sites import Leaf
from tf2torch.rewrite.operations import records
from tf2torch.rewrite.weights import variable_keys
from tf2torch.rewrite.writer import Unconvertible, Writer
from tf2torch.rulebook.values import Value

if TYPE_CHECKING:
    from tf2torch.rewrite.host import Host


@dataclass(frozen=True)
class Part:
    """Some of the variables, as a saver takes them.

    Attributes:
        keys: names in the checkpoint, with the keys of the model's state that they stand for.
        counters: step counters among them: names in the checkpoint, with those of the program.
        shadows: moving averages that parameters are restored from: their key and the parameter's.
    """

    keys: dict[str, str]
    counters: dict[str, str]
    shadows: dict[str, str]

    @property
    def renamed(self) -> bool:
        return any(saved != key for saved, key in self.keys.items())


def part_of(writer: Writer, record: Obj, node: cst.CSTNode) -> Part | None:
    """The part of the variables that a saver takes, None if it takes all of them."""
    given = record["var_list"]
    if given is None or given.value.literal is None:
        return None
    chosen = _chosen(given.value, node)
    known = variable_keys(writer)
    counted = writer.plan.counters.variables
    keys: dict[str, str] = {}
    counters: dict[str, str] = {}
    shadows: dict[str, str] = {}
    suffixes = _average_suffixes(writer)
    for name, variable in chosen:
        if name != variable and name.removeprefix(f"{variable}/") in suffixes:
            shadows |= {key.replace(".", "_"): key for key in known.get(variable, ())}
            continue
        if variable in counted:
            counters[counted.get(name, name)] = counted[variable]
            continue
        found = known.get(variable)
        if not found:
            raise Unconvertible("saver", f"where {variable} lives is not known", node)
        for key in found:
            keys[_saved(name, variable, key, known)] = key
    every = {key for name, found in known.items() for key in found if name not in counted}
    whole = set(keys.values()) >= every and all(saved == key for saved, key in keys.items())
    if whole and set(counters.values()) >= set(counted.values()):
        return None
    return Part(keys, counters, shadows)


def _average_suffixes(writer: Writer) -> set[str]:
    """What TensorFlow adds to the names of variables for their moving averages."""
    return {
        value.detail["call"].text(3, "name") or "ExponentialMovingAverage"
        for value in list(writer.analysis.values.values())
        if value.kind == "object"
        and isinstance(value.detail, Obj)
        and value.detail.type == "ExponentialMovingAverage"
    }


def _chosen(value: Any, node: cst.CSTNode) -> list[tuple[str, str]]:
    """Names in the checkpoint and variables, both as TensorFlow has them."""
    if value.kind == "mapping":
        pairs = list(value.detail)
    elif value.kind == "sequence":
        pairs = [(None, item) for item in value.detail]
    elif value.kind == "variable":
        pairs = [(None, value)]
    else:
        pairs = [(None, value)]
    found = []
    for name, item in pairs:
        if (
            item.kind != "variable"
            or item.detail is None
            or not isinstance(name, (str, type(None)))
        ):
            raise Unconvertible("saver", "which variables a saver takes is not known", node)
        found.append((name or item.detail.name, item.detail.name))
    return found


def _saved(name: str, variable: str, key: str, known: dict[str, list[str]]) -> str:
    """The name in the checkpoint: the key of a variable of that name, else the name itself."""
    if name == variable:
        return key
    own = known.get(variable, [])
    other = known.get(name, [])
    if len(other) == len(own):
        return other[own.index(key)]
    return name if len(own) == 1 else f"{name}/{key.rpartition('.')[2]}"


def keys_text(writer: Writer, part: Part) -> str:
    """Python text for the keys of a part: a list, or a dict where names differ."""
    if part.renamed:
        _require_closed(part)
        return "{" + ", ".join(f'"{saved}": "{key}"' for saved, key in part.keys.items()) + "}"
    wanted, model = set(part.keys.values()), writer.plan.instance
    every = [key for found in variable_keys(writer).values() for key in found]
    buffers = any(key.rpartition(".")[2].startswith("running_") for key in every)
    if len(wanted) > 3 and not buffers:
        for prefix in dict.fromkeys(key.partition(".")[0] + "." for key in every if "." in key):
            inside = {key for key in every if key.startswith(prefix)}
            if wanted == inside:
                return f'[key for key in {model}.state_dict() if key.startswith("{prefix}")]'
            if wanted == set(every) - inside:
                return f'[key for key in {model}.state_dict() if not key.startswith("{prefix}")]'
    _require_closed(part)
    return "[" + ", ".join(f'"{key}"' for key in part.keys.values()) + "]"


def _require_closed(part: Part) -> None:
    for name, key in part.keys.items():
        if is_open(key):
            raise Unconvertible("saver", f"{name} is another variable in each round of a loop")


def state_text(model: str, part: Part | None, keys: str) -> str:
    """What is saved of a model."""
    if part is None:
        return f"{model}.state_dict()"
    if not part.keys:
        return "{}"
    if part.renamed:
        return f"{{saved: {model}.state_dict()[key] for saved, key in {keys}.items()}}"
    return f"{{key: {model}.state_dict()[key] for key in {keys}}}"


def loading_text(model: str, part: Part | None, keys: str, loaded: str, name: str) -> str:
    """Statements that restore a model; `name` is for what `loaded` gives, where it is needed."""
    if part is None:
        return f"{model}.load_state_dict({loaded})\n"
    if not part.keys:
        return ""
    if part.renamed:
        chosen = f"{{key: {name}[saved] for saved, key in {keys}.items()}}"
    else:
        chosen = f"{{key: {name}[key] for key in {keys}}}"
    return f"{name} = {loaded}\n{model}.load_state_dict({chosen}, strict=False)\n"


# -- the state of the training -------------------------------------------------------------------


def keeps_training(writer: Writer) -> bool:
    """Whether checkpoints hold the state of the training: it goes on behind a restore.

    A moving average belongs to it too; its evaluation may be in another program.
    """
    cached: bool | None = writer.analysis.state.cache.get("keeps_training")
    if cached is None:
        cached = _averages(writer) or _resumes(writer) or _restores_beside(writer)
        writer.analysis.state.cache["keeps_training"] = cached
    return cached


def _restores_beside(writer: Writer) -> bool:
    """Whether some saver takes a part of the variables that is not the model's alone."""
    for node, value in list(writer.analysis.values.items()):
        if isinstance(node, cst.Call) and value.kind == "object" and value.detail.type == "Saver":
            try:
                part = part_of(writer, value.detail, node)
            except Unconvertible:
                continue
            if part is not None and (part.counters or part.shadows):
                return True
    return False


def _averages(writer: Writer) -> bool:
    return any(_operation(value) == "AverageUpdate" for value in writer.analysis.values.values())


def _operation(value: Value) -> str:
    """Type of an operation, empty for anything else."""
    known = value.kind == "operation" and isinstance(value.detail, Obj)
    return str(value.detail.type) if known else ""


def _resumes(writer: Writer) -> bool:
    if not train_records(writer.analysis):
        return False
    order = {node: index for index, node in enumerate(walk(writer.analysis.source.module))}
    trains = [
        order.get(site.run.node, 0)
        for site, _ in writer.plan.sites.values()
        if any(_trains(leaf) for leaf in site.tree.leaves())
    ]
    for node in order:
        if not restores_all(writer, node):
            continue
        if any(order[node] < train for train in trains) or trains and _inside(writer, node):
            return True
    return False


def _trains(leaf: Leaf) -> bool:
    return any(record.type in ("Train", "Apply") for record in records(leaf.value))


def restores_all(writer: Writer, node: cst.CSTNode) -> bool:
    """Whether a node is a call that restores all variables."""
    if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Attribute):
        return False
    owner = writer.value(node.func.value)
    if owner.kind != "object" or owner.detail.type != "Saver" or node.func.attr.value != "restore":
        return False
    try:
        return part_of(writer, owner.detail, node) is None
    except Unconvertible:
        return False


def _inside(writer: Writer, wanted: cst.CSTNode) -> bool:
    """Whether a call stands in a function or loop, from where the training may come again."""
    root = writer.plan.root.function
    for node in walk(writer.analysis.source.module):
        if isinstance(node, (cst.FunctionDef, cst.For, cst.While)) and node is not root:
            if any(child is wanted for child in walk(node.body)):
                return True
    return False


@dataclass(frozen=True)
class Entry:
    """Something beside the model that a checkpoint holds.

    Attributes:
        name: its key in the checkpoint.
        saved: what is saved.
        load: the statement that restores it, with ``{}`` for what was saved.
    """

    name: str
    saved: str
    load: str


def training_entries(host: Host, part: Part | None) -> list[Entry]:
    """What a saver takes beside the model."""
    if part is not None:
        return [Entry(saved, name, f"{name} = {{}}") for saved, name in part.counters.items()]
    found: dict[str, Entry] = {}
    for optimizer in host.optimizers.values():
        name, scheduler = optimizer.name, optimizer.scheduler
        if optimizer.symbol == "GradientDescentOptimizer" and scheduler is None:
            continue  # it has no slots
        load = f"{name}.load_state_dict({{}})"
        if scheduler is None:
            load = f"restore_slots({name}, {{}})"
        else:
            load_scheduler = f"{scheduler}.load_state_dict({{}})"
            found[scheduler] = Entry(scheduler, f"{scheduler}.state_dict()", load_scheduler)
        found[name] = Entry(name, f"{name}.state_dict()", load)
    for number, name in enumerate(host.average_names):
        key = f"average_{number + 1}" if number else "average"
        found[key] = Entry(key, f"{name}.state_dict()", f"{name}.load_state_dict({{}})")
    for counter in dict.fromkeys(host.writer.plan.counters.variables.values()):
        found[counter] = Entry(counter, counter, f"{counter} = {{}}")
    return list(found.values())


def shadows_text(model: str, part: Part, training: str) -> str:
    """Restores parameters from their moving averages."""
    if len(part.shadows) > 3:
        keys = ", ".join(f'"{key}"' for key in part.shadows.values())
        chosen = f'{{key: {training}["average"][key.replace(".", "_")] for key in [{keys}]}}'
    else:
        pairs = (f'"{key}": {training}["average"]["{old}"]' for old, key in part.shadows.items())
        chosen = f"{{{', '.join(pairs)}}}"
    return f"{model}.load_state_dict({chosen}, strict=False)\n"
