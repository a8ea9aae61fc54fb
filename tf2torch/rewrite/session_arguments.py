"""Sessions that a program hands to its functions: the functions do without."""

from __future__ import annotations

import libcst as cst

from tf2torch.rewrite.writer import Writer
from tf2torch.rulebook.values import Value


def session_parameters(writer: Writer, definition: cst.CSTNode) -> frozenset[str]:
    """Parameters of a function for which every call passes a session."""
    if not isinstance(definition, cst.FunctionDef):
        return frozenset()
    given: dict[str, list[bool]] = {}
    for call, _ in writer.analysis.calls.get(definition, ()):
        for name, argument in _bound(call, definition):
            given.setdefault(name, []).append(_is_session(writer.value(argument.value)))
    return frozenset(name for name, passed in given.items() if all(passed))


def without_sessions(writer: Writer, node: cst.Call) -> list[cst.Arg]:
    """Arguments of a call of a program function, but for sessions."""
    function = writer.analysis.callees.get(node)
    if function is None:
        return [*node.args]
    dropped = session_parameters(writer, function.node)
    gone = {id(argument) for name, argument in _bound(node, function.node) if name in dropped}
    kept = [argument for argument in node.args if id(argument) not in gone]
    return _without_comma(kept) if len(kept) < len(node.args) else kept


def without_session_parameters(writer: Writer, node: cst.FunctionDef) -> cst.Parameters:
    """``def evaluate(sess, data)`` -> ``def evaluate(data)``"""
    dropped = session_parameters(writer, node)
    kept = [param for param in node.params.params if param.name.value not in dropped]
    if len(kept) < len(node.params.params) and kept:
        kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return node.params.with_changes(params=kept)


def _bound(call: cst.Call, definition: cst.CSTNode) -> list[tuple[str, cst.Arg]]:
    """Arguments of a call with the parameters that take them, where it has no stars."""
    if not isinstance(definition, cst.FunctionDef) or any(argument.star for argument in call.args):
        return []
    names = [param.name.value for param in definition.params.params]
    found = []
    for index, argument in enumerate(call.args):
        if argument.keyword is not None:
            found.append((argument.keyword.value, argument))
        elif index < len(names):
            found.append((names[index], argument))
    return found


def _is_session(value: Value) -> bool:
    return value.kind == "object" and value.detail.type == "Session"


def _without_comma(args: list[cst.Arg]) -> list[cst.Arg]:
    if not args:
        return args
    return [*args[:-1], args[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)]
