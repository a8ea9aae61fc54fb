"""Read from a graph what a run executes: its draws, its data, the variables that it sets."""

from typing import Any, Dict, Iterable, List, Optional, Tuple

from .rows import row_updates

RANDOM_OPS = {
    "RandomUniform": "uniform",
    "RandomStandardNormal": "normal",
    "TruncatedNormal": "truncated_normal",
    "ParameterizedTruncatedNormal": "truncated_normal",
    "RandomUniformInt": "integers",
    "RandomShuffle": "shuffle",
    "RandomGamma": "gamma",
    "RandomPoisson": "poisson",
    "RandomPoissonV2": "poisson",
    "Multinomial": "multinomial",
    "StatelessRandomUniform": "uniform",
    "StatelessRandomUniformV2": "uniform",
    "StatelessRandomNormal": "normal",
    "StatelessRandomNormalV2": "normal",
    "StatelessTruncatedNormal": "truncated_normal",
    "StatelessTruncatedNormalV2": "truncated_normal",
    "UniformCandidateSampler": "candidates",
    "LogUniformCandidateSampler": "candidates",
    "LearnedUnigramCandidateSampler": "candidates",
    "ThreadUnsafeUnigramCandidateSampler": "candidates",
    "FixedUnigramCandidateSampler": "candidates",
    "AllCandidateSampler": "candidates",
}
SEEDED = ("ComputeAccidentalHits",)  # has a seed and draws nothing
DATA_OPS = (
    "IteratorGetNext",
    "IteratorGetNextSync",
    "OneShotIteratorGetNext",
    "QueueDequeue",
    "QueueDequeueV2",
    "QueueDequeueMany",
    "QueueDequeueManyV2",
    "QueueDequeueUpTo",
    "QueueDequeueUpToV2",
)
ASSIGN_OPS = ("Assign", "AssignVariableOp")
UPDATE_PREFIXES = ("Apply", "ResourceApply", "SparseApply", "ResourceSparseApply")
UPDATE_INPUTS = {"grad": "gradient", "delta": "gradient", "indices": "indices", "lr": "rate",
                 "alpha": "rate"}  # fmt: skip


def flat_fetches(graph: Any, value: Any) -> List[Any]:
    """The graph elements (tensors and operations) of a nested fetch."""
    if value is None:
        return []
    if isinstance(value, dict):
        return [item for key in value for item in flat_fetches(graph, value[key])]
    if hasattr(value, "indices") and hasattr(value, "values") and hasattr(value, "op"):
        parts = [value.values, value.indices, getattr(value, "dense_shape", None)]
        return [item for part in parts for item in flat_fetches(graph, part)]
    if isinstance(value, (list, tuple)):
        return [item for part in value for item in flat_fetches(graph, part)]
    return [graph.as_graph_element(value, allow_tensor=True, allow_operation=True)]


def operation(element: Any) -> Any:
    return element.op if hasattr(element, "op") and hasattr(element, "dtype") else element


def closure(roots: Iterable[Any], fed: Iterable[Any]) -> List[Any]:
    """Every operation that a run executes, in the order of their creation."""
    fed_names = {tensor.name for tensor in fed}
    seen: Dict[str, Any] = {}
    stack = [operation(root) for root in roots if getattr(root, "name", None) not in fed_names]
    while stack:
        op = stack.pop()
        if op.name in seen:
            continue
        seen[op.name] = op
        stack.extend(tensor.op for tensor in op.inputs if tensor.name not in fed_names)
        stack.extend(op.control_inputs)
    return sorted(seen.values(), key=lambda op: op._id)


def is_drawn(variable: Any) -> bool:
    """Whether the initial value of a variable comes from a random op."""
    return any(op.type in RANDOM_OPS for op in closure([variable.initializer], []))


def in_control_flow(op: Any) -> bool:
    context = op._get_control_flow_context()
    return context is not None and type(context).__name__ in ("CondContext", "WhileContext")


