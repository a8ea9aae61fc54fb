"""State of the host code while it is written."""

from __future__ import annotations

from dataclasses import dataclass, field

import libcst as cst

from tf2torch.rewrite import sources
from tf2torch.rewrite.training import Optimizer
from tf2torch.rewrite.writer import Scope, Writer
from tf2torch.rulebook.values import Value


@dataclass(eq=False)
class Host:
    """State of the host code: what exists so far in it.

    Attributes:
        optimizers: torch optimizers by the TensorFlow optimizer object.
        counters: names of variables that count steps, now Python integers.
        scalars: identities of placeholders that stay Python numbers.
        summaries: for each host name that holds a fetched summary, what it records.
        draws: iterators of the source units; streams: what they draw from.
        done: graph units that data sets need and that are written already.
        average_names: variables that hold moving averages.
        saver_keys: for savers of a part of the variables the name that holds its keys.
        constructor: the call that makes the model.
        beside: code of graphs that stands among the code of this one.
        peers: in code that runs several graphs, the host of each; empty elsewhere.
        deferred: names of functions that stand for lists of assignments.
        nested: whether this is the code of a function, not of the root scope.
    """

    writer: Writer
    scope: Scope
    optimizers: dict[int, Optimizer] = field(default_factory=dict)
    counters: set[str] = field(default_factory=set)
    scalars: frozenset[object] = frozenset()
    summaries: dict[str, list[Value]] = field(default_factory=dict)
    live: dict[str, str] = field(default_factory=dict)
    draws: sources.Draws = field(default_factory=dict)
    streams: sources.Streams | None = None
    done: set[int] = field(default_factory=set)
    nested: bool = False
    beside: list[Host] = field(default_factory=list)
    peers: tuple[Host, ...] = ()

    def of_run(self, run: cst.CSTNode) -> Host:
        """The host of the graph that a run is of."""
        for peer in self.peers:
            if run in peer.writer.plan.sites:
                peer.live.clear()  # other code may have changed what it holds
                return peer
        return self

    averages: set[int] = field(default_factory=set)
    average_names: list[str] = field(default_factory=list)
    saver_keys: dict[int, str] = field(default_factory=dict)
    constructor: str = ""
    deferred: set[str] = field(default_factory=set)
