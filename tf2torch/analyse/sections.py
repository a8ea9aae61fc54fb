"""Writes the methods of an opened class as statements and functions of the module."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from tf2torch.analyse.inlining import Origins, arguments_of
from tf2torch.analyse.methods import Method
from tf2torch.cst.forms import is_docstring
from tf2torch.cst.names import bound, parameters
from tf2torch.cst.walk import transform, walk

#: Called for the value of a parameter, which nobody knows here.
PARAMETER = "__parameter__"
#: Stands for a session that somebody hands in.
SESSION = "__session__"
#: Bound to the only instance of a model class.
INSTANCE = "__instance__"
#: Bound to what a section returns.
RESULT = "__result__"

#: What sessions are called.
SESSIONS = frozenset({"sess", "session", "sess_", "_sess"})


class Cannot(Exception):
    """A class stays as it is: something in it has no counterpart in module code."""


def marker(text: str) -> cst.SimpleStatementLine:
    """A statement that says where a part of the class begins or ends."""
    return cst.SimpleStatementLine([cst.Expr(cst.SimpleString(f'"{text}"'))])


@dataclass(eq=False)
class Namer:
    """Names of one opened class.

    Attributes:
        attributes: the module's name for each attribute.
        titles: the module's name for each method that becomes a function.
        inlined: methods that go where they are called.
        taken: names that mean something in the module already.
        extras: for each method, attributes that it gets as arguments.
        kept: attributes that share the name of the constructor's argument that they keep.
    """

    attributes: Mapping[str, str]
    titles: Mapping[str, str]
    methods: Mapping[str, Method]
    inlined: frozenset[str]
    taken: set[str]
    extras: Mapping[str, tuple[str, ...]]
    kept: frozenset[str]
    origins: Origins


@dataclass(eq=False)
class Opener:
    """Rewrites code of a class; `sessions` collects the parameters that hand on a session."""

    names: Namer
    sessions: dict[str, frozenset[str]] = field(default_factory=dict)

    def section(
        self, method: Method, given: Mapping[str, cst.BaseExpression] | None = None
    ) -> tuple[list[Any], dict[str, str]]:
        """A method as module code, and its local names by their new ones.

        `given` are the arguments of its only call, where they are known.
        """
        renamed = self._fresh(method)
        made: list[Any] = []
        sessions = []
        for name in parameters(method.node)[1:]:
            target = cst.Name(renamed.get(name, name))
            value: cst.BaseExpression = cst.Name(SESSION)
            if name in SESSIONS:
                sessions.append(name)
            elif given is not None and name in given and not _is_switch(given[name]):
                value = given[name].deep_clone()
                self._from(value, given[name])
            else:
                value = cst.Call(cst.Name(PARAMETER), [cst.Arg(cst.SimpleString(f'"{name}"'))])
            made.append(cst.SimpleStatementLine([cst.Assign([cst.AssignTarget(target)], value)]))
        self.sessions[method.name] = frozenset(sessions)
        made += self._body(method, renamed, lambda value: cst.Assign([_HERE], value))
        return made, {new: old for old, new in renamed.items()}

    def function(self, method: Method, title: str) -> cst.FunctionDef:
        """A method as a function; attributes that it binds are declared global."""
        node = method.node
        change = self._change(method, {})
        body = [
            item for statement in node.body.body for item in self._statement(statement, method, {})
        ]
        stored = sorted(self.names.attributes[name] for name in method.stores)
        if stored:
            declared = cst.Global([cst.NameItem(cst.Name(name)) for name in stored])
            place = 1 if is_docstring(body[0]) else 0
            body.insert(place, cst.SimpleStatementLine([declared]))
        given = list(node.params.params[1:] if method.this is not None else node.params.params)
        given = [change(param) for param in given]
        extra = [self.names.attributes[name] for name in self.names.extras.get(method.name, ())]
        params = node.params.with_changes(
            params=[*(cst.Param(cst.Name(name)) for name in extra), *given]
        )
        made = node.with_changes(
            name=cst.Name(title),
            params=params,
            decorators=[],
            body=node.body.with_changes(body=body),
        )
        self._from(made, node)
        return made

    def class_attributes(self, node: cst.ClassDef) -> list[Any]:
        """Assignments in the body of the class."""
        made = []
        for item in node.body.body:
            small = item.body[0] if isinstance(item, cst.SimpleStatementLine) else None
            if isinstance(small, cst.Assign) and len(small.targets) == 1:
                target = small.targets[0].target
                name = self.names.attributes.get(getattr(target, "value", ""))
                if isinstance(target, cst.Name) and name is not None:
                    assign = cst.Assign([cst.AssignTarget(cst.Name(name))], small.value)
                    made.append(cst.SimpleStatementLine([assign]))
        return made

    def outside(self, node: Any, instance: str | None, title: str) -> Any:
        """Code beside the class: attributes of the instance are names here too."""
        if instance is not None:
            stored = {
                target.attr.value
                for target in bound(walk(node))
                if isinstance(target, cst.Attribute) and _is(target.value, instance)
            }
            if stored & self.names.attributes.keys():
                raise Cannot("attributes are bound from outside")

        def change(item: cst.CSTNode) -> cst.CSTNode:
            new: cst.CSTNode
            if isinstance(item, cst.Attribute):
                name = item.attr.value
                known = name in self.names.attributes or name in self.names.titles
                if instance is not None and _is(item.value, instance) and known:
                    new = self._name(name).with_changes(lpar=item.lpar, rpar=item.rpar)
                else:
                    value = change(item.value)
                    new = item if value is item.value else item.with_changes(value=value)
            elif isinstance(item, cst.Call):
                new = transform(item, lambda same: same, descend=change)
                method = self._called(item, instance, title)
                if method is not None and self.sessions.get(method):
                    assert isinstance(new, cst.Call)
                    new = new.with_changes(args=self._without_sessions(new, method))
            elif isinstance(item, cst.Arg):
                value = change(item.value)
                new = item if value is item.value else item.with_changes(value=value)
            else:
                new = transform(item, lambda same: same, descend=change)
            return self._from(new, item)

        return change(node)

    # -- pieces ----------------------------------------------------------------------------------

    def _from(self, new: cst.CSTNode, old: cst.CSTNode) -> cst.CSTNode:
        if new is not old:
            self.names.origins.setdefault(new, self.names.origins.get(old, old))
        return new

    def _fresh(self, method: Method) -> dict[str, str]:
        """Names for a method's locals that mean nothing else in the module."""
        renamed: dict[str, str] = {}
        this = {method.this}
        if any(isinstance(n, cst.Global) for n in method.nodes):
            raise Cannot("a global statement")
        shared = self.names.kept if method.name == "__init__" else frozenset()
        for name in sorted(method.locals - this - shared):
            new, number = name, 2
            while new in self.names.taken or hasattr(builtins, new):
                new, number = f"{name}_{number}", number + 1
            self.names.taken.add(new)
            renamed[name] = new
        return renamed

    def _body(
        self,
        method: Method,
        renamed: dict[str, str],
        result: Callable[[cst.BaseExpression], cst.BaseSmallStatement] | None,
    ) -> list[Any]:
        statements = list(method.node.body.body)
        if statements and is_docstring(statements[0]):
            statements = statements[1:]
        return [
            item for node in statements for item in self._statement(node, method, renamed, result)
        ]

    def _statement(
        self,
        node: cst.CSTNode,
        method: Method,
        renamed: dict[str, str],
        result: Callable[[cst.BaseExpression], cst.BaseSmallStatement] | None = None,
    ) -> list[Any]:
        """One statement, or those of the method that it calls."""
        change = self._change(method, renamed)
        if isinstance(node, cst.SimpleStatementLine) and len(node.body) == 1:
            small = node.body[0]
            if method.name == "__init__" and (
                _is_super_init(small) or kept_argument(small, method) in self.names.kept
            ):
                return []
            if isinstance(small, cst.Return) and result is not None:
                if small.value is None:
                    return []
                small = result(small.value)
                self._from(small, node.body[0])
                node = self._from(node.with_changes(body=[small]), node)
            call = small.value if isinstance(small, (cst.Expr, cst.Assign)) else None
            name = method.attribute(call.func) if isinstance(call, cst.Call) else None
            if name in self.names.inlined:
                assert isinstance(small, (cst.Expr, cst.Assign)) and isinstance(call, cst.Call)
                return self._inlined(node, small, call, self.names.methods[name], change)
            return [change(node)]
        if not any(isinstance(item, cst.IndentedBlock) for item in walk(node)):
            return [change(node)]

        def below(item: cst.CSTNode) -> cst.CSTNode:
            if not isinstance(item, cst.IndentedBlock):
                if isinstance(item, (cst.BaseExpression, cst.Arg, cst.Parameters)):
                    return change(item)
                new = transform(item, lambda same: same, descend=below)
                return self._from(new, item)
            inside = isinstance(node, cst.FunctionDef)
            body = [
                made
                for inner in item.body
                for made in self._statement(inner, method, renamed, None if inside else result)
            ]
            return self._from(item.with_changes(body=body), item)

        return [below(node)]

    def _change(self, method: Method, renamed: Mapping[str, str]) -> Callable[[Any], Any]:
        """``self.x`` -> ``x``, and the locals' new names."""

        def change(item: cst.CSTNode) -> cst.CSTNode:
            new: cst.CSTNode
            attribute = method.attribute(item)
            if attribute is not None:
                assert isinstance(item, cst.Attribute)
                new = self._name(attribute).with_changes(lpar=item.lpar, rpar=item.rpar)
            elif isinstance(item, cst.Name) and item.value in renamed:
                new = item.with_changes(value=renamed[item.value])
            elif isinstance(item, (cst.Attribute, cst.Arg)):
                value = change(item.value)
                new = item if value is item.value else item.with_changes(value=value)
            elif isinstance(item, cst.Call):
                new = transform(item, lambda same: same, descend=change)
                called = method.attribute(item.func)
                extra = self.names.extras.get(called or "", ())
                if extra:
                    assert isinstance(new, cst.Call)
                    given = [cst.Arg(cst.Name(self.names.attributes[name])) for name in extra]
                    new = new.with_changes(args=[*given, *new.args])
            else:
                new = transform(item, lambda same: same, descend=change)
            return self._from(new, item)

        return change

    def _name(self, attribute: str) -> cst.Name | cst.Call:
        name = self.names.attributes.get(attribute) or self.names.titles.get(attribute)
        if name is None:
            raise Cannot(f"self.{attribute} is not called as a statement")
        method = self.names.methods.get(attribute)
        is_property = method is not None and method.is_property
        return cst.Call(cst.Name(name)) if is_property else cst.Name(name)

    def _inlined(
        self,
        line: Any,
        small: cst.Expr | cst.Assign,
        call: cst.Call,
        called: Method,
        change: Callable[[Any], Any],
    ) -> list[Any]:
        """The body of a method in place of its call."""
        definition = called.node
        if called.this is not None:
            definition = definition.with_changes(
                params=definition.params.with_changes(params=definition.params.params[1:])
            )
        given = arguments_of(call, definition)
        if given is None or any(s for s in (definition.params.star_kwarg, _star(definition)) if s):
            raise Cannot(f"the arguments of {called.name}")
        renamed = self._fresh(called)
        stores = {t.value for t in bound(called.nodes) if isinstance(t, cst.Name)}
        made: list[Any] = []
        for name, value in given.items():
            value = change(value)
            if isinstance(value, cst.Name) and name not in stores:
                renamed[name] = value.value
                continue
            target = cst.AssignTarget(cst.Name(renamed.get(name, name)))
            made.append(cst.SimpleStatementLine([cst.Assign([target], value)]))

        body = self._body(called, renamed, lambda value: cst.Assign([_HERE], value))
        targets = small.targets if isinstance(small, cst.Assign) else ()
        made += [self._bound(item, [change(target) for target in targets]) for item in body]
        if made and line.leading_lines:
            first = made[0]
            made[0] = self._from(
                first.with_changes(leading_lines=[*line.leading_lines, *first.leading_lines]), first
            )
        return made

    def _bound(self, node: Any, targets: list[Any]) -> Any:
        """``(return value)`` -> ``target = value``, behind the last statement of a body."""

        def change(item: cst.CSTNode) -> cst.CSTNode:
            if isinstance(item, cst.Assign) and _is(item.targets[0].target, RESULT):
                new = cst.Assign(targets, item.value) if targets else cst.Expr(item.value)
                return self._from(new, item)
            return item

        def below(item: cst.CSTNode) -> cst.CSTNode:
            return self._from(transform(item, change, descend=below), item)

        return below(node)

    def _called(self, call: cst.Call, instance: str | None, title: str) -> str | None:
        """The section that a call outside the class runs."""
        if _is(call.func, title):
            return "__init__"
        if isinstance(call.func, cst.Attribute) and instance is not None:
            if _is(call.func.value, instance):
                return call.func.attr.value
        return None

    def _without_sessions(self, call: cst.Call, method: str) -> Sequence[cst.Arg]:
        names = parameters(self.names.methods[method].node)[1:]
        dropped = self.sessions[method]
        kept = []
        for index, argument in enumerate(call.args):
            if argument.star:
                raise Cannot("a session behind a star")
            keyword = argument.keyword.value if argument.keyword is not None else None
            if (keyword or (names[index] if index < len(names) else "")) not in dropped:
                kept.append(argument)
        if kept:
            kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        return kept


_HERE = cst.AssignTarget(cst.Name(RESULT))


def _star(definition: cst.FunctionDef) -> bool:
    return isinstance(definition.params.star_arg, cst.Param)


def _is_switch(node: cst.BaseExpression) -> bool:
    """``True`` or ``False``: what the constructor does for the other value counts too."""
    return _is(node, "True") or _is(node, "False")


def _is(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name


def kept_argument(small: cst.CSTNode, method: Method) -> str | None:
    """``self.x = x`` -> ``x``"""
    if isinstance(small, cst.Assign) and len(small.targets) == 1:
        if isinstance(small.value, cst.Name):
            name = method.attribute(small.targets[0].target)
            return name if name == small.value.value else None
    return None


def _is_super_init(small: cst.CSTNode) -> bool:
    """``super().__init__()`` of a class without bases."""
    if not isinstance(small, cst.Expr) or not isinstance(small.value, cst.Call):
        return False
    func = small.value.func
    return (
        isinstance(func, cst.Attribute)
        and func.attr.value == "__init__"
        and isinstance(func.value, cst.Call)
        and _is(func.value.func, "super")
    )
