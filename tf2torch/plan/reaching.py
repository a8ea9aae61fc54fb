"""Which list and dict literals a name may stand for where a session runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import libcst as cst

from tf2torch.analyse import Analysis
from tf2torch.plan.units import calls_in

#: The expressions that each name may have been assigned last.
Env = dict[str, tuple[cst.BaseExpression, ...]]


def reaching_literals(
    analysis: Analysis, bodies: Sequence[Sequence[cst.CSTNode]]
) -> Mapping[cst.CSTNode, Mapping[str, tuple[cst.BaseExpression, ...]]]:
    """For each run, the values that names may have there, of those assigned in the same body."""
    walker = _Walker(analysis)
    for body in bodies:
        walker.block(body, {})
    return walker.found


class _Walker:
    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.found: dict[cst.CSTNode, Env] = {}

    def block(self, body: Sequence[cst.CSTNode], env: Env) -> Env:
        for node in body:
            env = self.statement(node, env)
        return env

    def statement(self, node: cst.CSTNode, env: Env) -> Env:
        if isinstance(node, cst.SimpleStatementLine):
            for small in node.body:
                self.look(small, env)
                env = self.assign(small, env)
            return env
        if isinstance(node, cst.If):
            self.look(node.test, env)
            after = self.block(node.body.body, dict(env))
            other = env
            if isinstance(node.orelse, cst.If):
                other = self.statement(node.orelse, dict(env))
            elif node.orelse is not None:
                other = self.block(node.orelse.body.body, dict(env))
            return merge(after, other)
        if isinstance(node, (cst.For, cst.While)):
            self.look(node.iter if isinstance(node, cst.For) else node.test, env)
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

    def look(self, node: cst.CSTNode, env: Env) -> None:
        for call in calls_in(node):
            if call in self.analysis.runs:
                seen = self.found.get(call)
                self.found[call] = dict(env) if seen is None else merge(seen, env)

    def assign(self, node: cst.CSTNode, env: Env) -> Env:
        if isinstance(node, cst.Assign) and isinstance(node.targets[0].target, cst.Name):
            return {**env, node.targets[0].target.value: (node.value,)}
        return env


def merge(one: Env, other: Env) -> Env:
    """What names may be after either way."""
    return {
        name: tuple(dict.fromkeys((*one.get(name, ()), *other.get(name, ()))))
        for name in {**one, **other}
    }
