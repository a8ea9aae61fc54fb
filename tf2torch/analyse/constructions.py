"""The strings that each instance of a class is made with, in the order of the program."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import libcst as cst

from tf2torch.analyse.inlining import arguments_of
from tf2torch.cst.forms import is_call_of
from tf2torch.cst.names import bound
from tf2torch.cst.walk import walk

#: More instances than this are not told apart.
MOST = 64
_NESTED = (cst.FunctionDef, cst.ClassDef, cst.Lambda)


class _Unknown(Exception):
    """The number of instances, or their order, cannot be told."""


@dataclass(frozen=True)
class Construction:
    """How one instance is made.

    Attributes:
        strings: arguments of the constructor that are known strings.
        holder: text of an expression for the instance, where it has one.
        function: the function that it is made in, None for the module.
    """

    strings: Mapping[str, str]
    holder: str | None
    function: str | None


def constructions(
    module: cst.Module, node: cst.ClassDef, init: cst.FunctionDef
) -> tuple[Construction, ...]:
    """The instances of a class, in order; nothing if their number is unknown."""
    wanted = node.name.value
    homes: list[tuple[Sequence[Any], cst.FunctionDef | None]] = []
    rest = [item for item in module.body if not isinstance(item, (cst.FunctionDef, cst.ClassDef))]
    calls = [item for item in walk(module) if is_call_of(item, wanted)]
    for item in module.body:
        if isinstance(item, cst.FunctionDef) and any(is_call_of(n, wanted) for n in walk(item)):
            homes.append((item.body.body, item))
    if any(is_call_of(n, wanted) for item in rest for n in walk(item)):
        homes.append((rest, None))
    if len(homes) != 1 or not calls:
        return ()
    body, function = homes[0]
    if function is not None and _calls_of(module, function.name.value) != 1:
        return ()
    params = init.params.with_changes(params=init.params.params[1:])
    title = function.name.value if function is not None else None
    maker = _Maker(module, wanted, init.with_changes(params=params), title)
    try:
        maker.constants(rest)
        if function is not None:
            maker.constants(body)
        maker.run(body)
    except _Unknown:
        return ()
    seen = len(set(map(id, maker.calls))) == len(calls)
    return tuple(maker.made) if seen else ()


def _calls_of(module: cst.Module, name: str) -> int:
    return sum(isinstance(n, cst.Name) and n.value == name for n in walk(module)) - 1


@dataclass(eq=False)
class _Maker:
    module: cst.Module
    wanted: str
    init: cst.FunctionDef
    function: str | None
    known: dict[str, Any] = field(default_factory=dict)
    made: list[Construction] = field(default_factory=list)
    calls: list[cst.Call] = field(default_factory=list)
    bound_once: set[str] = field(default_factory=set)

    def constants(self, body: Sequence[Any]) -> None:
        """Learns the names that are bound once, to a constant."""
        counts: dict[str, int] = {}
        for target in bound(n for item in body for n in walk(item)):
            if isinstance(target, cst.Name):
                counts[target.value] = counts.get(target.value, 0) + 1
        self.bound_once |= {name for name, count in counts.items() if count == 1}
        for name in counts:
            self.known.pop(name, None)
        for item in body:
            for node in walk(item):
                if not isinstance(node, cst.Assign) or len(node.targets) != 1:
                    continue
                target = node.targets[0].target
                if isinstance(target, cst.Name) and counts.get(target.value) == 1:
                    value = self.value(node.value)
                    if value is not None:
                        self.known[target.value] = value

    def run(self, body: Sequence[Any]) -> None:
        for item in body:
            if isinstance(item, cst.For) and self._inside(item):
                self._loop(item.target, item.iter, lambda loop=item: self.run(loop.body.body))
            elif isinstance(item, cst.With) or (isinstance(item, cst.If) and _is_guard(item)):
                for part in item.items if isinstance(item, cst.With) else ():
                    self._expression(part.item)
                self.run(item.body.body)
            elif isinstance(item, cst.SimpleStatementLine):
                first = len(self.made)
                self._expression(item)
                self._hold(item, first)
            elif self._inside(item):
                raise _Unknown

    def _inside(self, node: cst.CSTNode) -> bool:
        return any(is_call_of(inner, self.wanted) for inner in walk(node))

    def _expression(self, node: cst.CSTNode) -> None:
        """The instances that are made in an expression, which may be a comprehension."""
        if is_call_of(node, self.wanted):
            assert isinstance(node, cst.Call)
            self._make(node)
            return
        if isinstance(node, (cst.ListComp, cst.DictComp)) and self._inside(node):
            parts = [node.key, node.value] if isinstance(node, cst.DictComp) else [node.elt]
            clause = node.for_in
            if clause.ifs or clause.inner_for_in is not None:
                raise _Unknown

            def each() -> None:
                for part in parts:
                    self._expression(part)

            self._loop(clause.target, clause.iter, each)
            return
        conditional = (cst.IfExp, cst.BooleanOperation, cst.GeneratorExp, *_NESTED)
        if isinstance(node, conditional) and self._inside(node):
            raise _Unknown
        for child in node.children:
            self._expression(child)

    def _hold(self, line: cst.SimpleStatementLine, first: int) -> None:
        """Tells what names the instances that a statement has made."""
        small = line.body[0]
        if len(line.body) != 1 or not isinstance(small, cst.Assign) or len(small.targets) != 1:
            return
        target, value = small.targets[0].target, small.value
        if not isinstance(target, cst.Name) or target.value not in self.bound_once:
            return
        items = [value.elt] if isinstance(value, cst.ListComp) else []
        if isinstance(value, cst.List):
            items = [element.value for element in value.elements]
        many = bool(items) and all(is_call_of(item, self.wanted) for item in items)
        if not many and not is_call_of(value, self.wanted):
            return
        for index, made in enumerate(self.made[first:]):
            holder = f"{target.value}[{index}]" if many else target.value
            self.made[first + index] = replace(made, holder=holder)

    def _make(self, call: cst.Call) -> None:
        given = arguments_of(call, self.init)
        if given is None or len(self.made) == MOST:
            raise _Unknown
        self.calls.append(call)
        values = {name: self.value(node) for name, node in given.items()}
        strings = {name: v for name, v in values.items() if isinstance(v, str)}
        self.made.append(Construction(strings, None, self.function))

    def _loop(self, target: cst.BaseExpression, iterable: cst.BaseExpression, body: Any) -> None:
        values = self.value(iterable)
        if not isinstance(values, (list, tuple, range, str)) or len(values) > MOST:
            raise _Unknown
        outer = dict(self.known)
        for value in values:
            for name, part in _bound_to(target, value):
                self.known[name] = part
            body()
        self.known = outer

    def value(self, node: cst.BaseExpression) -> Any:
        """A constant, None if the expression is none."""
        try:
            return _value(
                ast.parse(self.module.code_for_node(node).strip(), mode="eval").body, self.known
            )
        except (_Unknown, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError):
            return None


def _bound_to(target: cst.BaseExpression, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(target, cst.Name):
        yield target.value, value
    elif isinstance(target, (cst.Tuple, cst.List)):
        parts = list(value) if isinstance(value, (tuple, list)) else []
        if len(parts) != len(target.elements):
            raise _Unknown
        for element, part in zip(target.elements, parts):
            yield from _bound_to(element.value, part)
    else:
        raise _Unknown


def _is_guard(node: cst.If) -> bool:
    return (
        isinstance(node.test, cst.Comparison)
        and isinstance(node.test.left, cst.Name)
        and node.test.left.value == "__name__"
        and node.orelse is None
    )


def _value(node: ast.expr, known: Mapping[str, Any]) -> Any:
    """The value of an expression of constants, strings put together among them."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return known[node.id]
    if isinstance(node, (ast.List, ast.Tuple)):
        made = [_value(item, known) for item in node.elts]
        return made if isinstance(node, ast.List) else tuple(made)
    if isinstance(node, ast.JoinedStr):
        return "".join(_part(part, known) for part in node.values)
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left, known), _value(node.right, known)
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Sub):
            return left - right
        if isinstance(node.op, ast.Mod):
            return left % right
    if isinstance(node, ast.Call) and not node.keywords:
        given = [_value(item, known) for item in node.args]
        if isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
            return _FUNCTIONS[node.func.id](*given)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            return str(_value(node.func.value, known)).format(*given)
    raise _Unknown


def _part(node: ast.expr, known: Mapping[str, Any]) -> str:
    if isinstance(node, ast.FormattedValue):
        if node.format_spec is not None or node.conversion != -1:
            raise _Unknown
        return str(_value(node.value, known))
    return str(_value(node, known))


_FUNCTIONS: dict[str, Any] = {
    "str": str,
    "range": range,
    "xrange": range,
    "len": len,
    "enumerate": lambda items, start=0: list(enumerate(items, start)),
    "zip": lambda *items: list(zip(*items)),
}
