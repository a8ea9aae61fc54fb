"""Which list and dict literals a name may stand for where a session runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import libcst as cst

from tf2torch.analyse import Analysis
from tf2torch.plan.units import calls_in

#: The expressions that each name may have been assigned last; under `STALE` names of dictionaries
#: some of whose placeholders have been fed otherwise since.
Env = dict[str, tuple[Any, ...]]
STALE = "<stale>"


@dataclass(frozen=True)
class Reaching:
    """What names stand for at runs.

    Attributes:
        values: for each run, the values that names may have there.
        kept: names of dictionaries that a run uses after another one has fed the same
            placeholders, so that they have to stay dictionaries.
    """

    values: Mapping[cst.CSTNode, Mapping[str, tuple[Any, ...]]]
    kept: frozenset[str]


def reaching_literals(analysis: Analysis, bodies: Sequence[Sequence[cst.CSTNode]]) -> Reaching:
    """Follows the names of each body, as far as they are assigned in it."""
    walker = _Walker(analysis)
    runs = analysis.runs.values()
    if not any(
        isinstance(run.feeds, cst.Name) or isinstance(run.fetches, cst.Name) for run in runs
    ):
        return Reaching({}, frozenset())
    for body in bodies:
        walker.block(body, {})
    return Reaching(walker.found, frozenset(walker.kept))


class _Walker:
    """Each block changes the names that it is given, so branches get copies."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.found: dict[cst.CSTNode, Env] = {}
        self.kept: set[str] = set()

    def block(self, body: Sequence[cst.CSTNode], env: Env) -> Env:
        for node in body:
            env = self.statement(node, env)
        return env

    def statement(self, node: cst.CSTNode, env: Env) -> Env:
        if isinstance(node, cst.SimpleStatementLine):
            for small in node.body:
                env = self.assign(small, self.look(small, env))
            return env
        if isinstance(node, cst.If):
            env = self.look(node.test, env)
            after = self.block(node.body.body, dict(env))
            other = env
            if isinstance(node.orelse, cst.If):
                other = self.statement(node.orelse, dict(env))
            elif node.orelse is not None:
                other = self.block(node.orelse.body.body, dict(env))
            return merge(after, other)
        if isinstance(node, (cst.For, cst.While)):
            env = self.look(node.iter if isinstance(node, cst.For) else node.test, env)
            once = merge(env, self.block(node.body.body, dict(env)))
            return merge(env, self.block(node.body.body, once))
        if isinstance(node, cst.With):
            return self.block(node.body.body, env)
        if isinstance(node, cst.Try):
            inside = self.block(node.body.body, dict(env))
            merged = merge(env, inside)
            for handler in node.handlers:
                merged = merge(merged, self.block(handler.body.body, dict(merged)))
            merged = inside if not node.handlers else merged
            return self.block(node.finalbody.body.body, merged) if node.finalbody else merged
        if isinstance(node, cst.FunctionDef):
            self.block(node.body.body, dict(env))
        return env

    def look(self, node: cst.CSTNode, env: Env) -> Env:
        for call in calls_in(node):
            run = self.analysis.runs.get(call)
            if run is None:
                continue
            seen = self.found.get(call)
            self.found[call] = dict(env) if seen is None else merge(seen, env)
            if isinstance(run.feeds, cst.Name):
                name = run.feeds.value
                if name in env.get(STALE, ()):
                    self.kept.add(name)
                fed = {key for value in env.get(name, ()) for key in _keys(value)}
                env = _overwritten(env, fed, name)
            elif run.feeds is not None:
                env = _overwritten(env, _keys(run.feeds), None)
        return env

    def assign(self, node: cst.CSTNode, env: Env) -> Env:
        if isinstance(node, cst.Assign) and isinstance(node.targets[0].target, cst.Name):
            name = node.targets[0].target.value
            env = _overwritten(env, _keys(node.value), name)
            env[STALE] = tuple(stale for stale in env.get(STALE, ()) if stale != name)
            env[name] = (node.value,)
        return env


def _keys(node: cst.CSTNode) -> set[str]:
    """Names that a dictionary literal feeds."""
    if not isinstance(node, cst.Dict):
        return set()
    return {
        e.key.value
        for e in node.elements
        if isinstance(e, cst.DictElement) and isinstance(e.key, cst.Name)
    }


def _overwritten(env: Env, fed: set[str], but: str | None) -> Env:
    """`env` after `fed` have new values: other dictionaries that feed them are stale."""
    if not fed:
        return env
    stale = {
        name
        for name, values in env.items()
        if name not in (STALE, but) and any(_keys(value) & fed for value in values)
    }
    if stale:
        env[STALE] = tuple(sorted({*env.get(STALE, ()), *stale}))
    return env


def merge(one: Env, other: Env) -> Env:
    """What names may be after either way."""
    return {
        name: tuple(dict.fromkeys((*one.get(name, ()), *other.get(name, ()))))
        for name in {**one, **other}
    }
