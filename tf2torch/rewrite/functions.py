"""Program functions in PyTorch: plain functions, methods of the model, and module classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import libcst as cst

from tf2torch.cst.forms import TIGHT, is_docstring
from tf2torch.diagnostics import Outcome
from tf2torch.plan.roles import Role
from tf2torch.plan.slots import Slot
from tf2torch.plan.units import Unit
from tf2torch.plan.uses import names_in, parameter_names
from tf2torch.rewrite import initial, overrides, repetition, running, tags
from tf2torch.rewrite.choice import chosen
from tf2torch.rewrite.expressions import convert, typed
from tf2torch.rewrite.layout import FIRST
from tf2torch.rewrite.lists import without_lists
from tf2torch.rewrite.operands import Typed
from tf2torch.rewrite.recording import is_summary
from tf2torch.rewrite.sink import Sink
from tf2torch.rewrite.statements import Statements, block, write_block
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, lines, parse
from tf2torch.rulebook.apply import Bound, fill
from tf2torch.rulebook.model import Rule
from tf2torch.rulebook.values import UNKNOWN


@dataclass(eq=False)
class Written:
    """A converted function.

    Attributes:
        node: the function or class in the output.
        first: parameters that take images with channels first.
        returns_first: whether the result has channels first.
        init: parameters of the constructor, for a module.
        forward: parameters of `forward`, for a module.
    """

    node: cst.FunctionDef | cst.ClassDef
    first: frozenset[str] = frozenset()
    returns_first: bool = False
    init: tuple[str, ...] = ()
    forward: tuple[str, ...] = ()
    derived: frozenset[str] = frozenset()


def program_call(
    writer: Writer, node: cst.Call, definition: cst.FunctionDef, scope: Scope
) -> Typed | None:
    """A call of a program function; None if the function is no part of the graph."""
    role = writer.plan.roles.get(definition)
    if role is None or role.kind == "host":
        return None
    if role.kind == "source":
        raise Unconvertible("data", f"{role.name} draws elements in the middle of other code", node)
    written = write_function(writer, role, scope)
    if written is None:
        return None
    if role.kind == "module":
        return _module_call(writer, node, role, written, scope)
    names = [p.name.value for p in definition.params.params]
    args = []
    for index, arg in enumerate(node.args):
        name = arg.keyword.value if arg.keyword else (names[index] if index < len(names) else "")
        item = typed(writer, arg.value, scope)
        value = item.first() if name in written.first else item.last()
        args.append(arg.with_changes(value=value))
    args += _extra(writer, node, role, scope)
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


def _extra(writer: Writer, node: cst.Call, role: Role, scope: Scope) -> list[cst.Arg]:
    found = []
    scopes = tags.scope_argument(writer, node, scope)
    if scopes is not None:
        name, text = scopes
        found.append(cst.Arg(parse(text), keyword=cst.Name(name), equal=TIGHT))
    for name in role.extra:
        value = parse(scope.names.get(name, name))
        found.append(cst.Arg(value, keyword=cst.Name(name), equal=TIGHT))
    return found


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
    if not images:
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
    shadowed = parameter_names(node.params) | names_in(node.body).stores
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
    if role.kind == "method" and "self" in parameter_names(node.params):
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


# -- module classes ------------------------------------------------------------------------------


def write_module(writer: Writer, role: Role) -> Written:
    """A function that makes layers -> an nn.Module with the same parameters, divided."""
    node = role.node
    overrides.decorators_of(writer, node)  # none of TensorFlow's is left
    units = writer.plan.function_units[node]
    slots = writer.plan.function_slots[node]
    parameters = [p.name.value for p in node.params.params]
    facts = writer.analysis.parameters.get(node, {})
    created = {n for u in units if u.kind == "param" for n in u.names.stores}
    scope = Scope(
        names={name: f"self.{name}" for name in created},
        model="self",
        phase="forward",
        slots=slots,
        modes=writer.modes,
    )
    sink = Sink(scope.inside(phase="init", layouts={}), created)
    scope = scope.inside(create=creator(writer, sink))
    body: Statements = []
    config: list[cst.BaseStatement] = []
    early: list[Statements] = []
    for unit in units:
        if unit.kind == "host" and not is_docstring(unit.node):
            written = write_block(writer, [unit.node], scope, sink)
            config += written
            early.append(write_block(writer, [unit.node], sink.scope, None))
            body += written
        elif unit.kind == "object" and _is_silent(writer, unit):
            writer.settle(unit.node, Outcome.ABSORBED, "initializer")
        else:
            body += write_block(writer, [unit.node], scope, sink)
        writer.settle(unit.node, Outcome.CONVERTED, "graph")
    constructor = sink.stack[0]
    init_needs = names_in(constructor).loads
    tensors = {
        name
        for name in parameters
        if name in facts and (facts[name].is_tensor or facts[name].kind == "unknown")
    }
    tensors |= {n for u in units if u.kind == "graph" for n in u.names.stores}
    derived: list[str] = []
    sizes = _sizes(writer, node)
    for written in reversed(early):
        found = names_in(written)
        if not found.stores & init_needs:
            continue
        named = found.loads & sizes - set(parameters)
        if found.loads & tensors or (named and found.stores <= _told(writer, role)):
            derived += sorted(found.stores & init_needs)
            continue
        constructor[:0] = written
        init_needs |= found.loads
    constructor = without_lists(constructor)
    init_needs = names_in(constructor).loads
    derived = [name for name in derived if name in init_needs]
    wrong = sorted((init_needs - names_in(constructor).stores) & tensors)
    if wrong:
        raise Unconvertible(
            "module-config", f"{role.name}'s layers need the shape of {wrong[0]!r}", node
        )
    body = _prune(body, config)
    derived += sorted(
        n for n in init_needs & sizes if n not in parameters and n not in derived and "_size" in n
    )
    init = [*derived, *(name for name in parameters if name in init_needs)]
    kept = [name for name in parameters if name in names_in(body).loads]
    optional = {p.name.value for p in node.params.params if p.default is not None}
    stored = [n for n in kept if n in init and n not in tensors]
    forward = sorted((n for n in kept if n not in stored), key=lambda n: n in optional)
    init.sort(key=lambda n: n in optional)
    renamed = {name: f"self.{name}" for name in stored}
    if stored:
        body = [_rename(statement, renamed) for statement in body]
        constructor = [*lines("".join(f"self.{n} = {n}\n" for n in stored)), *constructor]
    defaults = {p.name.value: p for p in node.params.params}
    defaults |= {name: cst.Param(cst.Name(name)) for name in derived}
    doc = [u.node for u in units[:1] if is_docstring(u.node)]
    body = body[len(doc) :] if doc else body
    scopes = [name] if (name := tags.scope_parameter(writer, node)) is not None else []
    class_node = class_definition(
        role.name,
        [_parameter(writer, defaults[n], scope) for n in init],
        constructor,
        sink.reset_method(),
        [
            forward_method(
                "forward",
                [_parameter(writer, defaults[n], scope) for n in forward]
                + [cst.Param(cst.Name(n)) for n in (*role.extra, *scopes)],
                body,
            )
        ],
        doc,
    ).with_changes(leading_lines=node.leading_lines)
    return Written(class_node, init=tuple(init), forward=(*forward,), derived=frozenset(derived))


def _sizes(writer: Writer, node: cst.FunctionDef) -> set[str]:
    """Host names of a function whose values at its calls are facts of the analysis."""
    tables = writer.analysis.state.locals.items()
    return {name for (definition, _), known in tables if definition is node for name in known}


def _told(writer: Writer, role: Role) -> set[str]:
    """Those of them that every caller can spell."""
    tables = [known for (d, _), known in writer.analysis.state.locals.items() if d is role.node]
    return {
        name
        for name in _sizes(writer, role.node)
        if all(
            name in known and (known[name].text or isinstance(known[name].literal, int))
            for known in tables
        )
    }


def _is_silent(writer: Writer, unit: Unit) -> bool:
    """Objects that the layers have used up: initializers, regularizers, scopes."""
    value = writer.value(unit.value) if unit.value is not None else None
    if is_summary(value):
        return False
    return value is not None and value.kind in ("object", "symbol")


def _parameter(writer: Writer, parameter: cst.Param, scope: Scope) -> cst.Param:
    plain = parameter.with_changes(comma=cst.MaybeSentinel.DEFAULT)
    if parameter.default is None:
        return plain
    return plain.with_changes(default=convert(writer, parameter.default, scope))


def _prune(body: Statements, config: list[cst.BaseStatement]) -> Statements:
    """Drops configuration that only the constructor reads."""
    kept = list(body)
    for statement in reversed(config):
        stores = names_in(statement).stores
        rest = [s for s in kept if s is not statement]
        if (
            stores
            and not stores & names_in(rest).loads
            and isinstance(statement, cst.SimpleStatementLine)
        ):
            kept = rest
    return kept


class _Renamer(cst.CSTTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Attribute_attr(self, node: cst.Attribute) -> None: ...

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        return updated_node.with_changes(attr=original_node.attr)

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:
        return updated_node.with_changes(keyword=original_node.keyword)

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return False

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        """A closure: its own parameters and locals stay what they are."""
        own = parameter_names(original_node.params) | names_in(original_node.body).stores
        inner = _Renamer({name: text for name, text in self.names.items() if name not in own})
        params = original_node.params.with_changes(
            params=[
                p if p.default is None else p.with_changes(default=p.default.visit(self))
                for p in original_node.params.params
            ]
        )
        return original_node.with_changes(params=params, body=original_node.body.visit(inner))

    def visit_Lambda(self, node: cst.Lambda) -> bool:
        return False

    def leave_Lambda(self, original_node: cst.Lambda, updated_node: cst.Lambda) -> cst.Lambda:
        own = parameter_names(original_node.params)
        inner = _Renamer({name: text for name, text in self.names.items() if name not in own})
        return original_node.with_changes(body=original_node.body.visit(inner))

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        text = self.names.get(original_node.value)
        return parse(text) if text is not None else updated_node


def _rename(statement: cst.BaseStatement, names: dict[str, str]) -> cst.BaseStatement:
    return statement.visit(_Renamer(names))  # type: ignore[return-value]


def forward_method(name: str, params: list[cst.Param], body: Statements) -> cst.FunctionDef:
    """``def name(self, ...): body``; what follows a default without having one is keyword only."""
    body = body or lines("pass\n")
    first = next((i for i, p in enumerate(params) if p.default is not None), len(params))
    keyword_only = [p for p in params[first:] if p.default is None]
    plain = [p for p in params if p not in keyword_only]
    star = {"star_arg": cst.ParamStar(), "kwonly_params": keyword_only} if keyword_only else {}
    return cst.FunctionDef(
        cst.Name(name),
        cst.Parameters([cst.Param(cst.Name("self")), *plain], **star),  # type: ignore[arg-type]
        cst.IndentedBlock(body),
        leading_lines=[cst.EmptyLine(indent=False)],
    )


def class_definition(
    name: str,
    init_params: list[cst.Param],
    constructor: Statements,
    resets: Statements,
    methods: list[cst.FunctionDef],
    doc: list[cst.BaseStatement],
) -> cst.ClassDef:
    """An nn.Module class."""
    body: Statements = [*doc]
    if constructor or resets or init_params:
        inner = lines("super().__init__()\n") + constructor
        if resets:
            inner += lines("self.reset_parameters()\n")
        first = forward_method("__init__", init_params, inner)
        body.append(first.with_changes(leading_lines=[cst.EmptyLine(indent=False)] if doc else []))
    for reset in resets:
        body.append(reset.with_changes(leading_lines=[cst.EmptyLine(indent=False)]))
    for index, method in enumerate(methods):
        if index == 0 and not body:
            method = method.with_changes(leading_lines=[])
        elif not any(
            isinstance(line, cst.EmptyLine) and line.comment is None
            for line in method.leading_lines[:1]
        ):
            method = method.with_changes(
                leading_lines=[
                    cst.EmptyLine(indent=False),
                    *[li for li in method.leading_lines if li.comment],
                ]
            )
        body.append(method)
    return cst.ClassDef(
        cst.Name(name),
        cst.IndentedBlock(body or lines("pass\n")),
        bases=[cst.Arg(parse("nn.Module"))],
        leading_lines=[cst.EmptyLine(indent=False), cst.EmptyLine(indent=False)],
        lpar=cst.LeftParen(),
        rpar=cst.RightParen(),
    )


def _module_call(
    writer: Writer, node: cst.Call, role: Role, written: Written, scope: Scope
) -> Typed:
    """``conv_net(x, 10)`` -> ``self.conv_net(x)``, with ``ConvNet(10)`` in the constructor."""
    slot = scope.slots.get(node)
    if slot is None or scope.model is None:
        raise Unconvertible("module-call", f"{role.node.name.value} makes variables here", node)
    repetition.require_countable(writer, node, slot)
    names = [p.name.value for p in role.node.params.params]
    given: dict[str, cst.Arg] = {}
    for index, arg in enumerate(node.args):
        if arg.star or (arg.keyword is None and index >= len(names)):
            raise Unconvertible(
                "module-call", "star arguments of a function that makes layers", node
            )
        given[arg.keyword.value if arg.keyword else names[index]] = arg
    if scope.create is not None and slot.kind != "shared":
        carry = scope.create.carry if slot.loops else None  # type: ignore[attr-defined]
        scope.create(node, slot, _constructor(writer, node, role, written, given, carry), ())
    args = []
    in_order = True
    for name in written.forward:
        if name not in given:
            in_order = False
            continue
        value = convert(writer, given[name].value, scope)
        keyword = None if in_order and given[name].keyword is None else cst.Name(name)
        in_order = in_order and keyword is None
        args.append(
            cst.Arg(value, keyword=keyword, equal=TIGHT if keyword else cst.MaybeSentinel.DEFAULT)
        )
    args += _extra(writer, node, role, scope)
    return Typed(cst.Call(reach(slot, scope), args))


def _constructor(
    writer: Writer,
    node: cst.Call,
    role: Role,
    written: Written,
    given: dict[str, cst.Arg],
    carry: Callable[[running.Running], running.Running] | None = None,
) -> tuple[str, list[tuple[str | None, cst.BaseExpression]]]:
    """Name and arguments of a module's constructor at one call."""
    args: list[tuple[str | None, cst.BaseExpression]] = []
    in_order = True
    known = writer.analysis.state.locals.get((role.node, node), {})
    for parameter in written.init:
        if parameter in written.derived:
            value = known.get(parameter)
            if value is not None and not isinstance(value.literal, int) and carry is not None:
                length = running.of_call(writer, role.node, node, parameter, given)
                if length is not None:
                    args.append((None if in_order else parameter, parse(carry(length).name)))
                    continue
            if value is not None and value.text:
                args.append((None if in_order else parameter, parse(value.text)))
                continue
            if value is None or not isinstance(value.literal, int):
                raise Unconvertible(
                    "module-config", f"the length {parameter!r} of {role.name} is not known", node
                )
            args.append((None if in_order else parameter, parse(str(value.literal))))
            continue
        if parameter not in given:
            in_order = False
            continue
        args.append((None if in_order else parameter, given[parameter].value))
    return role.name, args


