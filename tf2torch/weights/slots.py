"""Optimizer state in a checkpoint: which variables are slots of which, and the beta powers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from tf2torch.weights.checkpoint import Checkpoint
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.keras_slots import LABELS, bookkeeping, keras_slots
from tf2torch.weights.readers.graphs import Graph, graph_beside, number_attribute, scalar_of
from tf2torch.weights.readers.objects import SUFFIX

#: Optimizer -> its slots in the order in which it makes them (the order of their names).
ORDERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "Adam": (("m", "v"),),
    "Momentum": (("accum",),),
    "RMSProp": (("ms", "mom"), ("ms", "mg", "mom")),
    "Adagrad": (("accum",),),
    "Adadelta": (("accum", "accum_update"),),
    "Ftrl": (("accum", "linear"),),
    "AdamWeightDecayOptimizer": (("adam_m", "adam_v"),),
}
#: Training op -> its optimizer, the inputs that are slots, and those that are numbers.
OPS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "Adam": ("Adam", ("m", "v", "beta1_power", "beta2_power"),
             ("lr", "beta1", "beta2", "epsilon")),
    "Momentum": ("Momentum", ("accum",), ("lr", "grad", "momentum")),
    "RMSProp": ("RMSProp", ("ms", "mom"), ("lr", "decay", "momentum", "epsilon")),
    "CenteredRMSProp": ("RMSProp", ("mg", "ms", "mom"), ("lr", "decay", "momentum", "epsilon")),
    "Adagrad": ("Adagrad", ("accum",), ("lr",)),
    "AdagradV2": ("Adagrad", ("accum",), ("lr", "epsilon")),
    "Adadelta": ("Adadelta", ("accum", "accum_update"), ("lr", "rho", "epsilon")),
    "Ftrl": ("Ftrl", ("accum", "linear"), ("grad", "lr", "l1", "l2", "lr_power")),
    "FtrlV2": ("Ftrl", ("accum", "linear"),
               ("grad", "lr", "l1", "l2", "l2_shrinkage", "lr_power")),
}  # fmt: skip
_OP = re.compile(r"^(?:Resource)?(?:Sparse)?Apply(\w+)$")
_POWER = re.compile(r"(?:^|/)(beta[12]_power)(_\d+)?$")
_STEPS = frozenset({"global_step", "iteration", "iter"})
_SLOT_KEY = re.compile(r"^(.*)/\.OPTIMIZER_SLOT/.*/(\w+)/\.ATTRIBUTES/VARIABLE_VALUE$")


@dataclass
class Slots:
    """The optimizer state of a checkpoint.

    Attributes:
        of: variable -> {slot: variable that holds it}.
        powers: beta powers, by the name of each.
        optimizer: variable -> the optimizer's name, where it is known.
        numbers: variable -> hyperparameters that are constants of the graph.
        step: the variable that counts steps.
        numbers_saved: hyperparameters, metrics and states that are no variable's slot.
    """

    of: dict[str, dict[str, str]] = field(default_factory=dict)
    powers: dict[str, list[str]] = field(default_factory=dict)
    power_of: dict[str, dict[str, str]] = field(default_factory=dict)
    optimizer: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, dict[str, float]] = field(default_factory=dict)
    step: str | None = None
    numbers_saved: set[str] = field(default_factory=set)

    def names(self) -> set[str]:
        """Every variable that is optimizer state."""
        found = {name for slots in self.of.values() for name in slots.values()}
        found |= {name for names in self.powers.values() for name in names} | self.numbers_saved
        return found | ({self.step} if self.step else set())


def owners_of(checkpoint: Checkpoint) -> set[str]:
    """Names that may have slots: those of a scope too, and what Keras's slots name."""
    names = set(checkpoint)
    paths = (name.split("/") for name in names)
    scopes = {"/".join(parts[:n]) for parts in paths for n in range(1, len(parts))}
    return (names & scopes) | {variable for variable, _ in keras_slots(names).values()}


