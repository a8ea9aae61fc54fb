"""Functions of the scoped tier: they keep TensorFlow's scopes, which the support file brings.

Variables are made on the first call, by name, in the module that runs the function.
"""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from tf2torch.diagnostics import Outcome
from tf2torch.rewrite import recipes
from tf2torch.rewrite.choice import chosen
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.operands import Typed
from tf2torch.rewrite.scoped_loops import traced_call
from tf2torch.rewrite.suites import Statements, block, with_leading
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, parse
from tf2torch.rulebook.apply import Argument, bind, fill
from tf2torch.rulebook.model import Refusal, Rule

#: Functions of the support file that stand for TensorFlow's inside of scopes.
RUNTIME = {
    "tf.variable_scope": "variable_scope",
    "tf.get_variable": "get_variable",
    "tf.Variable": "variable",
    "tf.get_variable_scope": "get_variable_scope",
    "tf.AUTO_REUSE": "AUTO_REUSE",
    "tf.name_scope": "name_scope",
    "tf.make_template": "make_template",
    "tf.trainable_variables": "trainable_variables",
    "tf.global_variables": "global_variables",
    "tf.get_collection": "get_collection",
    "tf.add_to_collection": "add_to_collection",
    "tf.losses.get_regularization_losses": "regularization_losses",
    "tf.losses.get_regularization_loss": "regularization_loss",
    "tf.contrib.framework.arg_scope": "arg_scope",
    "tf.contrib.framework.add_arg_scope": "add_arg_scope",
}
#: Layers that the support file has, by the module that TensorFlow has them in, and their prefix.
LAYERS = {
    "tf.layers.": (
        "scoped_",
        "dense conv1d conv2d conv3d conv2d_transpose separable_conv2d batch_normalization",
    ),
    "tf.contrib.layers.": (
        "slim_",
        "conv2d convolution2d fully_connected batch_norm layer_norm separable_conv2d"
        " separable_convolution2d conv2d_transpose convolution2d_transpose max_pool2d avg_pool2d"
        " dropout flatten repeat stack bias_add",
    ),
}
#: Other names that contrib has for one layer.
ALIASES = {
    "convolution2d": "conv2d",
    "separable_convolution2d": "separable_conv2d",
    "convolution2d_transpose": "conv2d_transpose",
}
#: `with` items that the runtime has a counterpart of; others only place operations.
MANAGERS = frozenset(
    "VariableScopeManager VariableScope variable_scope NameScope arg_scope".split()
)


def _runtime_names() -> dict[str, str]:
    found = dict(RUNTIME)
    for module, (prefix, names) in LAYERS.items():
        for name in names.split():
            found[module + name] = prefix + ALIASES.get(name, name)
            if module == "tf.contrib.layers.":
                found[f"tf.contrib.slim.{name}"] = found[module + name]
    return found


#: The function of the support file for each TensorFlow function that draws on the scopes.
NAMES = _runtime_names()


def scoped_call(writer: Writer, node: cst.Call, symbol: str, scope: Scope) -> Typed | None:
    """``tf.get_variable("w", [3])`` -> ``get_variable("w", [3])``; None for all other calls."""
    name = NAMES.get(symbol)
    if name is None:
        return traced_call(writer, node, symbol, scope)
    writer.support.add(name)
    writer.converted(node.func, symbol)
    args = [arg.with_changes(value=_argument(writer, arg.value, scope)) for arg in node.args]
    if name == "variable":
        args = [_first_value(arg, index) for index, arg in enumerate(args)]
    return Typed(node.with_changes(func=cst.Name(name), args=args))


def _first_value(arg: cst.Arg, index: int) -> cst.Arg:
    """The initial value as a function: only the first pass makes the variable, and draws for it."""
    name = arg.keyword.value if arg.keyword is not None else ("initial_value" if not index else "")
    simple = isinstance(arg.value, (cst.Lambda, cst.Integer, cst.Float))
    if name != "initial_value" or simple or arg.star:
        return arg
    return arg.with_changes(value=cst.Lambda(cst.Parameters(), arg.value))


def _argument(writer: Writer, node: cst.BaseExpression, scope: Scope) -> cst.BaseExpression:
    """What the runtime takes: initializers fill a tensor, regularizers are functions of one."""
    called = node.func if isinstance(node, cst.Call) else node
    symbol = writer.analysis.symbols.get(called)
    rule = writer.analysis.rulebook.find(symbol) if symbol is not None else None
    if rule is None or rule.kind not in ("initializer", "regularizer"):
        return convert(writer, node, scope)
    given = node.args if isinstance(node, cst.Call) else ()
    return _recipe(writer, rule, node, given, scope)


def _recipe(
    writer: Writer, rule: Rule, node: cst.BaseExpression, given: Sequence[cst.Arg], scope: Scope
) -> cst.BaseExpression:
    arguments = [
        Argument(
            convert(writer, arg.value, scope),
            writer.value(arg.value),
            arg.keyword.value if arg.keyword is not None else None,
            arg.star,
        )
        for arg in given
    ]
    bound = bind(rule, arguments)
    if isinstance(bound, Refusal):
        raise Unconvertible(rule.id, bound.reason, node)
    writer.settle(node, Outcome.CONVERTED, rule.id)
    if rule.kind == "initializer":
        return recipes.function(writer, rule, bound, node)
    text = chosen(writer, rule, bound, node).torch
    if text is None:
        raise Unconvertible(rule.id, f"{rule.tf[0]} has no form as a function", node)
    return parse(f"lambda tensor: {code(fill(text, bound, {'tensor': cst.Name('tensor')}))}")


def scoped_value(writer: Writer, node: cst.CSTNode, symbol: str) -> cst.BaseExpression | None:
    """A function that is named and not called: ``slim.arg_scope([slim.conv2d], ...)``."""
    name = NAMES.get(symbol)
    if name is None:
        return None
    writer.support.add(name)
    writer.converted(node, symbol)
    return cst.Name(name)


def scoped_with(writer: Writer, node: cst.With, body: Statements, scope: Scope) -> Statements:
    """``with tf.variable_scope("a"):`` -> ``with variable_scope("a"):``"""
    kept: list[cst.WithItem] = []
    for item in node.items:
        value = writer.value(item.item)
        if value.kind != "object" or value.detail.type not in MANAGERS:
            writer.settle(item, Outcome.ABSORBED, "scope")
            continue
        kept.append(item.with_changes(item=convert(writer, item.item, scope)))
    if not kept:
        return with_leading(body, node)
    kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return [node.with_changes(items=kept, body=block(body, node.body))]
