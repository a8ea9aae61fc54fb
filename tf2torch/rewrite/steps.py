"""Training steps: ``zero_grad / backward / step`` for the train ops of one run."""

from __future__ import annotations

from collections.abc import Sequence

from tf2torch.analyse.facts import Obj
from tf2torch.rewrite import operations, rates, training
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.host import Host
from tf2torch.rewrite.operands import fill_method
from tf2torch.rewrite.suites import Statements
from tf2torch.rewrite.training import Optimizer
from tf2torch.rewrite.writer import Scope, Unconvertible, code, lines


def step_statements(
    host: Host, steps: Sequence[Obj], scope: Scope, numbers_scope: Scope
) -> Statements:
    """``zero_grad / backward / step``; several train ops of one run share their forward pass."""
    writer = host.writer
    text = ""
    trains = [record for record in steps if record.type == "Train"]
    several = len(trains) > 1
    if several and _overlap(trains):
        text, trains = _separate_gradients(host, trains, scope, numbers_scope), []
    for number, record in enumerate(trains):
        optimizer = _optimizer_of(host, record)
        loss = record["loss"]
        start = training.loss_text(loss.value, code(convert(writer, loss.node, scope)))
        text += _rate(host, optimizer, numbers_scope)
        text += f"{optimizer.name}.zero_grad()\n"
        shared = len(set(optimizer.lists.values())) > 1
        if several or shared:
            retain = ", retain_graph=True" if number < len(trains) - 1 else ""
            inputs = f'{optimizer.name}.param_groups[0]["params"]'
            if shared:
                inputs = optimizer.lists[id(record)]
            text += f"{start}.backward(inputs={inputs}{retain})\n"
        else:
            text += f"{start}.backward()\n"
    for record in trains:
        optimizer = _optimizer_of(host, record)
        text += f"{optimizer.name}.step()\n"
        text += _advance(host, record, optimizer)
    for record in steps:
        if record.type == "Apply":
            optimizer = _optimizer_of(host, record)
            pairs = code(convert(writer, record["pairs"].node, scope))
            text += _rate(host, optimizer, numbers_scope)
            text += f"{optimizer.name}.zero_grad()\n"
            gradient, variable = map(writer.plan.root.free_name, ("gradient", "variable"))
            text += f"for {gradient}, {variable} in {pairs}:\n    {variable}.grad = {gradient}\n"
            text += f"{optimizer.name}.step()\n" + _advance(host, record, optimizer)
        elif record.type == "AverageUpdate":
            text += operations.update_average(host, record, scope)
    written = lines(text)
    for record in steps:
        if record.type == "Group":
            written += operations.group_effects(host, record, scope)
    return written


def _overlap(trains: Sequence[Obj]) -> bool:
    """Whether two train ops train the same variable: their gradients must not share a place."""
    seen: set[int] = set()
    for record in trains:
        variables = {id(variable.detail) for variable in record["variables"] or ()}
        if not variables or variables & seen:
            return True
        seen |= variables
    return False


def _separate_gradients(
    host: Host, trains: Sequence[Obj], scope: Scope, numbers_scope: Scope
) -> str:
    """All gradients are taken before the first update; each optimizer then gets its own."""
    text, updates = "", ""
    for number, record in enumerate(trains):
        optimizer = _optimizer_of(host, record)
        loss = record["loss"]
        start = training.loss_text(loss.value, code(convert(host.writer, loss.node, scope)))
        inputs = f'{optimizer.name}.param_groups[0]["params"]'
        if len(set(optimizer.lists.values())) > 1:
            inputs = optimizer.lists[id(record)]
        retain = ", retain_graph=True" if number < len(trains) - 1 else ""
        name = f"{optimizer.name}_gradients"
        if name in text:  # one optimizer with two train ops
            name += f"_{number}"
        text += f"{name} = torch.autograd.grad({start}, {inputs}, allow_unused=True{retain})\n"
        updates += _rate(host, optimizer, numbers_scope) + f"{optimizer.name}.zero_grad()\n"
        parameter, gradient = map(host.writer.plan.root.free_name, ("parameter", "gradient"))
        updates += f"for {parameter}, {gradient} in zip({inputs}, {name}):\n"
        updates += f"    {parameter}.grad = {gradient}\n"
        updates += f"{optimizer.name}.step()\n" + _advance(host, record, optimizer)
    return text + updates


def _optimizer_of(host: Host, record: Obj) -> Optimizer:
    found = host.optimizers.get(id(record))
    if found is None:
        raise Unconvertible(
            "optimizer", "the optimizer of this train op was not converted", record.node
        )
    return found


def _rate(host: Host, optimizer: Optimizer, scope: Scope) -> str:
    """Sets the learning rate of this step, where no scheduler does."""
    node = optimizer.rate
    if node is None:
        return ""
    writer = host.writer
    if rates.is_number(writer, node) or writer.value(node).kind == "placeholder":
        text = rates.text(writer, node, scope)
    else:
        text = code(fill_method(convert(writer, node, scope.inside(phase="host")), "item()"))
    group = writer.plan.root.free_name("group")
    return f'for {group} in {optimizer.name}.param_groups:\n    {group}["lr"] = {text}\n'


def _advance(host: Host, record: Obj, optimizer: Optimizer) -> str:
    step = record["global_step"]
    text = f"{optimizer.scheduler}.step()\n" if optimizer.scheduler else ""
    counter = rates.counter_of(host.writer, step.node) if step is not None else None
    return text if counter is None else f"{text}{counter} += 1\n"
