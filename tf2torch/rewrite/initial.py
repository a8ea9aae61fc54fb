"""Initial values: TensorFlow initializers become nn.init calls."""

from __future__ import annotations

import re

import libcst as cst

from tf2torch.analyse import tensors
from tf2torch.analyse.facts import Obj
from tf2torch.rewrite.choice import chosen
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, parse
from tf2torch.rulebook.apply import Argument, Bound, bind, fill
from tf2torch.rulebook.model import Refusal, Rule
from tf2torch.rulebook.predicates import holds
from tf2torch.rulebook.values import Value, constant


def layer_resets(
    writer: Writer, rule: Rule, bound: Bound, node: cst.Call, scope: Scope
) -> tuple[str, ...]:
    """Statements over ``{}`` that give a layer's parameters TensorFlow's initial values."""
    texts = []
    for row in rule.weights:
        if row.init is None or (
            row.when is not None and holds(row.when, bound.facts()) is not True
        ):
            continue
        parameter, _, default = row.init.rpartition(" or ")
        value = bound.values.get(parameter) if parameter in bound.nodes else None
        given = value is not None and value.literal is not None
        expression = initializer(
            writer,
            value if given else None,
            default,
            parse(re.sub(r"\.(\d+)", r"[\1]", f"LAYER.{row.torch}")),
            scope,
            node,
            None,
        )
        if expression is not None:
            texts.append(
                code(expression).replace("{", "{{").replace("}", "}}").replace("LAYER", "{}")
            )
        if given:
            from tf2torch.rewrite.layers import source_argument

            argument = source_argument(rule, node, parameter)
            if argument is not None:
                writer.converted(argument, "initializer")
                if isinstance(argument, cst.Call):
                    writer.converted(argument.func, "initializer")
    return tuple(texts)


def initializer(
    writer: Writer,
    value: Value | None,
    default: str,
    tensor: cst.BaseExpression,
    scope: Scope,
    node: cst.Call,
    shape: Value | None,
) -> cst.BaseExpression | None:
    """The nn.init call that fills `tensor` in place; None if the constructor's value is right."""
    book = writer.analysis.rulebook
    arguments: list[Argument] = []
    if value is None:
        name = default.strip()
        if name == "none":
            return None
        rule = book.find(f"tf.{name}_initializer") or book.find(f"tf.initializers.{name}")
        symbol = name
    elif value.kind == "symbol":
        symbol = value.detail
        rule = book.find(symbol)
    elif (
        value.kind == "object"
        and isinstance(value.detail, Obj)
        and value.detail.type == "Initializer"
    ):
        symbol = value.detail["symbol"]
        rule = book.find(symbol)
        made = value.detail.node
        assert isinstance(made, cst.Call)
        writer.converted(made.func, symbol)
        arguments = [
            Argument(
                convert(writer, arg.value, scope),
                tensors.plain(writer.value(arg.value)),
                arg.keyword.value if arg.keyword else None,
                arg.star,
            )
            for arg in made.args
        ]
    else:
        raise Unconvertible("initializer", "the initializer is not known here", node)
    if rule is None:
        raise Unconvertible("initializer", f"{symbol} has no rule yet", node)
    bound = bind(rule, arguments)
    if isinstance(bound, Refusal):
        raise Unconvertible(rule.id, bound.reason, node)
    # Rules see shape None for the weight of a module, whose axes are in torch's order.
    shape = NOTHING if shape is None else shape
    bound = Bound(bound.rule, bound.nodes, {**bound.values, "shape": shape})
    emit = chosen(writer, rule, bound, node)
    if emit.init is None:
        return None
    return fill(emit.init, bound, {"tensor": tensor})


NOTHING = constant(None)
