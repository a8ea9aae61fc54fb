"""Optimizers, learning-rate schedules and the steps that they take."""

from __future__ import annotations

from dataclasses import dataclass, field

import libcst as cst

from tf2torch.analyse.calls import GraphCall
from tf2torch.analyse.facts import Obj
from tf2torch.rewrite import rates, sparse
from tf2torch.rewrite.arguments import argument
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, lines, parse
from tf2torch.rulebook.values import Value

#: Torch class, TF parameters in order, and keyword text for each parameter that may be given.
#: ``always`` is written whatever the program says, because torch's default is another.
TABLE: dict[str, tuple[str, tuple[str, ...], dict[str, str], dict[str, str]]] = {
    "GradientDescentOptimizer": ("torch.optim.SGD", ("learning_rate",), {}, {}),
    "MomentumOptimizer": (
        "torch.optim.SGD",
        ("learning_rate", "momentum", "use_locking", "name", "use_nesterov"),
        {"momentum": "momentum", "use_nesterov": "nesterov"},
        {},
    ),
    "AdagradOptimizer": (
        "torch.optim.Adagrad",
        ("learning_rate", "initial_accumulator_value"),
        {"initial_accumulator_value": "initial_accumulator_value"},
        {"initial_accumulator_value": "0.1", "eps": "0"},
    ),
    "AdadeltaOptimizer": (
        "torch.optim.Adadelta",
        ("learning_rate", "rho", "epsilon"),
        {"rho": "rho", "epsilon": "eps"},
        {"rho": "0.95", "eps": "1e-8"},
    ),
    "RMSPropOptimizer": (
        "TFRMSProp",
        ("learning_rate", "decay", "momentum", "epsilon", "use_locking", "centered"),
        {"decay": "decay", "momentum": "momentum", "epsilon": "eps", "centered": "centered"},
        {},
    ),
    "FtrlOptimizer": (
        "TFFtrl",
        (
            "learning_rate", "learning_rate_power", "initial_accumulator_value",
            "l1_regularization_strength", "l2_regularization_strength",
        ),
        {
            "learning_rate_power": "learning_rate_power",
            "initial_accumulator_value": "initial_accumulator_value",
            "l1_regularization_strength": "l1",
            "l2_regularization_strength": "l2",
        },
        {},
    ),
}  # fmt: skip

_ADAM = ("learning_rate", "beta1", "beta2", "epsilon")

#: Optimizer slots of the weight map: TensorFlow name and slots -> torch class's state.
SLOTS: dict[str, tuple[str, dict[str, str], list[str]]] = {
    "GradientDescentOptimizer": ("GradientDescent", {}, []),
    "MomentumOptimizer": ("Momentum", {"{}/Momentum": "momentum_buffer"}, []),
    "AdamOptimizer": (
        "Adam",
        {"{}/Adam": "exp_avg", "{}/Adam_1": "exp_avg_sq"},
        ["beta1_power", "beta2_power"],
    ),
    "LazyAdamOptimizer": (
        "Adam",
        {"{}/Adam": "exp_avg", "{}/Adam_1": "exp_avg_sq"},
        ["beta1_power", "beta2_power"],
    ),
    "AdagradOptimizer": ("Adagrad", {"{}/Adagrad": "sum"}, []),
    "AdadeltaOptimizer": (
        "Adadelta",
        {"{}/Adadelta": "square_avg", "{}/Adadelta_1": "acc_delta"},
        [],
    ),
    "RMSPropOptimizer": (
        "RMSProp",
        {"{}/RMSProp": "mean_square", "{}/RMSProp_1": "momentum"},
        [],
    ),
    "FtrlOptimizer": ("Ftrl", {"{}/Ftrl": "accumulator", "{}/Ftrl_1": "linear"}, []),
}


@dataclass(eq=False)
class Optimizer:
    """A torch optimizer of the output.

    Attributes:
        name: its variable.
        record: the TensorFlow optimizer.
        rate: the learning rate that is set before each step, None if it is fixed.
        scheduler: variable of its scheduler, if it has one; scheduled: the rate that this sets.
        lists: parameters of each train op, where one optimizer has several lists of variables.
    """

    name: str
    torch: str
    symbol: str
    record: Obj
    rate: cst.BaseExpression | None = None
    scheduler: str | None = None
    scheduled: cst.BaseExpression | None = None
    everything: bool = True
    lists: dict[int, str] = field(default_factory=dict)
    statements: list[cst.BaseStatement] = field(default_factory=list)


