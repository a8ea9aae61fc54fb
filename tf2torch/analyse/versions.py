"""Gives a name that a program uses twice, for values that torch code keeps apart, two names.

    W = tf.Variable(...)                    W_var = tf.Variable(...)
    y = tf.matmul(x, W)             ->      y = tf.matmul(x, W_var)
    W = sess.run(W)                         W = sess.run(W_var)

In TensorFlow the graph remembers what a name stood for. In the conversion the first `W` is an
attribute of the model and the second one a NumPy array, and both live on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import libcst as cst

from tf2torch.analyse import clashes
from tf2torch.analyse.chapters import Divide
from tf2torch.analyse.wording import called, library_names, names_below, runs_graph
from tf2torch.cst.walk import children, transform

_MAKERS: Final = frozenset({"Variable", "get_variable"})
_PLACEHOLDERS: Final = frozenset({"placeholder", "placeholder_with_default"})
_DEFERRED: Final = (cst.FunctionDef, cst.Lambda, cst.ClassDef)
_GRAPH: Final = ("variable", "placeholder", "graph")
_OWN_NAMES: Final = frozenset(
    {*_DEFERRED, cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp}
)
_SUFFIXES: Final = {"variable": "var", "placeholder": "input", "graph": "tensor"}


@dataclass(eq=False)
class _Binding:
    """One assignment to a name."""

    name: str
    kind: str
    order: int
    chapter: int = 0
    nodes: list[cst.CSTNode] = field(default_factory=list)
    parent: _Binding | None = None
    loads: int = 0  # by statements that run nothing

    @property
    def root(self) -> _Binding:
        node = self
        while node.parent is not None:
            node = node.parent
        return node


_Env = dict[str, frozenset[_Binding]]


def separate(
    module: cst.Module,
    runs: Callable[[cst.FunctionDef], bool],
    origins: dict[cst.CSTNode, cst.CSTNode],
    divide: Divide,
) -> cst.Module:
    """The module with such names separated.

    `runs` tells the functions that hold sessions, `divide` where a scope begins another graph.
    """
    names: dict[cst.CSTNode, str] = {}
    taken = names_below(module)
    library = library_names(module)
    roots = [node for node in module.body if isinstance(node, cst.FunctionDef) and runs(node)]
    for body in (module.body, *(root.body.body for root in roots)):
        names |= _renamed(divide(body), taken, library)
    names |= clashes.renamed(module, roots, taken)
    if not names:
        return module

    def change(node: cst.CSTNode) -> cst.CSTNode:
        return node.with_changes(value=names[node]) if node in names else node

    def descend(node: cst.CSTNode) -> cst.CSTNode:
        new = transform(node, change, descend)
        if new is not node:
            origins.setdefault(new, origins.get(node, node))
        return new

    changed = descend(module)
    assert isinstance(changed, cst.Module)
    return changed


def _renamed(
    parts: Sequence[Sequence[cst.CSTNode]], taken: set[str], library: frozenset[str]
) -> dict[cst.CSTNode, str]:
    """The new name of each node whose name has to differ from that of another value."""
    walker = _Walker(library)
    env: _Env = {}
    for statements in parts:
        walker.chapter += 1
        env = walker.block(statements, env)
    groups: dict[tuple[str, int], dict[_Binding, list[_Binding]]] = {}
    for binding in walker.bindings:
        if binding.name not in walker.unsafe:
            key = (binding.name, binding.root.chapter)
            groups.setdefault(key, {}).setdefault(binding.root, []).append(binding)
    found: dict[cst.CSTNode, str] = {}
    for (name, chapter), webs in groups.items():
        if len(webs) < 2:
            continue
        for web, kind in _clashing(list(webs.values()), walker.runs.get(chapter, [0])):
            new = _free(name, kind, taken)
            found |= {node: new for binding in web for node in binding.nodes}
    return found


def _clashing(
    webs: list[list[_Binding]], runs: list[int]
) -> Iterable[tuple[list[_Binding], str | None]]:
    """The groups of bindings that need another name, and what they hold."""
    kinds = [_kind(web) for web in webs]
    earlier: list[str] = []
    start = 0
    for number, (web, kind) in enumerate(zip(webs, kinds)):
        if kind not in _GRAPH:
            continue
        behind = [w for w, k in zip(webs[number:], kinds[number:]) if k in ("host", "python")]
        hosts = [binding for other in behind for binding in other if binding.kind == "host"]
        needed = any(binding.loads > 1 for binding in web)
        later = any(binding.order < runs[-1] for binding in hosts)
        section = any(start < run <= web[0].order for run in runs)
        derived = any(binding.kind == "derived" for binding in web)
        fed = kind == "placeholder" or "placeholder" in earlier
        if behind and (kind == "variable" or (hosts and kind == "placeholder")):
            yield web, kind
        elif needed and later:
            yield web, kind
        elif earlier and (section or (fed and not derived)):
            yield web, None
        if not earlier:
            start = web[0].order
        earlier.append(kind)


def _kind(web: list[_Binding]) -> str:
    kinds = {binding.kind for binding in web}
    if len(kinds) == 1:
        kind = kinds.pop()
        return "graph" if kind == "derived" else kind
    return "graph" if kinds <= {"graph", "derived"} else "mixed"


def _free(name: str, kind: str | None, taken: set[str]) -> str:
    base = name if kind is None else f"{name}_{_SUFFIXES[kind]}"
    new, number = base, 1
    while new in taken:
        number += 1
        new = f"{base}_{number}"
    taken.add(new)
    return new


class _Walker:
    """Follows which assignments may have given a name its value, statement by statement.

    Statements change the names that they are given, so branches get copies.
    """

    def __init__(self, library: frozenset[str]) -> None:
        self.library = library
        self.bindings: list[_Binding] = []
        self.unsafe: set[str] = set()  # read by functions, whenever these are called
        self.chapter = 0
        self.runs: dict[int, list[int]] = {}  # how many names were known at each run
        self._known: dict[cst.CSTNode, _Binding] = {}

    def block(self, body: Sequence[cst.CSTNode], env: _Env) -> _Env:
        for node in body:
            env = self.statement(node, env)
        return env

    def statement(self, node: cst.CSTNode, env: _Env) -> _Env:
        if isinstance(node, cst.SimpleStatementLine):
            return self.block(node.body, env)
        if isinstance(node, cst.Assign):
            self.load(node.value, env)
            for target in node.targets:
                env = self.store(target.target, node.value, env)
            return env
        if isinstance(node, cst.AugAssign):
            self.load(node.value, env)
            self.load(node.target, env)
            return env
        if isinstance(node, cst.If):
            self.load(node.test, env)
            after = self.block(node.body.body, dict(env))
            if isinstance(node.orelse, cst.If):
                return _merge(after, self.statement(node.orelse, dict(env)))
            other = node.orelse.body.body if node.orelse is not None else ()
            return _merge(after, self.block(other, dict(env)))
        if isinstance(node, (cst.For, cst.While)):
            self.load(node.iter if isinstance(node, cst.For) else node.test, env)
            inside = env
            for _ in range(2):
                start = dict(env)
                if isinstance(node, cst.For):
                    start = self.store(node.target, node.iter, start)
                inside = self.block(node.body.body, start)
                env = _merge(env, inside)
            return self.block(node.orelse.body.body, env) if node.orelse is not None else env
        if isinstance(node, cst.With):
            for item in node.items:
                self.load(item.item, env)
                if item.asname is not None:
                    env = self.store(item.asname.name, item.item, env)
            return self.block(node.body.body, env)
        if isinstance(node, cst.Try):
            env = _merge(env, self.block(node.body.body, dict(env)))
            for part in (*node.handlers, node.orelse, node.finalbody):
                if part is not None:
                    env = _merge(env, self.block(part.body.body, dict(env)))
            return env
        if isinstance(node, _DEFERRED):
            self.unsafe.update(names_below(node))
            return env
        self.load(node, env)
        return env

    def load(self, node: cst.CSTNode, env: _Env) -> None:
        runs = runs_graph(node)
        if runs:
            self.runs.setdefault(self.chapter, []).append(len(self._known))
        self._load(node, env, runs)

    def _load(self, node: cst.CSTNode, env: _Env, runs: bool) -> None:
        kind = type(node)
        if kind in _OWN_NAMES:
            self.unsafe.update(names_below(node))
            return
        if kind is cst.Attribute or kind is cst.Arg:
            self._load(node.value, env, runs)  # type: ignore[attr-defined]
            return
        if kind is cst.Name:
            assert isinstance(node, cst.Name)
            found = [binding.root for binding in env.get(node.value, ())]
            if not found:
                return
            first = found[0]
            for other in found[1:]:
                if other.root is not first.root:
                    other.root.parent = first.root
            if node not in self._known:
                self._known[node] = first
                first.nodes.append(node)
                first.loads += not runs
            return
        for child in children(node):
            self._load(child, env, runs)

    def kind(self, value: cst.CSTNode, name: str, env: _Env) -> str:
        """What an assignment binds."""
        if runs_graph(value):
            return "host"
        function = called(value)
        if function in _MAKERS:
            return "variable"
        if function in _PLACEHOLDERS:
            return "placeholder"
        read = names_below(value)
        made = {binding.kind for item in read for binding in env.get(item, ())}
        if not read & self.library and not made & {*_GRAPH, "derived"}:
            return "python"
        return "derived" if name in read else "graph"

    def store(self, target: cst.CSTNode, value: cst.CSTNode, env: _Env) -> _Env:
        if isinstance(target, cst.Name):
            binding = self._known.get(target)
            if binding is None:
                kind = self.kind(value, target.value, env)
                order = len(self._known)
                binding = _Binding(target.value, kind, order, self.chapter, [target])
                self._known[target] = binding
                self.bindings.append(binding)
            env[target.value] = frozenset({binding})
            return env
        if isinstance(target, (cst.Tuple, cst.List)):
            for element in target.elements:
                env = self.store(element.value, value, env)
            return env
        self.load(target, env)
        return env


def _merge(one: _Env, other: _Env) -> _Env:
    none: frozenset[_Binding] = frozenset()
    return {name: one.get(name, none) | other.get(name, none) for name in {**one, **other}}
