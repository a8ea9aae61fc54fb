"""Read the random draws inside loops and branches through the runtime's debug watches."""

import bisect
import contextlib
import os
import shutil
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

import numpy as np

from .graphs import Plan, in_control_flow

Dumps = List[Tuple[int, Any]]  # times and values
Key = Tuple[int, ...]


@contextlib.contextmanager
def sequential_loops() -> Iterator[None]:
    """Loops made from here on finish an iteration before they start the next.

    Draws of several iterations at once would come in any order, with and without a recorder.
    """
    from tensorflow.python.ops import control_flow_ops

    context = control_flow_ops.WhileContext
    original = context.__init__

    def __init__(self: Any, maximum_iterations: Any = None, parallel_iterations: int = 10,
                 *given: Any, **options: Any) -> None:  # fmt: skip
        original(self, maximum_iterations, 1, *given, **options)

    context.__init__ = __init__
    try:
        yield
    finally:
        context.__init__ = original


def loops_around(op: Any) -> List[Any]:
    """The loops that an op is in, the outermost first."""
    found: List[Any] = []
    context = op._get_control_flow_context()
    while context is not None:
        if type(context).__name__ == "WhileContext":
            found.insert(0, context)
        context = context.outer_context
    return found


class Watch:
    """Reads the draws inside loops and branches in the order in which the program describes them.

    A draw depends on nothing, so when it runs within its iteration says nothing.
    """

    def __init__(self, tf: Any, plan: Plan, options: Any, scratch: str) -> None:
        self._plan = plan
        self._loops = {op.name: loops_around(op) for op in plan.inner_draws}
        # One folder for all runs of a plan: with other options the runtime would build it anew.
        self._folder = os.path.join(scratch, str(id(plan)))
        os.makedirs(self._folder, exist_ok=True)
        self.options = tf.RunOptions()
        if options is not None:
            self.options.CopyFrom(options)
        for op in plan.inner_draws:
            self._add(op.name, range(len(op.outputs)))
            rate = self._inner_rate(op)
            if rate is not None:
                self._add(rate.op.name, [rate.value_index])
        for name in sorted({loop.pivot.op.name for row in self._loops.values() for loop in row}):
            self._add(name, [0])

    def _inner_rate(self, op: Any) -> Optional[Any]:
        """The rate of a mask that is computed inside a loop or branch."""
        rate = self._plan.rates.get(op.name)
        inside = rate is not None and in_control_flow(rate.op)
        return rate if inside and op.name not in self._plan.known_rates else None

    def _add(self, node: str, slots: Iterable[int]) -> None:
        for slot in slots:
            watch = self.options.debug_options.debug_tensor_watch_opts.add()
            watch.node_name, watch.output_slot = node, slot
            watch.debug_ops.append("DebugIdentity")
            watch.debug_urls.append("file://" + self._folder)

    def _dumps(self, node: str, slot: int) -> Dumps:
        from tensorflow.python.debug.lib import debug_data

        found = []
        *scope, last = node.split("/")
        prefix = "%s_%d_DebugIdentity_" % (last, slot)
        # <folder>/<device>/<scope of the node>/<node>_<slot>_DebugIdentity_<time>
        for device in sorted(os.listdir(self._folder)):
            folder = os.path.join(self._folder, device, *scope)
            for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
                if name.startswith(prefix):
                    stamp = int(name[len(prefix) :].split("_")[0])
                    value = debug_data.load_tensor_from_event_file(os.path.join(folder, name))
                    found.append((stamp, np.asarray(value)))
        return sorted(found, key=lambda pair: pair[0])

    def values(self, rates: Dict[str, Any]) -> Iterator[Tuple[Key, Any, List[Any], Optional[Any]]]:
        """Each draw with the key of its place; `rates` are those that the run has fetched."""
        starts: Dict[str, List[int]] = {}
        for op in self._plan.inner_draws:
            for loop in self._loops[op.name]:
                name = loop.pivot.op.name
                if name not in starts:
                    starts[name] = [stamp for stamp, _ in self._dumps(name, 0)]
            slots = [self._dumps(op.name, slot) for slot in range(len(op.outputs))]
            rate = self._inner_rate(op)
            inner = [] if rate is None else self._dumps(rate.op.name, rate.value_index)
            for number, dumps in enumerate(zip(*slots)):
                key: List[int] = []
                for loop in self._loops[op.name]:
                    pivot = loop.pivot.op
                    key += [pivot._id, bisect.bisect_right(starts[pivot.name], dumps[0][0])]
                dropped = inner[min(number, len(inner) - 1)][1] if inner else rates.get(op.name)
                yield tuple(key) + (op._id,), op, [value for _, value in dumps], dropped
        for device in os.listdir(self._folder):
            path = os.path.join(self._folder, device)
            if os.path.isdir(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.remove(path)
