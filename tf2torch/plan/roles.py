"""What becomes of each function of the program."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

import libcst as cst

from tf2torch.analyse import Analysis
from tf2torch.analyse.regularization import Term
from tf2torch.cst.names import free_names
from tf2torch.cst.walk import walk
from tf2torch.plan.collected import collected
from tf2torch.plan.feeding import drawing_functions
from tf2torch.plan.units import Unit, calls_in, contains_run, contents, runs_inside, summary_calls
from tf2torch.rulebook.values import Value


@dataclass(frozen=True, eq=False)
class Role:
    """Plan for one function.

    Attributes:
        kind: `module` (makes layers: an nn.Module class), `factory` (makes variables and returns
            them: stays a function), `scoped` (makes variables that only running can tell: stays a
            function, over the scopes of the support file), `method` (reads the model's
            variables), `function` (computes tensors only from its arguments), `host` (runs
            sessions or has nothing to do with the graph).
        name: name in the output.
        extra: names of run-time tensors that it reads from outside, to be passed as arguments.
    """

    node: cst.FunctionDef
    kind: str
    name: str
    extra: tuple[str, ...] = ()


def find_roles(
    analysis: Analysis,
    functions: Iterable[cst.FunctionDef],
    attributes: set[str],
    tensors: set[str],
    scoped: Set[cst.CSTNode] = frozenset(),
) -> dict[cst.FunctionDef, Role]:
    """Roles of functions, given the names of the model's attributes and of graph tensors.

    `scoped` are functions of which the structured form could not be found.
    """
    functions = list(functions)
    makers = _makers(analysis)
    drawing = drawing_functions(analysis)
    free = _close_over({function.name.value: free_names(function) for function in functions})
    by_name = {function.name.value: function for function in functions}
    made = {name for name, node in by_name.items() if node in makers}
    roles: dict[cst.FunctionDef, Role] = {}
    for function in functions:
        name = function.name.value
        used = free[name]
        extra = tuple(sorted(used & tensors))
        returned = analysis.returns.get(function)
        if function in scoped:
            roles[function] = Role(function, "scoped", name, extra)
        elif _gives_scope(returned):
            roles[function] = Role(function, "host", name)
        elif contains_run(analysis, function.body) or runs_inside(analysis, function.body):
            roles[function] = Role(function, "host", name)
        elif function in drawing and function not in makers and _gives_tensors(returned):
            roles[function] = Role(function, "source", name)
        elif function in makers:
            leaves = contents(returned) if returned is not None else []
            only_variables = bool(leaves) and all(leaf.kind == "variable" for leaf in leaves)
            if only_variables:
                roles[function] = Role(function, "factory", name)
            else:
                roles[function] = Role(function, "module", class_name(name), extra)
        elif extra and _only_feeds(analysis, function, returned) and not used & (attributes | made):
            roles[function] = Role(function, "host", name)
        elif used & (attributes | made) or extra or _lists_weights(analysis, function):
            lists = _lists_weights(analysis, function)
            kind = (
                "method"
                if lists or used & attributes or any(m in used for m in made)
                else "function"
            )
            roles[function] = Role(function, kind, name, extra)
        elif _touches_graph(analysis, function) or _records(analysis, function):
            roles[function] = Role(function, "function", name)
        else:
            roles[function] = Role(function, "host", name)
    return roles


def pass_extra_names(roles: Iterable[Role], units: Iterable[Unit]) -> None:
    """What a function reads from outside is read by the statements that call it."""
    extras = {role.node.name.value: set(role.extra) for role in roles if role.extra}
    for unit in units:
        if unit.kind not in ("define", "import"):
            for name in extras.keys() & unit.names.loads:
                unit.names.loads |= extras[name]


def _gives_scope(returned: Value | None) -> bool:
    """Whether what a function gives is an arg_scope or the parts of an Estimator."""
    kinds = ("arg_scope", "EstimatorSpec", "TPUEstimatorSpec")
    return returned is not None and returned.kind == "object" and returned.detail.type in kinds


def _gives_tensors(returned: Value | None) -> bool:
    return returned is not None and any(leaf.is_tensor for leaf in contents(returned))


def _makers(analysis: Analysis) -> set[cst.CSTNode]:
    """Definitions of the functions that make variables, directly or through others."""
    found: set[cst.CSTNode] = set()
    for creation in analysis.creations:
        for step in creation.path:
            if isinstance(step, cst.Call) and step in analysis.callees:
                found.add(analysis.callees[step].node)
    return found


def _lists_weights(analysis: Analysis, function: cst.FunctionDef) -> bool:
    """Whether a function reads lists of the model's weights, or of terms of their regularizers."""
    for call in calls_in(function.body):
        symbol = analysis.symbols.get(call.func, "")
        items = contents(analysis.values.get(call, Value("unknown")))
        if symbol == "tf.trainable_variables" and any(item.kind == "variable" for item in items):
            return True
        terms = analysis.state.loss_terms
        found = collected(analysis, call) or ()
        if any(item.detail in terms and terms[item.detail].variable is not None for item in found):
            return True
        if any(_reads_variable(terms.get(item.detail)) for item in found):
            return True
    return False


def _reads_variable(term: Term | None) -> bool:
    meanings = (term.meanings or {}) if term is not None else {}
    return any(value.kind == "variable" for value in meanings.values())


def _records(analysis: Analysis, function: cst.FunctionDef) -> bool:
    return any(call in summary_calls(analysis) for call in calls_in(function.body))


def _touches_graph(analysis: Analysis, function: cst.FunctionDef) -> bool:
    parameters: Mapping[str, object] = analysis.parameters.get(function, {})
    if any(getattr(value, "is_tensor", False) for value in parameters.values()):
        return True
    returned = analysis.returns.get(function)
    return returned is not None and any(leaf.is_tensor for leaf in contents(returned))


def class_name(name: str) -> str:
    """``conv_net`` -> ``ConvNet``"""
    words = [word for word in name.strip("_").split("_") if word]
    return "".join(word[:1].upper() + word[1:] for word in words) or "Module"


def _only_feeds(analysis: Analysis, function: cst.FunctionDef, returned: Value | None) -> bool:
    """Whether a function of host code names placeholders only as keys of what it feeds."""
    if returned is not None and any(leaf.is_tensor for leaf in contents(returned)):
        if returned.kind != "mapping":
            return False
    calls = calls_in(function.body)
    for call in calls:
        value = analysis.values.get(call)
        if value is not None and (value.is_tensor or value.kind in ("operation", "object")):
            return False
    operators = (cst.BinaryOperation, cst.UnaryOperation, cst.Subscript)
    return not any(
        isinstance(node, operators)
        and analysis.values.get(node) is not None
        and analysis.values[node].kind == "tensor"
        for node in walk(function.body)
    )


def _close_over(direct: Mapping[str, Set[str]]) -> dict[str, set[str]]:
    """Free names of functions, with those of the functions they call added."""
    closed = {name: set(names) for name, names in direct.items()}
    changed = True
    while changed:
        changed = False
        for name, names in closed.items():
            for other in list(names):
                extra = closed.get(other, set()) - names
                if extra and other != name:
                    names |= extra
                    changed = True
    return closed
