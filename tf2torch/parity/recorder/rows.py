"""Find the updates of single rows that optimizers make without an op of their own.

Gradient descent scatters into the rows of a table that were looked up; Adam scatters into its
moving averages and subtracts what comes of them from the whole table.
"""

import re
from typing import Any, Dict, List, Optional, Tuple

SETTERS = ("ScatterSub", "ResourceScatterAdd", "ResourceScatterSub", "AssignSub",
           "AssignSubVariableOp")  # fmt: skip


def scope_of(op: Any, name: str) -> Optional[str]:
    """The name scope in which an optimizer updates a variable, if the op is in one."""
    found = re.match(r"(?:.*/)?update_%s(?:_\d+)?/" % re.escape(name), op.name)
    return found.group() if found else None


def row_updates(
    ops: List[Any], written: List[Tuple[Any, Optional[str]]], applied: List[Tuple[Any, str]]
) -> List[Tuple[Any, str, Dict[str, Any]]]:
    """The ops that set a variable's rows in an optimizer's step, with its name and gradient.

    `written` are ops with the variable that each sets, `applied` those that are updates by type.
    """
    done = {scope_of(op, name) for op, name in applied}
    last: Dict[str, Tuple[Any, str]] = {}
    for op, name in written:
        scope = scope_of(op, name) if name is not None and op.type in SETTERS else None
        if scope is not None and name is not None and scope not in done:
            last[scope] = op, name  # what comes before it, such as a decay, is part of the step
    return [(op, name, _tensors(ops, scope, op)) for scope, (op, name) in last.items()]


def _tensors(ops: List[Any], scope: str, setter: Any) -> Dict[str, Any]:
    """The gradient of some rows, as the first op that scatters it gets it times a number."""
    for op in ops:
        if op.name.startswith(scope) and "Scatter" in op.type and op.inputs[2].op.type == "Mul":
            gradient, factor = op.inputs[2].op.inputs
            if gradient.op.type == "Neg":
                gradient = gradient.op.inputs[0]
            found = {"gradient": gradient, "indices": op.inputs[1]}
            if op is setter:
                found["rate"] = factor
            return found
    return {}
