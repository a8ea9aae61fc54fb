"""Puts the converted code of an opened class back into the class.

The other way around from `tf2torch.analyse.opening`: module-level names become attributes, the
functions methods, and the parts between the markers the methods that they come from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import libcst as cst

from tf2torch.analyse.methods import Method, decorator_names
from tf2torch.analyse.opening import OpenedClass, Section
from tf2torch.analyse.placing import is_guard
from tf2torch.analyse.sections import INSTANCE, RESULT, kept_argument
from tf2torch.cst.forms import is_docstring
from tf2torch.cst.names import local_names, parameters, plain_names
from tf2torch.cst.walk import walk
from tf2torch.plan import Plan
from tf2torch.rewrite.assemble import spaced, with_main
from tf2torch.rewrite.merging import merge
from tf2torch.rewrite.renaming import renamed, renamed_anywhere, without_globals

Statements = list[Any]


def is_inside(small: cst.CSTNode | None, before: bool) -> bool:
    """Whether a statement stands between the markers of an opened class."""
    text = _marker(small)
    return before if text is None else text != "end"


def ends(small: cst.CSTNode | None) -> bool:
    """Whether a statement is the marker behind an opened class."""
    return _marker(small) == "end"


def _marker(node: cst.CSTNode | None) -> str | None:
    """``"<section build>"`` -> ``section build``"""
    if isinstance(node, cst.SimpleStatementLine):
        node = node.body[0]
    if isinstance(node, cst.Expr) and isinstance(node.value, cst.SimpleString):
        text = node.value.value
        if text.startswith('"<') and text.endswith('>"'):
            return text[2:-2]
    return None


class NotClosed(Exception):
    """The code of a class went where no class can be made of it."""


def close_class(
    module: cst.Module, opened: OpenedClass, model: str | None, tensors: frozenset[str]
) -> tuple[cst.Module, str | None]:
    """The module with the class in it again.

    `model` is the class of its network, `tensors` are names of what each run computes anew.
    The second result is the class that holds the network in the end.
    """
    body: Statements = list(module.body)
    place = next((i for i, node in enumerate(body) if _holds_markers(node)), None)
    if place is None:
        raise NotClosed
    main = body[place]
    parts = _parts(main.body.body)
    functions = {n.name.value: n for n in body if isinstance(n, cst.FunctionDef) and n is not main}
    nested = {n.name.value: n for _, part in parts for n in part if isinstance(n, cst.FunctionDef)}
    functions |= nested if opened.home is not None else {}
    methods = {name: functions[name] for name in opened.functions if name in functions}
    names = _attribute_names(opened, parts, methods, body, main)
    names = {name: text for name, text in names.items() if name not in tensors}
    made = _class(opened, parts, methods, names)
    rest = without_globals([n for title, part in parts if title is None for n in part], set(names))
    rest = [n for n in rest if not (isinstance(n, cst.FunctionDef) and n.name.value in methods)]
    if opened.home in opened.instances:
        name = opened.instances[opened.home]
        outside = {**_attributes(names, name), INSTANCE: cst.Name(name)}
        rest = [renamed(node, outside, frozenset()) for node in rest]
    kept: Statements = []
    for node in body:
        title = node.name.value if isinstance(node, cst.FunctionDef) else None
        if node is main and opened.home is not None:
            node = main.with_changes(body=main.body.with_changes(body=rest))
        elif title is not None and (node is main or title in methods):
            continue
        elif title is not None and title in opened.instances:
            node = renamed(node, _attributes(names, opened.instances[title]), frozenset())
        kept.append(node)
    kept = _with_class(kept, made, model)
    if opened.home is None:
        kept = with_main(kept, _without_first_blank(rest), main.name.value)
    kept = spaced(kept)
    module, holder = module.with_changes(body=kept), model
    if opened.is_model:
        module, holder = merge(module, made.name.value, model)
    return _shorter(module, opened, {made.name.value, model}), holder


def _without_first_blank(body: Statements) -> Statements:
    if not body:
        return body
    return [body[0].with_changes(leading_lines=_blank(0, body[0])), *body[1:]]


def _shorter(module: cst.Module, opened: OpenedClass, titles: set[str | None]) -> cst.Module:
    """Names as the source has them in the classes, where they mean nothing else there."""
    wanted = {new: old for part in opened.sections for new, old in part.locals.items()}
    wanted |= opened.attributes
    keywords = {n.keyword.value for n in walk(module) if isinstance(n, cst.Arg) and n.keyword}

    def short(node: cst.FunctionDef) -> cst.FunctionDef:
        here = set(plain_names(node.body)) | set(parameters(node))
        fixed = set(parameters(node)) & keywords
        back = {
            new: cst.Name(old)
            for new, old in wanted.items()
            if new != old and new in here - fixed and old not in here
        }
        return renamed_anywhere(node, back) if back else node

    body: Statements = []
    for item in module.body:
        if isinstance(item, cst.ClassDef) and item.name.value in titles:
            inner = [short(n) if isinstance(n, cst.FunctionDef) else n for n in item.body.body]
            item = item.with_changes(body=item.body.with_changes(body=inner))
        body.append(item)
    return module.with_changes(body=body)


def _with_class(body: Statements, made: cst.ClassDef, model: str | None) -> Statements:
    """The class and the model that it uses, in front of the first function that makes one."""
    models = [n for n in body if isinstance(n, cst.ClassDef) and n.name.value == model]
    body = [node for node in body if node not in models]
    title = made.name.value
    users = (
        index
        for index, node in enumerate(body)
        if is_guard(node)
        or (isinstance(node, cst.FunctionDef) and title in set(plain_names(node.body)))
    )
    place = next(users, len(body))
    return [*body[:place], *models, made, *body[place:]]


def tensors(plan: Plan) -> frozenset[str]:
    """Names that only ever stand for tensors of the graph."""
    kinds: dict[str, set[str]] = {}
    for unit in plan.graph.units:
        for name in unit.names.stores:
            kinds.setdefault(name, set()).add(unit.kind)
    graph = {"graph", "placeholder", "source"}
    return frozenset(name for name, found in kinds.items() if found <= graph)


def _holds_markers(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.FunctionDef) and any(_marker(n) for n in node.body.body)


def _parts(body: Sequence[Any]) -> list[tuple[str | None, Statements]]:
    """Statements by the section that they stand in, None outside of the class."""
    parts: list[tuple[str | None, Statements]] = [(None, [])]
    for node in body:
        text = _marker(node)
        if text is None:
            parts[-1][1].append(node)
        elif text.startswith("section "):
            parts.append((text.partition(" ")[2], []))
        elif text == "end":
            parts.append((None, []))
        else:
            parts.append(("", []))
    return parts


def _attribute_names(
    opened: OpenedClass,
    parts: Sequence[tuple[str | None, Statements]],
    methods: Mapping[str, cst.FunctionDef],
    body: Sequence[Any],
    main: Any,
) -> dict[str, str]:
    """The attribute for each module-level name that belongs to the instance."""
    stored: dict[str, set[str | None]] = {}
    for title, part in parts:
        for name in _stores(part):
            stored.setdefault(name, set()).add(title)
    read: dict[str, set[str | None]] = {}
    for title, part in parts:
        for node in part:
            for name in plain_names(node):
                read.setdefault(name, set()).add(title)
    elsewhere = {
        name
        for node in body
        if node is not main and isinstance(node, cst.FunctionDef)
        for name in _free(node)
    }
    attributes = dict(opened.attributes)
    taken = {*attributes.values(), *(m.name.value for m in opened.functions.values())}
    taken |= {section.method.name.value for section in opened.sections}
    found = {
        **attributes,
        **{name: node.name.value for name, node in opened.functions.items() if name in methods},
    }
    for name, node in opened.functions.items():
        if name in methods and decorator_names(node) == ["property"]:
            found[f"{name}()"] = node.name.value
    local = {new: old for part in opened.sections for new, old in part.locals.items()}
    for name, titles in stored.items():
        if name in found or titles == {None} or name in (RESULT,):
            continue
        shared = name in elsewhere or len(titles | read.get(name, set()) - {None}) > 1
        if shared or (None not in titles and None in read.get(name, set())):
            attribute = local.get(name, name)
            while attribute in taken:
                attribute += "_"
            found[name] = attribute
            taken.add(attribute)
    return found


def _stores(part: Sequence[Any]) -> set[str]:
    made = cst.FunctionDef(cst.Name("part"), cst.Parameters(), cst.IndentedBlock(list(part)))
    return set(local_names(made)) - {"part"}


def _free(node: cst.FunctionDef) -> set[str]:
    return set(plain_names(node.body)) - local_names(node)


def _attributes(names: Mapping[str, str], receiver: str) -> dict[str, cst.Attribute]:
    return {n: cst.Attribute(cst.Name(receiver), cst.Name(a)) for n, a in names.items()}


# -- the class -----------------------------------------------------------------------------------


def _class(
    opened: OpenedClass,
    parts: Sequence[tuple[str | None, Statements]],
    methods: Mapping[str, cst.FunctionDef],
    names: Mapping[str, str],
) -> cst.ClassDef:
    bodies = {title: part for title, part in parts if title}
    sections = {section.method: section for section in opened.sections}
    titles = {node: title for title, node in opened.functions.items()}
    body: Statements = []
    for node in opened.node.body.body:
        if not isinstance(node, cst.FunctionDef):
            body.append(node)
        elif node in sections:
            body.append(_section(opened, sections[node], bodies[node.name.value], names))
        elif titles.get(node) in methods:
            body.append(_method(node, methods[titles[node]], names))
    return opened.node.with_changes(
        body=opened.node.body.with_changes(body=_spaced(body)), leading_lines=_blank(2, opened.node)
    )


def _blank(count: int, node: Any) -> list[cst.EmptyLine]:
    comments = list(node.leading_lines)
    while comments and comments[0].comment is None:
        comments.pop(0)
    return [*[cst.EmptyLine(indent=False)] * count, *comments]


def _spaced(body: Statements) -> Statements:
    """A blank line in front of each method but the first statement."""
    done: Statements = []
    for node in body:
        if isinstance(node, cst.FunctionDef):
            node = node.with_changes(leading_lines=_blank(1 if done else 0, node))
        done.append(node)
    return done


def _section(
    opened: OpenedClass, section: Section, part: Statements, names: Mapping[str, str]
) -> cst.FunctionDef:
    """A method from its statements."""
    node = section.method
    this = node.params.params[0].name.value
    dropped = opened.sessions.get(node.name.value, frozenset())
    kept_params = [p for p in node.params.params if p.name.value not in dropped]
    kept_params[-1] = kept_params[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    body: Statements = []
    if node.name.value == "__init__":
        body += _kept(opened, node)
    bindings = {new for new, old in section.locals.items() if old in set(parameters(node))}
    bindings |= opened.kept if node.name.value == "__init__" else set()
    stored: Statements = []
    for item in part:
        small = item.body[0] if isinstance(item, cst.SimpleStatementLine) else None
        if is_docstring(item):
            continue  # a remark in a string: the graph code around it has gone elsewhere
        if isinstance(small, cst.Assign):
            target = small.targets[0].target
            if isinstance(target, cst.Name) and target.value in bindings:
                bindings -= {target.value}  # the argument's value; what comes later binds anew
                if target.value not in names or target.value in opened.kept:
                    continue
                argument = section.locals.get(target.value, target.value)
                attribute = cst.Attribute(cst.Name(this), cst.Name(names[target.value]))
                assign = cst.Assign([cst.AssignTarget(attribute)], cst.Name(argument))
                stored.append(cst.SimpleStatementLine([assign]))
                continue
            if isinstance(target, cst.Name) and target.value == RESULT:
                item = item.with_changes(body=[cst.Return(small.value)])
        body.append(item)
    body = without_globals(body, set(names))
    renames = _attributes(names, this)
    if node.name.value == "__init__":
        renames = {name: new for name, new in renames.items() if name not in opened.kept}
    done = _restored(section, [renamed(item, renames, frozenset()) for item in body])
    docstring = [n for n in node.body.body[:1] if is_docstring(n)]
    block = [*docstring, *stored, *done] or [cst.SimpleStatementLine([cst.Pass()])]
    return node.with_changes(
        params=node.params.with_changes(params=kept_params),
        body=node.body.with_changes(body=block),
    )


def _kept(opened: OpenedClass, node: cst.FunctionDef) -> Statements:
    """``self.size = size``, for the arguments that the constructor only keeps."""
    method = Method(node, node.params.params[0].name.value, ())
    lines = (n for n in node.body.body if isinstance(n, cst.SimpleStatementLine))
    kept = opened.kept - opened.sessions.get("__init__", frozenset())
    return [line for line in lines if kept_argument(line.body[0], method) in kept]


def _restored(section: Section, body: Statements) -> Statements:
    """Local names as the source has them, where nothing else has that name now."""
    present = {name for node in body for name in plain_names(node)}
    back = {
        new: cst.Name(old)
        for new, old in section.locals.items()
        if old not in present or new == old
    }
    return [renamed_anywhere(node, back) for node in body]


def _method(
    source: cst.FunctionDef, made: cst.FunctionDef, names: Mapping[str, str]
) -> cst.FunctionDef:
    """A method from the function that it was."""
    static = any(getattr(d.decorator, "value", "") == "staticmethod" for d in source.decorators)
    this = source.params.params[0].name.value if not static else "self"
    params = list(made.params.params)
    if not static:
        params.insert(0, cst.Param(cst.Name(this)))
    if params and len(params) > 1:
        params[0] = params[0].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    function = renamed(made, _attributes(names, this), frozenset())
    return function.with_changes(
        name=source.name,
        params=function.params.with_changes(params=params),
        decorators=source.decorators,
    )
