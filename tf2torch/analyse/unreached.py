"""Execution of what the program itself never reached."""

from __future__ import annotations

import libcst as cst

from tf2torch.analyse import expressions
from tf2torch.analyse.facts import Function, Obj
from tf2torch.analyse.functions import call_function
from tf2torch.analyse.state import State
from tf2torch.cst.walk import children, read
from tf2torch.rulebook.values import ANYTHING, Value


def run_rest(state: State, module: cst.Module) -> None:
    """Executes what the program itself never reached: functions without calls, dead branches.

    Functions that nobody calls are entry points for somebody else, so their graph counts.
    """
    frame = state.frame
    inner = _Loads()
    for value in frame.names.values():
        defined = value.detail.node if value.kind in ("function", "class") else None
        if isinstance(defined, (cst.FunctionDef, cst.Lambda, cst.ClassDef)):
            read(defined.body, inner)
    # What other functions name is called from there, with arguments that are known.
    for value in sorted(frame.names.values(), key=lambda v: _name_of(v) in inner.names):
        if value.kind == "function" and value.detail.node not in state.parameters:
            call_function(state, value.detail, _open(value.detail), None, certain=True)
        elif value.kind == "class" and value.detail.node is not None:
            _run_class(state, value)
    state.shadow = True
    finder = _Unvisited(state)
    read(module, finder)
    state.shadow = False


def _name_of(value: Value) -> str:
    node = getattr(value.detail, "node", None)
    return node.name.value if isinstance(node, (cst.FunctionDef, cst.ClassDef)) else ""


class _Loads(cst.CSTVisitor):
    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_Name(self, node: cst.Name) -> None:
        self.names.add(node.value)


def _run_class(state: State, value: Value) -> None:
    instance = Value("instance", detail=Obj("instance", {"class": value.detail}, value.detail.node))
    for member in value.detail["members"].values():
        if member.kind == "function" and member.detail.node not in state.parameters:
            bound = Function(member.detail.node, member.detail.frame, owner=instance)
            given = [(None, instance), *_open(bound)]
            call_function(state, bound, given, None, certain=True)


#: Parameters that name or share variables: their defaults are what nearly every caller means.
_NAMING = frozenset("name scope reuse".split())


def _open(function: Function) -> list[tuple[str | None, Value]]:
    """Arguments of an entry point that nobody knows: a default of True, False or None is a choice
    that somebody makes, and both ways have to be followed."""
    params = function.node.params
    return [
        (parameter.name.value, ANYTHING)
        for parameter in (*params.posonly_params, *params.params, *params.kwonly_params)
        if isinstance(parameter.default, cst.Name)
        and parameter.default.value in ("True", "False", "None")
        and parameter.name.value not in _NAMING
    ]


class _Unvisited(cst.CSTVisitor):
    """Evaluates statements that no execution reached, in the module's final names."""

    def __init__(self, state: State) -> None:
        self.state = state

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> bool:
        for small in node.body:
            for child in children(small):
                if isinstance(child, cst.BaseExpression) and child not in self.state.values:
                    expressions.evaluate(self.state, child)
        return False
