"""Which of a program's graphs its code builds: each has names, collections and runs of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import libcst as cst

from tf2torch.analyse.facts import Creation

if TYPE_CHECKING:
    from tf2torch.analyse.state import State

#: What `State` keeps for each graph.
_OWN = (
    "naming", "collections", "named", "summaries", "metrics", "pipeline_variables", "layer_names",
)  # fmt: skip


@dataclass(eq=False)
class Graphs:
    """The graphs of one program, numbered as they are made; the default graph is the first.

    Attributes:
        tracked: whether they are told apart.
        current: the one that code builds now.
        kept: what the state holds of the others.
        spans: since which creation each graph is current.
        places: statements that ran in another graph than the first.
        runs: graphs of the sessions that each run was done in.
        repeated: how many loops, branches and attempts are open.
        refused: whether graphs change where they cannot be told apart.
        idle: graphs that the code that runs has put nothing in.
    """

    tracked: bool = True
    current: int = 0
    count: int = 1
    kept: dict[int, dict[str, Any]] = field(default_factory=dict)
    spans: list[tuple[int, int]] = field(default_factory=list)
    places: dict[cst.CSTNode, int] = field(default_factory=dict)
    runs: dict[cst.CSTNode, set[int]] = field(default_factory=dict)
    repeated: int = 0
    refused: bool = False
    idle: frozenset[int] = frozenset()

    def make(self) -> int:
        """The number of a new graph."""
        self.count += 1
        return self.count - 1

    def note_place(self, node: cst.CSTNode) -> None:
        """A statement runs."""
        if self.current:
            self.places[node] = self.current
            inner = getattr(
                node, "body" if isinstance(node, cst.BaseCompoundStatement) else "value", None
            )
            if inner is not None:
                self.places[inner] = self.current

    def of_creations(self, creations: list[Creation]) -> list[int]:
        """The graph of each creation."""
        found = []
        spans, number = list(self.spans), 0
        for index in range(len(creations)):
            while spans and spans[0][0] <= index:
                number = spans.pop(0)[1]
            found.append(number)
        return found


def enter(state: State, number: int | None) -> Callable[[], None]:
    """Makes a graph the current one; gives what makes the one before it current again."""
    graphs = state.graphs
    before = graphs.current
    if number is None or number == before or not graphs.tracked:
        return lambda: None
    if state.shadow or graphs.repeated or len(state.stack) > 1:
        graphs.refused = True
        return lambda: None
    _switch(state, number)
    return lambda: _switch(state, before)


def reset(state: State) -> None:
    """``tf.reset_default_graph()``"""
    graphs = state.graphs
    used = graphs.current or state.naming.used or state.naming.variables
    if graphs.tracked and used and not state.shadow:
        enter(state, graphs.make())


def _switch(state: State, number: int) -> None:
    graphs = state.graphs
    if number == graphs.current:
        return
    graphs.kept[graphs.current] = {name: getattr(state, name) for name in _OWN}
    kept = graphs.kept.pop(number, None)
    for name in _OWN:
        setattr(state, name, kept[name] if kept else type(getattr(state, name))())
    graphs.current = number
    graphs.spans.append((len(state.creations), number))


def own_facts(state: State, number: int) -> dict[str, Any]:
    """What the state keeps of one graph."""
    if number == state.graphs.current:
        return {name: getattr(state, name) for name in _OWN}
    return state.graphs.kept[number]


def built(state: State) -> list[int]:
    """The graphs that code puts something in, those with variables in the order of these."""
    found = dict.fromkeys(state.graphs.of_creations(state.creations))
    return [*found, *(n for n in _used(state) if n not in found and n not in state.graphs.idle)]


def note_idle(state: State) -> None:
    """All code that runs has run: what is analysed from now on makes no graph of its own."""
    graphs = state.graphs
    graphs.idle = frozenset({*graphs.kept, graphs.current} - set(_used(state)))


def _used(state: State) -> list[int]:
    every = sorted({*state.graphs.kept, state.graphs.current})
    return [number for number in every if own_facts(state, number)["naming"].used]


def join_graphs(state: State) -> None:
    """One graph out of all: at most one of them has variables."""
    for _, kept in sorted(state.graphs.kept.items()):
        for name in _OWN:
            value, other = getattr(state, name), kept[name]
            if isinstance(value, list):
                setattr(state, name, other + value)
            elif isinstance(value, dict):
                mixed = {**other, **value}
                if name == "collections":
                    mixed = {key: [*other.get(key, ()), *value.get(key, ())] for key in mixed}
                setattr(state, name, mixed)
    state.graphs.kept.clear()
