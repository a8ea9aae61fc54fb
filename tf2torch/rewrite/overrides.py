"""Gradients that the program gives itself: custom_gradient, RegisterGradient and override maps."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from tf2torch.cst.walk import walk
from tf2torch.rewrite.operands import Typed
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, parse


def decorators_of(writer: Writer, node: cst.FunctionDef) -> Sequence[cst.Decorator]:
    """The decorators without TensorFlow's; ``@tf.custom_gradient`` becomes the support file's."""
    kept = []
    for item in node.decorators:
        called = item.decorator.func if isinstance(item.decorator, cst.Call) else item.decorator
        symbol = writer.analysis.symbols.get(called)
        if symbol == "tf.custom_gradient":
            writer.support.add("custom_gradient")
            writer.converted(called, "custom-gradient")
            kept.append(item.with_changes(decorator=cst.Name("custom_gradient")))
        elif symbol is not None:
            writer.converted(called, "custom-gradient")
        else:
            kept.append(item)
    return kept


def overridden(writer: Writer, node: cst.Call, item: Typed, scope: Scope) -> Typed:
    """``torch.sign(x)`` under a map -> ``override_gradient(torch.sign, sign_grad)(x)``"""
    name = writer.analysis.state.overridden.get(node)
    if name is None:
        return item
    gradient = _registered(writer, name)
    if gradient is None or not node.args:
        raise Unconvertible(
            "gradient-override", f"the gradient {name!r} is not registered here", node
        )
    writer.support.add("override_gradient")
    from tf2torch.rewrite.expressions import convert

    argument = code(convert(writer, node.args[0].value, scope))
    written = item.last()
    text = code(written)
    function = f"lambda x: {text.replace(argument, 'x')}" if argument == text else None
    if (
        isinstance(written, cst.Call)
        and len(written.args) == 1
        and code(written.args[0].value) == argument
    ):
        function = code(written.func)
    if function is None:
        raise Unconvertible(
            "gradient-override", "an overridden gradient of a call with several arguments", node
        )
    return Typed(parse(f"override_gradient({function}, {gradient})({argument})"))


def _registered(writer: Writer, name: str) -> str | None:
    """The function under ``@tf.RegisterGradient(name)``."""
    for node in walk(writer.analysis.source.module):
        if not isinstance(node, cst.FunctionDef):
            continue
        for item in node.decorators:
            call = item.decorator
            if (
                isinstance(call, cst.Call)
                and writer.analysis.symbols.get(call.func) == "tf.RegisterGradient"
            ):
                if call.args and writer.value(call.args[0].value).literal == name:
                    return node.name.value
    return None