def draws_unseen(op: Any) -> bool:
    """Whether an op draws random numbers of a kind that is not recorded."""
    attributes = {attribute.name for attribute in op.op_def.attr} if op.op_def is not None else ()
    return (
        "seed" in attributes
        and op.type not in RANDOM_OPS
        and op.type not in SEEDED
        and "Queue" not in op.type
        and "Dataset" not in op.type
        and not ("dropout" in attributes and op.get_attr("dropout") == 0.0)
    )


def dropout_rate(op: Any) -> Optional[Any]:
    """The tensor that a uniform draw is compared with to make a dropout mask, if it is one."""
    frontier = [op.outputs[0]]
    for _ in range(3):
        consumers = [user for tensor in frontier for user in tensor.consumers()]
        for user in consumers:
            if user.type == "GreaterEqual" and user.inputs[0] in frontier_refs(frontier):
                return user.inputs[1]
        moved = [u for u in consumers if u.type in ("Mul", "Add", "AddV2", "Sub", "Identity")]
        frontier = [user.outputs[0] for user in moved]
    return None


def constant(tensor: Any) -> Optional[Any]:
    """The value of a constant, which the runtime may have folded away; None of other tensors."""
    while tensor is not None and tensor.op.type in ("Enter", "Identity"):
        tensor = tensor.op.inputs[0]
    if tensor is None or tensor.op.type != "Const":
        return None
    from tensorflow.python.framework import tensor_util

    return tensor_util.MakeNdarray(tensor.op.get_attr("value"))


def frontier_refs(tensors: List[Any]) -> "RefList":
    return RefList(tensors)


class RefList:
    """Membership by identity; tensors may overload equality."""

    def __init__(self, items: List[Any]) -> None:
        self._names = {item.name for item in items}

    def __contains__(self, item: Any) -> bool:
        return item.name in self._names


def initialises_only(op: Any, variables: Dict[str, Any], limit: int = 200) -> bool:
    """Whether a draw does nothing but give a variable its initial value."""
    initializers = {v.initializer.name for v in variables.values() if v.initializer is not None}
    stack, seen, found = list(op.outputs), set(), False
    while stack:
        for user in stack.pop().consumers():
            if user.name in seen:
                continue
            seen.add(user.name)
            if user.name in initializers:
                found = True
                continue
            if len(seen) > limit:
                return False
            stack.extend(user.outputs)
            if not user.outputs:
                return False
    return found


class Update:
    """An op that changes a variable by a gradient, and the tensors that say how."""

    def __init__(self, op: Any, name: str, script: str,
                 tensors: Optional[Dict[str, Any]] = None) -> None:  # fmt: skip
        self.op, self.name = op, name
        self.line = line_of(op, script)
        self.tensors: Dict[str, Any] = {}
        if in_control_flow(op):
            return
        if tensors is not None:
            self.tensors = tensors
            return
        for argument, tensor in zip(op.op_def.input_arg, op.inputs):
            part = UPDATE_INPUTS.get(argument.name)
            if part is not None and (part != "rate" or argument.name != "alpha" or plain(op)):
                self.tensors[part] = tensor


def plain(op: Any) -> bool:
    return op.type.endswith("GradientDescent")


def line_of(op: Any, script: str) -> int:
    """The line of a program that made an op; 0 if it was made elsewhere."""
    for frame in reversed(list(op.traceback or ())):
        name = getattr(frame, "filename", None) or frame[0]
        if name == script:
            return int(getattr(frame, "lineno", None) or frame[1])
    return 0


def frames_of(op: Any, script: str) -> Tuple[int, ...]:
    """The lines of a program that led to an op, the outermost first."""
    found = []
    for frame in list(op.traceback or ()):
        if (getattr(frame, "filename", None) or frame[0]) == script:
            found.append(int(getattr(frame, "lineno", None) or frame[1]))
    return tuple(found)


