"""Compare random functions: initialisers and random ops have no equal values, but equal laws."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tf2torch.parity.frameworks import tensorflow_1, tensorflow_process
from tf2torch.parity.functions import Comparison, Row
from tf2torch.parity.isolated import SideFailed, isolated


def compare_distribution(
    tf_fn: Callable[[], Any],
    torch_fn: Callable[[], Any],
    *,
    alarm: float = 1e-6,
    seed: int = 0,
) -> Comparison:
    """Mean, standard deviation and the whole law of what two random functions return.

    Each test alone gives a false alarm with probability `alarm`, by the normal approximation and
    by Kolmogorov and Smirnov's limit; so samples should have some hundred numbers.
    """
    try:
        ours = np.sort(tensorflow_process(partial(_tf_sample, tf_fn, seed)))
        theirs = np.sort(isolated("torch", partial(_torch_sample, torch_fn, seed)))
    except SideFailed as failed:
        return Comparison((), str(failed))
    n, m = len(ours), len(theirs)
    limit = _normal_limit(alarm)
    rows = []
    spread = float(np.sqrt(ours.var() / n + theirs.var() / m)) or 1e-12
    apart = abs(float(theirs.mean() - ours.mean()))
    rows.append(_row("mean", theirs.mean(), ours.mean(), apart / spread, limit))
    fourth = [float(((x - x.mean()) ** 4).mean() - x.var() ** 2) for x in (ours, theirs)]
    spread = float(np.sqrt(max(fourth[0], 0) / n + max(fourth[1], 0) / m)) or 1e-12
    apart = abs(float(theirs.var() - ours.var()))
    rows.append(_row("standard deviation", theirs.std(), ours.std(), apart / spread, limit))
    far = ks_distance(ours, theirs)
    chance = ks_chance(far * np.sqrt(n * m / (n + m)))
    problem = None
    if chance < alarm:
        problem = f"The laws differ: distance {far:.4g} has chance {chance:.1e}, below {alarm:.0e}"
    rows.append(Row("distribution", far, far, problem))
    return Comparison(tuple(rows))


def assert_same_distribution(*arguments: Any, **options: Any) -> Comparison:
    """`compare_distribution`, and an AssertionError where the laws differ."""
    __tracebackhide__ = True
    found = compare_distribution(*arguments, **options)
    if not found:
        raise AssertionError(str(found))
    return found


def _row(name: str, got: float, wanted: float, errors: float, limit: float) -> Row:
    problem = None
    if errors > limit:
        problem = f"It is {got:.6g}, expected {wanted:.6g}: {errors:.1f} standard errors apart"
    return Row(name, abs(got - wanted), abs(got - wanted) / (abs(wanted) or 1.0), problem)


def _normal_limit(alarm: float) -> float:
    """The number of standard errors that chance exceeds with probability `alarm`."""
    from statistics import NormalDist

    return NormalDist().inv_cdf(1 - alarm / 2)


def ks_distance(a: Any, b: Any) -> float:
    """The largest difference of two empirical distribution functions; both samples sorted."""
    points = np.concatenate([a, b])
    return float(
        np.abs(
            np.searchsorted(a, points, "right") / len(a)
            - np.searchsorted(b, points, "right") / len(b)
        ).max()
    )


def ks_chance(scaled: float) -> float:
    """The probability of a scaled distance at least as large, in the limit of large samples."""
    if scaled < 0.2:
        return 1.0
    terms = np.arange(1, 101)
    total = 2 * np.sum((-1.0) ** (terms - 1) * np.exp(-2 * terms**2 * scaled**2))
    return float(min(max(total, 0.0), 1.0))


def _tf_sample(function: Callable[[], Any], seed: int, alone: bool) -> Any:
    tf = tensorflow_1(alone)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(seed)
        tensor = function()
        session.run(tf.global_variables_initializer())
        return np.asarray(session.run(tensor), np.float64).reshape(-1)


def _torch_sample(function: Callable[[], Any], seed: int) -> Any:
    import torch

    torch.manual_seed(seed)
    return torch.as_tensor(function()).detach().double().cpu().numpy().reshape(-1)
