"""Expressions that describe input data: tf.data chains and queue producers as pipelines."""

from __future__ import annotations

import libcst as cst

from tf2torch.rewrite.arguments import argument
from tf2torch.rewrite.data_forms import BATCHES, MAKERS, METHODS, PRODUCERS, READERS, TUNING, Form
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.operands import Typed
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, parse
from tf2torch.rulebook.values import UNKNOWN, Value

TORCH_TYPES = {"int32": "int64", "int64": "int64", "string": None}


def bound_arguments(node: cst.Call, form: Form) -> dict[str, cst.BaseExpression]:
    """Source expressions of a call by TensorFlow's parameter names."""
    given: dict[str, cst.BaseExpression] = {}
    for index, arg in enumerate(node.args):
        if arg.star:
            raise Unconvertible("data", "star arguments of a data set method", node)
        if arg.keyword is not None:
            given[arg.keyword.value] = arg.value
        elif index < len(form.parameters):
            given[form.parameters[index]] = arg.value
        else:  # further positional arguments only tune
            given[f"#{index}"] = arg.value
    return given


def written_arguments(
    writer: Writer, node: cst.Call, form: Form, scope: Scope, skip: tuple[str, ...] = ()
) -> list[str]:
    """The arguments that stay, in the support function's order and names."""
    given = bound_arguments(node, form)
    args: list[str] = []
    in_order = True
    for name in given:
        if name not in form.kept and name not in form.dropped and not name.startswith("#"):
            raise Unconvertible("data", f"the argument {name}= has no counterpart", node)
    by_keyword = {a.keyword.value for a in node.args if a.keyword is not None}
    for name, ours in form.kept.items():
        if name in skip:
            continue
        if name not in given:
            in_order = False
            continue
        text = code(data_argument(writer, given[name], scope))
        plain = in_order and (name not in by_keyword or ours != name)
        in_order = in_order and plain
        args.append(text if plain else f"{ours}={text}")
    for name, value in given.items():
        if name not in form.kept:
            _settle_dropped(writer, value)
    return args


def _settle_dropped(writer: Writer, node: cst.BaseExpression) -> None:
    from tf2torch.diagnostics import Outcome

    writer.settle(node, Outcome.ABSORBED, "data")


def data_argument(writer: Writer, node: cst.BaseExpression, scope: Scope) -> cst.BaseExpression:
    """An argument that becomes elements: ``tf.constant(files)`` -> ``files``, on the host."""
    inner = scope.inside(phase="init")
    if isinstance(node, (cst.Tuple, cst.List)):
        elements = [
            element.with_changes(value=data_argument(writer, element.value, scope))
            for element in node.elements
        ]
        return node.with_changes(elements=elements)
    if isinstance(node, cst.Call):
        symbol = writer.analysis.symbols.get(node.func)
        if symbol in ("tf.constant", "tf.convert_to_tensor") and len(node.args) == 1:
            writer.converted(node.func, "data")
            return data_argument(writer, node.args[0].value, scope)
    return convert(writer, node, inner)


def _call(function: str, args: list[str]) -> Typed:
    return Typed(parse(f"{function}({', '.join(args)})"))


