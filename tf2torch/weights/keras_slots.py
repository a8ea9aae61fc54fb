"""Slots of Keras's optimizers, by the names that its versions give them."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Name of a slot in a file -> what the slots of TensorFlow 1 with the same meaning are called.
LABELS = {
    "m": "m", "v": "v", "vhat": "vhat", "momentum": "momentum", "rms": "rms", "mg": "mg",
    "accumulator": "accum", "linear": "linear", "accum_grad": "accum",
    "accum_var": "accum_update", "average_gradient": "mg", "accumulated_grad": "accum",
    "accumulated_delta_var": "accum_update", "velocity": "velocity",
    "momentums": "momentum", "velocities": "velocity",
}  # fmt: skip
#: Keras 3 calls slots by what they are to the optimizer.
_OWN = {
    "adam": {"momentum": "m", "velocity": "v"},
    "adamw": {"momentum": "m", "velocity": "v"},
    "rmsprop": {"velocity": "rms"},
}
_OPTIMIZER = re.compile(
    r"(adamw?|sgd|rmsprop|adagrad|adadelta|ftrl|nadam|adamax|optimizer)(_\d+)?", re.I
)
#: What Keras saves beside them.
_SCALARS = frozenset({
    "iter", "iteration", "iterations", "learning_rate", "decay", "beta_1", "beta_2", "rho",
    "momentum", "epsilon", "count", "total",
})  # fmt: skip
_NUMBERED = re.compile(r"^(optimizer|metrics/.*|.*/?seed_generator(_\d+)?)/(vars/\d+|\w*state)$")


def keras_slots(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Name of each slot -> its variable, and which slot it is."""
    known = set(names)
    flat = {name.replace("/", "_"): name for name in known}
    found: dict[str, tuple[str, str]] = {}
    for name in known:
        parts = name.split("/")
        # training/Adam/dense/kernel/m, Adam/dense/kernel/m
        for start in (1, 2):
            variable = "/".join(parts[start:-1])
            optimizer = "".join(parts[start - 1 : start])
            if parts[-1] in LABELS and variable in known and _OPTIMIZER.fullmatch(optimizer):
                found[name] = variable, _label(optimizer, parts[-1])
        if not _OPTIMIZER.fullmatch(parts[0]):
            continue
        # Adam/m/dense/kernel
        variable = "/".join(parts[2:])
        if len(parts) > 2 and parts[1] in LABELS and variable in known:
            found[name] = variable, _label(parts[0], parts[1])
        # adam/dense_kernel_momentum
        owner, _, slot = parts[-1].rpartition("_")
        while len(parts) == 2 and owner and owner not in flat:
            owner, _, more = owner.rpartition("_")
            slot = f"{more}_{slot}"
        if len(parts) == 2 and slot in LABELS and owner in flat and flat[owner] != name:
            found.setdefault(name, (flat[owner], _label(parts[0], slot)))
    return found


def _label(optimizer: str, slot: str) -> str:
    own = _OWN.get(re.sub(r"_\d+$", "", optimizer).lower(), {})
    return own.get(slot, LABELS[slot])


def bookkeeping(name: str, shape: tuple[int, ...]) -> bool:
    """Whether a variable is an optimizer's number, a metric's, or a numbered state of either."""
    owner, _, last = name.rpartition("/")
    scalar = shape == () and last in _SCALARS and owner.count("/") < 2
    return scalar or _NUMBERED.match(name) is not None
