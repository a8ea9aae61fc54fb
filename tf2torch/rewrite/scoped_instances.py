"""Modules that hold the variables of functions of the scoped tier."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import takewhile

import libcst as cst

from tf2torch.analyse.facts import Creation
from tf2torch.analyse.templates import HOLE, OWN_TEXT, pattern_of
from tf2torch.cst.forms import TIGHT
from tf2torch.cst.names import free_names
from tf2torch.plan.roles import Role
from tf2torch.plan.units import contents
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.operands import Typed
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, parse
from tf2torch.rulebook.dtype_text import TORCH_DTYPES
from tf2torch.rulebook.values import Value

#: A default name with the number that makes it unique.
_NUMBERED = re.compile(r"(.+)_[1-9]\d*")


def instance_call(writer: Writer, node: cst.Call, role: Role, scope: Scope) -> Typed:
    """``net(x, 10)`` -> ``self.net(x, 10)``, with ``Scoped(net)`` in the constructor."""
    from tf2torch.rewrite.layers import reach
    from tf2torch.rewrite.modules import extra_arguments

    slot = scope.slots.get(node)
    if slot is None or scope.model is None:
        message = f"{role.name} makes variables here"
        raise Unconvertible("module-call", message, node)
    if slot.loops:
        message = f"{role.name} makes other variables in each round of a loop"
        raise Unconvertible("scoped-loop", message, node)
    if scope.create is not None:
        scope.create(node, slot, _constructor(writer, node, role, scope), ())
    args = [a.with_changes(value=_given(writer, a.value, scope)) for a in node.args]
    args += extra_arguments(writer, node, role, scope)
    return Typed(cst.Call(reach(slot, scope), args))


def require_module(
    writer: Writer, node: cst.Call, definition: cst.FunctionDef, scope: Scope
) -> None:
    """Refuses a method of a class of the scoped tier that makes variables outside of a module."""
    home = writer.plan.scoped_homes.get(definition)
    if isinstance(home, cst.ClassDef) and not scope.scoped and writer.analysis.creations_at(node):
        method = definition.name.value
        name = home.name.value if method == "__init__" else f"{home.name.value}.{method}"
        message = f"{name} makes variables of its scopes where no module holds them"
        raise Unconvertible("scoped-class", message, node)


def _given(writer: Writer, node: cst.BaseExpression, scope: Scope) -> cst.BaseExpression:
    value = writer.value(node)
    if value.kind == "placeholder" and value.detail in scope.modes:
        return parse(f"{scope.model}.training")
    return convert(writer, node, scope)


def outer_names(writer: Writer, node: cst.FunctionDef, own: set[str]) -> dict[str, str]:
    """What a scoped function reads of the code around it that is no argument of it: the mode."""
    found: dict[str, str] = {}
    for name, unit in writer.plan.placeholders.items():
        value = writer.value(unit.value) if unit.value is not None else None
        if value is None or value.detail not in writer.modes or name in own:
            continue
        if name in free_names(node):
            writer.support.add("in_training")
            found[name] = "in_training()"
    return found


def scoped_key(writer: Writer, creation: Creation, name: str) -> tuple[str, str] | None:
    """Module and key of a variable that a function of the scoped tier makes.

    Its key is its name, below the attribute that holds the function.
    """
    path = (pattern_of(name) or name).replace(HOLE, OWN_TEXT).replace("/", ".")
    for step in creation.path:
        function = writer.analysis.callees.get(step) if isinstance(step, cst.Call) else None
        if function is not None and function.node in writer.plan.scoped:
            slot = writer.plan.slots.get(step)
            if slot is not None and writer.plan.model is not None:
                held = f"{slot.attribute}.{path}" if slot.attribute else path
                return writer.plan.model, held
            break
    entry = creation.path[0] if creation.path else creation.node
    definition = writer.plan.scoped_homes.get(entry)  # for whoever makes a Scoped of it
    return None if definition is None else (definition.name.value, path)


def _constructor(writer: Writer, node: cst.Call, role: Role, scope: Scope) -> cst.BaseExpression:
    """``Scoped(net).build(torch.zeros(1, 784), 10)``: one call makes all variables."""
    writer.support.add("Scoped")
    inner: Scope = scope.create.scope  # type: ignore[union-attr]
    given: list[cst.Arg] = []
    for arg in node.args:
        if arg.star:
            raise Unconvertible("module-call", f"{role.name} is called with *arguments", node)
        example = _example(writer, arg.value, writer.value(arg.value), inner)
        given.append(arg.with_changes(value=example))
    for name in role.extra:
        value = _tensor(writer.analysis.names.get(name), node, name)
        given.append(cst.Arg(value, keyword=cst.Name(name), equal=TIGHT))
    _require_own_names(writer, node, role)
    enclosing = _enclosing(writer, node)
    made = f"Scoped({role.name}, within={enclosing!r})" if enclosing else f"Scoped({role.name})"
    return cst.Call(parse(f"{made}.build"), given)


def _example(
    writer: Writer, node: cst.BaseExpression, value: Value, scope: Scope
) -> cst.BaseExpression:
    """What an argument is while the variables are made: zeros in the place of tensors."""
    if value.kind == "placeholder" and value.detail in scope.modes:
        return cst.Name("False")
    if value.is_tensor:
        return _tensor(value, node, code(node))
    if isinstance(node, (cst.List, cst.Tuple)):
        elements = [
            e.with_changes(value=_example(writer, e.value, writer.value(e.value), scope))
            for e in node.elements
        ]
        return node.with_changes(elements=elements)
    if value.kind in ("sequence", "mapping", "many"):
        if any(item.is_tensor for item in contents(value)):
            message = f"what {code(node)} is cannot be told where variables are made"
            raise Unconvertible("module-call", message, node)
    return convert(writer, node, scope)


def _tensor(value: Value | None, node: cst.CSTNode, text: str) -> cst.BaseExpression:
    if value is None or not value.is_tensor or value.shape is None:
        raise Unconvertible("module-call", f"the shape of {text} is not known", node)
    lengths = ", ".join(str(dim.size or dim.text or 1) for dim in value.shape)
    dtype = TORCH_DTYPES.get(value.dtype or "float32", value.dtype)
    suffix = "" if dtype == "float32" else f", dtype=torch.{dtype}"
    return parse(f"torch.zeros({lengths or '()'}{suffix})")


def _require_own_names(writer: Writer, node: cst.Call, role: Role) -> None:
    """Refuses an instance whose default names go on from those of other code: dense_4, dense_5.

    Each instance counts from the start.
    """
    own = writer.analysis.creations_at(node)
    before = takewhile(lambda creation: creation is not own[0], writer.analysis.creations)
    names, others = _paths(own), _paths(before)
    for name in sorted(names):
        found = _NUMBERED.fullmatch(name)
        if found is not None and found[1] in others - names:
            message = f"{role.name} goes on numbering {found[1]!r}, which other code makes: {name}"
            raise Unconvertible("scoped-names", message, node)


def _paths(creations: Iterable[Creation]) -> set[str]:
    """The names of variables and of the scopes around them."""
    found: set[str] = set()
    for variable in (v for creation in creations for v in creation.variables):
        parts = variable.name.split("/")
        found |= {"/".join(parts[:end]) for end in range(1, len(parts) + 1)}
    return found


def _enclosing(writer: Writer, node: cst.Call) -> str:
    """The variable scope that is open around a call."""
    name = writer.analysis.state.scopes_at.get(node, "")
    if name is None or "?" in name:
        raise Unconvertible("scoped-loop", "which variable scope is open here is not known", node)
    return name
