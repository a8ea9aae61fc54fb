"""One file out of the forms that several programs gave it, definition by definition.

Each program converts the files that it imports for what it does with them. A definition that a
program never reaches has no say there: what others made of it stands.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import libcst as cst

from tf2torch.cst.forms import is_docstring
from tf2torch.cst.names import bound, own_nodes, plain_names
from tf2torch.cst.printing import code_of
from tf2torch.diagnostics import Diagnostic, Outcome, Severity
from tf2torch.emit.conversion import Conversion
from tf2torch.emit.form_imports import is_import, joined
from tf2torch.plan.roles import class_name
from tf2torch.rewrite.assemble import separated, spaced


@dataclass(frozen=True, eq=False)
class Form:
    """What one program made of a file.

    Attributes:
        conversion: the converted file.
        idle: top-level names of the source that the program never reaches.
    """

    conversion: Conversion
    idle: frozenset[str] = frozenset()

    @cached_property
    def text(self) -> str:
        made = self.conversion
        return made.source if made.text is None else made.text

    @cached_property
    def module(self) -> cst.Module:
        return cst.parse_module(self.text)

    @cached_property
    def statements(self) -> dict[str, Any]:
        """Top-level statements but imports and docstring, by what they define or else say."""
        found: dict[str, Any] = {}
        for index, item in enumerate(self.module.body):
            if not (index == 0 and is_docstring(item)) and not is_import(item):
                found.setdefault(_key(item), item)
        return found

    @cached_property
    def reached(self) -> frozenset[str]:
        """Statements that the program needs."""
        defined = _definitions(self.statements)
        todo = [
            key
            for key, item in self.statements.items()
            if (found - self.idle if (found := self.origins(item)) else not _names(item))
        ]
        reached: set[str] = set()
        while todo:
            key = todo.pop()
            if key not in reached:
                reached.add(key)
                todo += [defined[n] for n in plain_names(self.statements[key]) if n in defined]
        return frozenset(reached)

    def origins(self, item: Any) -> set[str]:
        """What of the source a statement defines: a class may come from a function."""
        names = _names(item)
        own = names & self.source_names
        return own or {name for name in self.source_names if class_name(name) in names}

    @cached_property
    def source_names(self) -> frozenset[str]:
        try:
            tree = ast.parse(self.conversion.source)
        except (SyntaxError, ValueError):
            return frozenset()
        return frozenset(name for node in tree.body for name in _python_names(node))


def one_form(forms: Sequence[Form], local: frozenset[str] = frozenset()) -> Conversion:
    """The file that all programs can import; `local` are first names of the folder's modules.

    A definition that programs need in different forms is written as the first of them has it, and
    told as an error.
    """
    ordered = sorted(forms, key=_rank)
    best = ordered[0].conversion
    if all(form.text == ordered[0].text for form in ordered):
        return best
    try:
        chosen, clashing = _choose(ordered)
        made = _merged(ordered, chosen, local)
    except (cst.ParserSyntaxError, SyntaxError, ValueError):
        made, clashing = best, ["the whole"]
    if clashing:
        names = ", ".join(f"'{key}'" for key in clashing)
        message = f"several programs need {names} of this file in different forms: one is written"
        note = Diagnostic(best.path, 0, 0, "shared-file", Severity.ERROR, message)
        made = replace(made, diagnostics=(*made.diagnostics, note))
    return made


def clashes(forms: Sequence[Form]) -> frozenset[str]:
    """Definitions of the source that programs need in different forms."""
    ordered = sorted(forms, key=_rank)
    if len({form.text for form in forms}) < 2:
        return frozenset()
    try:
        chosen, clashing = _choose(ordered)
    except (cst.ParserSyntaxError, SyntaxError, ValueError):
        return frozenset()
    found = (chosen[key].origins(chosen[key].statements[key]) for key in clashing if key in chosen)
    return frozenset(name for names in found for name in names)


def left_to_do(forms: Iterable[Form]) -> int:
    """How much of these files is left to do by hand."""
    return sum(_left(form.conversion) for form in forms)


def _left(made: Conversion) -> int:
    todo = sum(reference.outcome is Outcome.TODO for reference in made.references)
    return todo + sum(d.severity is Severity.ERROR for d in made.diagnostics)


def _rank(form: Form) -> tuple[int, int, int]:
    """The form with least left to do, of those that need most of the file."""
    made = form.conversion
    return (len(form.idle), _left(made), -len(made.weights.get("variables", ())))


def _choose(forms: Sequence[Form]) -> tuple[dict[str, Form], list[str]]:
    """The form of each statement, and the names of those that programs do not agree on."""
    chosen: dict[str, Form] = {}
    clashing = []
    for form in forms:
        for key in form.statements:
            if key in chosen:
                continue
            needing = [f for f in forms if key in f.reached] or [form]
            chosen[key] = needing[0]
            texts = {code_of(f.statements[key]).strip() for f in needing}
            if len(texts) > 1:
                clashing.append(key)
    for key in [k for k, form in chosen.items() if not form.origins(form.statements[k])]:
        # What the conversion added for a definition goes where that went.
        owner = chosen[key]
        if key not in owner.reached and _names(owner.statements[key]):
            users = {n for k, f in chosen.items() if k != key for n in plain_names(f.statements[k])}
            if not _names(owner.statements[key]) & users:
                del chosen[key]
    return chosen, clashing


def _merged(forms: Sequence[Form], chosen: Mapping[str, Form], local: frozenset[str]) -> Conversion:
    base = forms[0]
    order = [key for key in base.statements if key in chosen]
    for form in forms[1:]:
        for key in form.statements:
            if key in chosen and key not in order:
                order.insert(_place(key, form, order, chosen), key)
    body = [chosen[key].statements[key] for key in order]
    module = base.module
    doc = [module.body[0]] if module.body and is_docstring(module.body[0]) else []
    used = {name for item in body for name in plain_names(item)}
    imports, support = joined([(f.module, f.conversion.source) for f in forms], used, local)
    rest = spaced(body)
    if rest and (imports or doc):
        rest[0] = separated(rest[0])
    text = module.with_changes(body=[*doc, *imports, *rest]).code.rstrip("\n") + "\n"
    classes = {name: form for key, form in chosen.items() for name in _names(form.statements[key])}
    made = base.conversion
    return replace(
        made,
        text=text,
        support=support,
        weights=_weights(forms, classes),
        diagnostics=tuple(sorted(set(_by_place(forms, classes, lambda c: c.diagnostics)))),
        references=tuple(
            replace(found, id=number)
            for number, found in enumerate(_by_place(forms, classes, lambda c: c.references), 1)
        ),
    )


def _place(key: str, form: Form, order: Sequence[str], chosen: Mapping[str, Form]) -> int:
    """In front of the first statement that needs it, or behind the one before it in its form."""
    names = _names(form.statements[key])
    for index, other in enumerate(order):
        if names & set(plain_names(chosen[other].statements[other])):
            return index
    before = list(form.statements)[: list(form.statements).index(key)]
    places = [order.index(other) for other in before if other in order]
    return max(places) + 1 if places else 0


# -- statements ----------------------------------------------------------------------------------


def _key(item: Any) -> str:
    names = _names(item)
    return ", ".join(sorted(names)) if names else code_of(item).strip()


def _names(item: Any) -> set[str]:
    """What a top-level statement defines."""
    if isinstance(item, (cst.FunctionDef, cst.ClassDef)):
        return {item.name.value}
    return {t.value for t in bound(own_nodes(item)) if isinstance(t, cst.Name)}


def _definitions(statements: Mapping[str, Any]) -> dict[str, str]:
    return {name: key for key, item in statements.items() for name in _names(item)}


def _python_names(node: ast.stmt) -> set[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and _is_store(n)}


def _is_store(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


# -- findings ------------------------------------------------------------------------------------


def _by_place(forms: Sequence[Form], chosen: Mapping[str, Form], items: Any) -> list[Any]:
    """Findings or references of each line, from the form that its definition was taken from."""
    owners: dict[int, Form] = {}
    for node in ast.parse(forms[0].conversion.source).body:
        names = _python_names(node)
        written = (key for name in names for key in (name, class_name(name)) if key in chosen)
        owner = next((chosen[key] for key in written), forms[0])
        start = min((d.lineno for d in getattr(node, "decorator_list", ())), default=node.lineno)
        for line in range(start, (node.end_lineno or node.lineno) + 1):
            owners[line] = owner
    found = [
        item
        for form in dict.fromkeys((forms[0], *chosen.values()))
        for item in items(form.conversion)
        if owners.get(item.line, forms[0]) is form
    ]
    return sorted(found, key=lambda item: item.line)


def _weights(forms: Sequence[Form], classes: Mapping[str, Form]) -> dict[str, Any]:
    """Rows for the classes as they were chosen."""
    made: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    for form in dict.fromkeys((forms[0], *classes.values())):
        weights = form.conversion.weights
        for key, value in weights.items():
            made.setdefault(key, value)
        for name, entry in weights.get("variables", {}).items():
            roots = {target["module"].split("#")[0] for target in _targets(entry)}
            if all(classes.get(root, form) is form for root in roots):
                variables.setdefault(name, entry)
    return {**made, "variables": variables} if made else {}


def _targets(entry: Any) -> Iterable[Mapping[str, Any]]:
    if entry is None:
        return ()
    return entry if isinstance(entry, list) else (entry,)


__all__ = ["Form", "one_form"]
