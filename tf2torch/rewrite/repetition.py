"""Refuses layers that are made several times where the output could only hold one of them."""

from __future__ import annotations

import libcst as cst

from tf2torch.plan.slots import Slot
from tf2torch.rewrite.writer import Unconvertible, Writer


def require_countable(writer: Writer, node: cst.Call, slot: Slot) -> None:
    """Checks that the rounds in which a call makes variables are those of its slot's loops.

    A layer in a comprehension or a `while` loop, or in a `for` loop whose number of rounds is not
    known, would otherwise become one module that all rounds share.
    """
    loops = {loop.body for loop in slot.loops}
    seen: dict[tuple[object, ...], tuple[str, ...]] = {}
    for creation in writer.analysis.creations_at(node):
        steps = (*creation.path, creation.node)
        if creation.reused is not None:
            continue
        # Rounds between the function (or program) that holds the call and the call itself.
        place = steps.index(node)
        before = steps[:place]
        inner = [step for step in _since_last_call(before) if isinstance(step, tuple)]
        strange = [step for step in inner if step[0] not in loops]
        if strange:
            raise Unconvertible(
                "repeated-layer", "layers made in a comprehension or in an outer loop", node
            )
        if {step[0] for step in inner} != loops:
            raise Unconvertible(
                "repeated-layer", "a loop over layers whose number of rounds is not known", node
            )
        key = (before, creation.node, steps[place + 1 :])
        names = tuple(variable.name for variable in creation.variables)
        if seen.setdefault(key, names) != names:
            raise Unconvertible(
                "repeated-layer", "layers made in a loop that is not counted, such as while", node
            )


def _since_last_call(steps: tuple[object, ...]) -> list[object]:
    """The part of a path behind its last call."""
    found: list[object] = []
    for step in reversed(steps):
        if isinstance(step, cst.Call):
            break
        found.append(step)
    return found