def reach(slot: Slot, scope: Scope) -> cst.BaseExpression:
    """``self.conv1``, ``self.layers[i]``"""
    text = f"{scope.model}.{slot.attribute}" if slot.attribute else str(scope.model)
    for loop in slot.loops:
        text += f"[{scope.indices.get(loop.body, 'index')}]"
    return parse(text)


# -- layers --------------------------------------------------------------------------------------


def creator(writer: Writer, sink: Sink):  # type: ignore[no-untyped-def]
    """How forward code makes the constructor build what it uses."""

    def create(node: cst.Call, slot: Slot, constructor: object, resets: tuple[str, ...]) -> None:
        if isinstance(constructor, tuple):
            name, args = constructor
            written = [
                cst.Arg(
                    convert(writer, value, sink.scope),
                    keyword=cst.Name(keyword) if keyword else None,
                    equal=TIGHT if keyword else cst.MaybeSentinel.DEFAULT,
                )
                for keyword, value in args
            ]
            constructor = cst.Call(parse(name), written)
        assert isinstance(constructor, cst.BaseExpression)
        sink.layer(slot, constructor, resets)

    create.scope = sink.scope  # type: ignore[attr-defined]
    create.carry = sink.carry  # type: ignore[attr-defined]
    create.finished = sink.finished  # type: ignore[attr-defined]
    return create


