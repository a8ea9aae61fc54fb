"""Makes a class that only holds a network the network itself.

class Net:                                      class Net(nn.Module):
    def __init__(self, size):                       def __init__(self, size):
        self.size = size                 ->             super().__init__()
        self.model = Model(size).to(device)             self.size = size
                                                        self.dense = nn.Linear(size, 10)
net = Net(4)                                    net = Net(4).to(device)
y = net.model(x)                                y = net(x)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import libcst as cst

from tf2torch.cst.forms import is_docstring
from tf2torch.cst.names import parameters
from tf2torch.cst.walk import transform, walk
from tf2torch.rewrite.writer import code, lines, parse

Statements = list[Any]

_ATTRIBUTE = "model"


def merge(module: cst.Module, title: str, model: str | None) -> tuple[cst.Module, str | None]:
    """The module with the class `title` in place of `model`, and the class that is left.

    The classes stay apart if a name means something else in each of them.
    """
    classes = {n.name.value: n for n in module.body if isinstance(n, cst.ClassDef)}
    own, network = classes.get(title), classes.get(model or "")
    if own is None or network is None:
        return module, model
    made = _methods(own).get("__init__")
    place = _construction(made, model or "") if made is not None else None
    if made is None or place is None or _members(own) & _members(network):
        return module, model
    body = [*made.body.body]
    inner = _methods(network)["__init__"]
    arguments = _arguments(inner, body[place])
    inside = [_filled(node, arguments) for node in inner.body.body]
    known = {code(node).strip() for node in body}
    inside = [n for n in inside[1:] if code(n).strip() not in known and not _is_identity(n)]
    doc = [n for n in body[:1] if is_docstring(n)]
    start = [*doc, *lines("super().__init__()\n")]
    joined = [*start, *_without_blank(body[len(doc) : place]), *inside, *body[place + 1 :]]
    init = made.with_changes(body=made.body.with_changes(body=joined))
    others = [n for n in network.body.body if n is not inner]
    new_body: Statements = []
    for node in own.body.body:
        new_body += [init, *others] if node is made else [node]
    new = own.with_changes(
        bases=[cst.Arg(parse("nn.Module"))],
        lpar=cst.LeftParen(),
        rpar=cst.RightParen(),
        body=own.body.with_changes(body=new_body),
    )
    kept = [new if node is own else node for node in module.body if node is not network]
    return module.with_changes(body=[_used(node, title) for node in kept]), title


def _without_blank(body: Statements) -> Statements:
    if body and body[0].leading_lines:
        comments = [line for line in body[0].leading_lines if line.comment is not None]
        body[0] = body[0].with_changes(leading_lines=comments)
    return body


def _methods(node: cst.ClassDef) -> dict[str, cst.FunctionDef]:
    return {n.name.value: n for n in node.body.body if isinstance(n, cst.FunctionDef)}


def _members(node: cst.ClassDef) -> set[str]:
    """Methods of a class and attributes that its constructor binds, but for the network."""
    found = set(_methods(node)) - {"__init__"}
    for item in walk(_methods(node)["__init__"].body) if "__init__" in _methods(node) else ():
        if isinstance(item, cst.AssignTarget) and isinstance(item.target, cst.Attribute):
            statement = code(item.target)
            if statement.startswith("self.") and statement.count(".") == 1:
                found.add(item.target.attr.value)
    # What both keep of the same argument is one thing.
    return found - _kept(node) - {_ATTRIBUTE}


def _kept(node: cst.ClassDef) -> set[str]:
    """``self.x = x`` with an argument ``x``."""
    made = _methods(node).get("__init__")
    if made is None:
        return set()
    texts = {code(item).strip() for item in made.body.body}
    return {name for name in parameters(made) if f"self.{name} = {name}" in texts}


def _construction(made: cst.FunctionDef, model: str) -> int | None:
    """Index of ``self.model = Model(..).to(device)``."""
    for index, node in enumerate(made.body.body):
        if code(node).strip().startswith(f"self.{_ATTRIBUTE} = {model}("):
            return index
    return None


def _arguments(inner: cst.FunctionDef, statement: Any) -> dict[str, cst.BaseExpression]:
    """What the network's constructor gets."""
    call = statement.body[0].value
    while not (isinstance(call.func, cst.Name)):
        call = call.func.value  # Model(..).to(device)
    names = parameters(inner)[1:]
    given = {}
    for index, argument in enumerate(call.args):
        name = argument.keyword.value if argument.keyword is not None else names[index]
        given[name] = argument.value
    return given


def _filled(node: Any, values: Mapping[str, cst.BaseExpression]) -> Any:
    def change(item: cst.CSTNode) -> cst.CSTNode:
        if isinstance(item, cst.Name) and item.value in values:
            return values[item.value]
        if isinstance(item, (cst.Attribute, cst.Arg)):
            value = change(item.value)
            return item if value is item.value else item.with_changes(value=value)
        return transform(item, lambda same: same, descend=change)

    return change(node)


def _is_identity(node: Any) -> bool:
    """``self.x = self.x``"""
    left, found, right = code(node).strip().partition(" = ")
    return bool(found) and left == right


def _used(node: Any, title: str) -> Any:
    """``net.model(x)`` -> ``net(x)``, ``Net(4)`` -> ``Net(4).to(device)``"""

    def change(item: cst.CSTNode) -> cst.CSTNode:
        if isinstance(item, cst.Attribute) and item.attr.value == _ATTRIBUTE:
            return item.value
        if isinstance(item, cst.Call) and isinstance(item.func, cst.Name):
            if item.func.value == title:
                call = cst.Attribute(item, cst.Name("to"))
                return cst.Call(call, [cst.Arg(cst.Name("device"))])
        return item

    return transform(node, change)
