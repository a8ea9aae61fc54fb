"""Constructs that stand for other TensorFlow code, such as arg_scope, are written out.

Analysis finds out what each of them means and keeps that here; the program is then rebuilt with
the plain calls in their place and analysed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from tf2torch.analyse.facts import Obj
from tf2torch.analyse.state import Frame, State
from tf2torch.cst.forms import TIGHT
from tf2torch.cst.names import plain_names
from tf2torch.cst.printing import code_of
from tf2torch.cst.walk import transform, walk
from tf2torch.rulebook.values import UNKNOWN, Value

#: Keywords of calls that this stage writes; no program has them.
SCOPE, QUIET = "_scope", "_quiet"


@dataclass(eq=False)
class Expansions:
    """What was found in one analysis.

    Attributes:
        written: the expression that a node stands for.
        chains: for a node that applies several layers, their calls: each takes the result of the
            one before as its first argument.
        names: names for losses whose value the program does not keep.
        refused: nodes that cannot be written out, with rule and reason.
        scopes: for the constructors of layer objects, where their variables are; None if one
            constructor makes several layers. They stay known when the calls are written out.
        threaded: names of what an arg_scope gives inside of a function, other values in each call
            of it: these become parameters.
    """

    written: dict[cst.CSTNode, cst.BaseExpression] = field(default_factory=dict)
    chains: dict[cst.CSTNode, tuple[cst.Call, ...]] = field(default_factory=dict)
    names: dict[cst.CSTNode, str] = field(default_factory=dict)
    refused: dict[cst.CSTNode, tuple[str, str]] = field(default_factory=dict)
    scopes: dict[cst.CSTNode, str | None] = field(default_factory=dict)
    threaded: dict[cst.CSTNode, set[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.names or self.threaded or self.written.keys() - self.refused.keys())


def expand(
    state: State,
    node: cst.BaseExpression,
    written: cst.BaseExpression,
    rule: str,
    chain: Sequence[cst.Call] = (),
) -> Value:
    """`node` stands for `written`; refused if another visit of it found something else."""
    found = state.expansions
    known = found.written.get(node)
    if known is None:
        found.written[node] = known = written
        if chain:
            found.chains[node] = tuple(chain)
    elif not same_code(known, written):
        refuse(state, node, rule, "it means different things each time this code runs")
        return state.evaluate(state, written)
    return state.evaluate(state, known)


def refuse(state: State, node: cst.CSTNode, rule: str, reason: str) -> None:
    """`node` becomes a TODO."""
    state.expansions.refused.setdefault(node, (rule, reason))


def same_code(one: cst.CSTNode, other: cst.CSTNode) -> bool:
    return one is other or code_of(one) == code_of(other)


def keyword(name: str, value: cst.BaseExpression) -> cst.Arg:
    return cst.Arg(value, keyword=cst.Name(name), equal=TIGHT)


def internal(args: Sequence[cst.Arg]) -> tuple[list[cst.Arg], dict[str, cst.BaseExpression]]:
    """The arguments of the program, and those that this stage added."""
    kept, added = [], {}
    for arg in args:
        if arg.keyword is not None and arg.keyword.value in (SCOPE, QUIET):
            added[arg.keyword.value] = arg.value
        else:
            kept.append(arg)
    return kept, added


# -- values as source ----------------------------------------------------------------------------


def meanings(state: State, node: cst.CSTNode) -> dict[str, tuple[Value, Any]]:
    """What the names in an expression mean here: value and frame."""
    found = {}
    for name in set(plain_names(node)):
        known = state.frame.lookup(name)
        if known is not None:
            found[name] = known
    return found


def spell(
    state: State,
    value: Value,
    node: cst.BaseExpression | None = None,
    known: dict[str, tuple[Value, Any]] | None = None,
    hint: str = "",
) -> cst.BaseExpression | None:
    """Source that has this value in the current frame; None if there is none.

    `node` is an expression that had it where its names meant what `known` says.
    """
    own = state.frame.names.get(hint) if state.frame.function is not None else None
    if own is not None and _same(own, value):
        return cst.Name(hint)  # the function's own parameter of that name
    if node is not None and all(
        (here := state.frame.lookup(name)) is not None and here[1] is frame and here[0] == meaning
        for name, (meaning, frame) in (known or {}).items()
    ):
        return node.deep_clone()
    if value.is_tensor:
        return named(state, value)
    if value.literal is not UNKNOWN and value.kind == "python":
        return cst.parse_expression(repr(value.literal))
    if value.kind in ("symbol", "dtype") and isinstance(value.detail, str):
        return symbol_text(state, value.detail)
    if value.kind == "mapping":
        pairs = [(key, spell(state, item, hint=str(key))) for key, item in value.detail]
        if all(isinstance(k, (str, int)) and v is not None for k, v in pairs):
            elements = [cst.DictElement(cst.parse_expression(repr(k)), v) for k, v in pairs if v]
            return cst.Dict(elements)
    if value.kind == "sequence":
        items = [spell(state, item) for item in value.detail]
        if all(item is not None for item in items):
            return cst.List([cst.Element(item) for item in items if item is not None])
    if value.kind == "object" and isinstance(value.detail, Obj):
        return _respelled(state, value.detail)
    if value.kind == "function":
        return named(state, value)
    return cst.parse_expression(value.text) if value.text else None


def _same(one: Value, other: Value) -> bool:
    if one.is_tensor or other.is_tensor:
        return one.kind == other.kind and one.detail is not None and one.detail == other.detail
    if one.kind != "python" or other.kind != "python" or one.literal is UNKNOWN:
        return False
    return type(one.literal) is type(other.literal) and one.literal == other.literal


def named(state: State, value: Value) -> cst.BaseExpression | None:
    """A name that the current frame sees and that holds this very thing."""
    frame: Frame | None = state.frame
    while frame is not None:
        for name, found in frame.names.items():
            same = found.kind == value.kind and found.detail is not None
            if same and (found.detail is value.detail or found.detail == value.detail):
                seen = state.frame.lookup(name)
                if seen is not None and seen[1] is frame:
                    return cst.Name(name)
        frame = frame.parent
    return None


def _respelled(state: State, record: Obj) -> cst.BaseExpression | None:
    """The call that made an object, with arguments that mean the same here."""
    call = record.node
    symbol = record["symbol"]
    if not isinstance(call, cst.Call) or not isinstance(symbol, str):
        return None
    func = symbol_text(state, symbol)
    args = []
    for arg in call.args:
        given = state.values.get(arg.value)
        text = spell(state, given) if given is not None and not arg.star else None
        if text is None:
            return None
        args.append(cst.Arg(text, keyword=arg.keyword, equal=TIGHT if arg.keyword else arg.equal))
    return None if func is None else cst.Call(func, args)


def symbol_text(state: State, symbol: str) -> cst.BaseExpression | None:
    """``tf.nn.relu`` by a name that the program gave TensorFlow or a part of it."""
    best = ""
    text = None
    frame: Frame | None = state.frame
    while frame is not None:
        for name, value in frame.names.items():
            if value.kind not in ("symbol", "dtype") or not isinstance(value.detail, str):
                continue
            detail = value.detail
            fits = symbol == detail or symbol.startswith(detail + ".")
            if fits and len(detail) > len(best):
                best, text = detail, name + symbol[len(detail) :]
        frame = frame.parent
    return cst.parse_expression(text) if text is not None else None


# -- rebuilding ----------------------------------------------------------------------------------


def rebuild(
    module: cst.Module,
    found: Expansions,
    origins: dict[cst.CSTNode, cst.CSTNode],
    threads: dict[cst.CSTNode, set[str]],
) -> cst.Module:
    """The program with everything written out.

    `origins` learns where new nodes come from, `threads` which functions have new parameters.
    """
    old = set(walk(module))
    taken = {node.value for node in old if isinstance(node, cst.Name)}

    def visit(node: cst.CSTNode) -> cst.CSTNode:
        if isinstance(node, (cst.Module, cst.IndentedBlock)):
            body = [new for item in node.body for new in statements(item)]
            if len(body) == len(node.body) and all(a is b for a, b in zip(body, node.body)):
                return node
            return kept(node.with_changes(body=body), node)
        written = found.written.get(node)
        if written is not None and node not in found.refused:
            for item in walk(written):
                if item not in old:
                    origins.setdefault(item, origins.get(node, node))
            return visit(written)
        return kept(transform(node, lambda new: new, descend=visit), node)

    def kept(new: cst.CSTNode, node: cst.CSTNode) -> cst.CSTNode:
        if isinstance(new, cst.FunctionDef):
            names = {*found.threaded.get(node, ()), *threads.pop(node, ())}
            if node in found.threaded:
                new = _with_parameters(new, sorted(found.threaded[node]))
            if names:
                threads[new] = names
        if new is not node:
            origins.setdefault(new, origins.get(node, node))
        return new

    def statements(node: cst.CSTNode) -> list[cst.CSTNode]:
        small = node.body[0] if isinstance(node, cst.SimpleStatementLine) else None
        if isinstance(small, cst.Expr) and small.value in found.names:
            name = found.names[small.value]
            while name in taken:
                name += "_"
            taken.add(name)
            assign = cst.Assign([cst.AssignTarget(cst.Name(name))], small.value)
            return [visit(kept(node.with_changes(body=[kept(assign, small)]), node))]
        chain = _chain(small, found)
        if chain is None:
            return [visit(node)]
        assert isinstance(small, cst.Assign) and isinstance(node, cst.SimpleStatementLine)
        target = small.targets[0]
        done: list[cst.CSTNode] = []
        for index, call in enumerate(chain):
            if index:
                assert isinstance(target.target, cst.Name)
                first = call.args[0].with_changes(value=cst.Name(target.target.value))
                call = call.with_changes(args=[first, *call.args[1:]])
            line = node.with_changes(
                body=[small.with_changes(value=call, targets=[target])],
                leading_lines=node.leading_lines if index == 0 else (),
            )
            for item in walk(line):
                if item not in old:
                    origins.setdefault(item, origins.get(small.value, small.value))
            done.append(visit(line) if index == 0 else line)
        return done

    return visit(module)  # type: ignore[return-value]


def _with_parameters(node: cst.FunctionDef, names: Sequence[str]) -> cst.FunctionDef:
    """The function with further parameters, which its calls under a scope fill in."""
    added = [cst.Param(cst.Name(name), default=cst.Name("None"), equal=TIGHT) for name in names]
    plain = node.params
    if plain.star_arg is not cst.MaybeSentinel.DEFAULT:
        return node.with_changes(
            params=plain.with_changes(kwonly_params=[*plain.kwonly_params, *added])
        )
    return node.with_changes(params=plain.with_changes(params=[*plain.params, *added]))


def _chain(small: cst.CSTNode | None, found: Expansions) -> tuple[cst.Call, ...] | None:
    """The calls behind ``net = slim.repeat(net, ...)``, which become statements of their own."""
    if not isinstance(small, cst.Assign) or len(small.targets) != 1:
        return None
    if not isinstance(small.targets[0].target, cst.Name) or small.value in found.refused:
        return None
    chain = found.chains.get(small.value)
    return chain if chain is not None and len(chain) > 1 else None
