"""Tags of summaries as source: literals, or expressions over what names the scopes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from tf2torch.analyse.summaries import Asked, Use
from tf2torch.cst.walk import walk
from tf2torch.plan.units import summary_calls
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code

Path = tuple[Any, ...]


@dataclass(frozen=True)
class Scheme:
    """How the tags inside a function are spelled.

    Attributes:
        parameter: name of the argument that brings the callers' part, None if there is none.
        values: what each call of the function passes in it, by the path of the call.
        fault: why the tags cannot be spelled.
    """

    parameter: str | None = None
    values: Mapping[Path, str] = field(default_factory=dict)
    fault: str | None = None


def tag_text(writer: Writer, node: cst.Call, scope: Scope) -> str:
    """Source for the tag of a summary."""
    return _text(writer, node, _summary_uses(writer, node), scope)


def scope_parameter(writer: Writer, function: cst.FunctionDef) -> str | None:
    """The parameter by which a function learns the name scopes of its callers."""
    return _scheme(writer, function).parameter


def scope_argument(writer: Writer, node: cst.Call, scope: Scope) -> tuple[str, str] | None:
    """Parameter and text of the name scopes that a call passes on."""
    function = writer.analysis.callees.get(node)
    if function is None or node not in summary_calls(writer.analysis):
        return None
    scheme = _scheme(writer, function.node)
    if scheme.parameter is None:
        return None
    return scheme.parameter, _text(writer, node, _call_uses(writer, node, scheme), scope)


# -- uses ----------------------------------------------------------------------------------------


def _summary_uses(writer: Writer, node: cst.CSTNode) -> list[Use]:
    return list(writer.analysis.state.uses.get(node, ()))


def _call_uses(writer: Writer, node: cst.CSTNode, scheme: Scheme) -> list[Use]:
    """Uses of a call, with what it passes as their name."""
    found = []
    for use in writer.analysis.state.uses.get(node, ()):
        value = scheme.values.get((*use.path, node))
        if value is not None:
            found.append(
                Use(use.node, use.function, use.start, use.path, value, use.entry, use.opened)
            )
    return found


def _tagged(writer: Writer, function: cst.CSTNode) -> list[tuple[cst.CSTNode, list[Use]]]:
    """Summaries in a function, and calls in it of functions that need to know the scopes."""
    found: list[tuple[cst.CSTNode, list[Use]]] = []
    analysis = writer.analysis
    for node in walk(function):
        if node not in summary_calls(analysis):
            continue
        callee = analysis.callees.get(node)
        uses = _summary_uses(writer, node)
        if callee is not None:
            scheme = _scheme(writer, callee.node)
            if scheme.parameter is None:
                continue
            uses = _call_uses(writer, node, scheme)
        uses = [use for use in uses if use.function is function]
        if uses:
            found.append((node, uses))
    return found


# -- schemes -------------------------------------------------------------------------------------


def _scheme(writer: Writer, function: cst.CSTNode) -> Scheme:
    cache = writer.analysis.state.cache.setdefault("tag schemes", {})
    if function not in cache:
        cache[function] = Scheme()  # a recursive call adds nothing
        cache[function] = _find_scheme(writer, function)
    found: Scheme = cache[function]
    return found


def _find_scheme(writer: Writer, function: cst.CSTNode) -> Scheme:
    tagged = _tagged(writer, function)
    every = [use for _, uses in tagged for use in uses]
    if not every:
        return Scheme()
    if any(use.name is None for use in every):
        return Scheme(fault="the name of a scope around it is not known")
    plain = all(
        _is_literal(uses) or _suffix(uses, by_entry=False) is not None for _, uses in tagged
    )
    if plain:
        return Scheme()
    name = _parameter_name(function)
    if all(_suffix(uses, by_entry=True) is not None for _, uses in tagged):
        return Scheme(name, _closed({use.start: use.entry for use in every}))
    starts = list(dict.fromkeys(use.start for use in every))
    shared = _shared_prefixes(tagged, starts)
    if shared is None:
        return Scheme(fault="its tag differs from call to call in a way that is not followed")
    return Scheme(name, _closed(shared))


def _closed(values: dict[Path, str]) -> dict[Path, str]:
    """Values end with a slash where some call has no scope at all."""
    if all(values.values()):
        return values
    return {path: f"{value}/" if value else "" for path, value in values.items()}


def _shared_prefixes(
    tagged: Sequence[tuple[cst.CSTNode, list[Use]]], starts: Sequence[Path]
) -> dict[Path, str] | None:
    """What the tags of each call have in common, if they only differ in that."""
    prefixes: dict[Path, str] = {}
    for _, uses in tagged:
        if len({use.start for use in uses}) != len(uses):
            return None
        names = [str(use.name).split("/") for use in uses]
        common = 0
        while all(len(n) > common for n in names) and len({n[-1 - common] for n in names}) == 1:
            common += 1
        for use, parts in zip(uses, names, strict=True):
            prefix = "/".join(parts[: len(parts) - common])
            if prefixes.setdefault(use.start, prefix) != prefix:
                return None
    return prefixes if set(prefixes) == set(starts) else None


def _parameter_name(function: cst.CSTNode) -> str:
    taken = {n.value for n in walk(function) if isinstance(n, cst.Name)}
    names = ("scope", "tag_scope", "summary_scope", "scope_of_tags")
    return next(name for name in names if name not in taken)


# -- texts ---------------------------------------------------------------------------------------


def _parts(use: Use) -> list[Asked]:
    asked = [*use.opened, *([use.asked] if use.asked[1] is not None else [])]
    return [item for item in asked if item[1] != ""]


def _is_literal(uses: Sequence[Use]) -> bool:
    """Whether all uses have one tag, of which the source spells every part."""
    if len({use.name for use in uses}) != 1:
        return False
    simple = (cst.SimpleString, cst.ConcatenatedString)
    return all(isinstance(node, simple) for use in uses for node, _ in _parts(use))


def _suffix(uses: Sequence[Use], *, by_entry: bool) -> str | None:
    """What TensorFlow adds to the names that the source asks for; None if they tell too little."""
    if not by_entry and len({use.entry for use in uses}) != 1:
        return None
    found = set()
    for use in uses:
        words = [word for _, word in _parts(use)]
        if any(word is None or word.endswith("/") for word in words):
            return None
        start = "/".join(
            [*([use.entry] if use.entry else []), *(str(w).lstrip("/") for w in words)]
        )
        if not str(use.name).startswith(start):
            return None
        found.add(str(use.name)[len(start) :])
    return found.pop() if len(found) == 1 else None


def _text(writer: Writer, node: cst.Call, uses: Sequence[Use], scope: Scope) -> str:
    if not uses or any(use.name is None for use in uses):
        raise Unconvertible("summary-tag", "the tag of this summary is not known", node)
    function = uses[0].function
    scheme = Scheme() if function is None else _scheme(writer, function)
    if scheme.fault is not None:
        raise Unconvertible("summary-tag", scheme.fault, node)
    if scheme.parameter is None:
        if _is_literal(uses):
            return _quoted(writer, str(uses[0].name), uses[0])
        suffix = _suffix(uses, by_entry=False)
        if suffix is not None:
            return _joined(writer, [uses[0].entry], _parts(uses[0]), suffix, scope)
        if len({use.name for use in uses}) == 1:
            return repr(uses[0].name)
        raise Unconvertible("summary-tag", "the tags of this summary differ from round to round")
    return _below(writer, uses, scheme, scope)


def _below(writer: Writer, uses: Sequence[Use], scheme: Scheme, scope: Scope) -> str:
    """A tag below what the function's callers pass."""
    bare = {path: value.rstrip("/") for path, value in scheme.values.items()}
    closed = "" in scheme.values.values()
    head = cst.Name(scheme.parameter or "scope")
    suffix = _suffix(uses, by_entry=True)
    if suffix is not None and all(bare[use.start] == use.entry for use in uses):
        return _joined(
            writer, [head, "" if closed else "/"], _parts(uses[0]), suffix, scope, tight=True
        )
    rest = {str(use.name)[len(bare[use.start]) :].lstrip("/") for use in uses}
    if len(rest) != 1:
        raise Unconvertible("summary-tag", "the tags of this summary differ from call to call")
    return _joined(writer, [head, "" if closed else "/", rest.pop()], [], "", scope, tight=True)


