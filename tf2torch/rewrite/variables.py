"""Variables become nn.Parameters of the module that makes them."""

from __future__ import annotations

import libcst as cst

from tf2torch.analyse import tensors
from tf2torch.cst.forms import TIGHT
from tf2torch.plan.units import contents
from tf2torch.rewrite import initial, recipes, repetition
from tf2torch.rewrite.arguments import argument
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.operands import Typed
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, parse
from tf2torch.rulebook.values import Value


def parameter_statements(writer: Writer, node: cst.Assign, scope: Scope) -> list[cst.BaseStatement]:
    """``W = tf.Variable(x)`` -> ``self.W = nn.Parameter(x)``; dicts and lists of variables too."""
    if isinstance(node.targets[0].target, (cst.Tuple, cst.List)):
        written = _unpacked(writer, node.value, scope)
    else:
        written = container(writer, node.value, scope)
    targets = []
    for target in node.targets:
        targets.append(target.with_changes(target=_attribute_target(target.target)))
    line = cst.SimpleStatementLine([node.with_changes(targets=targets, value=written)])
    return [line]


def _unpacked(writer: Writer, node: cst.BaseExpression, scope: Scope) -> cst.BaseExpression:
    """What several attributes are assigned: each of them registers its own part."""
    written, value = convert(writer, node, scope), writer.value(node)
    if isinstance(node, (cst.Tuple, cst.List)) and type(node) is type(written):
        pairs = zip(node.elements, written.elements, strict=True)
        elements = [
            new.with_changes(value=_registered(writer, old.value, new.value)) for old, new in pairs
        ]
        return written.with_changes(elements=elements)
    kinds = {item.kind for item in value.detail} if value.kind == "sequence" else set()
    if kinds <= {"variable"} or not isinstance(node, cst.Call):
        return written
    if kinds - {"sequence", "mapping"} or len(kinds) != 1:
        reason = "lists and single variables from one function"
        raise Unconvertible("variable-container", reason, node)
    kind = "nn.ParameterDict" if kinds == {"mapping"} else "nn.ParameterList"
    return parse(f"map({kind}, {code(written)})")


def _attribute_target(target: cst.BaseExpression) -> cst.BaseExpression:
    if isinstance(target, cst.Name):
        return parse(f"self.{target.value}")
    if isinstance(target, (cst.Tuple, cst.List)):
        elements = [e.with_changes(value=_attribute_target(e.value)) for e in target.elements]
        return target.with_changes(elements=elements)
    return target


def container(writer: Writer, node: cst.BaseExpression, scope: Scope) -> cst.BaseExpression:
    """An expression for variables, wrapped so that the module registers them."""
    return _registered(writer, node, convert(writer, node, scope))


def _registered(
    writer: Writer, node: cst.BaseExpression, written: cst.BaseExpression
) -> cst.BaseExpression:
    """`written` with lists and dicts of variables, at any depth, as containers of parameters."""
    value = writer.value(node)
    leaves = contents(value)
    if value.kind not in ("sequence", "mapping", "many") or not leaves:
        return written
    if not all(leaf.kind == "variable" for leaf in leaves):
        return written
    if value.kind == "mapping" and any(not isinstance(key, str) for key, _ in value.detail):
        reason = "variables in a dict with keys that are no strings"
        raise Unconvertible("variable-container", reason, node)
    if isinstance(node, (cst.List, cst.Tuple, cst.Dict)) and type(node) is type(written):
        pairs = zip(node.elements, written.elements, strict=True)
        elements = [
            new.with_changes(value=_registered(writer, old.value, new.value)) for old, new in pairs
        ]
        written = written.with_changes(elements=elements)
        if isinstance(written, cst.Tuple):
            written = written.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    elif isinstance(node, cst.ListComp) and isinstance(written, cst.ListComp):
        written = written.with_changes(elt=_registered(writer, node.elt, written.elt))
    elif isinstance(node, cst.DictComp) and isinstance(written, cst.DictComp):
        written = written.with_changes(value=_registered(writer, node.value, written.value))
    elif not isinstance(node, cst.Call):
        return written
    kind = "nn.ParameterDict" if value.kind == "mapping" else "nn.ParameterList"
    return cst.Call(parse(kind), [cst.Arg(written)])


