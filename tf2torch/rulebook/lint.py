"""Faults of a rule that show without running it: templates, conditions, names that do not fit."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tf2torch.cst.templates import TemplateError, parse_template
from tf2torch.rulebook.apply import CallError, check_call
from tf2torch.rulebook.model import Emit, Rule
from tf2torch.rulebook.predicates import PredicateError, compile_condition, names_in

COMPARISONS = ("values", "random", "shape", "text")


def faults(rule: Rule) -> Iterator[tuple[int, str]]:
    """(line, message) of everything in a rule that cannot work."""
    parameters = {p.name for p in rule.parameters} | {"self"}
    if rule.kind in ("initializer", "regularizer"):
        parameters |= {"tensor", "shape"}  # what it is applied to
    old = {p.name for p in rule.old_parameters}
    for name, target in rule.alias.items():
        if target not in parameters:
            yield rule.line, _no_parameter("alias", target)
        if parameters - {"self"} and name in parameters and name == target:
            yield rule.line, f"alias: {name!r} stands for itself"
    for key, names in (("drop", rule.drop), ("axes", rule.axes), ("after", tuple(rule.after))):
        for name in names:
            if name not in parameters:
                yield rule.line, _no_parameter(key, name)
    if rule.old.get("when"):
        yield from _condition(rule.old["when"], parameters, rule.line)
    if rule.result:
        yield from _call("result", rule.result, parameters, rule.line, "shape")
    if rule.value is not None:
        yield from _template(rule.value, parameters, rule.line)
    for emit in rule.emits:
        if emit.when is not None:
            yield from _condition(emit.when, parameters, emit.line)
        for template in emit.templates:
            yield from _template(template, parameters | old, emit.line)
        for line in emit.imports:
            try:
                ast.parse(line)
            except SyntaxError:
                yield emit.line, f"import does not parse: {line}"
    for row in rule.weights:
        if row.when is not None:
            yield from _condition(row.when, parameters, row.line)
        if row.axes is not None:
            source, _, target = row.axes.partition("->")
            if sorted(source.strip()) != sorted(target.strip()):
                yield row.line, f"axes are no permutation: {row.axes}"
    for case in rule.cases:
        if case.rtol is not None and not case.note:
            yield case.line, "a case's rtol needs its reason in 'note'"
        if case.compare not in COMPARISONS:
            yield case.line, f"compare is one of {', '.join(COMPARISONS)}"
    for emit, below in zip(rule.emits, rule.emits[1:], strict=False):
        if emit.when is None and not any("(" in hole for hole in _holes(emit)):
            yield below.line, "never taken: the emit above always applies"


def _holes(emit: Emit) -> list[str]:
    try:
        return [hole.call or "" for text in emit.templates for hole in parse_template(text).fields]
    except TemplateError:
        return []


def _no_parameter(key: str, name: str) -> str:
    return f"{key}: the signature has no parameter {name!r}"


def _condition(text: str, parameters: set[str], line: int) -> Iterator[tuple[int, str]]:
    try:
        compile_condition(text)
    except PredicateError as error:
        yield line, str(error)
        return
    for name in sorted(names_in(text) - parameters):
        yield line, _no_parameter("when", name)


def _call(
    key: str, text: str, parameters: set[str], line: int, table: str
) -> Iterator[tuple[int, str]]:
    try:
        names = check_call(text, table)
    except CallError as error:
        yield line, f"{key}: {error}"
        return
    for name in sorted(names - parameters):
        yield line, _no_parameter(key, name)


def _template(text: str, parameters: set[str], line: int) -> Iterator[tuple[int, str]]:
    try:
        template = parse_template(text)
    except TemplateError as error:
        yield line, str(error)
        return
    for hole in template.fields:
        if hole.call is not None:
            yield from _call("template", hole.call, parameters, line, "text")
        elif hole.name not in parameters:
            yield line, _no_parameter("template", str(hole.name))