def build(
    writer: Writer,
    record: Obj,
    name: str,
    parameters: str,
    scope: Scope,
) -> Optimizer:
    """The torch optimizer for a TensorFlow one, with its construction and schedule."""
    call: GraphCall = record["call"]
    node = call.node
    short = call.symbol.rpartition(".")[2]
    writer.converted(node.func, "optimizer")
    names: tuple[str, ...] = _ADAM
    if short in ("AdamOptimizer", "LazyAdamOptimizer"):
        torch_class = "TFAdam" if writer.exact else "torch.optim.Adam"
        keywords = _adam_keywords(writer, node, scope)
        if not writer.exact and sparse.row_wise_class(writer, short) is None:
            writer.note(
                node,
                "adam-epsilon",
                "torch.optim.Adam adds epsilon after the bias correction, TensorFlow before it:"
                " about 1e-3 of a step at first, less later; --exact keeps TensorFlow's form",
            )
    elif short in TABLE:
        torch_class, names, mapping, always = TABLE[short]
        keywords = dict(always)
        for position, parameter in enumerate(names[1:], 1):
            value = argument(node, position, parameter)
            if value is not None and parameter in mapping:
                keywords[mapping[parameter]] = code(convert(writer, value, scope))
        if short == "MomentumOptimizer" and "momentum" not in keywords:
            raise Unconvertible("optimizer", "MomentumOptimizer without momentum", node)
    else:
        raise Unconvertible("optimizer", f"{call.symbol} has no counterpart yet", node)
    torch_class = sparse.row_wise_class(writer, short) or torch_class
    if "." not in torch_class:
        writer.support.add(torch_class)
    if sparse.warns(writer, short):
        message = (
            "TensorFlow moves only the rows of a table that a batch looks up, this moves all rows"
        )
        writer.findings.append((node, "sparse-rows", "warning", message))
    made = Optimizer(name, torch_class, short, record)
    rate_node = argument(node, 0, "learning_rate")
    rate = "0.001"
    if rate_node is not None:
        rate = _rate(writer, made, rate_node, scope)
    arguments = "".join(f", {key}={text}" for key, text in keywords.items())
    made.statements[:0] = lines(f"{name} = {torch_class}({parameters}, lr={rate}{arguments})\n")
    return made


def _adam_keywords(writer: Writer, node: cst.Call, scope: Scope) -> dict[str, str]:
    texts = {}
    for position, parameter in enumerate(_ADAM[1:], 1):
        value = argument(node, position, parameter)
        if value is not None:
            texts[parameter] = code(convert(writer, value, scope))
    keywords = {}
    if "beta1" in texts or "beta2" in texts:
        keywords["betas"] = f"({texts.get('beta1', '0.9')}, {texts.get('beta2', '0.999')})"
    if "epsilon" in texts:
        keywords["eps"] = texts["epsilon"]
    return keywords


def _rate(writer: Writer, made: Optimizer, node: cst.BaseExpression, scope: Scope) -> str:
    """Text of the constructor's ``lr``; a changing rate gets a scheduler or is set at each step."""
    value = writer.value(node)
    if not value.is_tensor:
        return code(convert(writer, node, scope))
    if rates.is_number(writer, node):
        counter = rates.scheduled_by(writer, made.record, node)
        if counter is not None:
            return _scheduled(writer, made, node, scope, counter)
    made.rate = node
    return "0.0"


def _scheduled(
    writer: Writer, made: Optimizer, node: cst.BaseExpression, scope: Scope, counter: str
) -> str:
    """The constructor's ``lr`` where a scheduler of torch sets the rate."""
    call = rates.schedule_call(writer, node)
    made.scheduled = node
    made.scheduler = kept = (
        made.name.replace("optimizer", "scheduler")
        if "optimizer" in made.name
        else f"{made.name}_scheduler"
    )
    if call is not None and writer.analysis.symbols[call.func].endswith(".exponential_decay"):
        found = _exponential(writer, made, call, scope, counter)
        if found is not None:
            made.statements += lines(f"{kept} = {found[0]}\n")
            return found[1]
    defined = rates.function(writer, node, scope, counter)
    text = rates.lambda_text(writer, node, scope, counter)
    after = "\n" if defined else ""
    made.statements += defined
    made.statements += lines(
        f"{after}{kept} = torch.optim.lr_scheduler.LambdaLR({made.name}, {text})\n"
    )
    return "1.0"


def _exponential(
    writer: Writer, made: Optimizer, call: cst.Call, scope: Scope, counter: str
) -> tuple[str, str] | None:
    """A scheduler for exponential_decay and the rate that it starts from, if torch has one."""
    start, step = argument(call, 0, "learning_rate"), argument(call, 1, "global_step")
    steps, decay = argument(call, 2, "decay_steps"), argument(call, 3, "decay_rate")
    staircase = argument(call, 4, "staircase")
    if start is None or step is None or steps is None or decay is None:
        return None
    if any(writer.value(node).is_tensor for node in (start, steps, decay)):
        return None
    if rates.counter_of(writer, step) != counter:
        return None
    writer.converted(call.func, "schedule")
    start_text, steps_text, decay_text = (
        code(convert(writer, node, scope)) for node in (start, steps, decay)
    )
    flag = False if staircase is None else writer.value(staircase).literal
    if flag is True and isinstance(writer.value(steps).literal, int):
        return (
            f"torch.optim.lr_scheduler.StepLR({made.name},"
            f" step_size={steps_text}, gamma={decay_text})"
        ), start_text
    if flag is False:
        return (
            f"torch.optim.lr_scheduler.LambdaLR({made.name},"
            f" lambda step: {_atom(decay_text)} ** (step / {_atom(steps_text)}))"
        ), start_text
    return None


def _atom(text: str) -> str:
    """`text`, in parentheses unless a method call can be hung on it."""
    node = parse(text)
    plain = (
        isinstance(node, (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.Float)) or node.lpar
    )
    return text if plain or isinstance(node, cst.Integer) else f"({text})"


def counted_variables(writer: Writer) -> set[str]:
    """TensorFlow names of the variables that only count training steps."""
    return set(writer.plan.counters.variables)


def loss_text(value: Value, text: str) -> str:
    """What `backward` starts from: TensorFlow differentiates the sum of a tensor."""
    return _atom(text) if value.rank == 0 else f"{_atom(text)}.sum()"
