"""Abstract execution of statements: the program's Python runs once, with unknowns as values."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from typing import Any

import libcst as cst

from tf2torch.analyse import contrib_losses, expressions, graph, names, overrides, tensors
from tf2torch.analyse.facts import Function, Obj
from tf2torch.analyse.state import BUDGET, Frame, State, join
from tf2torch.analyse.summaries import note_use
from tf2torch.cst.forms import dotted_name
from tf2torch.cst.walk import children, read
from tf2torch.rulebook.values import ANYTHING, UNKNOWN, Dim, Value, constant

#: Longest loop with a known number of rounds that is executed round by round.
UNROLL = 128

#: How a block ended: None (fell through), "return", "break", "continue" or "raise".
Flow = str | None


def run_block(state: State, statements: Sequence[cst.CSTNode]) -> Flow:
    for statement in statements:
        flow = run_statement(state, statement)
        if flow:
            return flow
    return None


def run_statement(state: State, node: cst.CSTNode) -> Flow:
    state.spent += 1
    handler = _STATEMENTS.get(type(node))
    if handler is None:
        return None
    return handler(state, node)


def body_of(
    node: cst.BaseSuite | cst.BaseCompoundStatement | cst.Else | cst.ExceptHandler | cst.Finally,
) -> Sequence[cst.CSTNode]:
    suite = node.body if not isinstance(node, cst.BaseSuite) else node
    return suite.body


# -- simple statements ---------------------------------------------------------------------------


def _line(state: State, node: cst.SimpleStatementLine | cst.SimpleStatementSuite) -> Flow:
    return run_block(state, node.body)


def _expr(state: State, node: cst.Expr) -> Flow:
    contrib_losses.name_loss(state, node.value, expressions.evaluate(state, node.value))
    return None


def _assign(state: State, node: cst.Assign) -> Flow:
    value = expressions.evaluate(state, node.value)
    for target in node.targets:
        assign(state, target.target, value)
    return None


def _annotated(state: State, node: cst.AnnAssign) -> Flow:
    if node.value is not None:
        assign(state, node.target, expressions.evaluate(state, node.value))
    return None


def _augmented(state: State, node: cst.AugAssign) -> Flow:
    value = expressions.augmented(state, node)
    assign(state, node.target, value)
    return None


def _return(state: State, node: cst.Return) -> Flow:
    value = constant(None) if node.value is None else expressions.evaluate(state, node.value)
    state.frame.returned.append(value)
    return "return"


def _evaluate_children(state: State, node: cst.CSTNode) -> Flow:
    for child in children(node):
        if isinstance(child, cst.BaseExpression):
            expressions.evaluate(state, child)
    return None


def _raise(state: State, node: cst.Raise) -> Flow:
    if node.exc is not None:
        expressions.evaluate(state, node.exc)
    return "raise"


def _global(state: State, node: cst.Global) -> Flow:
    state.frame.global_names.update(item.name.value for item in node.names)
    return None


def _import(state: State, node: cst.Import) -> Flow:
    for alias in node.names:
        dotted = dotted_name(alias.name)
        symbol = canonical_module(dotted)
        if symbol is not None:
            state.symbols[alias] = symbol
        if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
            value = Value("symbol", detail=symbol) if symbol else Value("python", detail=dotted)
            state.frame.assign(alias.asname.name.value, value)
        else:
            top = dotted.partition(".")[0]
            value = Value("symbol", detail="tf") if symbol else Value("python", detail=top)
            state.frame.assign(top, value)
    return None


def _import_from(state: State, node: cst.ImportFrom) -> Flow:
    module = dotted_name(node.module) if node.module is not None else ""
    symbol = canonical_module(module) if not node.relative else None
    if symbol is not None:
        state.symbols[node] = symbol
    if isinstance(node.names, cst.ImportStar):
        if symbol is not None:
            state.frame.names["*"] = Value("symbol", detail=symbol)
        return None
    for alias in node.names:
        name = dotted_name(alias.name)
        target = alias.asname.name.value if alias.asname else name  # type: ignore[union-attr]
        if symbol is not None:
            full = canonical_module(f"{module}.{name}") or f"{symbol}.{name}"
            state.frame.assign(target, tensors.symbol_value(full))
        elif module == "__future__":
            continue
        else:
            state.frame.assign(target, Value("python", detail=f"{module}.{name}"))
    return None


def canonical_module(dotted: str) -> str | None:
    """``tensorflow.compat.v1.nn`` -> ``tf.nn``; None for other packages."""
    parts = dotted.split(".")
    if parts[0] == "tf_slim":
        return ".".join(["tf.contrib.slim", *parts[1:]])
    if parts[0] != "tensorflow":
        return None
    rest = parts[1:]
    if rest[:2] == ["compat", "v1"]:
        rest = rest[2:]
    if rest[:2] == ["python", "platform"] and len(rest) > 2 and rest[2] in _PLATFORM:
        rest = [*_PLATFORM[rest[2]], *rest[3:]]
    return ".".join(["tf", *rest])


#: Modules that programs import from where they are defined.
_PLATFORM = {
    "app": ["app"],
    "flags": ["app", "flags"],
    "gfile": ["gfile"],
    "tf_logging": ["logging"],
}


# -- definitions ---------------------------------------------------------------------------------


def _function(state: State, node: cst.FunctionDef) -> Flow:
    for decorator in node.decorators:
        expressions.evaluate(state, decorator.decorator)
    for parameter in parameters_of(node.params):
        if parameter.default is not None:
            expressions.evaluate(state, parameter.default)
    function = Function(node, state.frame)
    state.frame.assign(node.name.value, Value("function", detail=function))
    return None


def _class(state: State, node: cst.ClassDef) -> Flow:
    bases = [expressions.evaluate(state, base.value) for base in node.bases]
    frame = Frame(parent=state.frame)
    outer, state.frame = state.frame, frame
    run_block(state, body_of(node))
    state.frame = outer
    record = Obj("class", {"members": frame.names, "bases": bases}, node)
    state.frame.assign(node.name.value, Value("class", detail=record))
    return None


def parameters_of(params: cst.Parameters) -> list[cst.Param]:
    return [*params.posonly_params, *params.params, *params.kwonly_params]


# -- compound statements -------------------------------------------------------------------------


def _if(state: State, node: cst.If) -> Flow:
    truth = expressions.truth(expressions.evaluate(state, node.test))
    if truth is True:
        return run_block(state, body_of(node))
    if truth is False:
        return run_block(state, _else_of(node))
    return branch(
        state, lambda: run_block(state, body_of(node)), lambda: run_block(state, _else_of(node))
    )


def _else_of(node: cst.If | cst.For | cst.While) -> Sequence[cst.CSTNode]:
    if node.orelse is None:
        return ()
    return (node.orelse,) if isinstance(node.orelse, cst.If) else body_of(node.orelse)


def branch(state: State, first: Callable[[], Flow], second: Callable[[], Flow]) -> Flow:
    """Runs both ways from the same names and joins what they leave."""
    before = dict(state.frame.names)
    one = first()
    after_first = state.frame.names
    state.frame.names = dict(before)
    other = second()
    ends = ("return", "raise", "break", "continue")
    if one in ends and other not in ends:
        return other
    if other in ends and one not in ends:
        state.frame.names = after_first
        return one
    merged = state.frame.names
    for name, value in after_first.items():
        merged[name] = join(merged[name], value) if name in merged else value
    return one if one == other else None


def _for(state: State, node: cst.For) -> Flow:
    iterable = expressions.evaluate(state, node.iter)
    items = expressions.items_of(iterable)
    if items is not None and len(items) <= UNROLL and builds_graph(state, node):
        outer = state.path
        flow: Flow = None
        for index, item in enumerate(items):
            state.path = (*outer, (node.body, index))
            assign(state, node.target, item)
            flow = run_block(state, body_of(node))
            if flow in ("break", "return", "raise"):
                break
        state.path = outer
        if flow in ("return", "raise"):
            return flow
        return run_block(state, _else_of(node)) if flow != "break" else None

    def rounds() -> Flow:
        for _ in range(2):
            element = items[0] if items and len(items) == 1 else expressions.element_of(iterable)
            assign(state, node.target, element)
            run_block(state, body_of(node))
        return None

    branch(state, rounds, lambda: None)
    run_block(state, _else_of(node))
    return None


def _while(state: State, node: cst.While) -> Flow:
    expressions.evaluate(state, node.test)

    def rounds() -> Flow:
        for _ in range(2):
            run_block(state, body_of(node))
            expressions.evaluate(state, node.test)
        return None

    branch(state, rounds, lambda: None)
    run_block(state, _else_of(node))
    return None


def builds_graph(state: State, node: cst.CSTNode) -> bool:
    """Whether a loop may build graph: it names TensorFlow or program code, and runs no session."""
    finder = _Finder(state)
    read(node, finder)
    return not finder.runs


class _Finder(cst.CSTVisitor):
    def __init__(self, state: State) -> None:
        self.state = state
        self.runs = False

    def visit_Call(self, node: cst.Call) -> None:
        if isinstance(node.func, cst.Attribute) and node.func.attr.value == "run":
            self.runs = True


def _with(state: State, node: cst.With) -> Flow:
    leave: list[Callable[[], None]] = []
    for item in node.items:
        value = expressions.evaluate(state, item.item)
        entered, undo = graph.enter(state, value, item.item)
        leave.append(undo)
        if item.asname is not None:
            assign(state, item.asname.name, entered)
    flow = run_block(state, body_of(node))
    for undo in reversed(leave):
        undo()
    return flow


def _try(state: State, node: cst.Try) -> Flow:
    def attempt() -> Flow:
        flow = run_block(state, body_of(node))
        return flow or (run_block(state, body_of(node.orelse)) if node.orelse else None)

    def handle() -> Flow:
        flow: Flow = None
        for handler in node.handlers:
            if handler.type is not None:
                expressions.evaluate(state, handler.type)
            if handler.name is not None:
                assign(state, handler.name.name, Value("python"))
            flow = run_block(state, body_of(handler))
        return flow

    flow = branch(state, attempt, handle) if node.handlers else attempt()
    if node.finalbody is not None:
        run_block(state, body_of(node.finalbody))
    return flow


def _delete(state: State, node: cst.Del) -> Flow:
    expressions.evaluate(state, node.target)
    return None


# -- assignment ----------------------------------------------------------------------------------


def assign(state: State, target: cst.CSTNode, value: Value) -> None:
    """Binds `value` to a name, tuple, attribute or subscript target."""
    if isinstance(target, cst.Name):
        state.record(target, value)
        frame = state.frame.module if target.value in state.frame.global_names else state.frame
        frame.stores[target.value] = frame.stores.get(target.value, 0) + 1
        state.frame.assign(target.value, value)
    elif isinstance(target, (cst.Tuple, cst.List)):
        items = expressions.items_of(value)
        elements = [element.value for element in target.elements]
        starred = any(isinstance(element, cst.StarredElement) for element in target.elements)
        if items is None or len(items) != len(elements) or starred:
            items = [expressions.element_of(value)] * len(elements)
        for element, item in zip(elements, items, strict=True):
            assign(state, element, item)
    elif isinstance(target, cst.Attribute):
        state.record(target, value)
        owner = expressions.evaluate(state, target.value)
        if owner.kind == "instance":
            owner.detail.fields[target.attr.value] = value
    elif isinstance(target, cst.Subscript):
        expressions.store_item(state, target, value)
    elif isinstance(target, cst.StarredElement):
        assign(state, target.value, Value("python"))


# -- calls ---------------------------------------------------------------------------------------


def call_function(
    state: State,
    function: Function,
    arguments: Sequence[tuple[str | None, Value]],
    node: cst.Call | None,
    *,
    certain: bool = True,
) -> Value:
    """Executes a program function for these arguments; unknown if it cannot be followed."""
    definition = function.node
    if state.stack.count(definition) > 0 or len(state.stack) > 24 or state.spent > BUDGET:
        return ANYTHING
    if state.shadow and definition in state.parameters:
        return state.returns.get(definition, ANYTHING)  # what is not reached tells nothing of it
    if node is not None:
        note_use(state, node, state.naming.name_scope)
    start = state.path if node is None else (*state.path, node)
    frame = Frame(parent=function.frame, function=function, entry=(state.naming.name_scope, start))
    _bind_parameters(state, definition, frame, arguments, certain)
    if node is not None:
        state.calls.setdefault(definition, []).append((node, state.path))
    seen = state.parameters.setdefault(definition, {})
    for name, value in frame.names.items():
        seen[name] = join(seen[name], value) if name in seen else value
    outer, outer_path, outer_opened = state.frame, state.path, state.opened
    state.frame, state.opened = frame, ()
    state.stack = (*state.stack, definition)
    if node is not None:
        state.path = (*outer_path, node)
    if isinstance(definition, cst.Lambda):
        result = expressions.evaluate(state, definition.body)
    else:
        flow = run_block(state, body_of(definition))
        if flow != "return" and flow != "raise":
            frame.returned.append(constant(None))
        result = frame.returned[0] if frame.returned else constant(None)
        for value in frame.returned[1:]:
            result = join(result, value)
        result = overrides.returned(state, definition, result)
    state.stack = state.stack[:-1]
    state.frame, state.path, state.opened = outer, outer_path, outer_opened
    old = state.returns.get(definition)
    state.returns[definition] = result if old is None else join(old, result)
    texts = {name: value.text for name, value in _by_name(definition, arguments)}
    # Lengths of tensors that were passed have names of their own here.
    lengths = ((name, frame.names[name]) for name in frame.names if "_size" in name)
    labels = {name: v.text for name, v in lengths if v.kind == "python" and name not in texts}
    texts |= labels
    if node is not None:
        _note_locals(state, definition, node, frame, texts, labels)
    return expressions.leave_scope(state, result, texts)


def _by_name(
    definition: cst.FunctionDef | cst.Lambda, arguments: Sequence[tuple[str | None, Value]]
) -> list[tuple[str, Value]]:
    """Arguments under the names of the parameters that take them."""
    params = [*definition.params.posonly_params, *definition.params.params]
    free = [value for keyword, value in arguments if keyword is None]
    pairs = [(p.name.value, value) for p, value in zip(params, free, strict=False)]
    return pairs + [(keyword, value) for keyword, value in arguments if keyword is not None]


def _enter(state: State, frame: Frame, name: str, value: Value) -> Value:
    """An argument as the function sees it.

    A length that only the caller can spell gets a name of the function's own (``x_size``), so that
    a constructor can take it as an argument.
    """
    if value.is_tensor and value.shape is not None:
        shape = []
        definition = frame.function.node if frame.function is not None else None
        for axis, dim in enumerate(value.shape):
            label = f"{name}_size" if axis == len(value.shape) - 1 else f"{name}_size_{axis}"
            if definition is not None:
                state.lengths.setdefault((definition, name, axis), set()).add(dim)
            words = dim.text is not None and not dim.text.isdigit()
            spelled = words and not names.is_global_text(state, dim.text or "")
            if (definition, name, axis) in state.named_lengths or (
                spelled and state.instance_names
            ):
                literal = UNKNOWN if dim.size is None else dim.size
                frame.names[label] = Value("python", literal, "int32", text=dim.text)
                dim = Dim(dim.size, label)
            elif dim.size is None and dim.text and not names.is_global_text(state, dim.text):
                frame.names[label] = Value("python", text=dim.text, dtype="int32")
                dim = Dim(None, label)
            shape.append(dim)
        value = replace(value, shape=tuple(shape))
        return value
    return expressions.leave_scope(state, value)


def _note_locals(
    state: State,
    definition: cst.CSTNode,
    node: cst.Call,
    frame: Frame,
    texts: dict[str, str | None],
    labels: Container[str],
) -> None:
    """Keeps the host values that a function's names ended with, as its caller spells them."""
    seen = state.locals.setdefault((definition, node), {})
    here: dict[str, Value] = {}
    for name, value in frame.names.items():
        plain = tensors.plain(value)
        if plain.text is not None and name not in labels:
            plain = replace(plain, text=names.outside(state, plain.text, texts))
        if plain.kind == "python":
            seen[name] = join(seen[name], plain) if name in seen else plain
            here[name] = plain
    if any(isinstance(step, tuple) for step in state.path):
        state.rounds.setdefault((definition, node), []).append((state.path, here))


