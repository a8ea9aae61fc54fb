"""Analysis: runs the program's Python abstractly and records what each expression is.

Requires the loaded source and the rulebook; the engine knows TensorFlow through them and through
the tables of `primitives`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import libcst as cst

from tf2torch.analyse import interpreter
from tf2torch.analyse.facts import Creation, Function, Run
from tf2torch.analyse.prepare import prepare
from tf2torch.analyse.state import Frame, State
from tf2torch.load import Source
from tf2torch.rulebook.loader import Rulebook
from tf2torch.rulebook.values import ANYTHING, Value


@dataclass(frozen=True)
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
        origins: nodes of the original for those that `prepare` made.
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


def analyse(source: Source, rulebook: Rulebook, options: Any) -> Analysis:
    """Executes the program abstractly: the module first, then what it never called."""
    module, origins = prepare(source.module)
    original, source = source.module, replace(source, module=module)
    state = State(
        rulebook=rulebook,
        module=module,
        frame=Frame(),
        follow=interpreter.call_function,
        assign=interpreter.assign,
    )
    interpreter.run_block(state, module.body)
    interpreter.run_rest(state, module)
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
    )


__all__ = ["ANYTHING", "Analysis", "analyse"]
