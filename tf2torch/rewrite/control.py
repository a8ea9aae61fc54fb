"""Graph constructs that are more than one call, one expression."""

from __future__ import annotations

from collections.abc import Callable

import libcst as cst

from tf2torch.analyse.recurrent import LOOPS
from tf2torch.cst.forms import TIGHT
from tf2torch.cst.names import parameters
from tf2torch.diagnostics import Outcome
from tf2torch.rewrite import distributions, gradients, operations, recurrent, variables
from tf2torch.rewrite.arguments import argument
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.operands import Typed, fill_method
from tf2torch.rewrite.scoped_loops import is_traced, traced_body
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, lines, parse

Special = Callable[[Writer, cst.Call, Scope], Typed]


def _placeholder(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    raise Unconvertible("placeholder", "a placeholder that is not bound to a name of its own", node)


def _parenthesised(node: cst.BaseExpression) -> cst.BaseExpression:
    if (
        isinstance(node, (cst.Name, cst.Call, cst.Attribute, cst.Subscript, cst.Integer, cst.Float))
        or node.lpar
    ):
        return node
    return node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def _invoked(
    writer: Writer, node: cst.BaseExpression, scope: Scope, args: list[str]
) -> cst.BaseExpression:
    """The result of calling a function expression: lambdas without parameters are inlined."""
    if isinstance(node, cst.Lambda) and not parameters(node) and not args:
        return _parenthesised(convert(writer, node.body, scope))
    function = _parenthesised(convert(writer, node, scope))
    return cst.Call(function, [cst.Arg(parse(text)) for text in args])


def _cond(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """``tf.cond(p, f, g)`` -> ``f() if p else g()``"""
    test = argument(node, 0, "pred")
    first, second = argument(node, 1, "true_fn", "fn1"), argument(node, 2, "false_fn", "fn2")
    if test is None or first is None or second is None:
        raise Unconvertible("cond", "tf.cond needs a predicate and two functions", node)
    written = cst.IfExp(
        convert(writer, test, scope),
        _invoked(writer, first, scope, []),
        _invoked(writer, second, scope, []),
        lpar=[cst.LeftParen()],
        rpar=[cst.RightParen()],
    )
    return Typed(written)


def _case(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """``tf.case([(p, f), (q, g)], default=h)`` -> ``f() if p else g() if q else h()``"""
    pairs, default = argument(node, 0, "pred_fn_pairs"), argument(node, 1, "default")
    if not isinstance(pairs, (cst.List, cst.Tuple)) or default is None:
        raise Unconvertible("case", "tf.case needs a list of pairs and a default", node)
    written = _invoked(writer, default, scope, [])
    for element in reversed(pairs.elements):
        pair = element.value
        if not isinstance(pair, (cst.Tuple, cst.List)) or len(pair.elements) != 2:
            raise Unconvertible("case", "tf.case with pairs that are built elsewhere", node)
        test, branch = (item.value for item in pair.elements)
        written = cst.IfExp(
            convert(writer, test, scope), _invoked(writer, branch, scope, []), written
        )
    return Typed(written.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()]))


def _assign(operation: str) -> Special:
    def special(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
        target = argument(node, 0, "ref")
        value = argument(node, 1, "value")
        if isinstance(node.func, cst.Attribute) and node.func not in writer.analysis.symbols:
            target, value = node.func.value, argument(node, 0, "value", "delta")
        if target is None or value is None:
            raise Unconvertible("assign", "an assignment needs a variable and a value", node)
        from tf2torch.rewrite import views

        written = views.seen(writer, value, scope, convert(writer, value, scope))
        if operation == "copy_" and not writer.value(value).is_tensor:
            written = parse(f"torch.as_tensor({code(written)})")
        reference = views.seen(writer, target, scope, convert(writer, target, scope))
        return Typed(fill_method(reference, f"data.{operation}({code(written)})"))

    return special


def _loop(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """``tf.while_loop`` inside an expression runs through a function of the support file."""
    writer.support.add("while_loop")
    args = [
        cst.Arg(convert(writer, value, scope))
        for value in (
            argument(node, 0, "cond"),
            argument(node, 1, "body"),
            argument(node, 2, "loop_vars"),
        )
        if value is not None
    ]
    _absorb_hints(writer, node)
    most = _most_rounds(writer, node)
    if most is not None:
        name = cst.Name("maximum_iterations")
        args.append(cst.Arg(convert(writer, most, scope), keyword=name, equal=TIGHT))
    return Typed(cst.Call(parse("while_loop"), args))


def _absorb_hints(writer: Writer, node: cst.Call) -> None:
    """What only tells TensorFlow how to build the loop: shape invariants, parallel rounds."""
    for name, place in (("shape_invariants", 3), ("parallel_iterations", 4)):
        hint = argument(node, place, name)
        if hint is not None:
            writer.settle(hint, Outcome.ABSORBED, "while-loop")


def _most_rounds(writer: Writer, node: cst.Call) -> cst.BaseExpression | None:
    """How often a loop runs at most, if the program limits it."""
    given = argument(node, 8, "maximum_iterations")
    return None if given is None or writer.value(given).literal is None else given


def _mapped(name: str) -> Special:
    def special(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
        writer.support.add(name)
        kept = ("fn", "elems", "initializer", "reverse")
        args = []
        for arg in node.args:
            if arg.keyword is None or arg.keyword.value in kept:
                args.append(arg.with_changes(value=convert(writer, arg.value, scope)))
        if args:
            args[-1] = args[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
            row = traced_body(writer, node, args[0].value, scope)
            args[0] = args[0].with_changes(value=row)
        return Typed(cst.Call(parse(name), args))

    return special


def _hyperparameters(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """``tf.contrib.training.HParams(n=3)`` -> ``HParams(n=3)``"""
    writer.support.add("HParams")
    args = [arg.with_changes(value=convert(writer, arg.value, scope)) for arg in node.args]
    return Typed(node.with_changes(func=cst.Name("HParams"), args=args))


def _counted(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """``tf.train.get_global_step()``, ``tf.train.global_step(sess, step)`` -> ``global_step``"""
    from tf2torch.rewrite.numbers import counter

    given = argument(node, 1, "global_step_tensor")
    return Typed(counter(writer, node if given is None else given, scope))


SPECIAL: dict[str, Special] = {
    "tf.train.global_step": _counted,
    "tf.train.get_global_step": _counted,
    "tf.train.get_or_create_global_step": _counted,
    "tf.train.create_global_step": _counted,
    "tf.contrib.framework.get_or_create_global_step": _counted,
    "tf.contrib.training.HParams": _hyperparameters,
    "tf.placeholder": _placeholder,
    "tf.placeholder_with_default": _placeholder,
    "tf.Variable": variables.variable_call,
    "tf.get_variable": variables.get_variable_call,
    "tf.cond": _cond,
    "tf.case": _case,
    "tf.while_loop": _loop,
    "tf.map_fn": _mapped("map_fn"),
    "tf.scan": _mapped("scan"),
    "tf.foldl": _mapped("foldl"),
    "tf.foldr": _mapped("foldr"),
    "tf.assign": _assign("copy_"),
    "tf.assign_add": _assign("add_"),
    "tf.assign_sub": _assign("sub_"),
    "tf.gradients": gradients.gradients_call,
    **recurrent.SPECIAL,
    **distributions.SPECIAL,
}

_VARIABLE_LISTS = frozenset(
    "tf.trainable_variables tf.global_variables tf.all_variables tf.get_collection"
    " tf.get_collection_ref".split()
)

METHODS: dict[str, Special] = {
    **recurrent.METHODS,
    **gradients.METHODS,
    **operations.METHODS,
    **distributions.METHODS,
    "Variable.assign": _assign("copy_"),
    "Variable.load": _assign("copy_"),
    "Variable.assign_add": _assign("add_"),
    "Variable.assign_sub": _assign("sub_"),
}


def find(symbol: str) -> Special | None:
    if symbol in _VARIABLE_LISTS:
        from tf2torch.rewrite.variables_list import list_call

        return list_call
    from tf2torch.rewrite import datasets

    return SPECIAL.get(symbol) or datasets.SPECIAL.get(symbol)


def find_method(kind: str, name: str) -> Special | None:
    from tf2torch.rewrite import datasets

    full = f"{kind}.{name}"
    return METHODS.get(full) or datasets.SPECIAL_METHODS.get(full)


def assigned(writer: Writer, node: cst.Assign, scope: Scope) -> list[cst.BaseStatement] | None:
    """Statements for assignments whose value needs a loop; None for all others."""
    value = node.value
    symbol = writer.analysis.symbols.get(value.func) if isinstance(value, cst.Call) else None
    if symbol in LOOPS:
        return recurrent.assigned(writer, node, scope)
    if not isinstance(value, cst.Call) or symbol != "tf.while_loop":
        return None
    if is_traced(writer, value, scope):
        return None
    return _while_statements(writer, node, value, scope)


def _while_statements(
    writer: Writer, node: cst.Assign, call: cst.Call, scope: Scope
) -> list[cst.BaseStatement] | None:
    """``i, x = tf.while_loop(cond, body, [0, x])`` -> ``while cond(i, x): i, x = body(i, x)``"""
    condition, body = argument(call, 0, "cond"), argument(call, 1, "body")
    variables_node = argument(call, 2, "loop_vars")
    target = node.targets[0].target
    if condition is None or body is None or not isinstance(variables_node, (cst.List, cst.Tuple)):
        return None
    names: list[str] = []
    if isinstance(target, (cst.Tuple, cst.List)):
        names = [code(element.value) for element in target.elements]
    elif isinstance(target, cst.Name) and len(variables_node.elements) == 1:
        names = [target.value]
    if len(names) != len(variables_node.elements) or len(node.targets) != 1:
        return None
    names = [f"unused_{i}" if name == "_" else name for i, name in enumerate(names)]
    if not all(name.isidentifier() for name in names):
        return None
    start = [code(convert(writer, element.value, scope)) for element in variables_node.elements]
    arguments = ", ".join(names)
    test = _applied(writer, condition, scope, names)
    step = _applied(writer, body, scope, names)
    if test is None or step is None:
        return None
    writer.converted(call.func, "while-loop")
    _absorb_hints(writer, call)
    for name in names:
        scope.layouts.pop(name, None)
    most = _most_rounds(writer, call)
    if most is None:
        turn = f"while {test}:\n    {arguments} = {step}\n"
    else:
        count = code(convert(writer, most, scope))
        plain = not isinstance(parse(test), (cst.BooleanOperation, cst.IfExp))
        turn = f"for _ in range({count}):\n    if not {test if plain else f'({test})'}:\n"
        turn += "        break\n"
        turn += f"    {arguments} = {step}\n"
    return lines(f"{arguments} = {', '.join(start)}\n{turn}")


def _applied(
    writer: Writer, function: cst.BaseExpression, scope: Scope, names: list[str]
) -> str | None:
    """A call of `function` on loop variables; a lambda with the same parameters is inlined."""
    if isinstance(function, cst.Lambda):
        params = [p.name.value for p in function.params.params]
        if len(params) != len(names):
            return None
        if params == names:
            inner = scope.shadow(set(params))
            written = convert(writer, function.body, inner)
            if isinstance(written, (cst.List, cst.Tuple)):
                return ", ".join(code(element.value) for element in written.elements)
            return code(written)
    written = _parenthesised(convert(writer, function, scope))
    return f"{code(written)}({', '.join(names)})"
