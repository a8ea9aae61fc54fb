"""Filling templates by substitution in the syntax tree."""

from __future__ import annotations

import ast

import libcst as cst
import pytest

from tf2torch.cst.precedence import fit, precedence, required
from tf2torch.cst.templates import ABSENT, Field, TemplateError, parse_template, substitute


def expression(source: str) -> cst.BaseExpression:
    """Parse, without the parentheses that let the source break lines."""
    if "\n" in source:
        return cst.parse_expression(f"({source})").with_changes(lpar=[], rpar=[])
    return cst.parse_expression(source)


def filled(template: str, **given: str) -> str:
    def value_of(hole: Field) -> cst.BaseExpression | object:
        if hole.call is not None:
            return given.get(hole.call.partition("(")[0], ABSENT)
        return expression(given[hole.name]) if hole.name in given else ABSENT

    return cst.Module([]).code_for_node(substitute(template, value_of))


@pytest.mark.parametrize(
    ("template", "given", "expected"),
    [
        ("{x}.sum()", {"x": "a + b"}, "(a + b).sum()"),
        ("{x}.sum()", {"x": "a"}, "a.sum()"),
        ("{x}.sum()", {"x": "f(a)[0].b"}, "f(a)[0].b.sum()"),
        ("{x}.sum()", {"x": "(a)"}, "(a).sum()"),
        ("{x}.sum()", {"x": "3"}, "(3).sum()"),
        ("{x}.sum()", {"x": "-a"}, "(-a).sum()"),
        ("{x}[0]", {"x": "a if b else c"}, "(a if b else c)[0]"),
        ("f({x})", {"x": "a  +  b"}, "f(a  +  b)"),
        ("f({x}, 1)", {"x": "i for i in y"}, None),
        ("{x} - {y}", {"x": "a - b", "y": "c - d"}, "a - b - (c - d)"),
        ("{x} * {y}", {"x": "a + b", "y": "c"}, "(a + b) * c"),
        ("{x} ** 2", {"x": "-a"}, "(-a) ** 2"),
        ("2 ** {x}", {"x": "-a"}, "2 ** -a"),
        ("-{x}", {"x": "a ** 2"}, "-a ** 2"),
        ("not {x}", {"x": "a == b"}, "not a == b"),
        ("{x} & {y}", {"x": "a > 0", "y": "b > 0"}, "(a > 0) & (b > 0)"),
        ("{x} == {y}", {"x": "a == b", "y": "c"}, "(a == b) == c"),
        ("f({x}, dim={axis?})", {"x": "a"}, "f(a)"),
        ("f({x}, dim={axis?})", {"x": "a", "axis": "1"}, "f(a, dim=1)"),
        ("f({x}, m=1 - {m?}, k=2)", {"x": "a"}, "f(a, k=2)"),
        ("f({x}, {axis|-1})", {"x": "a"}, "f(a, -1)"),
        ("f({x}, {axis|-1})", {"x": "a", "axis": "0"}, "f(a, 0)"),
        ("{x}.permute({p*})", {"x": "a", "p": "[0,  2, 1]"}, "a.permute(0,  2, 1)"),
        ("{x}.permute({p*})", {"x": "a", "p": "order"}, "a.permute(order)"),
        ("f(*{p}, 1)", {"p": "[a, b]"}, "f(a, b, 1)"),
        ("f(*{p}, 1)", {"p": "ab"}, "f(*ab, 1)"),
        ("[{p*}, 0]", {"p": "(a, b)"}, "[a, b, 0]"),
        ("{x}[{index(x)}]", {"x": "a + b", "index": ":2, 1, ..."}, "(a + b)[:2, 1, ...]"),
        ("f({two(x)}, k={two(x)?})", {"two": "1, 2"}, "f(1, 2, k=(1, 2))"),
        ("f({x}, k={none(x)})", {"x": "a"}, "f(a)"),
        ("{{'a': {x}}}", {"x": "b"}, "{'a': b}"),
        ("{x} + 1", {"x": "a +\n b"}, "(a +\n b) + 1"),
        ("{x} + 1", {"x": "f(a,\n  b)"}, "f(a,\n  b) + 1"),
        ("f({x} + 1)", {"x": "a +\n b"}, "f(a +\n b + 1)"),
    ],
)
def test_substitute(template: str, given: dict[str, str], expected: str | None) -> None:
    if expected is None:
        with pytest.raises((TemplateError, cst.ParserSyntaxError)):
            filled(template, **given)
        return
    assert filled(template, **given) == expected
    ast.parse(expected, mode="eval")


def test_a_generator_gets_its_parentheses() -> None:
    call = cst.parse_expression("f(i for i in y)")
    assert isinstance(call, cst.Call)
    bare = call.args[0].value
    code = cst.Module([]).code_for_node(substitute("g({x}, 1)", lambda _: bare))
    assert ast.dump(ast.parse(code)) == ast.dump(ast.parse("g((i for i in y), 1)"))


def test_the_users_nodes_are_kept() -> None:
    node = expression("a")
    tree = substitute("f({x}, {x})", lambda _: node)
    assert isinstance(tree, cst.Call)
    assert tree.args[0].value is node
    assert tree.args[1].value is not node  # no node stands twice in a tree


def test_filling_leaves_the_template_alone() -> None:
    template = parse_template("f({x}, dim={axis?})")
    before = cst.Module([]).code_for_node(template.tree)
    substitute(template, lambda hole: expression("a") if hole.name == "x" else ABSENT)
    assert cst.Module([]).code_for_node(template.tree) == before


@pytest.mark.parametrize("text", ["f({x)", "f({1})", "f(", "{x}; {y}", "{x!}"])
def test_bad_templates(text: str) -> None:
    with pytest.raises(TemplateError):
        parse_template(text)


def test_a_required_field_must_be_given() -> None:
    with pytest.raises(TemplateError, match="no value for"):
        filled("f({x})")


OPERANDS = ["a", "-a", "a ** b", "a * b", "a + b", "a & b", "a < b", "not a", "a and b", "a or b"]
OPERANDS += ["a if b else c", "lambda: a", "a.b", "a(b)", "a[b]", "3", "3.0", "'s'", "(a, b)"]
FRAMES = ["{} ** b", "b ** {}", "-{}", "{} * b", "b * {}", "b - {}", "{} < b", "b < {}", "not {}"]
FRAMES += ["{} and b", "b or {}", "{} if b else c", "a if {} else c", "a if b else {}", "{}.b"]
FRAMES += ["{}(b)", "{}[b]", "f({})", "[{}]", "x[{}]", "lambda: {}"]


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("operand", OPERANDS)
def test_parentheses_keep_the_meaning(frame: str, operand: str) -> None:
    code = filled(frame.replace("{}", "{x}"), x=operand)
    meant = frame.replace("{}", f"({operand})")
    for operator in ("and", "or"):  # associative, though not in the syntax tree
        if code.count(f" {operator} ") == 2:
            assert code == meant.replace("(", "").replace(")", "")
            return
    assert ast.dump(ast.parse(code)) == ast.dump(ast.parse(meant))


def test_fit() -> None:
    parent = expression("x.y")
    assert fit(expression("a"), parent, "value").lpar == ()
    assert fit(expression("a + b"), parent, "value").lpar
    assert precedence(expression("(a + b)")) > required(parent, "value")
