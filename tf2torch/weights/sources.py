"""Which variable of a checkpoint is meant by a name of the weight map."""

from __future__ import annotations

from dataclasses import dataclass

from tf2torch.weights.checkpoint import Checkpoint
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.maps import WeightMap
from tf2torch.weights.readers.objects import OBJECT_GRAPH

SHADOW = "ExponentialMovingAverage"
#: What TensorFlow saves for itself.
BOOKKEEPING = frozenset({OBJECT_GRAPH, "save_counter"})


@dataclass(frozen=True)
class Sources:
    """Names of the map -> names of the checkpoint, after renames; what is left out on purpose."""

    names: dict[str, str]
    left_out: dict[str, str]  # name in the checkpoint -> why
    shadows: dict[str, str]  # name of the map -> its moving average in the checkpoint

    def value(self, name: str, ema: bool) -> str | None:
        """The name in the checkpoint of the value that a parameter takes."""
        if ema and name in self.shadows:
            return self.shadows[name]
        return self.names.get(name)

    def variables(self, weights: WeightMap) -> list[str]:
        """Names in the checkpoint of the map's variables."""
        return [self.names[name] for name in weights.variables if name in self.names]


def sources(checkpoint: Checkpoint, weights: WeightMap) -> Sources:
    """Applies renames and ignore patterns; raises CheckpointError where two names become one."""
    names: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for name in checkpoint:
        if name in BOOKKEEPING:
            left_out[name] = "TensorFlow's bookkeeping"
        elif weights.ignored(name):
            left_out[name] = "ignored"
        else:
            changed = weights.renamed(name)
            if changed in names:
                text = f"two variables are renamed to {changed}: {names[changed]} and {name}"
                raise CheckpointError(weights.path, text)
            names[changed] = name
    for wanted in weights.variables:
        if wanted not in names and wanted in checkpoint:
            names[wanted] = checkpoint.entry(wanted).name
    return Sources(names, left_out, _shadows(names, weights))


def _shadows(names: dict[str, str], weights: WeightMap) -> dict[str, str]:
    """Moving averages by their variables; a scope may stand in front of the shadow's name."""
    found: dict[str, str] = {}
    for name, source in names.items():
        owner, _, last = name.rpartition("/")
        if last.rstrip("_0123456789") != SHADOW:
            continue
        while owner and owner not in weights.variables:
            owner = owner.partition("/")[2]
        if owner:
            found.setdefault(owner, source)
    return found