def _bind_parameters(
    state: State,
    definition: cst.FunctionDef | cst.Lambda,
    frame: Frame,
    arguments: Sequence[tuple[str | None, Value]],
    certain: bool,
) -> None:
    params = definition.params
    positional = [*params.posonly_params, *params.params]
    positions = [parameter.name.value for parameter in positional]
    known = {parameter.name.value for parameter in parameters_of(params)}
    free = [value for keyword, value in arguments if keyword is None]
    extra: dict[Any, Value] = {}
    for name, value in zip(positions, free, strict=False):
        frame.names[name] = _enter(state, frame, name, value)
    for keyword, value in arguments:
        if keyword is not None and keyword in known:
            frame.names[keyword] = _enter(state, frame, keyword, value)
        elif keyword is not None:
            extra[keyword] = value
    for parameter in parameters_of(params):
        name = parameter.name.value
        if name in frame.names:
            continue
        if parameter.default is not None and certain:
            outer, state.frame = state.frame, function_frame(frame)
            frame.names[name] = expressions.evaluate(state, parameter.default)
            state.frame = outer
        else:
            frame.names[name] = ANYTHING
    if isinstance(params.star_arg, cst.Param):
        rest = tuple(free[len(positions) :])
        star = Value("sequence", detail=rest) if certain else ANYTHING
        frame.names[params.star_arg.name.value] = star
    if params.star_kwarg is not None:
        star = Value("mapping", detail=tuple(extra.items())) if certain else ANYTHING
        frame.names[params.star_kwarg.name.value] = star
    for parameter in parameters_of(params):
        state.record(parameter, frame.names[parameter.name.value])


