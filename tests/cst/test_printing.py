"""Places of nodes are those of libcst's position provider."""

from __future__ import annotations

from pathlib import Path

import libcst as cst
import pytest
from libcst.metadata import MetadataWrapper, PositionProvider

from tf2torch.cst.printing import code_of, places
from tf2torch.cst.walk import walk

ROOT = Path(__file__).resolve().parents[2]
KINDS = (cst.BaseExpression, cst.BaseSmallStatement, cst.BaseCompoundStatement, cst.Arg)


@pytest.mark.parametrize("path", sorted(ROOT.glob("examples/*/*.py")), ids=lambda path: path.stem)
def test_places_are_those_of_libcst(path: Path) -> None:
    module = cst.parse_module(path.read_text("utf-8"))
    wanted = {node for node in walk(module) if isinstance(node, KINDS)}
    known = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
    expected = {n: (known[n].start.line, known[n].start.column + 1) for n in wanted}
    assert places(module, wanted) == expected


def test_only_wanted_nodes_of_the_module_are_found() -> None:
    module = cst.parse_module("\n# note\nx = (\n    y)\n")
    assign = next(node for node in walk(module) if isinstance(node, cst.Assign))
    elsewhere = cst.parse_expression("z")
    assert places(module, {assign.value, elsewhere}) == {assign.value: (4, 5)}


@pytest.mark.parametrize("path", sorted(ROOT.glob("examples/*/*.py")), ids=lambda path: path.stem)
def test_text_is_that_of_libcst(path: Path) -> None:
    module = cst.parse_module(path.read_text("utf-8"))
    assert code_of(module, module) == module.code
    assert code_of(module.body[-1]) == cst.Module([]).code_for_node(module.body[-1])
