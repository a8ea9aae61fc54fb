"""``tf.app.flags`` becomes argparse with the same flags, ``tf.app.run`` the guard that parses them.

Importing parses nothing: ``FLAGS`` then holds the defaults.
"""

from __future__ import annotations

import libcst as cst

from tf2torch.diagnostics import Outcome
from tf2torch.rewrite.arguments import argument
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, lines
from tf2torch.rulebook.values import UNKNOWN, Value

Statements = list[cst.BaseStatement]

_TYPES = {"integer": "int", "float": "float", "string": "str"}
_SYMBOLS = ("tf.app.flags.", "tf.flags.")


def holder(writer: Writer) -> str:
    """The program's name for the parsed flags."""
    for name, value in writer.analysis.names.items():
        if value.kind == "object" and getattr(value.detail, "type", "") == "Flags":
            return name
    return "FLAGS"


def has_flags(writer: Writer) -> bool:
    return any(not name.startswith("!") for name in writer.analysis.state.flags)


def define(writer: Writer, node: cst.Call, scope: Scope) -> Statements:
    """``DEFINE_integer("n", 10)`` -> ``parser.add_argument("--n", type=int, default=10)``"""
    symbol = writer.analysis.symbols[node.func]
    kind = symbol.rpartition("DEFINE_")[2]
    name = argument(node, 0, "name", "flag_name")
    default = argument(node, 1, "default", "default_value")
    help_text = argument(node, 2, "help", "docstring")
    label = writer.value(name).literal if name is not None else None
    if not isinstance(label, str) or default is None:
        raise Unconvertible("flags", "a flag whose name is not a constant", node)
    parts = [f'"--{label}"']
    extra = ""
    if kind in _TYPES:
        parts.append(f"type={_TYPES[kind]}")
    elif kind in ("boolean", "bool"):
        writer.support.add("boolean_flag")
        parts += ["type=boolean_flag", 'nargs="?"', "const=True"]
        extra = f'parser.add_argument("--no{label}", dest="{label}", action="store_false", '
        extra += "help=argparse.SUPPRESS)\n"
    elif kind == "enum":
        choices = argument(node, 2, "enum_values")
        help_text = argument(node, 3, "help")
        if choices is not None:
            parts.append(f"choices={code(convert(writer, choices, scope))}")
    elif kind == "list":
        parts.append('type=lambda text: text.split(",")')
    else:
        raise Unconvertible("flags", f"DEFINE_{kind} has no counterpart", node)
    text = _default(writer, default, kind, scope)
    if text != "None":
        parts.append(f"default={text}")
    if help_text is not None:
        parts.append(f"help={_help(writer, help_text, scope)}")
    writer.converted(node.func, "flags")
    return lines(f"parser.add_argument({', '.join(parts)})\n{extra}")


def _default(writer: Writer, node: cst.BaseExpression, kind: str, scope: Scope) -> str:
    """The default as the flag's type has it: 1 -> 1.0, 1e5 -> 100000."""
    literal = writer.value(node).literal
    if kind == "float" and isinstance(literal, int) and not isinstance(literal, bool):
        return repr(float(literal))
    if kind == "integer" and isinstance(literal, float) and literal.is_integer():
        return f"int({code(node)})"
    return code(convert(writer, node, scope))


def _help(writer: Writer, node: cst.BaseExpression, scope: Scope) -> str:
    """Help texts are formats for argparse: ``50%`` -> ``50%%``."""
    text = code(convert(writer, node, scope))
    literal = writer.value(node).literal
    if literal is UNKNOWN:
        return f'{text}.replace("%", "%%")'
    return text.replace("%", "%%") if isinstance(literal, str) else text


# -- running -------------------------------------------------------------------------------------


def is_run(writer: Writer, node: cst.CSTNode) -> bool:
    """Whether a statement is ``tf.app.run(...)``."""
    small = node.body[0] if isinstance(node, cst.SimpleStatementLine) else node
    call = small.value if isinstance(small, cst.Expr) else None
    if isinstance(call, cst.Call) and writer.analysis.symbols.get(call.func) == "tf.app.run":
        return True
    return False


def guard(statements: Statements) -> Statements:
    """``if __name__ == "__main__":`` around what the program ran when it was imported."""
    made = lines('if __name__ == "__main__":\n    pass\n')[0]
    assert isinstance(made, cst.If)
    spaces = [cst.EmptyLine(indent=False), cst.EmptyLine(indent=False)]
    return [made.with_changes(body=cst.IndentedBlock(statements), leading_lines=spaces)]


