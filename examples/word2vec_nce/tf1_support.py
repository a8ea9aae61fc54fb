"""TensorFlow 1 behaviour that PyTorch has no call for, for the converted programs beside this file.

Part of the converted program: written once by its conversion, only what the program uses, and
needing nothing but what it imports. Where PyTorch has a call of almost the same meaning, the
function here keeps TensorFlow's arithmetic, so that the numbers stay those of the original.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F


def sample_candidates(
    true_classes: torch.Tensor,
    num_true: int,
    num_sampled: int,
    unique: bool,
    range_max: int,
    distribution: str = "log_uniform",
    unigrams: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """tf.nn.log_uniform_candidate_sampler and its kin: (sampled, true_expected, sampled_expected).

    log_uniform: P(k) = log((k + 2) / (k + 1)) / log(range_max + 1), for classes sorted by falling
    frequency; uniform: P(k) = 1 / range_max; fixed_unigram: P in proportion to `unigrams`.
    The expected counts are those of num_sampled draws, or of as many as distinct ones needed.
    """
    device = true_classes.device
    classes = torch.arange(range_max, dtype=torch.float64, device=device)
    if distribution == "log_uniform":
        probabilities = torch.log((classes + 2) / (classes + 1)) / math.log(range_max + 1)
    elif distribution == "uniform":
        probabilities = torch.full_like(classes, 1 / range_max)
    elif unigrams is not None:
        probabilities = unigrams.to(classes) / unigrams.sum()
    else:
        raise ValueError(f"no probabilities for the distribution {distribution!r}")
    tries = num_sampled
    sampled = torch.multinomial(probabilities, num_sampled, replacement=True)
    while unique:
        values, inverse = torch.unique(sampled, return_inverse=True)
        places = torch.arange(len(sampled), device=device)
        first = places.new_full((len(values),), len(sampled))
        first = first.scatter_reduce(0, inverse, places, "amin").sort().values
        if len(first) >= num_sampled:
            tries = int(first[num_sampled - 1]) + 1
            sampled = sampled[first[:num_sampled]]
            break
        more = torch.multinomial(probabilities, num_sampled, replacement=True)
        sampled = torch.cat([sampled, more])
    if tries == num_sampled:
        expected = probabilities * num_sampled
    else:
        expected = -torch.expm1(tries * torch.log1p(-probabilities))
    expected = expected.float()
    return sampled, expected[true_classes.long()].view(-1, num_true), expected[sampled]


class _Rows(torch.autograd.Function):
    """table[ids] with a gradient that has only these rows."""

    @staticmethod
    def forward(ctx: Any, table: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(ids)
        ctx.shape = table.shape
        return table[ids]

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        (ids,) = ctx.saved_tensors
        rows = gradient.reshape(-1, *ctx.shape[1:])
        index = ids.reshape(1, -1)
        sparse = torch.sparse_coo_tensor(index, rows, ctx.shape, check_invariants=False)
        return sparse, None


def lookup_rows(table: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Rows of a table of any rank; optimizers that know sparse gradients leave the others alone."""
    rows: torch.Tensor = _Rows.apply(table, ids.long())
    return rows


def _sampled_logits(
    weights: torch.Tensor,
    biases: torch.Tensor,
    labels: torch.Tensor,
    inputs: torch.Tensor,
    num_sampled: int,
    num_classes: int,
    num_true: int,
    sampled_values: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None,
    remove_accidental_hits: bool,
    sparse: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and labels of the true classes, then of the sampled ones; each less log(expected)."""
    labels = labels.long().view(-1, num_true)
    if sampled_values is None:
        sampled_values = sample_candidates(labels, num_true, num_sampled, True, num_classes)
    sampled, true_expected, sampled_expected = (value.detach() for value in sampled_values)
    rows = lookup_rows if sparse else torch.Tensor.__getitem__
    true_logits = (inputs.unsqueeze(1) * rows(weights, labels)).sum(2) + rows(biases, labels)
    sampled_logits = inputs @ rows(weights, sampled).T + rows(biases, sampled)
    if remove_accidental_hits:
        hits = (labels.unsqueeze(2) == sampled).any(1)
        sampled_logits = sampled_logits.masked_fill(hits, torch.finfo(torch.float32).min)
    true_logits = true_logits - torch.log(true_expected.to(inputs).view_as(labels))
    sampled_logits = sampled_logits - torch.log(sampled_expected.to(inputs))
    targets = torch.cat(
        [torch.full_like(true_logits, 1 / num_true), torch.zeros_like(sampled_logits)], 1
    )
    return torch.cat([true_logits, sampled_logits], 1), targets


def nce_loss(
    weights: torch.Tensor,
    biases: torch.Tensor,
    labels: torch.Tensor,
    inputs: torch.Tensor,
    num_sampled: int,
    num_classes: int,
    num_true: int = 1,
    sampled_values: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None = None,
    remove_accidental_hits: bool = False,
    sparse: bool = False,
) -> torch.Tensor:
    """tf.nn.nce_loss: sigmoid cross entropy over the true and the sampled classes, per example.

    With `sparse` the gradients have only the rows of these classes."""
    logits, targets = _sampled_logits(
        weights,
        biases,
        labels,
        inputs,
        num_sampled,
        num_classes,
        num_true,
        sampled_values,
        remove_accidental_hits,
        sparse,
    )
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(1)
