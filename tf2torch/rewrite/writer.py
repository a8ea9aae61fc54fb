"""State of one rewrite: outcomes of references, findings, and what the output needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import libcst as cst

from tf2torch.analyse import Analysis
from tf2torch.cst.names import names_in
from tf2torch.cst.parsing import parse_expression, parse_statements
from tf2torch.cst.printing import code_of
from tf2torch.cst.walk import walk
from tf2torch.diagnostics import Outcome
from tf2torch.plan import Plan
from tf2torch.plan.slots import Slot
from tf2torch.rulebook.values import ANYTHING, Value


class Unconvertible(Exception):
    """Signals that a statement has to become a TODO; never leaves the rewrite stage."""

    def __init__(self, rule: str, reason: str, node: cst.CSTNode | None = None) -> None:
        super().__init__(reason)
        self.rule, self.reason, self.node = rule, reason, node


@dataclass(frozen=True, eq=False)
class Scope:
    """Where an expression will stand in the output.

    Attributes:
        names: source text that replaces a name there: ``{"W": "self.W"}``.
        model: text that reaches the model (``self``, ``model``), None outside of it.
        phase: `init`, `forward` or `host`.
        layouts: for each local image tensor its axis order, if it is not TensorFlow's.
        slots: attributes of what calls create.
        create: writes the constructor of a call's slot; None where nothing may be created.
        replaced: expressions that stand for nodes already dealt with.
        indices: index expression of each `for` loop, to reach into ModuleLists.
        modes: identities of placeholders that say whether the model trains.
        keys: whether placeholders stand for themselves there, as keys of feed dictionaries.
        unread: whether nobody takes the values of what is computed there.
        scoped: whether the function there keeps TensorFlow's variable scopes.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None
    phase: str = "host"
    layouts: dict[str, str] = field(default_factory=dict)
    slots: Mapping[cst.CSTNode, Slot] = field(default_factory=dict)
    create: Callable[..., None] | None = None
    replaced: dict[cst.CSTNode, cst.BaseExpression] = field(default_factory=dict)
    indices: dict[cst.CSTNode, str] = field(default_factory=dict)
    modes: frozenset[Any] = frozenset()
    keys: bool = False
    unread: bool = False
    scoped: bool = False

    def shadow(self, names: set[str]) -> Scope:
        """The scope inside a lambda or comprehension that binds `names` itself."""
        if not names & (self.names.keys() | self.layouts.keys()):
            return self
        kept = {name: text for name, text in self.names.items() if name not in names}
        layouts = {name: text for name, text in self.layouts.items() if name not in names}
        return replace(self, names=kept, layouts=layouts)

    def inside(self, **changes: Any) -> Scope:
        return replace(self, **changes)


@dataclass(eq=False)
class Writer:
    """Accumulates what the passes find out while they write."""

    plan: Plan
    outcomes: dict[cst.CSTNode, tuple[Outcome, str, str]] = field(default_factory=dict)
    findings: list[tuple[cst.CSTNode | None, str, str, str]] = field(default_factory=list)
    support: set[str] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)
    classes: dict[cst.FunctionDef, Any] = field(default_factory=dict)
    #: Names that statements would have bound which became TODOs.
    failed: set[str] = field(default_factory=set)
    modes: frozenset[Any] = frozenset()
    #: Writers of the graphs that the program builds beside this one.
    others: list[Writer] = field(default_factory=list)

    def with_others(self) -> list[Writer]:
        """A writer for each graph of the program, with one account of what became of it."""
        for plan in self.plan.others:
            shared = (self.outcomes, self.findings, self.support, self.imports)
            other = Writer(plan, *shared, failed=self.failed, modes=plan.modes)
            self.others.append(other)
        return [self, *self.others]

    @property
    def analysis(self) -> Analysis:
        return self.plan.analysis

    @property
    def exact(self) -> bool:
        return bool(getattr(self.analysis.options, "exact", False))

    def value(self, node: cst.CSTNode) -> Value:
        return self.analysis.values.get(node, ANYTHING)

    def text(self, node: cst.CSTNode) -> str:
        return code_of(node, self.analysis.source.module)

    def settle(self, node: cst.CSTNode, outcome: Outcome, rule: str = "", note: str = "") -> None:
        """Gives every unsettled TensorFlow reference below `node` its outcome."""
        symbols = self.analysis.symbols
        for reference in [item for item in walk(node) if item in symbols]:
            current = self.outcomes.get(reference)
            if current is None or outcome is Outcome.TODO:
                self.outcomes[reference] = (outcome, rule, note)

    def converted(self, node: cst.CSTNode, rule: str) -> None:
        """Marks one reference as converted by a rule or pass."""
        if node in self.analysis.symbols:
            self.outcomes.setdefault(node, (Outcome.CONVERTED, rule, ""))

    def note(self, node: cst.CSTNode | None, rule: str, message: str) -> None:
        self.findings.append((node, rule, "note", message))

    def todo(self, node: cst.CSTNode, problem: Unconvertible) -> None:
        self.findings.append((problem.node or node, problem.rule, "error", problem.reason))
        self.settle(node, Outcome.TODO, problem.rule, problem.reason)
        self.failed |= names_in(node).stores


def parse(text: str) -> cst.BaseExpression:
    return parse_expression(text)


def lines(text: str) -> list[cst.BaseStatement]:
    """Statements of a piece of source."""
    return parse_statements(text)


def code(node: cst.CSTNode) -> str:
    return code_of(node)
