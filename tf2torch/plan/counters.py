"""Variables that only count training steps: Python integers in the output."""

from __future__ import annotations

import libcst as cst

from tf2torch.analyse import Analysis


def global_steps(analysis: Analysis) -> set[str]:
    """Names of the variables that optimizers increment."""
    found = set()
    for value in analysis.values.values():
        if value.kind != "operation" or value.detail is None:
            continue
        if value.detail.type in ("Train", "Apply"):
            step = value.detail["global_step"]
            if (
                step is not None
                and isinstance(step.node, cst.Name)
                and step.value.kind == "variable"
            ):
                found.add(step.node.value)
    return found