def run_statements(writer: Writer, call: cst.Call, scope: Scope) -> Statements:
    """``tf.app.run()`` -> flags are parsed, ``main`` gets what is left of the arguments."""
    given, argv = argument(call, 0, "main"), argument(call, 1, "argv")
    function = "main" if given is None else code(convert(writer, given, scope))
    if isinstance(given, cst.Lambda):
        function = f"({function})"
    writer.converted(call.func, "app-run")
    if argv is not None:
        return lines(
            f"{_exits(writer, given, f'{function}({code(convert(writer, argv, scope))})')}\n"
        )
    if not has_flags(writer):
        return lines(f"{_exits(writer, given, f'{function}(sys.argv)')}\n")
    name = holder(writer)
    text = f"{name}, unparsed = parser.parse_known_args()\n{required(writer)}"
    return lines(text + _exits(writer, given, f"{function}([sys.argv[0], *unparsed])") + "\n")


def _exits(writer: Writer, given: cst.BaseExpression | None, call: str) -> str:
    """``sys.exit(main(...))`` where main returns a status."""
    value: Value | None = None
    if given is not None:
        value = writer.value(given)
    else:
        value = writer.analysis.names.get("main")
    if value is None or value.kind != "function":
        return call
    returned = writer.analysis.returns.get(value.detail.node)
    silent = returned is None or returned.literal is None or returned.kind == "operation"
    return call if silent else f"sys.exit({call})"


def required(writer: Writer) -> str:
    """The check of flags that must be given."""
    names = [name[1:] for name in writer.analysis.state.flags if name.startswith("!")]
    text = ""
    for name in names:
        text += f"if {holder(writer)}.{name} is None:\n"
        text += f'    parser.error("--{name} is required")\n'
    return text


def host_statement(
    writer: Writer, small: cst.BaseSmallStatement, scope: Scope
) -> Statements | None:
    """Statements for calls of tf.app and on the flags; None for everything else."""
    if isinstance(small, cst.Assign):
        value = writer.value(small.value)
        if value.kind == "object" and value.detail.type == "Flags":
            writer.settle(small, Outcome.CONVERTED, "flags")
            return []
        return None
    call = small.value if isinstance(small, cst.Expr) else None
    if not isinstance(call, cst.Call):
        return None
    symbol = writer.analysis.symbols.get(call.func, "")
    if symbol == "tf.app.run":
        return run_statements(writer, call, scope)
    if symbol.startswith(_SYMBOLS) and symbol.rpartition(".")[2].startswith("mark_flag"):
        writer.settle(small, Outcome.CONVERTED, "flags")
        return []
    if isinstance(call.func, cst.Attribute):
        owner = writer.value(call.func.value)
        if owner.kind == "object" and owner.detail.type == "Flags":
            if call.func.attr.value in ("_parse_flags", "__call__", "mark_as_parsed"):
                return []
    return None


def dictionary(writer: Writer, node: cst.CSTNode) -> cst.BaseExpression:
    """``FLAGS.__flags``, ``FLAGS.flag_values_dict()`` -> ``vars(FLAGS)``"""
    return cst.parse_expression(f"vars({holder(writer)})")


def with_parser(writer: Writer, rest: Statements) -> Statements:
    """Creates the parser before its first flag and gives the flags their values."""
    name = holder(writer)
    found = [i for i, s in enumerate(rest) if _adds_argument(s)]
    if not found:
        return rest
    made = lines("parser = argparse.ArgumentParser()\n")
    values = lines(f"{name} = parser.parse_args([])\n")
    first, last = found[0], found[-1]
    leading = list(rest[first].leading_lines)  # type: ignore[attr-defined]
    head = rest[first].with_changes(leading_lines=[li for li in leading if li.comment])
    made[0] = made[0].with_changes(leading_lines=[li for li in leading if not li.comment])
    body = [*rest[:first], *made, head, *rest[first + 1 : last + 1], *values, *rest[last + 1 :]]
    return [_parsing(writer, s, name) for s in body]


def _adds_argument(statement: cst.BaseStatement) -> bool:
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    if not isinstance(small, cst.Expr) or not isinstance(small.value, cst.Call):
        return False
    return code(small.value.func) == "parser.add_argument"


def _parsing(writer: Writer, statement: cst.BaseStatement, name: str) -> cst.BaseStatement:
    """The guard, which parses the flags first if nothing in it does."""
    if not isinstance(statement, cst.If) or "__name__" not in code(statement.test):
        return statement
    if "parser.parse" in code(statement) or not isinstance(statement.body, cst.IndentedBlock):
        return statement
    parsed = lines(f"{name} = parser.parse_args()\n{required(writer)}")
    body = statement.body.with_changes(body=[*parsed, *statement.body.body])
    return statement.with_changes(body=body)