def _quoted(writer: Writer, name: str, use: Use) -> str:
    """A literal tag, in the source's own quotes where it is the source's own text."""
    node = use.asked[0]
    if isinstance(node, cst.SimpleString) and node.evaluated_value == name:
        return code(node)
    return repr(name)


def _joined(
    writer: Writer,
    start: Sequence[str | cst.BaseExpression],
    parts: Sequence[Asked],
    suffix: str,
    scope: Scope,
    *,
    tight: bool = False,
) -> str:
    """Pieces as one string expression: an f-string of names, or a sum."""
    pieces: list[str | cst.BaseExpression] = [piece for piece in start if piece != ""]
    for index, (node, word) in enumerate(parts):
        if index or (pieces and not tight):
            pieces.append("/")
        if isinstance(node, (cst.SimpleString, cst.ConcatenatedString)) or node is None:
            pieces.append(str(word).lstrip("/"))
        else:
            pieces += _flat(convert(writer, node, scope))
    pieces.append(suffix)
    return string_of(pieces)


def _flat(node: cst.BaseExpression) -> list[str | cst.BaseExpression]:
    """``name + '_summaries'`` in its parts."""
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add):
        return [*_flat(node.left), *_flat(node.right)]
    if isinstance(node, cst.SimpleString) and isinstance(node.evaluated_value, str):
        return [node.evaluated_value]
    return [node]


def string_of(pieces: Sequence[str | cst.BaseExpression]) -> str:
    """A string expression of texts and expressions."""
    merged: list[str | cst.BaseExpression] = []
    for piece in pieces:
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        elif piece != "":
            merged.append(piece)
    if len(merged) == 1 and isinstance(merged[0], cst.BaseExpression):
        return code(merged[0])
    if all(isinstance(p, str) for p in merged):
        return repr("".join(p for p in merged if isinstance(p, str)))
    if all(isinstance(p, (str, cst.Name, cst.Attribute)) for p in merged):
        inner = "".join(
            p.replace("{", "{{").replace("}", "}}") if isinstance(p, str) else f"{{{code(p)}}}"
            for p in merged
        )
        return f"f{inner!r}"
    return " + ".join(repr(p) if isinstance(p, str) else _operand(p) for p in merged)


def _operand(node: cst.BaseExpression) -> str:
    """A summand; what binds more loosely than + gets parentheses."""
    loose = (cst.IfExp, cst.BooleanOperation, cst.Comparison, cst.Lambda)
    return f"({code(node)})" if isinstance(node, loose) and not node.lpar else code(node)
