"""Program functions in PyTorch: plain functions and methods of the model."""

from __future__ import annotations

import libcst as cst

from tf2torch.cst.names import names_in, parameters
from tf2torch.plan.roles import Role
from tf2torch.rewrite import overrides, scoped_instances, tags
from tf2torch.rewrite.expressions import convert, typed
from tf2torch.rewrite.layout import FIRST
from tf2torch.rewrite.modules import Written, extra_arguments, module_call, write_module
from tf2torch.rewrite.operands import Typed
from tf2torch.rewrite.statements import write_block
from tf2torch.rewrite.suites import block
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, parse


def program_call(
    writer: Writer, node: cst.Call, definition: cst.FunctionDef, scope: Scope
) -> Typed | None:
    """A call of a program function; None if the function is no part of the graph."""
    role = writer.plan.roles.get(definition)
    if role is None:
        scoped_instances.require_module(writer, node, definition, scope)
        return None
    if role.kind == "host":
        return None
    if role.kind == "source":
        raise Unconvertible("data", f"{role.name} draws elements in the middle of other code", node)
    written = write_function(writer, role, scope)
    if written is None:
        return None
    if role.kind == "module":
        return module_call(writer, node, role, written, scope)
    if role.kind == "scoped" and not scope.scoped:
        return scoped_instances.instance_call(writer, node, role, scope)
    names = [p.name.value for p in definition.params.params]
    args = []
    for index, arg in enumerate(node.args):
        name = arg.keyword.value if arg.keyword else (names[index] if index < len(names) else "")
        item = typed(writer, arg.value, scope)
        value = item.first() if name in written.first else item.last()
        args.append(arg.with_changes(value=value))
    args += extra_arguments(writer, node, role, scope)
    if role.kind == "method":
        if scope.model is None:
            raise Unconvertible("model-method", f"{role.name} needs the model here", node)
        func: cst.BaseExpression = parse(f"{scope.model}.{role.name}")
    else:
        func = convert(writer, node.func, scope)
    rank = writer.value(node).rank or 4
    return Typed(
        node.with_changes(func=func, args=args), FIRST if written.returns_first else None, rank
    )


def write_function(writer: Writer, role: Role, scope: Scope) -> Written | None:
    """Converts a function once; None while it is being converted (recursion)."""
    if role.node in writer.classes:
        return writer.classes[role.node]
    writer.classes[role.node] = None
    if role.kind == "module":
        written = write_module(writer, role)
    elif role.kind == "source":
        from tf2torch.rewrite.source_functions import write_source

        written = Written(write_source(writer, role))
    else:
        written = _write_plain(writer, role)
    writer.classes[role.node] = written
    return written


def write_class(writer: Writer, node: cst.ClassDef) -> cst.ClassDef:
    """A class of the scoped tier: its methods build the graph in whatever scopes are open."""
    scope = Scope(phase="forward", scoped=True, modes=writer.modes)
    body: list[cst.BaseStatement] = []
    for member in node.body.body:
        if isinstance(member, cst.FunctionDef):
            role = Role(member, "scoped", member.name.value)
            body.append(_attempt(writer, role, frozenset()).node)
        else:
            body += write_block(writer, [member], scope, None)
    bases = [base.with_changes(value=convert(writer, base.value, scope)) for base in node.bases]
    return node.with_changes(bases=bases, body=block(body, node.body))


def base_scope(writer: Writer, role: Role | None, model: str | None, phase: str) -> Scope:
    """Scope of a function body; methods reach the model's variables through `self`."""
    names = {}
    if model is not None:
        names = {name: f"{model}.{attribute}" for name, attribute in writer.plan.attributes.items()}
    return Scope(names=names, model=model, phase=phase, modes=writer.modes)


def _write_plain(writer: Writer, role: Role) -> Written:
    """A function or method: with channels last, or with channels first if that permutes less."""
    node = role.node
    images = [
        p.name.value
        for p in node.params.params
        if (value := writer.analysis.parameters.get(node, {}).get(p.name.value)) is not None
        and value.is_tensor
        and value.kind != "variable"
        and value.rank == 4
    ]
    plain = _attempt(writer, role, frozenset())
    if not images or role.kind == "scoped":
        return plain
    moved = _attempt(writer, role, frozenset(images))
    before, after = (code(written.node).count(".permute(0, ") for written in (plain, moved))
    return moved if after < before else plain


def _phase(writer: Writer, role: Role) -> str:
    """`init` where tensors are made on the host: for modules, and for elements of data sets."""
    if role.kind == "number":
        return "number"
    on_host = role.kind == "factory" or role.node in writer.analysis.state.element_functions
    return "init" if on_host else "forward"


def _attempt(writer: Writer, role: Role, first: frozenset[str]) -> Written:
    node = role.node
    model = "self" if role.kind == "method" else None
    scope = base_scope(writer, role, model, _phase(writer, role))
    shadowed = set(parameters(node)) | names_in(node.body).stores
    if role.kind == "scoped":
        outer = scoped_instances.outer_names(writer, node, shadowed)
        scope = scope.inside(scoped=True, names=outer)
    scope = scope.shadow(shadowed).inside(layouts=dict.fromkeys(first, FIRST))
    body = write_block(writer, node.body.body, scope, None)
    returned_first = False
    if first and isinstance(node.body, cst.IndentedBlock):
        last = node.body.body[-1]
        if isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[0], cst.Return):
            value = last.body[0].value
            if value is not None:
                item = typed(writer, value, scope)
                if item.layout is not None:
                    returned_first = True
                    body[-1] = last.with_changes(body=[last.body[0].with_changes(value=item.node)])
    params = _parameters(writer, node.params, scope, role)
    if role.kind == "method" and "self" in parameters(node):
        raise Unconvertible(
            "model-method",
            f"{role.name} takes an object of its own and the model's variables",
            node,
        )
    if role.kind == "method":
        params = params.with_changes(params=[cst.Param(cst.Name("self")), *params.params])
    decorators = overrides.decorators_of(writer, node)
    function = node.with_changes(params=params, body=block(body, node.body), decorators=decorators)
    return Written(function, first, returned_first)


def _parameters(writer: Writer, params: cst.Parameters, scope: Scope, role: Role) -> cst.Parameters:
    """Parameters with converted defaults, and those for tensors that were read from outside."""
    done: cst.Parameters = params.with_changes(
        params=[
            p if p.default is None else p.with_changes(default=convert(writer, p.default, scope))
            for p in params.params
        ]
    )
    scopes = tags.scope_parameter(writer, role.node)
    stars = isinstance(params.star_arg, (cst.Param, cst.ParamStar)) or params.star_kwarg
    plain = not stars and not params.kwonly_params
    if scopes is not None and plain and all(p.default is None for p in params.params):
        done = done.with_changes(params=[*done.params, cst.Param(cst.Name(scopes))])
        scopes = None
    names = [*role.extra, *([scopes] if scopes is not None else [])]
    if names:
        extra = [cst.Param(cst.Name(name)) for name in names]
        done = done.with_changes(
            kwonly_params=[*done.kwonly_params, *extra], star_arg=done.star_arg or cst.ParamStar()
        )
    return done
