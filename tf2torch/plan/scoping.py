"""What keeps TensorFlow's variable scopes: code whose variables only running can tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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
    them is scoped if it makes variables, and so is all that it calls for variables, since they
    share its scopes, and what calls it without making variables that a module could hold.
    """
    known = set(definitions)
    homes = {node: definition for definition in known for node in walk(definition)}
    found: dict[Definition, str] = {}
    for node, reason in failed.items():
        home = homes.get(node)
        if home is not None and makes_variables(analysis, home) and not _runs(analysis, home):
            found.setdefault(home, reason)
    pending = list(found)
    while pending:
        caller = pending.pop()
        for other in known - found.keys():
            calls = any(
                homes.get(analysis.callees[node].node) is caller
                for node in walk(other)
                if node in analysis.callees
            )
            if calls and not (_is_module(analysis, other) or _runs(analysis, other)):
                found[other] = f"it calls {caller.name.value}"
                pending.append(other)
        for node in walk(caller):
            callee = analysis.callees.get(node)
            inner = homes.get(callee.node) if callee is not None else None
            if inner is None or inner in found or not makes_variables(analysis, inner):
                continue
            found[inner] = f"{caller.name.value} calls it in its scopes"
            pending.append(inner)
    return found


def _is_module(analysis: Analysis, definition: Definition) -> bool:
    makers = creation_nodes(analysis)
    return any(node in makers for node in walk(definition))


def _runs(analysis: Analysis, definition: Definition) -> bool:
    """Whether a definition runs sessions or takes what they are fed."""
    bodies = [node.body for node in walk(definition) if isinstance(node, cst.FunctionDef)]
    if any(contains_run(analysis, body) or runs_inside(analysis, body) for body in bodies):
        return True
    kinds = (analysis.values[node].kind for node in walk(definition) if node in analysis.values)
    return isinstance(definition, cst.ClassDef) and "placeholder" in kinds


def makes_variables(analysis: Analysis, definition: Definition) -> bool:
    """Whether a definition makes variables or opens scopes, itself or through others."""
    makers = creation_nodes(analysis)
    return any(node in makers or analysis.symbols.get(node) in SCOPES for node in walk(definition))
