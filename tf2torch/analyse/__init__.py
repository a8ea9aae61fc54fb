"""Analysis: runs the program's Python abstractly and records what each expression is.

Requires the loaded source and the rulebook; the engine knows TensorFlow through them and through
the tables of `primitives`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import libcst as cst

from tf2torch.analyse import (
    dissolving,
    expansion,
    expressions,
    functions,
    graphs,
    interpreter,
    unreached,
)
from tf2torch.analyse.constructions import Construction, constructions
from tf2torch.analyse.facts import Creation, Function, Obj, Run
from tf2torch.analyse.instance_names import (
    Instance,
    Instances,
    find_instances,
    general,
    has_own_graph,
)
from tf2torch.analyse.opening import OpenedClass
from tf2torch.analyse.prepare import prepare
from tf2torch.analyse.sections import PARAMETER, SESSION
from tf2torch.analyse.state import Frame, State
from tf2torch.cst.walk import walk
from tf2torch.load import Source
from tf2torch.rulebook.loader import Rulebook
from tf2torch.rulebook.values import ANYTHING, Value


@dataclass(frozen=True, eq=False)
class Analysis:
    """Facts about one program.

    Attributes:
        values: what is known of each expression node.
        symbols: TensorFlow name of each node that refers to TensorFlow.
        callees: program function that each call node runs.
        runs: `Session.run` and `.eval()` calls.
        creations: executions of calls that create variables, in the program's order.
        calls: for each program function, the calls that were followed and their paths.
        names: module-level names and their final values.
        original: the module as it was before `prepare`.
        origins: nodes of the original for those that `prepare` and `expansion` made.
        absorbed: references of the original that `expansion` wrote out as something else.
        written: the references that it wrote instead.
        opened: the class whose code is code of the module here, if there is one.
    """

    source: Source
    rulebook: Rulebook
    options: Any
    values: Mapping[cst.CSTNode, Value]
    symbols: Mapping[cst.CSTNode, str]
    callees: Mapping[cst.CSTNode, Function]
    runs: Mapping[cst.CSTNode, Run]
    creations: tuple[Creation, ...]
    calls: Mapping[cst.CSTNode, list[tuple[cst.Call, tuple[Any, ...]]]]
    returns: Mapping[cst.CSTNode, Value]
    parameters: Mapping[cst.CSTNode, Mapping[str, Value]]
    names: Mapping[str, Value]
    state: State
    original: cst.Module
    origins: Mapping[cst.CSTNode, cst.CSTNode]
    absorbed: Mapping[cst.CSTNode, str]
    written: frozenset[cst.CSTNode]
    opened: OpenedClass | None = None
    #: The instances of the opened class, if it is not the only one that is named.
    instances: Instances = field(default_factory=Instances)

    def creations_at(self, call: cst.CSTNode) -> Sequence[Creation]:
        """What a call makes, itself or in the functions that it calls, in the program's order."""
        return self._creations.get(call, ())

    @cached_property
    def _creations(self) -> dict[object, list[Creation]]:
        found: dict[object, list[Creation]] = {}
        for creation in self.creations:
            for step in dict.fromkeys((*creation.path, creation.node)):
                found.setdefault(step, []).append(creation)
        return found


#: How often a program is analysed at most: each time, what stands for other code is written out.
ROUNDS = 16