def layer_call(
    writer: Writer,
    node: cst.Call,
    rule: Rule,
    bound: Bound,
    scope: Scope,
    order: str | None,
    rank: int | None,
) -> Typed:
    """``tf.layers.dense(x, 10)`` -> ``self.dense(x)``, with ``nn.Linear`` in the constructor."""
    emit = chosen(writer, rule, bound, node)
    if emit.init is None or emit.forward is None:
        written = fill(emit.torch or emit.forward or "", bound)
        return after(writer, rule, bound, Typed(written, order, rank), node, scope)
    slot = scope.slots.get(node)
    if slot is None or scope.model is None:
        raise Unconvertible(
            rule.id, f"{rule.tf[0]} makes variables where no module can hold them", node
        )
    repetition.require_countable(writer, node, slot)
    if scope.create is not None:
        init_scope: Scope = scope.create.scope  # type: ignore[attr-defined]
        constructor_bound = Bound(
            bound.rule,
            {name: _original(writer, node, rule, name, init_scope, bound) for name in bound.nodes},
            bound.values,
        )
        constructor = fill(emit.init, constructor_bound)
        if "Lazy" in code(constructor):
            if slot.loops:
                size = running.in_round(writer, node, slot)
            else:
                finished = scope.create.finished  # type: ignore[attr-defined]
                size = running.behind(writer, node, finished.values())
            length = running.of_layer(writer, node, slot, constructor_bound)
            if size is None and length is None:
                raise Unconvertible(rule.id, "the number of input features is not known", node)
            size = size or scope.create.carry(length).name  # type: ignore[attr-defined]
            known = running.with_length(writer, node, constructor_bound, size)
            constructor = fill(chosen(writer, rule, known, node).init or "", known)
        resets = initial.layer_resets(writer, rule, bound, node, init_scope)
        scope.create(node, slot, constructor, resets)
    own = reach(slot, scope)
    flag = _training(writer, rule, bound, scope)
    if flag is not None and "{self}(" in emit.forward:
        own = cst.Call(cst.Attribute(own, cst.Name("train")), [cst.Arg(flag)])
    written = fill(emit.forward, bound, {"self": own})
    return after(writer, rule, bound, Typed(written, order, rank), node, scope)