def slots_of(checkpoint: Checkpoint, variables: Iterable[str]) -> Slots:
    """Optimizer state for these variables, from the graph beside it, else by TensorFlow's names."""
    found = Slots()
    known = set(variables)
    try:
        graph = graph_beside(checkpoint)
    except CheckpointError:
        graph = None  # the graph is a help; names do without it
    if graph is not None:
        _from_graph(graph, checkpoint, known, found)
    _from_names(checkpoint, known, found)
    for name, (variable, label) in keras_slots(checkpoint).items():
        if variable in known and name not in known:
            found.of.setdefault(variable, {}).setdefault(label, name)
    for name, entry in checkpoint.entries.items():
        if name not in known and bookkeeping(name, entry.shape):
            found.numbers_saved.add(name)
    for name in checkpoint:
        match = _POWER.search(name)
        if match and checkpoint.entries[name].shape == ():
            found.powers.setdefault(match.group(1), []).append(name)
        elif name.rpartition("/")[2] in _STEPS and name not in known - _STEPS:
            if checkpoint.entries[name].shape == ():
                found.step = found.step or name
    return found


def _from_graph(graph: Graph, checkpoint: Checkpoint, known: set[str], found: Slots) -> None:
    for node in graph.nodes.values():
        match = _OP.match(node.op)
        if match is None or match.group(1) not in OPS:
            continue
        optimizer, slots, numbers = OPS[match.group(1)]
        roots = [_root(graph, name) for name in node.inputs]
        inputs = [graph.full_names.get(name, name) for name in roots]
        variable = inputs[0]
        if variable not in known or variable in found.of:
            continue
        names = dict(zip(slots, inputs[1:]))
        own = {slot: name for slot, name in names.items() if name in checkpoint.entries}
        found.power_of[variable] = {s: n for s, n in own.items() if s.endswith("power")}
        found.of[variable] = {s: n for s, n in own.items() if not s.endswith("power")}
        found.optimizer[variable] = optimizer
        values = zip(numbers, node.inputs[1 + len(slots) :])
        constants = {name: scalar_of(graph, source) for name, source in values if name != "grad"}
        found.numbers[variable] = {n: v for n, v in constants.items() if v is not None}
        if number_attribute(node, "use_nesterov"):
            found.numbers[variable]["nesterov"] = 1.0


def _root(graph: Graph, name: str) -> str:
    """The variable behind an input, through reads and identities."""
    name = name.split(":")[0].lstrip("^")
    for _ in range(8):
        node = graph.nodes.get(name)
        if (
            node is None
            or node.op not in ("Identity", "ReadVariableOp", "Enter")
            or (not node.inputs)
        ):
            return name
        name = node.inputs[0].split(":")[0].lstrip("^")
    return name


def _from_names(checkpoint: Checkpoint, known: set[str], found: Slots) -> None:
    """`w/Adam`, `w/Adam_1`: the optimizer's name behind the variable's, in the order of slots."""
    groups: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for name, entry in checkpoint.entries.items():
        slot = _SLOT_KEY.match(entry.key)
        if slot is not None:
            base = f"{slot.group(1)}{SUFFIX}"
            label = LABELS.get(slot.group(2), slot.group(2))
            variable = checkpoint.entry(base).name if base in checkpoint else ""
            found.of.setdefault(variable, {})[label] = name
            continue
        owner, _, last = name.rpartition("/")
        owner = re.sub(r"/t_\d+$", "", owner)  # Estimators' scope of a tower
        label, _, number = last.rpartition("_")
        if not number.isdigit():
            label, number = last, "0"
        while owner and owner not in known:
            owner = owner.partition("/")[2]
        if not owner or name in known or owner in found.of:
            continue
        if label in ("adam_m", "adam_v") or last in ("adam_m", "adam_v"):
            label, number = "AdamWeightDecayOptimizer", str(int(last.endswith("v")))
        if label in ORDERS and _shape(checkpoint, owner) in (None, entry.shape):
            groups.setdefault((owner, label), []).append((int(number), name))
    for (owner, label), rows in groups.items():
        names = [name for _, name in sorted(rows)]
        for order in ORDERS[label]:
            if len(order) == len(names):
                found.of[owner] = dict(zip(order, names))
                found.optimizer[owner] = label
        if len(names) % 2 == 0 and label == "Adam" and owner not in found.of:
            # Several Adams over one variable: the last pair is that of the last optimizer.
            found.of[owner] = dict(zip(("m", "v"), names[-2:]))
            found.optimizer[owner] = label


def _shape(checkpoint: Checkpoint, name: str) -> tuple[int, ...] | None:
    return checkpoint.entries[name].shape if name in checkpoint.entries else None
