"""Binding, inferring, selecting and filling."""

from __future__ import annotations

import libcst as cst
import pytest

from tf2torch.rulebook.apply import Argument, Bound, Refusal, bind, fill, infer, select
from tf2torch.rulebook.builders import BUILDERS
from tf2torch.rulebook.functions import FUNCTIONS
from tf2torch.rulebook.loader import load_rulebook
from tf2torch.rulebook.model import Emit, Rule
from tf2torch.rulebook.shapes import SHAPES
from tf2torch.rulebook.values import ANYTHING, Value, constant, dims, tensor

BOOK = load_rulebook()
_FOUND = BOOK.find("tf.reduce_mean")
assert _FOUND is not None
MEAN: Rule = _FOUND


def argument(source: str, value: Value = ANYTHING, keyword: str | None = None) -> Argument:
    return Argument(cst.parse_expression(source), value, keyword)


def code(node: cst.CSTNode) -> str:
    return cst.Module([]).code_for_node(node)


def bound(rule: Rule, *arguments: Argument, receiver: Argument | None = None) -> Bound:
    result = bind(rule, arguments, receiver)
    assert isinstance(result, Bound), result
    return result


X = argument("x", tensor("float32", dims(2, 3)))


def test_positions_keywords_and_old_names_meet() -> None:
    ways = [
        [X, argument("1", constant(1)), argument("True", constant(True))],
        [X, argument("1", constant(1), "axis"), argument("True", constant(True), "keepdims")],
        [
            X,
            argument("1", constant(1), "reduction_indices"),
            argument("True", constant(True), "keep_dims"),
        ],
    ]
    for arguments in ways:
        found = bound(MEAN, *arguments)
        assert set(found.nodes) == {"input_tensor", "axis", "keepdims"}
        assert code(fill("f({axis}, {keepdims?})", found)) == "f(1, True)"


def test_none_where_none_is_the_default_is_not_given() -> None:
    found = bound(MEAN, X, argument("None", constant(None)), argument("None", constant(None)))
    assert set(found.nodes) == {"input_tensor"}
    assert found.values["axis"].literal is None


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "needs 'input_tensor'"),
        ([X, argument("1", constant(1), "axes")], "has no parameter 'axes'"),
        (
            [X, argument("1", constant(1)), argument("0", constant(0), "reduction_indices")],
            "given 'axis' twice",
        ),
        ([Argument(cst.Name("xs"), star="*")], "called with *arguments"),
        ([X, Argument(cst.Name("kw"), star="**")], "called with **arguments"),
    ],
)
def test_calls_that_do_not_bind(arguments: list[Argument], reason: str) -> None:
    result = bind(MEAN, arguments)
    assert isinstance(result, Refusal)
    assert reason in result.reason


def test_too_many_arguments() -> None:
    relu = BOOK.find("tf.nn.relu")
    assert relu is not None
    assert bind(relu, [X] * 3) == Refusal("tf.nn.relu takes at most 2 arguments")


def test_rest_parameters_become_a_list() -> None:
    rule = Rule("r", ("tf.r",), signature="first, *rest, end=None", emits=(Emit(torch="r"),))
    found = bound(rule, X, argument("y"), argument("z"), argument("1", constant(1), "end"))
    assert code(fill("f({first}, *{rest}, {end})", found)) == "f(x, y, z, 1)"
    assert found.values["rest"].kind == "sequence"
    starred = bound(rule, X, Argument(cst.Name("ys"), star="*"))
    assert code(fill("f({first}, *{rest})", starred)) == "f(x, *ys)"


def test_the_order_before_1_0() -> None:
    rule = Rule(
        "concat",
        ("tf.concat",),
        signature="values, axis",
        old={"signature": "axis, values", "when": "rank(values) == 0"},
        emits=(Emit(torch="torch.cat({values}, dim={axis})"),),
    )
    new = bound(rule, argument("ys", ANYTHING), argument("1", constant(1)))
    old = bound(rule, argument("1", constant(1)), argument("ys", ANYTHING))
    for found in (new, old):
        assert code(fill("torch.cat({values}, dim={axis})", found)) == "torch.cat(ys, dim=1)"


def test_methods_have_a_receiver() -> None:
    rule = Rule("m", ("Tensor.m",), "method", "self, x", emits=(Emit(torch="{self}.n({x})"),))
    found = bound(rule, argument("1"), receiver=argument("a + b"))
    assert code(fill("{self}.n({x})", found)) == "(a + b).n(1)"


def test_defaults_are_filled_in() -> None:
    rule = Rule("d", ("tf.d",), signature="x, n=(1, 1), dtype=tf.float32, i=tf.int32")
    found = bound(rule, X)
    assert code(fill("f({n}, {dtype}, {i})", found)) == "f((1, 1), torch.float32, torch.int64)"


def test_extra_names() -> None:
    rule = Rule("l", ("tf.l",), "layer", "x")
    found = bound(rule, X)
    extra = {"self": cst.parse_expression("self.conv")}
    assert code(fill("{self}({x})", found, extra)) == "self.conv(x)"


def test_unknown_conditions_move_on() -> None:
    known = bound(MEAN, argument("x", tensor("int32")))
    unknown = bound(MEAN, argument("x", tensor(None)))
    assert isinstance(emit := select(known), Emit) and "trunc" in (emit.torch or "")
    assert isinstance(emit := select(unknown), Emit) and emit.assume


def test_a_function_without_an_answer_moves_on() -> None:
    rule = Rule(
        "c",
        ("tf.c",),
        signature="x",
        emits=(Emit(torch="nn.Linear({features(x)}, 1)"), Emit(torch="nn.LazyLinear(1)")),
    )
    assert select(bound(rule, X)) is rule.emits[0]
    assert select(bound(rule, argument("y"))) is rule.emits[1]
    alone = Rule("c", ("tf.c",), signature="x", emits=rule.emits[:1])
    assert isinstance(select(bound(alone, argument("y"))), Refusal)


def test_exact() -> None:
    emits = (Emit(torch="slow({x})", when="exact"), Emit(torch="fast({x})"))
    rule = Rule("e", ("tf.e",), signature="x", emits=emits)
    assert select(bound(rule, X)) is emits[1]
    assert select(bound(rule, X), exact=True) is emits[0]


def test_refusing_rules_say_why() -> None:
    rule = Rule("no", ("tf.no",), "refuse", "x", reason="there is no such thing")
    assert select(bound(rule, X)) == Refusal("there is no such thing")


def test_infer() -> None:
    assert infer(bound(MEAN, X, argument("1", constant(1)))) == tensor("float32", dims(2))
    assert infer(bound(MEAN, X)) == tensor("float32", ())
    assert infer(bound(MEAN, argument("y"))).is_tensor


def test_a_name_means_one_function() -> None:
    tables = [set(FUNCTIONS), set(BUILDERS), set(SHAPES)]
    assert sum(map(len, tables)) == len(set().union(*tables))