def _training(writer: Writer, rule: Rule, bound: Bound, scope: Scope) -> cst.BaseExpression | None:
    """The flag that says in which mode a layer runs, where the model's own mode does not."""
    if rule.training is None or rule.training not in bound.nodes:
        return None
    value = bound.values[rule.training]
    if value.kind == "placeholder" and value.detail in scope.modes:
        return None
    if value.literal is True and not scope.modes:
        return None
    return bound.nodes[rule.training]


def _original(
    writer: Writer, node: cst.Call, rule: Rule, name: str, scope: Scope, bound: Bound
) -> cst.BaseExpression:
    """An argument as the constructor needs it."""
    from tf2torch.rewrite.calls import is_recipe

    argument = source_argument(rule, node, name)
    if argument is None or writer.value(argument).is_tensor or is_recipe(writer, argument):
        return bound.nodes[name]
    try:
        return convert(writer, argument, scope)
    except Unconvertible:
        return bound.nodes[name]


def source_argument(rule: Rule, node: cst.Call, name: str) -> cst.BaseExpression | None:
    """The source expression that a call passes for a parameter of its rule."""
    positional = [p.name for p in rule.parameters if not p.star and p.name != "self"]
    for index, arg in enumerate(node.args):
        key = (
            arg.keyword.value
            if arg.keyword
            else (positional[index] if index < len(positional) else "")
        )
        if rule.alias.get(key, key) == name:
            return arg.value
    return None


