"""Frozen records of the rulebook: rules, their emits, weight rows and cases."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from tf2torch.rulebook.values import UNKNOWN, Value, constant

RULE_KINDS: Final = (
    *("expr", "layer", "method", "remove", "refuse", "value"),
    *("initializer", "regularizer"),
)
EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True)
class Refusal:
    """Why something was not done; a value, never an exception."""

    reason: str


@dataclass(frozen=True)
class Emit:
    """One way to write a call in PyTorch, taken when its condition is known to hold."""

    when: str | None = None
    torch: str | None = None
    init: str | None = None
    forward: str | None = None
    imports: tuple[str, ...] = ()
    support: tuple[str, ...] = ()
    note: str | None = None
    assume: str | None = None
    safety: str | None = None
    layout: str | None = None
    line: int = 0

    @property
    def templates(self) -> tuple[str, ...]:
        """The templates of this emit that are given."""
        return tuple(t for t in (self.torch, self.init, self.forward) if t is not None)


@dataclass(frozen=True)
class WeightRow:
    """A TF variable of a layer, the parameter that holds it, and how the axes move."""

    tf: str
    torch: str
    axes: str | None = None
    layout: tuple[Any, ...] = ()
    init: str | None = None
    regularizer: str | None = None
    default: str | None = None
    when: str | None = None
    line: int = 0

    @cached_property
    def steps(self) -> tuple[Any, ...]:
        """Layout steps of the weight map: ``("permute", (3, 2, 0, 1))``, ``("transpose",)``."""
        if self.layout:
            first = self.layout[0]
            return self.layout if isinstance(first, tuple) else (self.layout,)
        if self.axes is None:
            return (("identity",),)
        source, target = (part.strip() for part in self.axes.split("->"))
        order = tuple(source.index(axis) for axis in target)
        if order == tuple(range(len(order))):
            return (("identity",),)
        return (("transpose",),) if order == (1, 0) else (("permute", order),)


@dataclass(frozen=True)
class Case:
    """One example of a rule: documentation, golden text and parity test at once."""

    tf: str
    torch: str | None = None
    init: str | None = None
    forward: str | None = None
    inputs: tuple[tuple[str, str], ...] = ()
    grad: tuple[str, ...] | None = None
    rtol: float | None = None
    compare: str = "values"
    exact: bool = False
    refuse: str | None = None
    note: str | None = None
    xfail: str | None = None
    line: int = 0


@dataclass(frozen=True)
class Parameter:
    """One parameter of a TF 1.15 signature."""

    name: str
    default: Value | None = None
    default_text: str | None = None
    star: str = ""
    keyword_only: bool = False

    @property
    def required(self) -> bool:
        return self.default is None and not self.star


@dataclass(frozen=True)
class Rule:
    """Everything known of one TensorFlow symbol."""

    id: str
    tf: tuple[str, ...]
    kind: str = "expr"
    signature: str = ""
    alias: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    old: Mapping[str, str] = field(default_factory=dict)
    axes: tuple[str, ...] = ()
    layout: str | Mapping[str, str] | None = None
    result: str | None = None
    value: str | None = None
    scope: str | None = None
    after: Mapping[str, str] = field(default_factory=dict)
    training: str | None = None
    reason: str | None = None
    note: str | None = None
    imports: tuple[str, ...] = ()
    support: tuple[str, ...] = ()
    summary: str = ""
    docs: str = ""
    since: str | None = None
    status: str | None = None
    emits: tuple[Emit, ...] = ()
    weights: tuple[WeightRow, ...] = ()
    path: Path = field(default=Path(), compare=False)
    line: int = 0
    source: str = field(default="", repr=False, compare=False)

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters of `signature`, in order."""
        return parse_signature(self.signature)

    @cached_property
    def old_parameters(self) -> tuple[Parameter, ...]:
        """Parameters of the order that TF had before 1.0, if the rule knows one."""
        return parse_signature(self.old.get("signature", ""))

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """The rule's examples, parsed when first asked for."""
        from tf2torch.rulebook.loader import parse_cases

        return parse_cases(self)


def parse_signature(text: str) -> tuple[Parameter, ...]:
    """Parameters of ``x, axis=None, *rest``; raises SyntaxError."""
    if not text.strip():
        return ()
    function = ast.parse(f"def f({text}): ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    spec = function.args
    positional = [*spec.posonlyargs, *spec.args]
    padding: list[ast.expr | None] = [None] * (len(positional) - len(spec.defaults))
    result = [
        _parameter(arg, default)
        for arg, default in zip(positional, [*padding, *spec.defaults], strict=True)
    ]
    if spec.vararg:
        result.append(Parameter(spec.vararg.arg, star="*"))
    pairs = zip(spec.kwonlyargs, spec.kw_defaults, strict=True)
    result += [replace(_parameter(arg, default), keyword_only=True) for arg, default in pairs]
    if spec.kwarg:
        result.append(Parameter(spec.kwarg.arg, star="**"))
    return tuple(result)


def _parameter(arg: ast.arg, default: ast.expr | None) -> Parameter:
    if default is None:
        return Parameter(arg.arg)
    text = ast.unparse(default)
    return Parameter(arg.arg, _default(default, text), text)


def _default(node: ast.expr, text: str) -> Value:
    if text.startswith("tf.") and all(part.isidentifier() for part in text.split(".")):
        name = {"half": "float16", "double": "float64"}.get(text[3:], text[3:])
        if name in DTYPES:
            return Value("dtype", literal=name, text=text)
        return Value("symbol", text=text, detail=text)
    try:
        return constant(freeze(ast.literal_eval(node)), text)
    except ValueError:
        return Value("python", literal=UNKNOWN, text=text)


def freeze(value: Any) -> Any:
    """`value` with lists turned into tuples, as `Value.literal` wants them."""
    return tuple(freeze(item) for item in value) if isinstance(value, (list, tuple)) else value


DTYPES: Final = frozenset(
    "float16 float32 float64 bfloat16 half double int8 int16 int32 int64 uint8 uint16 uint32 uint64"
    " bool string complex64 complex128 qint8 quint8 qint16 quint16 qint32 resource variant".split()
)
