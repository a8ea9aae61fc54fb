"""Tell the graphs of a program apart: their variables may have the same names.

They are numbered as the program makes variables in them. What belongs to another graph than the
first has the graph's number in front of its name in the record: `graph 1/dense/kernel`.
"""

import contextlib
from typing import Any, Iterator, List


class Several:
    """The graphs that variables were made in, in that order."""

    def __init__(self) -> None:
        self._graphs: List[Any] = []

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Variables report themselves to the graph's collections."""
        from tensorflow.python.framework import ops

        original = ops.Graph.add_to_collections

        def add_to_collections(graph: Any, names: Any, value: Any) -> Any:
            names = list(names) if isinstance(names, (list, tuple, set)) else [names]
            if "variables" in names:
                self.prefix(graph)
            return original(graph, names, value)

        ops.Graph.add_to_collections = add_to_collections
        try:
            yield
        finally:
            ops.Graph.add_to_collections = original

    def prefix(self, graph: Any) -> str:
        """What stands before the names of a graph's variables."""
        if not any(graph is known for known in self._graphs):
            self._graphs.append(graph)
        number = next(n for n, known in enumerate(self._graphs) if known is graph)
        return "graph %d/" % number if number else ""
