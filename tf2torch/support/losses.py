"""TensorFlow's weighted losses and the gradient of its softmax cross entropy."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def compute_weighted_loss(
    losses: torch.Tensor,
    weights: float | torch.Tensor = 1.0,
    reduction: str = "weighted_sum_by_nonzero_weights",
) -> torch.Tensor:
    """Reduce losses like tf.losses: by default the sum over the count of nonzero weights."""
    weights = torch.as_tensor(weights, dtype=losses.dtype, device=losses.device)
    weighted = losses * weights
    if reduction == "none":
        return weighted
    total = weighted.sum()
    if reduction == "weighted_sum":
        return total
    if reduction == "weighted_sum_over_batch_size":
        return total / losses.numel()
    weights = weights.expand_as(losses)
    count = weights.sum() if reduction == "weighted_mean" else (weights != 0).sum()
    return torch.where(count == 0, torch.zeros_like(total), total / count.clamp(min=1e-30))


def softmax_cross_entropy(
    logits: torch.Tensor, labels: torch.Tensor, dim: int = -1
) -> torch.Tensor:
    """Cross entropy whose gradient is softmax - labels even where labels do not sum to 1."""
    labels = labels.to(logits.dtype)
    loss = -(labels * F.log_softmax(logits, dim)).sum(dim)
    # Adds nothing to the value, and (1 - sum of the labels) * softmax to the gradient.
    missing = (1 - labels.detach().sum(dim)) * torch.logsumexp(logits, dim)
    return loss + (missing - missing.detach())


def in_top_k(predictions: torch.Tensor, targets: torch.Tensor, k: int) -> torch.Tensor:
    """Whether each target is among the k largest predictions; ties at the boundary are in."""
    target = predictions.gather(1, targets.long()[:, None])
    return ((predictions > target).sum(1) < k) & torch.isfinite(target[:, 0])