def _functions_given(writer: Writer, node: cst.Call, name: str) -> set[str | None]:
    """The functions that a layer was given over all calls, None for no function.

    Empty if any of them is not known.
    """
    found: set[str | None] = set()
    for creation in writer.analysis.creations_at(node):
        value = creation.bound.values.get(name)
        if value is not None and value.kind in ("symbol", "function"):
            found.add(str(value.detail))
        elif value is not None and value.literal is None:
            found.add(None)
        else:
            return set()
    return found


def after(
    writer: Writer, rule: Rule, bound: Bound, item: Typed, node: cst.Call, scope: Scope
) -> Typed:
    """Applies what a layer does to its result: ``activation=tf.nn.relu``."""
    from tf2torch.rewrite import calls

    for name in rule.after:
        argument = source_argument(rule, node, name)
        value = bound.values.get(name)
        if value is None or value.literal is None:
            continue
        if value.kind == "symbol":
            found = writer.analysis.rulebook.find(value.detail)
            if found is None:
                raise Unconvertible("unknown-symbol", f"{value.detail} has no rule yet", node)
            item = calls.apply_to(writer, found, item, writer.value(node), node)
            if argument is not None:
                writer.converted(argument, found.id)
        elif argument is not None:
            function = convert(writer, argument, scope)
            if value.kind == "function":
                item = Typed(cst.Call(_called(function), [cst.Arg(item.last())]))
            elif value.literal is UNKNOWN and (given := _functions_given(writer, node, name)):
                if None in given:
                    function = parse(f"({code(function)} or nn.Identity())")
                item = Typed(cst.Call(function, [cst.Arg(item.last())]))
            elif value.literal is UNKNOWN:
                raise Unconvertible(rule.id, f"{name}= is not known", node)
    return item


def _called(function: cst.BaseExpression) -> cst.BaseExpression:
    if isinstance(function, cst.Lambda):
        return function.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return function
