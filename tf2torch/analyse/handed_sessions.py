"""Sessions that a program hands to the methods of its instances: the methods do without.

def predict(self, sess, x):                        def predict(self, x):
    return sess.run(self.y, {self.x: x})     ->        return __session__.run(self.y, ...)

first.predict(sess, data)                          first.predict(data)
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tf2torch.analyse.inlining import Origins
from tf2torch.analyse.sections import SESSION, SESSIONS
from tf2torch.cst.names import bound, parameters
from tf2torch.cst.walk import transform, walk


def without_handed_sessions(
    module: cst.Module, node: cst.ClassDef, origins: Origins
) -> tuple[cst.Module, cst.ClassDef]:
    """The module and its class without parameters for sessions in methods but the constructor."""
    methods = [item for item in node.body.body if isinstance(item, cst.FunctionDef)]
    places = {
        method.name.value: place
        for method in methods
        if method.name.value != "__init__" and not method.decorators
        for place, name in enumerate(parameters(method)[1:])
        if name in SESSIONS and name not in _stored(method)
    }
    names = _session_names(module)
    calls = [call for call in walk(module) if isinstance(call, cst.Call)]
    for call in calls:
        name = _method(call)
        if name in places and not _hands_on(call, places[name], names):
            del places[name]
    if not places:
        return module, node
    dropped = {method.name.value: parameters(method)[1 + places[method.name.value]]
               for method in methods if method.name.value in places}  # fmt: skip

    def outside(item: cst.CSTNode) -> cst.CSTNode:
        name = _method(item)
        if name not in places:
            return item
        assert isinstance(item, cst.Call)
        args = [*item.args[: places[name]], *item.args[places[name] + 1 :]]
        if args:
            args[-1] = args[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        return _from(item.with_changes(args=args), item)

    def _from(new: cst.CSTNode, old: cst.CSTNode) -> cst.CSTNode:
        origins.setdefault(new, origins.get(old, old))
        return new

    def statement(item: cst.CSTNode) -> cst.CSTNode:
        new = transform(item, outside)
        return _from(new, item) if new is not item else item

    def method(item: cst.CSTNode) -> cst.CSTNode:
        name = dropped.get(item.name.value) if isinstance(item, cst.FunctionDef) else None
        if name is None:
            return statement(item)
        assert isinstance(item, cst.FunctionDef)
        params = [p for p in item.params.params if p.name.value != name]
        params[-1] = params[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)

        def change(part: cst.CSTNode) -> cst.CSTNode:
            if isinstance(part, cst.Attribute) and _is(part.value, name):
                return _from(part.with_changes(value=cst.Name(SESSION)), part)
            return outside(part)

        body = transform(item.body, change)
        made = item.with_changes(body=body, params=item.params.with_changes(params=params))
        return _from(made, item)

    made = node.with_changes(
        body=node.body.with_changes(body=[method(item) for item in node.body.body])
    )
    _from(made, node)
    body = [made if item is node else statement(item) for item in module.body]
    return module.with_changes(body=body), made


def _is(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name


def _method(call: cst.CSTNode) -> str:
    func = call.func if isinstance(call, cst.Call) else None
    return func.attr.value if isinstance(func, cst.Attribute) else ""


def _hands_on(call: cst.Call, place: int, names: frozenset[str]) -> bool:
    """Whether a call gives a session as the argument at `place`."""
    if len(call.args) <= place or any(arg.star or arg.keyword for arg in call.args[: place + 1]):
        return False
    value = call.args[place].value
    name = value.attr if isinstance(value, cst.Attribute) else value
    return isinstance(name, cst.Name) and name.value in names


def _session_names(module: cst.Module) -> frozenset[str]:
    """Names for sessions, by what they are or are called."""
    return SESSIONS | frozenset(_opened(module))


def _opened(module: cst.Module) -> Iterator[str]:
    for node in walk(module):
        made: cst.CSTNode | None = None
        targets: list[cst.BaseExpression] = []
        if isinstance(node, cst.WithItem) and node.asname is not None:
            made, targets = node.item, [node.asname.name]
        elif isinstance(node, cst.Assign):
            made, targets = node.value, [target.target for target in node.targets]
        if _method(made) in ("Session", "InteractiveSession") if made is not None else False:
            yield from (target.value for target in targets if isinstance(target, cst.Name))


def _stored(method: cst.FunctionDef) -> set[str]:
    return {t.value for t in bound(walk(method.body)) if isinstance(t, cst.Name)}
