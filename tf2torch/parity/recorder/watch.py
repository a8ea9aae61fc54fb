"""Read the random draws inside loops and branches through the runtime's debug watches."""

import os
import shutil
from typing import Any, Iterable, Iterator, List, Tuple

import numpy as np

from .graphs import Plan


class Watch:
    """Reads the draws inside loops and branches through the runtime's debug watches."""

    def __init__(self, tf: Any, plan: Plan, options: Any, scratch: str) -> None:
        self._plan = plan
        # One folder for all runs of a plan: with other options the runtime would build it anew.
        self._folder = os.path.join(scratch, str(id(plan)))
        os.makedirs(self._folder, exist_ok=True)
        self.options = tf.RunOptions()
        if options is not None:
            self.options.CopyFrom(options)
        for op in plan.inner_draws:
            self._add(op.name, range(len(op.outputs)))
            rate = plan.rates.get(op.name)
            if rate is not None:
                self._add(rate.op.name, [rate.value_index])

    def _add(self, node: str, slots: Iterable[int]) -> None:
        for slot in slots:
            watch = self.options.debug_options.debug_tensor_watch_opts.add()
            watch.node_name, watch.output_slot = node, slot
            watch.debug_ops.append("DebugIdentity")
            watch.debug_urls.append("file://" + self._folder)

    def _dumps(self, node: str, slot: int) -> List[Any]:
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
        return [value for _, value in sorted(found, key=lambda pair: pair[0])]

    def values(self) -> Iterator[Tuple[Any, List[Any], Any]]:
        for op in self._plan.inner_draws:
            slots = [self._dumps(op.name, slot) for slot in range(len(op.outputs))]
            rate = self._plan.rates.get(op.name)
            rates = self._dumps(rate.op.name, rate.value_index) if rate is not None else []
            for number, values in enumerate(zip(*slots)):
                yield op, list(values), rates[min(number, len(rates) - 1)] if rates else None
        for device in os.listdir(self._folder):
            path = os.path.join(self._folder, device)
            if os.path.isdir(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.remove(path)
