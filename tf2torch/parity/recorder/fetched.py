"""Remember what the last run has fetched, and by which name the program knows it."""

from typing import Any, Dict, Iterator, Tuple

SEARCHED = 16  # parts of a value in which fetched ones are looked for


def is_tensor(value: Any) -> bool:
    return hasattr(value, "op") and hasattr(value, "value_index") and hasattr(value, "graph")


class Fetched:
    """The values of the last run, by identity, with the names of their tensors."""

    def __init__(self) -> None:
        self._values: Dict[int, Any] = {}
        self._labels: Dict[int, str] = {}
        self._names: Dict[str, str] = {}
        self._last: Tuple[Any, Any] = (None, None)

    def name(self, name: str, value: Any) -> None:
        """The program gives something a name; the first one of a tensor counts."""
        if is_tensor(value):
            self._names.setdefault(value.name, name)

    def remember(self, fetches: Any, result: Any, stored: Any) -> None:
        """A run has ended, and its result has been written, with this reference."""
        self._values, self._labels, self._last = {}, {}, (result, stored)
        stack = [result]
        while stack:
            item = stack.pop()
            self._values[id(item)] = item
            if isinstance(item, dict):
                stack.extend(item.values())
            elif isinstance(item, (list, tuple)):
                stack.extend(item)
        for fetch, value in pairs(fetches, result):
            graph_name = getattr(fetch, "name", fetch)
            if isinstance(graph_name, str) and value is not None:
                self._labels[id(value)] = self._names.get(graph_name, graph_name)

    def __contains__(self, value: Any) -> bool:
        return value is not None and id(value) in self._values

    def within(self, value: Any) -> bool:
        """Whether a value is one of the last run, or holds one."""
        if value in self:
            return True
        if isinstance(value, (list, tuple)) and len(value) <= SEARCHED:
            return any(item in self for item in value)
        return (
            isinstance(value, dict)
            and len(value) <= SEARCHED
            and any(item in self for item in value.values())
        )

    def stored(self, value: Any) -> Any:
        """The reference to a value that is the result of the last run."""
        return self._last[1] if value is self._last[0] else None

    def label(self, value: Any) -> str:
        """The program's name of the tensor that gave a value, or else the graph's."""
        return self._labels.get(id(value), "") if value in self else ""

    def labels(self, value: Any) -> Any:
        """The labels of a nested value, in its order of leaves."""
        if isinstance(value, dict):
            return [label for key in value for label in self.labels(value[key])]
        if isinstance(value, (list, tuple)):
            return [label for item in value for label in self.labels(item)]
        return [] if value is None or isinstance(value, (str, bytes)) else [self.label(value)]


def pairs(fetches: Any, result: Any) -> Iterator[Tuple[Any, Any]]:
    """Each fetch with its value."""
    if isinstance(fetches, dict) and isinstance(result, dict):
        for key in fetches:
            if key in result:
                for pair in pairs(fetches[key], result[key]):
                    yield pair
    elif isinstance(fetches, (list, tuple)) and isinstance(result, (list, tuple)):
        for fetch, value in zip(fetches, result):
            for pair in pairs(fetch, value):
                yield pair
    else:
        yield fetches, result
