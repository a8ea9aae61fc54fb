"""Read what an optimizer gets and does: gradients, learning rates, variables after a step."""

from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np

from .graphs import Plan, Update
from .writing import Writer

FIRST = 12  # so many updates of a variable are kept in full, then each power of two


def kept(nth: int, steps: Optional[Tuple[int, int]]) -> bool:
    """Whether the nth update of a variable goes into the record."""
    if steps is not None and steps[0] <= nth <= steps[1]:
        return True
    return nth <= FIRST or nth & (nth - 1) == 0


class Updates:
    """Counts the updates of each variable and keeps some of them."""

    def __init__(self, writer: Writer, steps: Optional[Tuple[int, int]] = None) -> None:
        self._writer = writer
        self._steps = steps
        self.counts: Dict[str, int] = {}
        self._groups: Dict[Tuple[str, ...], int] = {}

    def due(self, plan: Plan) -> List[Tuple[Update, int]]:
        """The updates of a run that are kept, each with its number."""
        counts: Dict[str, int] = {}
        found = []
        for update in plan.updates:
            counts[update.name] = counts.get(update.name, 0) + 1
            nth = self.counts.get(plan.prefix + update.name, 0) + counts[update.name]
            if kept(nth, self._steps):
                found.append((update, nth))
        return found

    def group(self, plan: Plan) -> Optional[int]:
        """The number of the set of variables that a run updates, if it does."""
        names = tuple(sorted({plan.prefix + update.name for update in plan.updates}))
        if not names:
            return None
        if names not in self._groups:
            self._groups[names] = len(self._groups)
            self._writer.event("group", id=self._groups[names], names=list(names))
        return self._groups[names]

    @staticmethod
    def extra(due: List[Tuple[Update, int]]) -> Dict[str, Any]:
        """What is to be fetched along with the run."""
        return {
            "%s:%s" % (part, update.op.name): tensor
            for update, _ in due
            for part, tensor in update.tensors.items()
        }

    def store(self, run: int, plan: Plan, due: List[Tuple[Update, int]], found: Dict[str, Any],
              read: Callable[[List[str]], Dict[str, Any]]) -> None:  # fmt: skip
        """Writes the updates of a run; `read` gives the present values of variables."""
        for update in plan.updates:
            name = plan.prefix + update.name
            self.counts[name] = self.counts.get(name, 0) + 1
        after = read([update.name for update, _ in due]) if due else {}
        for update, nth in due:
            parts = {part: found.get("%s:%s" % (part, update.op.name)) for part in update.tensors}
            gradient = parts.get("gradient")
            indices = parts.get("indices")
            if gradient is not None and indices is not None:
                dense = np.zeros(np.shape(after[update.name]), np.asarray(gradient).dtype)
                np.add.at(dense, indices, gradient)
                gradient = dense
            rate = parts.get("rate")
            self._writer.event(
                "update", run=run, name=plan.prefix + update.name, nth=nth, line=update.line,
                rate=None if rate is None else float(rate),
                gradient=None if gradient is None else self._writer.value(gradient),
                after=self._writer.value(after[update.name]),
            )  # fmt: skip
