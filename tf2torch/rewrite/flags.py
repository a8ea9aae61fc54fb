"""``tf.app.flags`` becomes argparse with the same flags."""

from __future__ import annotations

import libcst as cst

from tf2torch.rewrite.control import argument
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, lines

_TYPES = {"integer": "int", "float": "float", "string": "str"}


def define(writer: Writer, node: cst.Call, scope: Scope) -> list[cst.BaseStatement]:
    """``DEFINE_integer("steps", 10, "help")`` -> ``parser.add_argument("--steps", type=int, ...)``"""
    symbol = writer.analysis.symbols[node.func]
    kind = symbol.rpartition("DEFINE_")[2]
    name, default = argument(node, 0, "name", "flag_name"), argument(node, 1, "default", "default_value")
    help_text = argument(node, 2, "help", "docstring")
    label = writer.value(name).literal if name is not None else None
    if not isinstance(label, str) or default is None:
        raise Unconvertible("flags", "a flag whose name is not a constant", node)
    parts = [f'"--{label}"']
    value = code(convert(writer, default, scope))
    if kind in _TYPES:
        parts.append(f"type={_TYPES[kind]}")
    elif kind in ("boolean", "bool"):
        parts.append('type=lambda text: text.lower() in ("true", "t", "1", "yes", "y")')
        parts.append('nargs="?"')
        parts.append("const=True")
    elif kind == "enum":
        choices = argument(node, 2, "enum_values")
        help_text = argument(node, 3, "help")
        if choices is not None:
            parts.append(f"choices={code(convert(writer, choices, scope))}")
    elif kind == "list":
        parts.append('type=lambda text: text.split(",")')
    else:
        raise Unconvertible("flags", f"DEFINE_{kind} has no counterpart", node)
    parts.append(f"default={value}")
    if help_text is not None:
        parts.append(f"help={code(convert(writer, help_text, scope))}")
    writer.converted(node.func, "flags")
    return lines(f"parser.add_argument({', '.join(parts)})\n")