def function_frame(frame: Frame) -> Frame:
    return frame.parent if frame.parent is not None else frame


_STATEMENTS: dict[type, Callable[[State, Any], Flow]] = {
    cst.SimpleStatementLine: _line,
    cst.SimpleStatementSuite: _line,
    cst.Expr: _expr,
    cst.Assign: _assign,
    cst.AnnAssign: _annotated,
    cst.AugAssign: _augmented,
    cst.Return: _return,
    cst.Assert: _evaluate_children,
    cst.Raise: _raise,
    cst.Global: _global,
    cst.Import: _import,
    cst.ImportFrom: _import_from,
    cst.FunctionDef: _function,
    cst.ClassDef: _class,
    cst.If: _if,
    cst.For: _for,
    cst.While: _while,
    cst.With: _with,
    cst.Try: _try,
    cst.Del: _delete,
    cst.Break: lambda state, node: "break",
    cst.Continue: lambda state, node: "continue",
}


def run_rest(state: State, module: cst.Module) -> None:
    """Executes what the program itself never reached: functions without calls, dead branches.

    Functions that nobody calls are entry points for somebody else, so their graph counts.
    """
    frame = state.frame
    inner = _Loads()
    for value in frame.names.values():
        defined = value.detail.node if value.kind in ("function", "class") else None
        if isinstance(defined, (cst.FunctionDef, cst.Lambda, cst.ClassDef)):
            read(defined.body, inner)
    # What other functions name is called from there, with arguments that are known.
    for value in sorted(frame.names.values(), key=lambda v: _name_of(v) in inner.names):
        if value.kind == "function" and value.detail.node not in state.parameters:
            call_function(state, value.detail, [], None, certain=True)
        elif value.kind == "class" and value.detail.node is not None:
            _run_class(state, value)
    state.shadow = True
    finder = _Unvisited(state)
    read(module, finder)
    state.shadow = False


def _name_of(value: Value) -> str:
    node = getattr(value.detail, "node", None)
    return node.name.value if isinstance(node, (cst.FunctionDef, cst.ClassDef)) else ""


class _Loads(cst.CSTVisitor):
    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_Name(self, node: cst.Name) -> None:
        self.names.add(node.value)


def _run_class(state: State, value: Value) -> None:
    instance = Value("instance", detail=Obj("instance", {"class": value.detail}, value.detail.node))
    for member in value.detail["members"].values():
        if member.kind == "function" and member.detail.node not in state.parameters:
            bound = Function(member.detail.node, member.detail.frame, owner=instance)
            call_function(state, bound, [(None, instance)], None, certain=True)


class _Unvisited(cst.CSTVisitor):
    """Evaluates statements that no execution reached, in the module's final names."""

    def __init__(self, state: State) -> None:
        self.state = state

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> bool:
        for small in node.body:
            for child in children(small):
                if isinstance(child, cst.BaseExpression) and child not in self.state.values:
                    expressions.evaluate(self.state, child)
        return False
