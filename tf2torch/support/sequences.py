"""Losses and decoders over sequences, pairwise losses, and sparse lookups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F


def mean_pairwise_squared_error(
    labels: torch.Tensor, predictions: torch.Tensor, weights: float | torch.Tensor = 1.0
) -> torch.Tensor:
    """tf.losses.mean_pairwise_squared_error: differences of pairs within each example.

    Despite its name the examples are added. `weights` is one number, or one for each example.
    """
    difference = (predictions - labels.to(predictions.dtype)).flatten(1)
    n = difference.shape[1]
    weight = torch.as_tensor(weights, dtype=difference.dtype, device=difference.device).reshape(-1)
    present = (weight != 0).expand(difference.shape[0])
    squares = difference.square().sum(1)
    pairs = 2 * (n * squares - difference.sum(1).square()) / (n * max(n - 1, 1))
    return (torch.where(present, pairs, torch.zeros_like(pairs)) * weight).sum()


def ctc_loss(
    labels: Sequence[Sequence[int]],
    inputs: torch.Tensor,
    sequence_length: Any,
    ignore_longer_outputs_than_inputs: bool = False,
    time_major: bool = True,
) -> torch.Tensor:
    """tf.nn.ctc_loss of TensorFlow 1: logits, the blank is the last class, one loss an example.

    `labels` has a row of labels for each example.
    """
    logits = inputs if time_major else inputs.transpose(0, 1)
    rows = [torch.as_tensor(row, dtype=torch.long, device=inputs.device) for row in labels]
    losses = F.ctc_loss(
        F.log_softmax(logits, -1),
        torch.cat(rows),
        torch.as_tensor(sequence_length).long().cpu(),
        torch.tensor([len(row) for row in rows]),
        blank=logits.shape[2] - 1,
        reduction="none",
        zero_infinity=ignore_longer_outputs_than_inputs,
    )
    if not bool(losses.isfinite().all()):
        raise ValueError("a row of labels is longer than its inputs")
    return losses


def ctc_greedy_decoder(
    inputs: torch.Tensor, sequence_length: Any, merge_repeated: bool = True
) -> tuple[list[torch.Tensor], torch.Tensor]:
    """tf.nn.ctc_greedy_decoder: the labels of each example, and its negated sum of best logits."""
    best, classes = inputs.max(-1)
    decoded, scores = [], []
    for n, length in enumerate(torch.as_tensor(sequence_length).tolist()):
        row = classes[:length, n]
        if merge_repeated:
            row = torch.unique_consecutive(row)
        decoded.append(row[row != inputs.shape[2] - 1])
        scores.append(-best[:length, n].sum())
    return decoded, torch.stack(scores).unsqueeze(1)


def edit_distance(
    hypothesis: Sequence[Any], truth: Sequence[Any], normalize: bool = True
) -> torch.Tensor:
    """tf.edit_distance between the rows of two lists, over the length of the truth by default."""
    distances = []
    for left, right in zip(hypothesis, truth, strict=True):
        a, b = list(map(int, left)), list(map(int, right))
        row = list(range(len(b) + 1))
        for i, x in enumerate(a, 1):
            above, row[0] = row[0], i
            for j, y in enumerate(b, 1):
                above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (x != y))
        distance = float(row[-1])
        if normalize:
            distance = distance / len(b) if b else (float("inf") if a else 0.0)
        distances.append(distance)
    return torch.tensor(distances)


def sequence_loss(
    logits: torch.Tensor,
    targets: torch.Tensor,
    weights: torch.Tensor,
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
) -> torch.Tensor:
    """tf.contrib.seq2seq.sequence_loss: weighted cross entropy of [batch, time, classes].

    The averages divide by the sum of the weights (plus 1e-12), or across the batch alone by its
    size.
    """
    crossed = F.cross_entropy(logits.flatten(0, 1), targets.long().flatten(), reduction="none")
    losses = crossed.view_as(weights) * weights
    if average_across_timesteps and average_across_batch:
        return losses.sum() / (weights.sum() + 1e-12)
    if average_across_timesteps:
        return losses.sum(1) / (weights.sum(1) + 1e-12)
    if average_across_batch:
        return losses.sum(0) / (weights.sum(0) + 1e-12)
    return losses


def sequence_loss_by_example(
    logits: Sequence[torch.Tensor],
    targets: Sequence[torch.Tensor],
    weights: Sequence[torch.Tensor],
    average_across_timesteps: bool = True,
) -> torch.Tensor:
    """tf.contrib.legacy_seq2seq.sequence_loss_by_example: lists with one tensor a step."""
    terms = [
        F.cross_entropy(logit, target.long().reshape(-1), reduction="none") * weight.reshape(-1)
        for logit, target, weight in zip(logits, targets, weights, strict=True)
    ]
    total = torch.stack(terms).sum(0)
    if average_across_timesteps:
        return total / (torch.stack([w.reshape(-1) for w in weights]).sum(0) + 1e-12)
    return total


def embedding_lookup_sparse(
    params: torch.Tensor,
    rows: torch.Tensor,
    ids: torch.Tensor,
    weights: torch.Tensor | None = None,
    combiner: str = "mean",
    num_rows: int | None = None,
) -> torch.Tensor:
    """tf.nn.embedding_lookup_sparse: embeddings of each row's ids, joined to one.

    "sum" adds them (times their weights), "mean" divides by the sum of the weights, "sqrtn" by the
    root of the sum of their squares. A row without ids is zero; by default the last row has some.
    """
    embedded = params[ids]
    if weights is None:
        weights = embedded.new_ones(len(ids))
    weights = weights.to(embedded)
    size = int(rows.max()) + 1 if num_rows is None else num_rows
    scaled = embedded * weights.view(-1, *[1] * (embedded.dim() - 1))
    total = embedded.new_zeros(size, *embedded.shape[1:]).index_add(0, rows, scaled)
    if combiner == "sum":
        return total
    parts = weights if combiner == "mean" else weights.square()
    norm = embedded.new_zeros(size).index_add(0, rows, parts)
    norm = norm if combiner == "mean" else norm.sqrt()
    norm = torch.where(norm == 0, torch.ones_like(norm), norm)
    return total / norm.view(-1, *[1] * (embedded.dim() - 1))
