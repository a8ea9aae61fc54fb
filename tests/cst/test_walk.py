"""Reading a tree finds what libcst's visitors find, in their order."""

from __future__ import annotations

from pathlib import Path

import libcst as cst
import pytest

from tf2torch.cst.walk import children, read, transform, walk

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(ROOT.glob("examples/*/*.py")) + sorted(ROOT.glob("tf2torch/load/*.py"))
#: Nodes of white space, punctuation and operators' spelling.
TRIVIA = (
    cst.BaseParenthesizableWhitespace,
    cst.TrailingWhitespace,
    cst.EmptyLine,
    cst.Newline,
    cst.Comment,
    cst.LeftParen,
    cst.RightParen,
    cst.LeftSquareBracket,
    cst.RightSquareBracket,
    cst.LeftCurlyBrace,
    cst.RightCurlyBrace,
    cst.Comma,
    cst.Semicolon,
    cst.Colon,
    cst.AssignEqual,
    cst.Dot,
    cst.ParamStar,
    cst.Asynchronous,
)


class Everything(cst.CSTVisitor):
    def __init__(self) -> None:
        self.seen: list[cst.CSTNode] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if not isinstance(node, TRIVIA):
            self.seen.append(node)
        return True


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_walk_finds_what_libcst_finds(path: Path) -> None:
    module = cst.parse_module(path.read_text("utf-8"))
    everything = Everything()
    module.visit(everything)
    found = [node for node in walk(module) if not isinstance(node, TRIVIA)]
    assert {id(node) for node in found} == {id(node) for node in everything.seen}
    names = [node.value for node in found if isinstance(node, cst.Name)]
    assert len(found) == len(everything.seen)
    assert sorted(names) == sorted(n.value for n in everything.seen if isinstance(n, cst.Name))


def test_definitions_are_read_in_the_order_of_the_source() -> None:
    text = "@a\ndef b(c: d = e) -> f:\n    g\n@h\nclass i(j, k=l):\n    m\n"
    found = [n.value for n in walk(cst.parse_module(text)) if isinstance(n, cst.Name)]
    assert [name for name in found if name not in "cdekl"] == list("abfghijm")


class Calls(cst.CSTVisitor):
    def __init__(self) -> None:
        self.events: list[str] = []

    def visit_Call(self, node: cst.Call) -> bool:
        self.events.append(f"visit {cst.Module([]).code_for_node(node)}")
        return not isinstance(node.func, cst.Attribute)

    def leave_Call(self, original_node: cst.Call) -> None:
        self.events.append(f"leave {cst.Module([]).code_for_node(original_node)}")

    def visit_Name(self, node: cst.Name) -> None:
        self.events.append(node.value)


def test_read_calls_a_visitor_as_libcst_does() -> None:
    module = cst.parse_module("x = f(g(1), a.h(y))\n")
    ours, theirs = Calls(), Calls()
    read(module, ours)
    module.visit(theirs)
    assert ours.events == theirs.events


def test_children_are_direct() -> None:
    node = cst.parse_expression("f(1, 2)")
    assert [type(child).__name__ for child in children(node)] == ["Name", "Arg", "Arg"]


def test_transform_works_inside_out_and_keeps_what_does_not_change() -> None:
    module = cst.parse_module("x = f(a, b)  # note\ny = g( a )\n")

    def change(node: cst.CSTNode) -> cst.CSTNode:
        if (
            isinstance(node, cst.Call)
            and isinstance(node.func, cst.Name)
            and node.func.value == "f"
        ):
            return cst.Name(f"f{len(node.args)}")
        return (
            node.with_changes(value="c")
            if isinstance(node, cst.Name) and node.value == "b"
            else node
        )

    changed = transform(module, change)
    assert isinstance(changed, cst.Module)
    assert changed.code == "x = f2  # note\ny = g( a )\n"
    assert changed.body[1] is module.body[1]
    assert transform(module, lambda node: node) is module
