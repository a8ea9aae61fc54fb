"""Which part of a parameter is a variable's, on the way back to a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from tf2torch.weights import inverses, layout
from tf2torch.weights.checkpoint import Checkpoint, Entry
from tf2torch.weights.maps import Target, WeightMap
from tf2torch.weights.sources import Sources, sources

Part = tuple[slice, ...]


@dataclass
class Way:
    """A state dict, its map, and the checkpoint that it is to be like, if there is one."""

    state: Checkpoint
    weights: WeightMap
    module: str
    pattern: Checkpoint | None

    @cached_property
    def found(self) -> Sources | None:
        """Names of the map -> names of the pattern."""
        return sources(self.pattern, self.weights) if self.pattern is not None else None

    @cached_property
    def joined(self) -> dict[str, list[tuple[str, object]]]:
        """Variables and layouts of each parameter."""
        return self.weights.of_keys(self.module)

    def entry(self, name: str) -> Entry | None:
        """The pattern's entry of a variable of the map."""
        if self.pattern is None or self.found is None or name not in self.found.names:
            return None
        return self.pattern.entry(self.found.names[name])

    def part(self, name: str, target: Target) -> Part:
        """The part of the parameter that is this variable's: all of it but for joined ones.

        Raises LayoutError where only the pattern could tell the sizes of the others.
        """
        place = layout.place_in_join(target.layout)
        if place is None:
            return ()
        axis, own, _ = place
        start = stop = 0
        for other, steps in self.joined[target.key]:
            at = layout.place_in_join(steps)
            if at is None or at[1] > own:
                continue
            known = self.entry(other)
            if known is None:
                text = f"{other} is joined with others in {target.key}: its size is not known"
                raise layout.LayoutError(f"{text} (--like)")
            size = inverses.shape_after(steps, known.shape)[axis]
            start, stop = (start + size, stop) if at[1] < own else (start, size)
        return (*[slice(None)] * axis, slice(start, start + stop))