def variable_call(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """``tf.Variable(initial)`` -> ``nn.Parameter(initial)``"""
    if scope.phase != "init":
        return inline_variable(writer, node, scope)
    value = writer.value(node)
    given = argument(node, 0, "initial_value")
    if given is None:
        raise Unconvertible("variable", "a variable without an initial value", node)
    return Typed(parameter(value, _initial(writer, node, given, value, scope)))


def inline_variable(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """A variable made inside an expression of forward code becomes an attribute."""
    slot = scope.slots.get(node)
    if slot is None or scope.create is None:
        raise Unconvertible("variable", "a variable is made where no module can hold it", node)
    repetition.require_countable(writer, node, slot)
    init_scope: Scope = scope.create.scope  # type: ignore[attr-defined]
    made = convert(writer, node, init_scope)
    scope.create(node, slot, made, ())
    from tf2torch.rewrite.layers import reach

    return Typed(reach(slot, scope))


def parameter(value: Value, written: cst.BaseExpression) -> cst.BaseExpression:
    """``nn.Parameter(...)``, without a gradient where TensorFlow would not train it."""
    args = [cst.Arg(written)]
    if not _trains(value):
        args.append(cst.Arg(cst.Name("False"), keyword=cst.Name("requires_grad"), equal=TIGHT))
    return cst.Call(parse("nn.Parameter"), args)


def _trains(value: Value) -> bool:
    if value.dtype is not None and value.category not in ("float", "complex"):
        return False
    return value.kind != "variable" or value.detail is None or value.detail.trainable


def _initial(
    writer: Writer, node: cst.Call, given: cst.BaseExpression, value: Value, scope: Scope
) -> cst.BaseExpression:
    known = writer.value(given)
    if known.kind == "function":
        raise Unconvertible("variable", "an initial value given as a function", node)
    written = convert(writer, given, scope)
    if known.is_tensor:
        return written
    dtype = argument(node, 5, "dtype")
    suffix = ""
    if dtype is not None:
        suffix = f", dtype={code(convert(writer, dtype, scope))}"
    elif (
        isinstance(known.literal, int)
        and not isinstance(known.literal, bool)
        and value.dtype == "float32"
    ):
        suffix = ", dtype=torch.float32"
    return parse(f"torch.tensor({code(written)}{suffix})")


def get_variable_call(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """``tf.get_variable(name, shape, initializer=...)`` -> ``nn.Parameter(nn.init...)``"""
    if scope.phase != "init":
        return inline_variable(writer, node, scope)
    value = writer.value(node)
    shape = argument(node, 1, "shape")
    chosen = argument(node, 3, "initializer")
    known = writer.value(chosen) if chosen is not None else None
    if chosen is not None and shape is not None and recipes.is_given(writer, chosen):
        made = code(convert(writer, chosen, scope))
        empty = _empty(writer, shape, value, scope)
        return Typed(parameter(value, parse(f"{made}({empty})")))
    if known is not None and known.literal is None:
        known = None
    if known is None and value.kind == "variable" and value.detail is not None:
        default = value.detail.initial
        known = default if default is not None and default.literal is not None else None
    if known is not None and (known.is_tensor or (known.kind == "python" and chosen is not None)):
        assert chosen is not None
        written = convert(writer, chosen, scope)
        if not known.is_tensor:
            written = parse(f"torch.as_tensor({code(written)}, dtype=torch.float32)")
        return Typed(parameter(value, written))
    if shape is None:
        raise Unconvertible("get-variable", "the shape of the variable is not known", node)
    tensor = parse(_empty(writer, shape, value, scope))
    shape_value = tensors.plain(writer.value(shape))
    filled = initial.initializer(writer, known, "glorot_uniform", tensor, scope, node, shape_value)
    return Typed(parameter(value, filled if filled is not None else tensor))


def _empty(writer: Writer, shape: cst.BaseExpression, value: Value, scope: Scope) -> str:
    """``torch.empty(3, n)``, which an initializer fills."""
    lengths = shape_arguments(writer, shape, scope) or "()"
    dtype = value.dtype if value.dtype not in (None, "float32") else None
    return f"torch.empty({lengths}, dtype=torch.{dtype})" if dtype else f"torch.empty({lengths})"


def shape_arguments(writer: Writer, node: cst.BaseExpression, scope: Scope) -> str:
    """``[3, n]`` -> ``3, n``"""
    written = convert(writer, node, scope)
    if isinstance(written, (cst.List, cst.Tuple)):
        return ", ".join(code(element.value) for element in written.elements)
    value = writer.value(node)
    if isinstance(value.literal, int):
        return code(written)
    return code(written)