def maker(form: Form):  # type: ignore[no-untyped-def]
    def special(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
        writer.support.add(form.support)
        return _call(form.function, written_arguments(writer, node, form, scope))

    return special


def _range(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    writer.support.add("Pipeline")
    args = [code(convert(writer, arg.value, scope)) for arg in node.args]
    return _call("Pipeline.range", args)


def _from_generator(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """``Pipeline.from_generator(f, (torch.float32, torch.int64))``"""
    function, types = argument(node, 0, "generator"), argument(node, 1, "output_types")
    if function is None or types is None:
        raise Unconvertible("data", "from_generator needs a function and dtypes", node)
    shapes, given = argument(node, 2, "output_shapes"), argument(node, 3, "args")
    if shapes is not None:
        _settle_dropped(writer, shapes)
    writer.support.add("Pipeline")
    text = code(convert(writer, function, scope))
    if given is not None:
        text = f"lambda: {text}(*{code(data_argument(writer, given, scope))})"
    dtypes = dtype_structure(writer, types, scope)
    return _call("Pipeline.from_generator", [text] + ([dtypes] if dtypes != "None" else []))


def dtype_structure(writer: Writer, node: cst.BaseExpression, scope: Scope) -> str:
    """Torch dtypes in the structure of the source; None for text, which stays as it comes."""
    if isinstance(node, (cst.Tuple, cst.List)):
        parts = [dtype_structure(writer, element.value, scope) for element in node.elements]
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    if isinstance(node, cst.Dict):
        pairs = [
            f"{code(convert(writer, e.key, scope))}: {dtype_structure(writer, e.value, scope)}"
            for e in node.elements
            if isinstance(e, cst.DictElement)
        ]
        return f"{{{', '.join(pairs)}}}"
    value = writer.value(node)
    _settle_dropped(writer, node)
    if value.kind == "dtype" and isinstance(value.literal, str):
        name = TORCH_TYPES.get(value.literal, value.literal)
        return "None" if name is None else f"torch.{name}"
    return code(convert(writer, node, scope))


def element_method(name: str):  # type: ignore[no-untyped-def]
    form = METHODS[name]

    def special(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
        receiver = _receiver(writer, node, scope)
        args = written_arguments(writer, node, form, scope)
        return Typed(_chained(node, receiver, form.function, args))

    return special


def _chained(
    node: cst.Call, receiver: cst.BaseExpression, name: str, args: list[str]
) -> cst.BaseExpression:
    """A method call that keeps the line breaks of the source."""
    assert isinstance(node.func, cst.Attribute)
    made = parse(f"_.{name}({', '.join(args)})")
    assert isinstance(made, cst.Call)
    func = node.func.with_changes(value=receiver, attr=cst.Name(name))
    whole = made.with_changes(func=func, lpar=node.lpar, rpar=node.rpar)
    if len(args) == len(node.args) and len(node.args) > 0:
        kept = [
            new.with_changes(comma=old.comma, whitespace_after_arg=old.whitespace_after_arg)
            for new, old in zip(made.args, node.args, strict=True)
        ]
        whole = whole.with_changes(args=kept, whitespace_before_args=node.whitespace_before_args)
    return whole


def _receiver(writer: Writer, node: cst.Call, scope: Scope) -> cst.BaseExpression:
    assert isinstance(node.func, cst.Attribute)
    return convert(writer, node.func.value, scope)


def _tuning(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """``dataset.prefetch(1)`` -> ``dataset``"""
    for arg in node.args:
        _settle_dropped(writer, arg.value)
    return Typed(_receiver(writer, node, scope))


def _apply(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """``dataset.apply(tf.contrib.data.map_and_batch(f, 32))`` -> ``dataset.map(f).batch(32)``"""
    given = argument(node, 0, "transformation_func", "transformation_fn")
    receiver = _receiver(writer, node, scope)
    if given is None:
        raise Unconvertible("data", "apply needs a transformation", node)
    value = writer.value(given)
    if value.kind == "function":
        function = code(convert(writer, given, scope))
        return Typed(_chained(node, receiver, "apply", [function]))
    if value.kind != "object" or value.detail.type != "Transformation":
        raise Unconvertible("data", "what is applied to the data set is not known", node)
    made = value.detail["call"].node
    name = value.detail["call"].symbol.rpartition(".")[2]
    text = code(receiver)
    if isinstance(given, cst.Call):
        writer.converted(given.func, "data")

    def part(position: int | None, *names: str) -> str | None:
        found = argument(made, position, *names)
        return None if found is None else code(data_argument(writer, found, scope))

    if name == "map_and_batch":
        dropped = part(None, "drop_remainder")
        batch = f"{part(1, 'batch_size')}{f', drop_remainder={dropped}' if dropped else ''}"
        text += f".map({part(0, 'map_func')}).batch({batch})"
    elif name == "shuffle_and_repeat":
        count, seed = part(1, "count"), part(2, "seed")
        text += f".shuffle({part(0, 'buffer_size')}{f', seed={seed}' if seed else ''})"
        text += f".repeat({count or ''})"
    elif name == "batch_and_drop_remainder":
        text += f".batch({part(0, 'batch_size')}, drop_remainder=True)"
    elif name == "unbatch":
        text += ".unbatch()"
    elif name == "parallel_interleave":
        block = part(None, "block_length")
        text += f".interleave({part(0, 'map_func')}, {part(1, 'cycle_length')}"
        text += f", {block})" if block else ")"
        writer.note(node, "data", "elements come in turn, as with sloppy=False")
    elif name not in ("prefetch_to_device", "copy_to_device"):
        raise Unconvertible("data", f"{value.detail['call'].symbol} has no counterpart", node)
    return Typed(parse(text))


def _drawn(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    raise Unconvertible("data", "elements are drawn here in the middle of other graph code", node)


def _flag_values(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """``FLAGS.flag_values_dict()`` -> ``vars(FLAGS)``"""
    from tf2torch.rewrite.flags import dictionary

    return Typed(dictionary(writer, node))


def _should_stop(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    return Typed(parse("False"))


def _serialized(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """``example.SerializeToString()`` -> ``encode_example(example)``"""
    writer.support.add("encode_example")
    return _call("encode_example", [code(_receiver(writer, node, scope))])


def _example(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """``tf.train.Example(features=...)``: a dictionary of encoded features."""
    given = argument(node, 0, "features")
    if given is None:
        raise Unconvertible("example", "an example that is filled in later", node)
    return Typed(convert(writer, given, scope))


_MODULES = ("tf.data", "tf.contrib.data", "tf.data.experimental")

SPECIAL = {
    **{f"{m}.{name}": maker(form) for m in _MODULES for name, form in MAKERS.items()},
    **{f"{m}.Dataset.range": _range for m in _MODULES},
    **{f"{m}.Dataset.from_generator": _from_generator for m in _MODULES},
    **{name: maker(form) for name, form in PRODUCERS.items()},
    **dict.fromkeys(BATCHES, _drawn),
    "tf.train.slice_input_producer": _drawn,
    "tf.train.Example": _example,
}

SPECIAL_METHODS = {
    **{f"Dataset.{name}": element_method(name) for name in METHODS},
    **{f"Dataset.{name}": _tuning for name in TUNING},
    "Dataset.apply": _apply,
    "Dataset.dequeue": _drawn,
    "Iterator.get_next": _drawn,
    "Reader.read": _drawn,
    "Example.SerializeToString": _serialized,
    "Coordinator.should_stop": _should_stop,
    "Flags.flag_values_dict": _flag_values,
}

__all__ = ["BATCHES", "PRODUCERS", "READERS", "SPECIAL", "SPECIAL_METHODS", "UNKNOWN", "Value"]
