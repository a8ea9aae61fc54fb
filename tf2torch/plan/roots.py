"""Finds the scope that builds the graph and runs it."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from tf2torch.analyse import Analysis
from tf2torch.cst.names import names_in
from tf2torch.cst.walk import children
from tf2torch.plan.units import Unit, classify, contains_run, units_of


@dataclass(frozen=True, eq=False)
class Root:
    """The root scope.

    Attributes:
        function: the function whose body is the root, None if it is the module.
        units: module-level units, followed by those of `function`.
        nested: units inside host statements, such as the body of the training loop.
        functions: program functions beside the root function.
        names: every name of the file.
    """

    function: cst.FunctionDef | None
    units: tuple[Unit, ...]
    nested: tuple[Unit, ...]
    functions: tuple[cst.FunctionDef, ...]
    names: frozenset[str]

    def free_name(self, wanted: str) -> str:
        """`wanted`, or a variation that the file does not use."""
        name = wanted
        while name in self.names:
            name += "_"
        return name


def find_root(analysis: Analysis) -> Root:
    """The module, unless one function both builds graph and runs a session."""
    module = analysis.source.module
    units = units_of(analysis, module.body, None)
    functions = [unit.node for unit in units if isinstance(unit.node, cst.FunctionDef)]
    module_runs = any(contains_run(analysis, unit.node) for unit in units if unit.kind != "define")
    opened = analysis.opened
    module_runs = module_runs or (opened is not None and opened.home is None)
    candidates = [f for f in functions if not module_runs and _is_root(analysis, f)]
    root = candidates[0] if len(candidates) == 1 else None
    if root is not None:
        inner = units_of(analysis, root.body.body, root, len(units))
        functions += [u.node for u in inner if isinstance(u.node, cst.FunctionDef)]
        units += inner
    nested = [n for unit in units if unit.kind == "host" for n in _inside(analysis, unit)]
    names = names_in(module)
    return Root(
        root,
        tuple(units),
        tuple(nested),
        tuple(f for f in functions if f is not root),
        frozenset(names.loads | names.stores),
    )


def _is_root(analysis: Analysis, function: cst.FunctionDef) -> bool:
    if not contains_run(analysis, function.body):
        return False
    kinds = {unit.kind for unit in units_of(analysis, function.body.body, function)}
    return bool(kinds & {"placeholder", "param", "graph", "source"})


def _inside(analysis: Analysis, unit: Unit) -> list[Unit]:
    """Units of the blocks inside a compound host statement."""
    if isinstance(unit.node, cst.SimpleStatementLine):
        return []
    found: list[Unit] = []
    for block in _suites(unit.node):
        for child in block.body:
            if isinstance(child, cst.BaseStatement):
                kind = classify(analysis, child)
                inner = Unit(unit.index, child, kind, names_in(child), (), unit.scope)
                found.append(inner)
                found += _inside(analysis, inner)
    return found


def _suites(node: cst.CSTNode) -> list[cst.IndentedBlock]:
    found = []
    for child in children(node):
        if isinstance(child, cst.IndentedBlock):
            found.append(child)
        elif isinstance(child, (cst.Else, cst.Finally, cst.ExceptHandler, cst.If)):
            found += _suites(child)
    return found
