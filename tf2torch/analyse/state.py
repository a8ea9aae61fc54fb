"""Mutable state of one abstract execution: frames, facts, names of the graph."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sized
from dataclasses import dataclass, field, replace
from typing import Any

import libcst as cst

from tf2torch.analyse.facts import Creation, Function, Obj, Run
from tf2torch.analyse.graphs import Graphs
from tf2torch.analyse.naming import Naming
from tf2torch.rulebook.loader import Rulebook
from tf2torch.rulebook.values import ANYTHING, UNKNOWN, Dim, Value

#: Statement executions after which calls are no longer followed: a bound on time, not on truth,
#: since what is not followed is unknown.
BUDGET = 60_000


@dataclass(eq=False)
class Frame:
    """Names of one scope; `parent` is the enclosing scope of the source, not the caller."""

    parent: Frame | None = None
    function: Function | None = None
    names: dict[str, Value] = field(default_factory=dict)
    global_names: set[str] = field(default_factory=set)
    stores: dict[str, int] = field(default_factory=dict)
    #: Names that loops under way bind in each round, where their number is not known.
    spelled: frozenset[str] = frozenset()
    returned: list[Value] = field(default_factory=list)
    #: Name scope and path of the call that this frame executes.
    entry: tuple[str, tuple[Any, ...]] = ("", ())

    @property
    def module(self) -> Frame:
        frame = self
        while frame.parent is not None:
            frame = frame.parent
        return frame

    def lookup(self, name: str) -> tuple[Value, Frame] | None:
        frame: Frame | None = self.module if name in self.global_names else self
        while frame is not None:
            if name in frame.names:
                return frame.names[name], frame
            frame = frame.parent
        return None

    def assign(self, name: str, value: Value) -> None:
        frame = self.module if name in self.global_names else self
        frame.names[name] = value


@dataclass(eq=False)
class State:
    """Everything an execution accumulates."""

    rulebook: Rulebook
    module: cst.Module
    frame: Frame
    #: `functions.call_function` and its like, handed in to keep imports one way.
    follow: Callable[..., Value]
    assign: Callable[..., None]
    evaluate: Callable[..., Value]
    expansions: Any
    values: dict[cst.CSTNode, Value] = field(default_factory=dict)
    symbols: dict[cst.CSTNode, str] = field(default_factory=dict)
    callees: dict[cst.CSTNode, Function] = field(default_factory=dict)
    creations: list[Creation] = field(default_factory=list)
    runs: dict[cst.CSTNode, Run] = field(default_factory=dict)
    naming: Naming = field(default_factory=Naming)
    graphs: Graphs = field(default_factory=Graphs)
    path: tuple[Any, ...] = ()
    control: tuple[Value, ...] = ()
    stack: tuple[cst.CSTNode, ...] = ()
    calls: dict[cst.CSTNode, list[tuple[cst.Call, tuple[Any, ...]]]] = field(default_factory=dict)
    returns: dict[cst.CSTNode, Value] = field(default_factory=dict)
    parameters: dict[cst.CSTNode, dict[str, Value]] = field(default_factory=dict)
    locals: dict[tuple[cst.CSTNode, cst.CSTNode], dict[str, Value]] = field(default_factory=dict)
    #: Lengths that tensor arguments came with by (function, parameter, axis), and those among them
    #: that get a name of the function's own, since its calls disagree about them.
    lengths: dict[tuple[cst.CSTNode, str, int], set[Dim]] = field(default_factory=dict)
    #: Variable scope that is open at each call of a program function, None if it differs.
    scopes_at: dict[cst.CSTNode, str | None] = field(default_factory=dict)
    named_lengths: frozenset[tuple[cst.CSTNode, str, int]] = frozenset()
    #: The same for each round of the loops around a call.
    rounds: dict[tuple[cst.CSTNode, cst.CSTNode], list[tuple[Any, dict[str, Value]]]] = field(
        default_factory=dict
    )
    summaries: list[Value] = field(default_factory=list)
    #: Executions of summaries and of program functions among the name scopes, and the scopes that
    #: are open since the current function was called.
    uses: dict[cst.CSTNode, list[Any]] = field(default_factory=dict)
    opened: tuple[Any, ...] = ()
    #: Calls of TensorFlow functions that a parameter or another name holds.
    indirect: set[cst.CSTNode] = field(default_factory=set)
    #: Gradients by operation that are replaced here, and the calls where they are.
    overrides: dict[str, str] = field(default_factory=dict)
    overridden: dict[cst.CSTNode, str] = field(default_factory=dict)
    #: What losses of collections are, and which of them a call sums.
    loss_terms: dict[Any, Any] = field(default_factory=dict)
    loss_sums: dict[cst.CSTNode, Any] = field(default_factory=dict)
    flags: dict[str, Any] = field(default_factory=dict)
    gradient_calls: dict[cst.CSTNode, Any] = field(default_factory=dict)
    collections: dict[str, list[Value]] = field(default_factory=dict)
    store_counts: dict[cst.CSTNode, dict[str, int]] = field(default_factory=dict)
    #: Calls that draw from a data set or queue with their paths, and all calls on the way there.
    draws: list[tuple[cst.Call, tuple[Any, ...]]] = field(default_factory=list)
    draw_nodes: set[cst.CSTNode] = field(default_factory=set)
    #: Names of variables that exist only inside of input pipelines.
    pipeline_variables: list[str] = field(default_factory=list)
    #: Functions that are given elements of data sets.
    element_functions: set[cst.CSTNode] = field(default_factory=set)
    #: Module-level names that stand for what belongs to an instance of an opened class.
    instance_names: frozenset[str] = frozenset()
    #: The instance of an opened class that this execution is about, if it is about one.
    instance: Any = None
    #: What later stages derive once from the facts, by name.
    cache: dict[str, Any] = field(default_factory=dict)
    #: Tensors and operations that have explicit names.
    named: dict[str, Value] = field(default_factory=dict)
    #: Arguments that calls get under slim.arg_scope, by function.
    arg_scopes: dict[Any, Any] = field(default_factory=dict)
    #: Parameters of functions that stand for what arg_scopes give.
    threads: dict[cst.CSTNode, set[str]] = field(default_factory=dict)
    #: The file of each module-level name, where the program has several.
    homes: Mapping[str, int] = field(default_factory=dict)
    #: Bodies of loops whose number of rounds is not known: they ran twice.
    open_loops: set[cst.CSTNode] = field(default_factory=set)
    #: Streaming metrics, by the identities of their results.
    metrics: dict[Any, Obj] = field(default_factory=dict)
    #: Where layers have their variables whose calls were written out before.
    earlier_scopes: dict[cst.CSTNode, str | None] = field(default_factory=dict)
    #: How often Keras has used each name for layers.
    layer_names: dict[str, int] = field(default_factory=dict)
    spent: int = 0
    shadow: bool = False
    counter: int = 0
    #: How often an attribute of an object of the program has changed.
    changes: int = 0

    def fresh(self) -> int:
        self.counter += 1
        return self.counter

    def set_field(self, owner: Value, name: str, value: Value) -> None:
        """An object of the program gets another value of an attribute."""
        fields = owner.detail.fields
        if name not in fields or fields[name] != value:
            self.changes += 1
            fields[name] = value

    def standing(self, but: Container[str] = ()) -> tuple[object, ...]:
        """What code means here depends on this; some names of the scope may be left out."""
        names = [{name: v for name, v in self.frame.names.items() if name not in but}]
        frame = self.frame.parent
        while frame is not None:
            names.append(dict(frame.names))
            frame = frame.parent
        grown: tuple[Sized, ...] = (self.creations, self.draws, self.summaries, self.naming.used)
        collected = sum(map(len, self.collections.values()))
        graph = (self.graphs.current, self.graphs.count)
        return names, self.changes, self.counter, graph, collected, *map(len, grown)

    def record(self, node: cst.CSTNode, value: Value) -> Value:
        """Keeps the fact of a node, joined with those of earlier visits."""
        old = self.values.get(node)
        self.values[node] = value if old is None else join(old, value)
        return value


#: In texts: what an expression was in the round of a loop before, or in the last one.
PREVIOUS = "_previous_round"


def join(one: Value, other: Value) -> Value:
    """What holds of both values."""
    if one is other or one == other:
        return one
    if one.is_tensor and other.is_tensor:
        kind = one.kind if one.kind == other.kind else "tensor"
        return Value(
            kind,
            dtype=one.dtype if one.dtype == other.dtype else None,
            shape=join_shapes(one.shape, other.shape),
            detail=one.detail if one.detail == other.detail else None,
            host=one.host and other.host,
            fixed=one.fixed and other.fixed,
        )
    if one.kind == other.kind == "python":
        text = one.text if one.text == other.text else None
        same = type(one.literal) is type(other.literal) and one.literal == other.literal
        return (
            replace(one, text=text)
            if same and one.detail == other.detail
            else Value("python", text=text, dtype=_number_dtype(one, other))
        )
    if _is_length(one) or _is_length(other):
        sizes = [v for v in (one, other) if _is_length(v)]
        if len(sizes) == 2 or isinstance(one.literal, int) or "python" in (one.kind, other.kind):
            return replace(sizes[0], literal=UNKNOWN, detail=None)
    if one.kind == other.kind == "sequence":
        items, others = one.detail, other.detail
        if len(items) == len(others):
            joined = tuple(join(a, b) for a, b in zip(items, others, strict=True))
            return Value("sequence", detail=joined)
        return Value("many", detail=join_all((*items, *others)))
    if "many" in (one.kind, other.kind) and {one.kind, other.kind} <= {"many", "sequence"}:
        kinds = [v.detail if v.kind == "sequence" else (v.detail,) for v in (one, other)]
        return Value("many", detail=join_all((*kinds[0], *kinds[1])))
    if one.kind == other.kind == "mapping":
        pairs, others = dict(one.detail), dict(other.detail)
        if list(pairs) == list(others):
            joined_pairs = tuple((key, join(value, others[key])) for key, value in pairs.items())
            return Value("mapping", detail=joined_pairs)
        return Value("python")
    if one.kind == other.kind == "operation" and one.detail is not None:
        same = other.detail is not None and one.detail.node is other.detail.node
        if same and one.detail.type == other.detail.type == "Init":
            return one
    if one.kind == other.kind and one.detail is other.detail:
        return replace(one, text=None)
    if one.kind == other.kind == "object" and one.detail.type == other.detail.type:
        if one.detail.type in ("Dimension", "TensorShape"):
            return _join_sizes(one, other)
        same = one.detail["same"]
        return one if same is None or same(one.detail, other.detail) else ANYTHING
    if {one.kind, other.kind} <= {"python", "sequence", "mapping"}:
        return Value("python")
    return ANYTHING


def _join_sizes(one: Value, other: Value) -> Value:
    """Lengths and shapes that differ are not known."""
    if one.detail.type == "Dimension":
        a, b = one.detail["dim"], other.detail["dim"]
        dim = _join_dims(a, b)
        return Value("object", detail=Obj("Dimension", {"dim": dim}))
    dims, others = one.detail["dims"], other.detail["dims"]
    joined = None
    if dims is not None and others is not None and len(dims) == len(others):
        joined = tuple(join(a, b) for a, b in zip(dims, others, strict=True))
    return Value("object", detail=Obj("TensorShape", {"dims": joined}))


def join_shapes(
    one: tuple[Dim, ...] | None, other: tuple[Dim, ...] | None
) -> tuple[Dim, ...] | None:
    if one is None or other is None or len(one) != len(other):
        return None
    return tuple(_join_dims(a, b) for a, b in zip(one, other, strict=True))


def _is_length(value: Value) -> bool:
    """A length that is only known in the run: an integer in torch."""
    return value.is_tensor and value.host and value.shape == ()


def _number_dtype(one: Value, other: Value) -> str | None:
    """Dtype of what is a Python number either way."""
    kinds = {bool: None, int: "int32", float: "float32"}
    found = {
        kinds.get(type(v.literal)) or (v.dtype if v.shape is None else None) for v in (one, other)
    }
    if None in found or not found <= {"int32", "float32"}:
        return None
    return found.pop() if len(found) == 1 else "float32"


def _join_dims(one: Dim, other: Dim) -> Dim:
    if one == other:
        return one
    for dim in (one, other):
        if dim.text is not None and dim.text.startswith(PREVIOUS):
            return Dim(None, dim.text)
    size = one.size if one.size == other.size else None
    return Dim(size, one.text if one.text == other.text else None)


def join_all(values: Iterable[Value]) -> Value:
    result: Value | None = None
    for value in values:
        result = value if result is None else join(result, value)
    return ANYTHING if result is None else result
