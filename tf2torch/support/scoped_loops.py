"""Loops and branches over variable scopes: TensorFlow traces the code in them once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from .control import _as_tensors, while_loop
from .normalization import frozen_statistics
from .scoped import current_pass


def traced_once(body: Callable[..., Any]) -> Callable[..., Any]:
    """The body of a loop, which TensorFlow traces once: all rounds share variables."""
    states: list[Any] = []

    @functools.wraps(body)
    def round_of_loop(*args: Any, **kwargs: Any) -> Any:
        run = current_pass()
        if states:
            run.restore(states[0])
        else:
            states.append(run.state())
        try:
            return body(*args, **kwargs)
        finally:
            if len(states) == 1:
                states.append(run.state())
            run.restore(states[1])

    return round_of_loop


def skip(function: Callable[..., Any], *args: Any) -> None:
    """Code that TensorFlow has traced and this pass does not run: names go on behind its own.

    It runs once, to make its variables.
    """
    run = current_pass()
    module = run.module
    code = getattr(function, "__code__", function)
    key = (code, *(frozenset(d.items()) for d in (run.names, run.scope_counts)))
    if key not in module.untaken:
        before = set(run.made)
        with torch.no_grad(), frozen_statistics(module):
            function(*args)
        made = [name for name in run.made if name not in before]
        module.untaken[key] = dict(run.names), dict(run.scope_counts), made
        return
    names, counts, made = module.untaken[key]
    run.names, run.scope_counts = dict(names), dict(counts)
    for name in made:
        variable = module.find_variable(name)
        if variable is not None:
            run.made[name] = variable
            run.collect_variable(variable, name, isinstance(variable, nn.Parameter))


def scoped_while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    maximum_iterations: Any = None,
) -> Any:
    """tf.while_loop: all turns share variables, for which one turn is enough."""
    given = loop_vars if isinstance(loop_vars, tuple | list) else [loop_vars]
    turn = traced_once(body)
    turns = 0

    def counted(*values: Any) -> Any:
        nonlocal turns
        turns += 1
        return turn(*values)

    if current_pass().module.building:
        return while_loop(lambda *values: True, turn, given, 1)
    result = while_loop(cond, counted, given, maximum_iterations)
    if not turns:
        skip(body, *_as_tensors(given))
    return result


def scoped_cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """tf.cond: both branches make their variables, the first one first."""
    if pred:
        result = true_fn()
        skip(false_fn)
        return result
    skip(true_fn)
    return false_fn()
