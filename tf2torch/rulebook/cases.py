"""Converts the TensorFlow expression of a rule's case with the rulebook alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from tf2torch.cst.precedence import fit
from tf2torch.cst.printing import code_of
from tf2torch.rulebook.apply import Argument, Bound, bind, fill, infer, select
from tf2torch.rulebook.case_inputs import parse_spec
from tf2torch.rulebook.loader import Rulebook
from tf2torch.rulebook.model import DTYPES, Case, Emit, Refusal, Rule, freeze
from tf2torch.rulebook.shapes import SHAPES
from tf2torch.rulebook.values import ANYTHING, UNKNOWN, Dim, Value, constant, tensor


class CaseRefused(Exception):
    """The rulebook has no answer for some call of the case; the text says why."""


@dataclass
class Conversion:
    """What came out of a case: source texts and the emits that made them."""

    torch: str | None = None
    init: str | None = None
    emits: list[tuple[Rule, Emit]] = field(default_factory=list)
    layer: Bound | None = None
    attribute: str = ""
    image_inputs: frozenset[str] = frozenset()
    removed: bool = False

    @property
    def imports(self) -> list[str]:
        """Import statements that the emits ask for."""
        return [line for rule, emit in self.emits for line in (*rule.imports, *emit.imports)]

    @property
    def support(self) -> list[str]:
        """Names of the support file that the emits use."""
        return [name for rule, emit in self.emits for name in (*rule.support, *emit.support)]


def convert_case(book: Rulebook, case: Case) -> Conversion:
    """The conversion of `case.tf`; raises CaseRefused."""
    names = {name: parse_spec(spec).value for name, spec in case.inputs}
    names = {
        name: Value("python", text=name) if value.kind == "python" else value
        for name, value in names.items()
    }
    converter = _Converter(book, names, case.exact)
    source = cst.parse_expression(case.tf)
    if isinstance(source, cst.Call) and converter.made(source):
        node, _ = converter.filled(source, None)
    else:
        node, _ = converter.convert(source)
    result = converter.result
    result.torch = None if result.removed else _code(node)
    return result


def _code(node: cst.CSTNode) -> str:
    return code_of(node)


_Pair = tuple[cst.BaseExpression, Value]


class _Converter:
    """Recursive conversion; the engine proper does this with a whole program in view."""

    def __init__(self, book: Rulebook, names: Mapping[str, Value], exact: bool) -> None:
        self.book, self.names, self.exact = book, dict(names), exact
        self.result = Conversion()

    def convert(self, node: cst.BaseExpression) -> _Pair:
        symbol = _symbol(node)
        if symbol is not None:
            return self._symbol(node, symbol)
        if isinstance(node, cst.Name) and node.value in self.names:
            return node, self.names[node.value]
        known = _literal(node)
        if known is not UNKNOWN:
            return node, constant(known, _code(node))
        method = getattr(self, "_" + type(node).__name__.lower(), None)
        if method is None:
            return node, ANYTHING
        pair: _Pair = method(node)
        return pair

    def _symbol(self, node: cst.BaseExpression, symbol: str) -> _Pair:
        name = symbol.removeprefix("tf.")
        value = (
            Value("dtype", literal=name, text=symbol)
            if name in DTYPES
            else Value("symbol", text=symbol, detail=symbol)
        )
        rule = self.book.find(symbol)
        if rule is not None and rule.value:
            self.result.emits.append((rule, Emit()))
            return cst.parse_expression(rule.value), value
        return node, value

    def _call(self, node: cst.Call) -> _Pair:
        if isinstance(node.func, cst.Call) and self.made(node.func) is not None:
            return self.filled(node.func, node.args[0].value)
        if self.made(node) is not None:
            return node, Value("object", detail=_symbol(node.func))
        symbol = _symbol(node.func)
        receiver = None
        rule = self.book.find(symbol) if symbol else None
        if symbol is None and isinstance(node.func, cst.Attribute):
            receiver = Argument(*self.convert(node.func.value))
            for kind in _receivers(receiver.value):
                rule = rule or self.book.find(f"{kind}.{node.func.attr.value}")
        arguments = [self._argument(arg) for arg in node.args]
        if rule is None:
            if symbol is not None:
                raise CaseRefused(f"no rule for {symbol}")
            args = [
                arg.with_changes(value=a.node) for arg, a in zip(node.args, arguments, strict=True)
            ]
            func = node.func
            if receiver is not None:
                func = func.with_changes(value=fit(receiver.node, func, "value"))
            return node.with_changes(func=func, args=args), ANYTHING
        return self.apply(rule, arguments, receiver)

    def made(self, node: cst.Call) -> Rule | None:
        """The rule of an initializer or regularizer that a call makes."""
        symbol = _symbol(node.func)
        rule = self.book.find(symbol) if symbol else None
        return rule if rule is not None and rule.kind in ("initializer", "regularizer") else None

    def filled(self, made: cst.Call, of: cst.BaseExpression | None) -> _Pair:
        """An initializer called with a shape, or a regularizer called with a weight."""
        rule = self.made(made)
        assert rule is not None
        bound = bind(rule, [self._argument(arg) for arg in made.args])
        if isinstance(bound, Refusal):
            raise CaseRefused(bound.reason)
        tensor: cst.BaseExpression = cst.Name("w")
        shape = constant(None)
        if rule.kind == "initializer" and of is not None:
            node, shape = self.convert(of)
            tensor = cst.Call(cst.parse_expression("torch.empty"), [cst.Arg(node)])
        elif of is not None:
            tensor, _ = self.convert(of)
        bound = Bound(rule, bound.nodes, {**bound.values, "shape": shape})
        emit = select(bound, exact=self.exact)
        if isinstance(emit, Refusal):
            raise CaseRefused(emit.reason)
        self.result.emits.append((rule, emit))
        return fill(emit.init or emit.torch or "", bound, {"tensor": tensor}), ANYTHING

    def apply(
        self, rule: Rule, arguments: Sequence[Argument], receiver: Argument | None = None
    ) -> _Pair:
        """The rule's form of one call."""
        if rule.kind == "remove":
            self.result.removed = True
            return cst.Name("None"), ANYTHING
        bound = bind(rule, arguments, receiver)
        emit = bound if isinstance(bound, Refusal) else select(bound, exact=self.exact)
        if isinstance(bound, Refusal) or isinstance(emit, Refusal):
            raise CaseRefused(emit.reason if isinstance(emit, Refusal) else "")
        self.result.emits.append((rule, emit))
        if emit.layout != "none":
            self._note_images(bound, emit.layout or bound.rule.layout)
        if emit.init is not None or emit.forward is not None:
            return self._layer(bound, emit), infer(bound)
        assert emit.torch is not None
        return fill(emit.torch, bound), infer(bound)

    def _layer(self, bound: Bound, emit: Emit) -> cst.BaseExpression:
        name = bound.values.get("name", bound.values.get("scope", ANYTHING)).literal
        attribute = name if isinstance(name, str) else bound.rule.scope or "layer"
        extra = {"self": cst.parse_expression(f"self.{attribute}")}
        self.result.layer, self.result.attribute = bound, attribute
        if emit.init is not None:
            self.result.init = _code(fill(emit.init, bound, extra))
        node = fill(emit.forward or "{self}", bound, extra)
        for parameter, how in bound.rule.after.items():
            value = bound.values.get(parameter, ANYTHING)
            if how != "call" or value.literal is None:
                continue
            rule = self.book.find(str(value.detail)) if value.kind == "symbol" else None
            if rule is not None:
                node, _ = self.apply(rule, [Argument(node, infer(bound))])
            else:
                node = cst.Call(bound.nodes[parameter], [cst.Arg(node)])
        return node

    def _note_images(self, bound: Bound, layout: str | Mapping[str, str] | None) -> None:
        rule = bound.rule
        first = ""
        if layout == "image" and rule.parameters:
            first = next((p.name for p in rule.parameters if p.name in bound.nodes), "")
        elif isinstance(rule.layout, Mapping):
            first = next((n for n, how in rule.layout.items() if how == "image"), "")
        data_format = bound.values.get("data_format", ANYTHING).literal
        if str(data_format).startswith(("NC", "channels_first")) or first not in bound.nodes:
            return
        names = set(re.findall(r"\w+", _code(bound.nodes[first])))
        images = {n for n in names if n in self.names and (self.names[n].rank or 0) >= 3}
        self.result.image_inputs |= images

    def _argument(self, arg: cst.Arg) -> Argument:
        node, value = self.convert(arg.value)
        return Argument(node, value, arg.keyword.value if arg.keyword else None, arg.star)

    # ---- structure ---------------------------------------------------------------------------

    def _dict(self, node: cst.Dict) -> _Pair:
        elements = [
            element.with_changes(value=self.convert(element.value)[0]) for element in node.elements
        ]
        return node.with_changes(elements=elements), Value("mapping")

    def _list(self, node: cst.List | cst.Tuple) -> _Pair:
        pairs = [self.convert(element.value) for element in node.elements]
        elements = [
            element.with_changes(value=new)
            for element, (new, _) in zip(node.elements, pairs, strict=True)
        ]
        return node.with_changes(elements=elements), Value(
            "sequence", detail=tuple(value for _, value in pairs)
        )

    _tuple = _list

    def _binaryoperation(self, node: cst.BinaryOperation) -> _Pair:
        (left, a), (right, b) = self.convert(node.left), self.convert(node.right)
        new = node.with_changes(left=fit(left, node, "left"), right=fit(right, node, "right"))
        return new, _combined("broadcast", a, b)

    def _comparison(self, node: cst.Comparison) -> _Pair:
        left, a = self.convert(node.left)
        target = node.comparisons[0]
        right, b = self.convert(target.comparator)
        new = node.with_changes(
            left=fit(left, node, "left"),
            comparisons=[target.with_changes(comparator=fit(right, target, "comparator"))],
        )
        return new, _combined("compare", a, b)

    def _unaryoperation(self, node: cst.UnaryOperation) -> _Pair:
        inner, value = self.convert(node.expression)
        return node.with_changes(expression=fit(inner, node, "expression")), value

    def _subscript(self, node: cst.Subscript) -> _Pair:
        inner, value = self.convert(node.value)
        new = node.with_changes(value=fit(inner, node, "value"))
        index = node.slice[0].slice if len(node.slice) == 1 else None
        if isinstance(index, cst.Index):
            item = SHAPES["element"](value, constant(_literal(index.value)))
            if value.kind == "sequence" and not isinstance(item, Refusal):
                return new, item
        if value.host:
            one = value.rank == 1 and isinstance(index, cst.Index)
            return new, Value("tensor", dtype="int32", shape=() if one else (Dim(),), host=True)
        return new, tensor(value.dtype) if value.is_tensor else ANYTHING

    def _lambda(self, node: cst.Lambda) -> _Pair:
        inner = _Converter(self.book, self.names, self.exact)
        inner.names.update({p.name.value: tensor() for p in node.params.params})
        body, _ = inner.convert(node.body)
        self.result.emits += inner.result.emits
        return node.with_changes(body=body), Value("function")

    def _attribute(self, node: cst.Attribute) -> _Pair:
        inner, value = self.convert(node.value)
        for kind in _receivers(value):
            rule = self.book.find(f"{kind}.{node.attr.value}")
            if rule is not None and rule.kind == "value" and rule.value:
                bound = Bound(rule, {"self": inner}, {"self": value})
                self.result.emits.append((rule, Emit()))
                return fill(rule.value, bound), infer(bound)
            if rule is not None and rule.kind == "method":
                return self.apply(rule, [], Argument(inner, value))
        return node.with_changes(value=fit(inner, node, "value")), ANYTHING


def _combined(name: str, a: Value, b: Value) -> Value:
    if not (a.is_tensor or b.is_tensor):
        return ANYTHING
    result = SHAPES[name](a, b)
    return tensor() if isinstance(result, Refusal) else result


def _receivers(value: Value) -> tuple[str, ...]:
    if value.kind == "variable":
        return ("Variable", "Tensor")
    if value.kind == "dtype":
        return ("DType",)
    if value.kind == "python" and isinstance(value.detail, Dim):
        return ("Dimension",)
    if value.kind == "sequence":
        return ("TensorShape",)
    if value.kind == "object" and isinstance(value.detail, str):
        return (value.detail,)
    return ("Tensor", "TensorShape") if value.kind != "python" else ("TensorShape", "Tensor")


def _symbol(node: cst.BaseExpression) -> str | None:
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    if not isinstance(node, cst.Name) or node.value != "tf" or not parts:
        return None
    return ".".join(["tf", *reversed(parts)])


def _literal(node: cst.BaseExpression) -> Any:
    try:
        return freeze(ast.literal_eval(_code(node)))
    except (ValueError, SyntaxError, TypeError):
        return UNKNOWN
