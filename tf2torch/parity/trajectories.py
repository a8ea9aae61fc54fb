"""Compare how two models train: k steps of an optimizer from the same weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tf2torch.parity.devices import prepare
from tf2torch.parity.frameworks import tensorflow_1, tensorflow_process
from tf2torch.parity.functions import Comparison, Row, entries_by_key
from tf2torch.parity.isolated import SideFailed, isolated
from tf2torch.parity.specs import drawn
from tf2torch.parity.structures import leaves, mapped
from tf2torch.parity.tolerances import differs, error
from tf2torch.weights import layout

Losses = list[float]
Values = dict[str, Any]


def compare_training(
    tf_loss: Callable[..., Any],
    torch_loss: Callable[..., Any],
    inputs: Any,
    *,
    module: Any,
    tf_optimizer: Callable[[], Any],
    torch_optimizer: Callable[[Any], Any],
    weights: Any,
    steps: int = 5,
    rtol: float = 2e-5,
    atol: float = 2e-6,
    seed: int = 0,
    device: str = "cpu",
) -> Comparison:
    """Losses and parameters after each of k steps.

    `tf_loss(*inputs)` builds the loss of a TF1 graph, `tf_optimizer()` its optimizer;
    `torch_loss(module, *inputs)` is the same loss, `torch_optimizer(parameters)` its optimizer.
    Every step draws inputs of its own.
    """
    batches = [drawn(tuple(inputs), seed + step) for step in range(steps)]
    entries = entries_by_key(weights)
    try:
        train = partial(_train_tf, tf_loss, tf_optimizer, batches)
        start, wanted, ours = tensorflow_process(train)
        other = partial(_train_torch, torch_loss, torch_optimizer, batches, module, entries, start)
        got, theirs = isolated("torch", partial(other, device))
    except SideFailed as failed:
        return Comparison((), str(failed))
    rows = []
    for step in range(steps):
        grown = (rtol * (1 + 0.2 * step), atol * (1 + 0.2 * step))
        name = f"loss of step {step + 1}"
        both = got[step], wanted[step]
        rows.append(Row(name, *error(*both), differs(*both, *grown)))
        for key, parts in entries.items():
            value = layout.join([(how, ours[step][name]) for name, how in parts])
            mine = theirs[step][key]
            problem = differs(mine, value, *grown)
            rows.append(Row(f"{key} after step {step + 1}", *error(mine, value), problem))
    return Comparison(tuple(rows))


def assert_training_parity(*arguments: Any, **options: Any) -> Comparison:
    """`compare_training`, and an AssertionError where the two part."""
    __tracebackhide__ = True
    found = compare_training(*arguments, **options)
    if not found:
        raise AssertionError(str(found))
    return found


def _train_tf(
    loss_of: Callable[..., Any], optimizer: Callable[[], Any], batches: list[Any], alone: bool
) -> tuple[Values, Losses, list[Values]]:
    tf = tensorflow_1(alone)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(0)

        def placeholder(value: Any) -> Any:
            return tf.placeholder(np.asarray(value).dtype, np.shape(value))

        given = mapped(placeholder, batches[0])
        loss = loss_of(*given)
        with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
            train = optimizer().minimize(loss)
        variables = tf.global_variables()
        names = [variable.name.split(":")[0] for variable in variables]
        session.run(tf.global_variables_initializer())
        start = dict(zip(names, session.run(variables)))
        losses, after = [], []
        flat = [tensor for _, tensor in leaves(given)]
        for batch in batches:
            feed = dict(zip(flat, (leaf for _, leaf in leaves(batch))))
            losses.append(session.run([loss, train], feed)[0])
            after.append(dict(zip(names, session.run(variables))))
    return start, losses, after


def _train_torch(
    loss_of: Callable[..., Any],
    optimizer: Callable[[Any], Any],
    batches: list[Any],
    module: Any,
    entries: dict[str, Any],
    start: Values,
    device: str,
) -> tuple[Losses, list[Values]]:
    import torch

    prepare(device)
    module = module.to(device)
    state = module.state_dict(keep_vars=True)
    with torch.no_grad():
        for key, parts in entries.items():
            value = layout.join([(steps, start[name]) for name, steps in parts])
            state[key].copy_(torch.as_tensor(np.array(value)))
    train = optimizer(module.parameters())
    losses, after = [], []
    for batch in batches:
        given = mapped(lambda leaf: torch.as_tensor(leaf, device=device), batch)
        train.zero_grad()
        loss = loss_of(module, *given)
        loss.backward()
        train.step()
        losses.append(loss.detach().cpu().numpy())
        after.append({key: state[key].detach().cpu().numpy().copy() for key in entries})
    return losses, after
