"""What keeps TensorFlow's variable scopes: code whose variables only running can tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

import libcst as cst

from tf2torch.analyse import Analysis
from tf2torch.cst.walk import walk
from tf2torch.plan.units import contains_run, creation_nodes, runs_inside

#: Functions and classes of the program.
Definition = cst.FunctionDef | cst.ClassDef
#: Calls that need an open pass of the module that holds a function's variables.
SCOPES = frozenset(
    "tf.variable_scope tf.get_variable tf.get_variable_scope tf.Variable tf.make_template".split()
)


def scoped_definitions(
    analysis: Analysis, failed: Mapping[cst.CSTNode, str], definitions: Iterable[Definition]
) -> dict[Definition, str]:
    """Definitions that are to be scoped, each with the reason why.

    `failed` are nodes that the structured form could not be found for. A definition with one of
    them, or else the one that such a call runs, is scoped if it makes variables, and so is all that
    it calls for variables, since they share its scopes, and what calls it without making variables
    that a module could hold.
    """
    known = list(definitions)
    homes = homes_of(known)
    makers = creation_nodes(analysis)
    holding = {d for d in known if any(node in makers for node in walk(d))}
    calls = {definition: _called(analysis, definition, homes) for definition in known}
    found: dict[Definition, str] = {}
    for node, reason in failed.items():
        for home in (homes.get(node), _callee(analysis, node, homes)):
            if home is not None and _makes(analysis, home, holding) and not _runs(analysis, home):
                found.setdefault(home, reason)
                break
    pending = list(found)
    while pending:
        current = pending.pop()
        name = current.name.value
        for other in known:
            if other in found or other in holding or current not in calls[other]:
                continue
            if not _runs(analysis, other):
                found[other] = f"it calls {name}"
                pending.append(other)
        for inner in calls[current]:
            if inner not in found and _makes(analysis, inner, holding):
                found[inner] = f"{name} calls it in its scopes"
                pending.append(inner)
    return found


def homes_of(definitions: Iterable[Definition]) -> dict[cst.CSTNode, Definition]:
    """The definition that each node in one of them belongs to."""
    return {node: definition for definition in definitions for node in walk(definition)}


def _callee(
    analysis: Analysis, node: cst.CSTNode, homes: Mapping[cst.CSTNode, Definition]
) -> Definition | None:
    """The definition that a call runs."""
    callee = analysis.callees.get(node) if isinstance(node, cst.Call) else None
    return None if callee is None else homes.get(callee.node)


def _called(
    analysis: Analysis, definition: Definition, homes: Mapping[cst.CSTNode, Definition]
) -> list[Definition]:
    """The definitions whose code a definition calls, in the order of the calls."""
    callees = (analysis.callees[node] for node in walk(definition) if node in analysis.callees)
    found = (homes.get(callee.node) for callee in callees)
    return list(dict.fromkeys(item for item in found if item is not None))


def _makes(analysis: Analysis, definition: Definition, holding: Set[Definition]) -> bool:
    """Whether a definition makes variables, itself or through others, or opens scopes."""
    return definition in holding or any(
        analysis.symbols.get(node) in SCOPES for node in walk(definition)
    )


def _runs(analysis: Analysis, definition: Definition) -> bool:
    """Whether a definition runs sessions or takes what they are fed."""
    bodies = [node.body for node in walk(definition) if isinstance(node, cst.FunctionDef)]
    if any(contains_run(analysis, body) or runs_inside(analysis, body) for body in bodies):
        return True
    kinds = (analysis.values[node].kind for node in walk(definition) if node in analysis.values)
    return isinstance(definition, cst.ClassDef) and "placeholder" in kinds