def left_out(draws: List[Any], script: str) -> List[Tuple[Any, Any]]:
    """Masks of dropout that a run need not compute, each with one of its kind that it does.

    Both come from the same statement, such as a recurrent network some of whose outputs nobody
    reads; the conversion of the statement makes all of them.
    """
    known: Dict[Tuple[Tuple[int, ...], str], Any] = {}
    for op in draws:
        frames = frames_of(op, script)
        if frames and op.type == "RandomUniform":
            known.setdefault((frames, str(op.outputs[0].shape)), op)
    if not known:
        return []
    needed = {op.name for op in draws}
    found = []
    for op in draws[0].graph.get_operations():
        if op.type != "RandomUniform" or op.name in needed or in_control_flow(op):
            continue
        other = known.get((frames_of(op, script), str(op.outputs[0].shape)))
        if other is not None and dropout_rate(op) is not None:
            found.append((op, other))
    return found


class Plan:
    """What a run of given fetches and feeds executes; worked out once for each combination."""

    def __init__(self, ops: List[Any], variables: Dict[str, Any], script: str = "",
                 prefix: str = "") -> None:  # fmt: skip
        self.ops = ops
        self.prefix = prefix
        names = {op.name for op in ops}
        self.initialised = [
            name
            for name, variable in variables.items()
            if variable.initializer is not None and variable.initializer.name in names
        ]
        by_op = {}
        for name, variable in variables.items():
            handle = getattr(variable, "handle", None)
            by_op[(handle.op if handle is not None else variable.op).name] = name
        written = [(op, by_op.get(op.inputs[0].op.name)) for op in ops if op.inputs]
        restored = [
            name
            for op, name in written
            if name is not None and op.type in ASSIGN_OPS and _restores(op.inputs[1])
        ]
        self.restored = [name for name in restored if name not in self.initialised]
        self.initialised += self.restored
        applied = [
            (op, name)
            for op, name in written
            if name is not None and op.type.startswith(UPDATE_PREFIXES)
        ]
        self.updates = [Update(op, name, script) for op, name in applied]
        for op, name, tensors in row_updates(ops, written, applied):
            self.updates.append(Update(op, name, script, tensors))
        self.unordered = unordered([pair for pair in written if pair[1] is not None])
        self.trains = bool(self.updates) or any(op.type.startswith(UPDATE_PREFIXES) for op in ops)
        unseen = [op for op in ops if draws_unseen(op) and not initialises_only(op, variables)]
        self.unknown = sorted({op.type for op in unseen})
        drawn = [op for op in ops if op.type in RANDOM_OPS and not initialises_only(op, variables)]
        self.draws = [op for op in drawn if not in_control_flow(op)]
        self.inner_draws = [op for op in drawn if in_control_flow(op)]
        self.left_out = left_out(self.draws, script)
        self.rates = {op.name: dropout_rate(op) for op in drawn if op.type == "RandomUniform"}
        values = {name: constant(rate) for name, rate in self.rates.items()}
        values.update({op.name: constant(dropout_rate(op)) for op, _ in self.left_out})
        self.known_rates = {name: rate for name, rate in values.items() if rate is not None}
        self.data = [op for op in ops if op.type in DATA_OPS and not in_control_flow(op)]


def unordered(written: List[Any]) -> List[str]:
    """The variables that several ops set, none of which waits for another: (op, name) each."""
    sets: Dict[str, List[Any]] = {}
    for op, name in written:
        if op.type.startswith("Assign"):
            sets.setdefault(name, []).append(op)
    found = []
    for name, ops in sets.items():
        for before, after in zip(ops, ops[1:]):
            if all(op.name != before.name for op in closure([after], [])):
                found.append(name)
                break
    return found


def _restores(tensor: Any) -> bool:
    for _ in range(4):
        if tensor.op.type in ("RestoreV2", "Restore", "RestoreSlice"):
            return True
        if not tensor.op.inputs:
            return False
        tensor = tensor.op.inputs[0]
    return False
