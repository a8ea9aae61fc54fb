"""Optimizers, gradients, sessions, savers, summaries: objects around the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tf2torch.analyse import by_name, graphs, tensors
from tf2torch.analyse.calls import NONE, GraphCall
from tf2torch.analyse.facts import Obj, Run
from tf2torch.analyse.state import join
from tf2torch.rulebook.values import ANYTHING, Value


def make(kind: str, call: GraphCall, **fields: Any) -> Value:
    return Value(
        "object", detail=Obj(kind, {"symbol": call.symbol, "call": call, **fields}, call.node)
    )


def operation(kind: str, call: GraphCall, **fields: Any) -> Value:
    record = {"call": call, "control": call.state.control, **fields}
    return Value("operation", detail=Obj(kind, record, call.node))


# -- optimizers ----------------------------------------------------------------------------------


def _optimizer(call: GraphCall) -> Value:
    return make("Optimizer", call)


def _variables(call: GraphCall, given: Value | None) -> list[Value] | None:
    if given is None or given.literal is None:
        return list(call.state.collections.get("trainable_variables", []))
    if given.kind == "sequence":
        return list(given.detail)
    return [given] if given.kind == "variable" else None


def _minimize(call: GraphCall) -> Value:
    return operation(
        "Train",
        call,
        optimizer=call.receiver,
        loss=call.argument(0, "loss"),
        var_list=call.argument(2, "var_list"),
        variables=_variables(call, call.value(2, "var_list")),
        global_step=call.argument(1, "global_step"),
    )


def _compute_gradients(call: GraphCall) -> Value:
    variables = _variables(call, call.value(1, "var_list"))
    fields = {"optimizer": call.receiver, "loss": call.argument(0, "loss")}
    if variables is None:
        pair = Value("sequence", detail=(tensors.result(call.state, None, None), Value("variable")))
        return Value("many", detail=pair)
    call.state.gradient_calls[call.node] = Obj("Gradients", fields, call.node)
    pairs = [
        Value("sequence", detail=(tensors.result(call.state, v.dtype, v.shape), v))
        for v in variables
    ]
    return Value("sequence", detail=tuple(pairs))


def _apply_gradients(call: GraphCall) -> Value:
    return operation(
        "Apply",
        call,
        optimizer=call.receiver,
        pairs=call.argument(0, "grads_and_vars"),
        global_step=call.argument(1, "global_step"),
    )


def _gradients(call: GraphCall) -> Value:
    xs = call.value(1, "xs")
    if xs is None:
        return ANYTHING
    items = list(xs.detail) if xs.kind == "sequence" else [xs]
    if xs.kind not in ("sequence",) and not xs.is_tensor:
        return Value("many", detail=tensors.result(call.state, None, None))
    found = [tensors.result(call.state, x.dtype, x.shape) for x in items]
    return Value("sequence", detail=tuple(found))


def _schedule(call: GraphCall) -> Value:
    return tensors.result(call.state, "float32", ())


# -- operations ----------------------------------------------------------------------------------


def _init(call: GraphCall) -> Value:
    return operation("Init", call)


def _group(call: GraphCall) -> Value:
    return operation("Group", call, members=call.arguments)


def _no_op(call: GraphCall) -> Value:
    return operation("NoOp", call)


def _assign(call: GraphCall) -> Value:
    """``tf.assign(ref, value)`` or ``ref.assign(value)``: a tensor with the new value."""
    target = call.receiver if call.receiver is not None else call.value(0, "ref")
    shape = target.shape if target is not None else None
    dtype = target.dtype if target is not None else None
    return tensors.result(call.state, dtype, shape)


# -- sessions ------------------------------------------------------------------------------------


def _session(call: GraphCall) -> Value:
    given = call.value(1, "graph")
    number = given.detail["number"] if given is not None and isinstance(given.detail, Obj) else None
    if number is None:
        number = call.state.graphs.current
    record: dict[str, Any] = {"symbol": call.symbol, "call": call, "graph": number}
    value = Value("object", detail=Obj("Session", record, call.node))
    record["enter"] = lambda state: (value, graphs.enter(state, number))
    return value


def _as_default(call: GraphCall) -> Value:
    return call.receiver if call.receiver is not None else NONE


def _run(call: GraphCall) -> Value:
    fetches = call.argument(0, "fetches")
    if fetches is None:
        return Value("python")
    feeds = call.argument(1, "feed_dict")
    return _note_run(call, fetches.node, fetches.value, feeds)


def _eval(call: GraphCall) -> Value:
    assert call.receiver is not None
    feeds = call.argument(0, "feed_dict")
    func = call.node.func
    return _note_run(call, func.value, call.receiver, feeds)  # type: ignore[attr-defined]


def _operation_run(call: GraphCall) -> Value:
    return _eval(call)


def _note_run(call: GraphCall, node: Any, value: Value, feeds: Any) -> Value:
    state = call.state
    by_name.strings(state, node)
    if feeds is not None:
        by_name.keys(state, feeds.node)
    feed_value = None if feeds is None else feeds.value
    owner = call.receiver.detail if call.receiver is not None else None
    in_session = isinstance(owner, Obj) and owner["graph"] is not None
    number = owner["graph"] if in_session else state.graphs.current  # type: ignore[index]
    state.graphs.runs.setdefault(call.node, set()).add(number)
    seen = state.runs.get(call.node)
    if seen is not None and seen.feed_value is not None and feed_value is not None:
        feed_value = join(seen.feed_value, feed_value)
    run = Run(
        call.node,
        node,
        None if feeds is None or feeds.value.literal is None else feeds.node,
        value,
        feed_value,
    )
    state.runs[call.node] = run
    return fetched(value)


def fetched(value: Value) -> Value:
    """The host value that fetching `value` gives, structure kept."""
    if value.kind == "sequence":
        return Value("sequence", detail=tuple(fetched(item) for item in value.detail))
    if value.kind == "mapping":
        return Value("mapping", detail=tuple((key, fetched(item)) for key, item in value.detail))
    if value.kind == "object" and value.detail.type in ("Summary", "MergedSummary"):
        return Value("object", detail=Obj("FetchedSummary", {"summary": value}))
    if value.kind == "object" and value.detail.type == "IteratorHandle":
        return Value("object", detail=Obj("FetchedHandle", value.detail.fields))
    if value.kind == "operation":
        from tf2torch.rulebook.values import constant

        return constant(None)
    if value.is_tensor and not value.host and value.rank:
        return Value("python", dtype=value.dtype, shape=value.shape)
    return Value("python")


# -- savers and summaries ------------------------------------------------------------------------


def _saver(call: GraphCall) -> Value:
    return make("Saver", call, var_list=call.argument(0, "var_list"))


def _writer(call: GraphCall) -> Value:
    record: dict[str, Any] = {"symbol": call.symbol, "call": call}
    value = Value("object", detail=Obj("FileWriter", record, call.node))
    record["enter"] = lambda state: (value, lambda: None)
    return value


def _object(kind: str) -> Callable[[GraphCall], Value]:
    return lambda call: make(kind, call)


def _ema_apply(call: GraphCall) -> Value:
    return operation(
        "AverageUpdate", call, average=call.receiver, targets=call.argument(0, "var_list")
    )


def _ema_average(call: GraphCall) -> Value:
    target = call.value(0, "var")
    if target is None:
        return ANYTHING
    return tensors.result(call.state, target.dtype, target.shape)


def _variables_to_restore(call: GraphCall) -> Value:
    """Variables by their names in a checkpoint: averaged ones come from their shadows."""
    collections = call.state.collections
    given = call.value(0, "moving_avg_variables")
    averaged = collections.get("trainable_variables", [])
    if given is not None and given.literal is not None:
        if given.kind != "sequence":
            return ANYTHING
        averaged = list(given.detail)
    assert call.receiver is not None
    suffix = call.receiver.detail["call"].text(3, "name") or "ExponentialMovingAverage"
    names = {id(variable.detail): f"{variable.detail.name}/{suffix}" for variable in averaged}
    every = [*averaged, *(v for v in collections.get("variables", []) if v not in averaged)]
    pairs = ((names.get(id(v.detail), v.detail.name), v) for v in every)
    return Value("mapping", detail=tuple(pairs))


def _define_flag(call: GraphCall) -> Value:
    name = call.text(0, "name", "flag_name")
    if name is not None:
        call.state.flags[name] = call
    return NONE


def _app_run(call: GraphCall) -> Value:
    """`tf.app.run` calls ``main(argv)``."""
    given = call.value(0, "main")
    if given is None or given.kind != "function":
        found = call.state.frame.module.lookup("main")
        given = found[0] if found is not None else None
    if given is not None and given.kind == "function":
        call.state.follow(call.state, given.detail, [(None, Value("python"))], None, certain=True)
    return NONE


def _require_flag(call: GraphCall) -> Value:
    name = call.text(0, "flag_name", "name")
    if name is not None:
        call.state.flags[f"!{name}"] = call
    return NONE


_OPTIMIZERS = (
    "GradientDescent Momentum Adam RMSProp Adagrad Adadelta Ftrl ProximalGradientDescent"
    " ProximalAdagrad AdagradDA SyncReplicas"
).split()
_SCHEDULES = (
    "exponential_decay piecewise_constant polynomial_decay natural_exp_decay inverse_time_decay"
    " cosine_decay cosine_decay_restarts linear_cosine_decay noisy_linear_cosine_decay"
).split()
_FLAG_TYPES = "string integer float boolean bool enum list multi_integer multi_string".split()

HANDLERS: dict[str, Callable[[GraphCall], Value]] = {
    **{f"tf.train.{name}Optimizer": _optimizer for name in _OPTIMIZERS},
    "tf.contrib.opt.LazyAdamOptimizer": _optimizer,
    "tf.contrib.opt.NadamOptimizer": _optimizer,
    **{f"tf.train.{name}": _schedule for name in _SCHEDULES},
    "tf.app.run": _app_run,
    "tf.gradients": _gradients,
    "tf.global_variables_initializer": _init,
    "tf.initialize_all_variables": _init,
    "tf.local_variables_initializer": _init,
    "tf.initialize_local_variables": _init,
    "tf.initialize_variables": _init,
    "tf.variables_initializer": _init,
    "tf.tables_initializer": _init,
    "tf.initialize_all_tables": _init,
    "tf.group": _group,
    "tf.no_op": _no_op,
    "tf.assign": _assign,
    "tf.assign_add": _assign,
    "tf.assign_sub": _assign,
    "tf.scatter_update": _assign,
    "tf.Session": _session,
    "tf.InteractiveSession": _session,
    "tf.train.Saver": _saver,
    "tf.summary.FileWriter": _writer,
    "tf.train.SummaryWriter": _writer,
    "tf.train.ExponentialMovingAverage": _object("ExponentialMovingAverage"),
    "tf.ConfigProto": _object("ConfigProto"),
    "tf.Summary": _object("SummaryProto"),
    "tf.Summary.Value": _object("SummaryValue"),
    "tf.train.Example": _object("Example"),
    "tf.GPUOptions": _object("ConfigProto"),
    "tf.RunOptions": _object("ConfigProto"),
    "tf.RunMetadata": _object("ConfigProto"),
    "tf.train.Coordinator": _object("Coordinator"),
    **{f"tf.app.flags.DEFINE_{name}": _define_flag for name in _FLAG_TYPES},
    **{f"tf.flags.DEFINE_{name}": _define_flag for name in _FLAG_TYPES},
    "tf.app.flags.mark_flag_as_required": _require_flag,
    "tf.flags.mark_flag_as_required": _require_flag,
    "tf.train.start_queue_runners": _object("Threads"),
}

METHODS: dict[str, Callable[[GraphCall], Value]] = {
    "Optimizer.minimize": _minimize,
    "Optimizer.compute_gradients": _compute_gradients,
    "Optimizer.apply_gradients": _apply_gradients,
    "Session.run": _run,
    "Session.as_default": _as_default,
    "Tensor.eval": _eval,
    "Variable.eval": _eval,
    "Summary.eval": _eval,
    "MergedSummary.eval": _eval,
    "Train.run": _operation_run,
    "Apply.run": _operation_run,
    "Init.run": _operation_run,
    "Group.run": _operation_run,
    "AverageUpdate.run": _operation_run,
    "Variable.assign": _assign,
    "Variable.assign_add": _assign,
    "Variable.assign_sub": _assign,
    "ExponentialMovingAverage.apply": _ema_apply,
    "ExponentialMovingAverage.average": _ema_average,
    "ExponentialMovingAverage.variables_to_restore": _variables_to_restore,
}