def analyse(
    source: Source,
    rulebook: Rulebook,
    options: Any,
    *,
    separate: bool = True,
    opening: bool = True,
) -> Analysis:
    """Executes the program abstractly: the module first, then what it never called.

    Its graphs are told apart, unless `separate` is false, and one class that builds the model is
    written out, unless `opening` is false.
    """
    module, origins, opened = prepare(source.module, separate, opening)
    original = source.module
    absorbed: dict[cst.CSTNode, str] = {}
    scopes: dict[cst.CSTNode, str | None] = {}
    threads: dict[cst.CSTNode, set[str]] = {}
    if separate and opened is not None:
        return analyse(source, rulebook, options, separate=False, opening=opening)
    made: Sequence[Construction] = ()
    if opened is not None and not opened.instances and not has_own_graph(opened.node):
        made = constructions(original, opened.node, opened.sections[0].method)

    def execute(named: frozenset[Any]) -> State:
        return _execute(
            rulebook, module, named, opened, scopes, threads, separate, source.homes, general(made)
        )

    state = execute(frozenset())
    sources = set(walk(module)) if state.expansions else set()
    for _ in range(ROUNDS):
        if not sources:
            break
        if state.expansions:
            changed = expansion.rebuild(module, state.expansions, origins, threads)
        else:
            changed = dissolving.dissolve(module, state, origins)
        if changed is module:
            break
        module = changed
        kept = set(walk(module))
        absorbed |= {n: s for n, s in state.symbols.items() if n in sources and n not in kept}
        scopes |= state.expansions.scopes
        state = execute(frozenset())
    if state.graphs.refused:
        return analyse(source, rulebook, options, separate=False, opening=opening)
    named = _lengths_to_name(state)
    if named:
        state = execute(named)
    if state.expansions.written:  # what was refused is no part of the program
        kept = set(walk(module))
        for node in [node for node in state.symbols if node not in kept]:
            del state.symbols[node]
    instances = Instances()
    if made and state.creations:

        def of_instance(instance: Instance | None) -> State:
            return _execute(
                rulebook, module, named, opened, scopes, threads, separate, source.homes, instance
            )

        instances = find_instances(made, module, state, of_instance)
        if instances.lists:
            state = of_instance(general(made, instances.lists))
        for node, reason in instances.shared.items():
            state.expansions.refused.setdefault(node, ("shared-instances", reason))
    source = replace(source, module=module)
    written = frozenset(n for n in state.symbols if sources and n not in sources)
    return Analysis(
        source=source,
        rulebook=rulebook,
        options=options,
        values=state.values,
        symbols=state.symbols,
        callees=state.callees,
        runs=state.runs,
        creations=tuple(state.creations),
        calls=state.calls,
        returns=state.returns,
        parameters=state.parameters,
        names=state.frame.names,
        state=state,
        original=original,
        origins=origins,
        absorbed=absorbed,
        written=written,
        opened=opened,
        instances=instances,
    )


def _execute(
    rulebook: Rulebook,
    module: cst.Module,
    named: frozenset[tuple[cst.CSTNode, str, int]],
    opened: OpenedClass | None,
    scopes: dict[cst.CSTNode, str | None],
    threads: dict[cst.CSTNode, set[str]],
    separate: bool,
    homes: Mapping[str, int],
    instance: Instance | None = None,
) -> State:
    state = State(
        rulebook=rulebook,
        module=module,
        frame=Frame(),
        follow=functions.call_function,
        assign=interpreter.assign,
        evaluate=expressions.evaluate,
        expansions=expansion.Expansions(),
        earlier_scopes=scopes,
        threads=threads,
        named_lengths=named,
        homes=homes,
        graphs=graphs.Graphs(tracked=separate),
        instance=instance,
    )
    if opened is not None:
        state.instance_names = opened.names
        state.frame.names[PARAMETER] = Value("python" if instance is None else "parameter")
        state.frame.names[SESSION] = Value("object", detail=Obj("Session"))
    interpreter.run_block(state, module.body)
    graphs.note_idle(state)
    unreached.run_rest(state, module)
    if len(graphs.built(state)) < 2:
        graphs.join_graphs(state)
    return state


def _lengths_to_name(state: State) -> frozenset[tuple[cst.CSTNode, str, int]]:
    """Lengths that differ among the calls of a function that makes variables.

    What the function makes of them is then spelled with names that its callers can fill in.
    """
    makers = {
        state.callees[step].node
        for creation in state.creations
        for step in creation.path
        if isinstance(step, cst.Call) and step in state.callees
    }
    return frozenset(
        place
        for place, dims in state.lengths.items()
        if place[0] in makers and len({d.text if d.size is None else d.size for d in dims}) > 1
        if all(d.size is not None or d.text for d in dims)
    )


__all__ = ["ANYTHING", "Analysis", "analyse"]
