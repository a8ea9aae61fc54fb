"""Gradients of lookups have only the rows that were looked up, and their values are the same."""

from __future__ import annotations

import pytest
import torch

from tf2torch.support.optimizers import TFMomentum
from tf2torch.support.sampling import lookup_rows, nce_loss, sample_candidates


@pytest.mark.parametrize("shape", [(6,), (6, 3), (6, 2, 3)])
def test_gradient_is_that_of_indexing(shape: tuple[int, ...]) -> None:
    table = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    ids = torch.tensor([[1, 4], [1, 0]])
    weights = torch.randn(2, 2, *shape[1:], dtype=torch.float64)
    (dense,) = torch.autograd.grad((table[ids] * weights).sum(), table)
    (sparse,) = torch.autograd.grad((lookup_rows(table, ids) * weights).sum(), table)
    assert sparse.is_sparse
    assert set(sparse.coalesce().indices()[0].tolist()) == {0, 1, 4}
    torch.testing.assert_close(sparse.to_dense(), dense)


def test_a_dense_use_makes_the_gradient_dense() -> None:
    table = torch.randn(6, 3, requires_grad=True)
    loss = lookup_rows(table, torch.tensor([1, 2])).sum() + table.square().sum()
    loss.backward()
    assert table.grad is not None and not table.grad.is_sparse


def test_looked_up_rows_without_gradient_decay() -> None:
    """As in TensorFlow: a row counts as looked up although its gradient is zero."""
    table = torch.ones(3, 2, requires_grad=True)
    optimizer = TFMomentum([table], lr=0.1, momentum=0.9)
    for scale in (1.0, 0.0):
        optimizer.zero_grad()
        rows = lookup_rows(table, torch.tensor([0]))
        (rows * scale).sum().backward()
        optimizer.step()
    expected = torch.tensor([[1 - 0.1 - 0.09] * 2, [1.0, 1.0], [1.0, 1.0]])
    torch.testing.assert_close(table.detach(), expected)


def test_sampled_losses_look_up_rows() -> None:
    weights = torch.randn(9, 4, requires_grad=True)
    biases = torch.zeros(9, requires_grad=True)
    labels, inputs = torch.tensor([[1], [5]]), torch.randn(2, 4)
    sampled = sample_candidates(labels, 1, 3, True, 9)
    losses = [
        nce_loss(weights, biases, labels, inputs, 3, 9, sampled_values=sampled, sparse=sparse)
        for sparse in (False, True)
    ]
    torch.testing.assert_close(*losses)
    dense = torch.autograd.grad(losses[0].sum(), (weights, biases))
    sparse = torch.autograd.grad(losses[1].sum(), (weights, biases))
    for one, other in zip(dense, sparse, strict=True):
        assert other.is_sparse
        torch.testing.assert_close(other.to_dense(), one)
