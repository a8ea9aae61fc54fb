"""Keep the tensors behind the names that a program assigns, in the runs that compute them."""

from typing import Any, Dict, Iterator, List, Set, Tuple

import numpy as np

from .graphs import in_control_flow
from .writing import Writer

LARGEST = 1 << 22  # elements of a tensor that is kept


class Named:
    """A tensor and where its name was assigned."""

    def __init__(self, name: str, scope: str, line: int, tensor: Any) -> None:
        self.name, self.scope, self.line, self.tensor = name, scope, line, tensor


def parts(name: str, value: Any) -> Iterator[Tuple[str, Any]]:
    """The tensors of a nested value."""
    if isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            for pair in parts("%s[%d]" % (name, index), item):
                yield pair
    elif isinstance(value, dict):
        for key in value:
            for pair in parts("%s[%r]" % (name, key), value[key]):
                yield pair
    elif hasattr(value, "op") and hasattr(value, "value_index") and hasattr(value, "graph"):
        yield name, value


class Tracing:
    """Collects named tensors while the graph is built, and fetches them along with the runs."""

    def __init__(self, writer: Writer, runs: str) -> None:
        self._writer = writer
        self._runs = runs
        self._named: List[Named] = []
        self._seen: Set[str] = set()

    def note(self, name: str, scope: str, line: int, value: Any) -> None:
        if not self._runs:
            return
        for part, tensor in parts(name, value):
            if tensor.name not in self._seen and tensor.dtype.is_numpy_compatible:
                self._seen.add(tensor.name)
                self._named.append(Named(part, scope, line, tensor))

    def due(self, run: int, graph: Any, ops: Any, fed: Set[str]) -> List[Named]:
        """The named tensors that a run computes anyway."""
        if self._runs not in ("all", str(run)):
            return []
        names = {op.name for op in ops}
        return [
            named
            for named in self._named
            if named.tensor.graph is graph
            and named.tensor.op.name in names
            and named.tensor.name not in fed
            and not named.tensor.op.type.startswith(("Variable", "VarHandle", "Placeholder"))
            and named.tensor.dtype.base_dtype.name not in ("string", "resource", "variant")
            and (named.tensor.op.type == "Exit" or not in_control_flow(named.tensor.op))
            and graph.is_fetchable(named.tensor)
        ]

    @staticmethod
    def extra(due: List[Named]) -> Dict[str, Any]:
        return {"trace:" + named.tensor.name: named.tensor for named in due}

    def store(self, run: int, due: List[Named], ops: Any, found: Dict[str, Any]) -> None:
        """Writes the values in the order of their ops, each with the numbers of those before it."""
        if not due:
            return
        due = sorted(due, key=lambda named: named.tensor.op._id)
        before = upstream(ops, [named.tensor.op.name for named in due])
        for number, named in enumerate(due):
            value = np.asarray(found["trace:" + named.tensor.name])
            if value.size > LARGEST:
                continue
            self._writer.event(
                "trace", run=run, number=number, name=named.name, scope=named.scope,
                line=named.line, op=named.tensor.op.type,
                before=[i for i in before[named.tensor.op.name] if i != number],
                value=self._writer.value(value),
            )  # fmt: skip


def upstream(ops: Any, traced: List[str]) -> Dict[str, List[int]]:
    """For each traced op, by name, the numbers of the traced ops that it depends on."""
    own: Dict[str, int] = {}
    for number, name in enumerate(traced):
        own[name] = own.get(name, 0) | 1 << number
    bits: Dict[str, int] = {}
    for op in ops:  # in the order of their creation: what flows backwards in a loop is left out
        found = own.get(op.name, 0)
        for tensor in op.inputs:
            found |= bits.get(tensor.op.name, 0)
        bits[op.name] = found
    numbers = range(len(traced))
    return {name: [n for n in numbers if bits.get(name, 0) >> n & 1] for name in traced}
