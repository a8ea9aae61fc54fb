"""tf.metrics: values that accumulate over batches, until reset."""

from __future__ import annotations

from typing import Any

import torch


def _on_host(values: Any) -> torch.Tensor:
    """Values of any kind as a tensor on the CPU."""
    return torch.as_tensor(values).detach().cpu()


class StreamingAverage:
    """A weighted mean of all values so far; zero before the first."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start over, like running the local variables' initializer."""
        self.total = self.count = 0.0

    def add(self, values: Any, weights: Any = None) -> float:
        """Take in values; returns the new result."""
        values = _on_host(values).float()
        weights = torch.ones_like(values) if weights is None else _on_host(weights).float()
        self.total += float((values * weights).sum())
        self.count += float(weights.expand_as(values).sum())
        return self.result()

    def result(self) -> float:
        """The mean so far."""
        return self.total / self.count if self.count else 0.0


class StreamingMean(StreamingAverage):
    """tf.metrics.mean: the (weighted) mean of all values so far."""

    def update(self, values: Any, weights: Any = None) -> float:
        """Take in a batch; returns the new result."""
        return self.add(values, weights)


class StreamingAccuracy(StreamingAverage):
    """tf.metrics.accuracy: how often the predictions equal the labels."""

    def update(self, labels: Any, predictions: Any, weights: Any = None) -> float:
        """Take in a batch; returns the new result."""
        predictions = _on_host(predictions)
        return self.add(_on_host(labels).reshape(predictions.shape) == predictions, weights)


class StreamingMeanSquaredError(StreamingAverage):
    """tf.metrics.mean_squared_error; root=True is root_mean_squared_error."""

    def __init__(self, root: bool = False) -> None:
        super().__init__()
        self.root = root

    def update(self, labels: Any, predictions: Any, weights: Any = None) -> float:
        """Take in a batch; returns the new result."""
        error = _on_host(predictions) - _on_host(labels)
        return self.add(error.square(), weights)

    def result(self) -> float:
        """The mean square so far, or its root."""
        return super().result() ** (0.5 if self.root else 1.0)


class StreamingCounts:
    """tf.metrics.true_positives and its kin, precision and recall, of zero and nonzero labels."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start over."""
        self.true_positives = self.false_positives = 0.0
        self.true_negatives = self.false_negatives = 0.0

    def update(self, labels: Any, predictions: Any, weights: Any = None) -> None:
        """Take in a batch."""
        labels = _on_host(labels).bool()
        predictions = _on_host(predictions).bool()
        weight = torch.ones(()) if weights is None else _on_host(weights).float()
        self.true_positives += float(((labels & predictions) * weight).sum())
        self.false_positives += float(((~labels & predictions) * weight).sum())
        self.true_negatives += float(((~labels & ~predictions) * weight).sum())
        self.false_negatives += float(((labels & ~predictions) * weight).sum())

    @property
    def precision(self) -> float:
        """tf.metrics.precision; zero before the first positive prediction."""
        found = self.true_positives + self.false_positives
        return self.true_positives / found if found else 0.0

    @property
    def recall(self) -> float:
        """tf.metrics.recall; zero before the first positive label."""
        there = self.true_positives + self.false_negatives
        return self.true_positives / there if there else 0.0


class StreamingAUC:
    """tf.metrics.auc: the trapezoids between num_thresholds points of the ROC or PR curve."""

    def __init__(self, num_thresholds: int = 200, curve: str = "ROC") -> None:
        self.curve = curve
        inner = [(n + 1) / (num_thresholds - 1) for n in range(num_thresholds - 2)]
        self.thresholds = torch.tensor([-1e-7, *inner, 1 + 1e-7])
        self.reset()

    def reset(self) -> None:
        """Start over."""
        self.counts = torch.zeros(4, len(self.thresholds))

    def update(self, labels: Any, predictions: Any, weights: Any = None) -> float:
        """Take in a batch; returns the new result."""
        labels = _on_host(labels).bool().reshape(1, -1)
        above = _on_host(predictions).float().reshape(1, -1)
        above = above > self.thresholds.unsqueeze(1)
        weight = torch.ones(()) if weights is None else _on_host(weights).float()
        weight = weight.expand(labels.shape[1]) if weight.dim() == 0 else weight.reshape(-1)
        cells = (labels & above, labels & ~above, ~labels & ~above, ~labels & above)
        self.counts += torch.stack([(cell * weight).sum(1) for cell in cells])
        return self.result()

    def result(self) -> float:
        """The area so far."""
        tp, fn, tn, fp = self.counts
        eps = 1e-6
        recall = (tp + eps) / (tp + fn + eps)
        if self.curve == "PR":
            x, y = recall, (tp + eps) / (tp + fp + eps)
        else:
            x, y = fp / (fp + tn + eps), recall
        return float(((x[:-1] - x[1:]) * (y[:-1] + y[1:]) / 2).sum())


class StreamingMeanIoU:
    """tf.metrics.mean_iou: the mean over the classes that occur of intersection over union."""

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes
        self.reset()

    def reset(self) -> None:
        """Start over."""
        self.confusion = torch.zeros(self.num_classes, self.num_classes, dtype=torch.float64)

    def update(self, labels: Any, predictions: Any, weights: Any = None) -> torch.Tensor:
        """Take in a batch; returns the confusion matrix, as TensorFlow's update op does."""
        labels = _on_host(labels).long().reshape(-1)
        predictions = _on_host(predictions).long().reshape(-1)
        weights = torch.ones(len(labels)) if weights is None else _on_host(weights)
        flat = weights.double().reshape(-1)
        cells = labels * self.num_classes + predictions
        counts = torch.bincount(cells, flat, minlength=self.num_classes**2)
        self.confusion += counts.view_as(self.confusion)
        return self.confusion

    def result(self) -> float:
        """The mean so far; zero before the first batch."""
        both = self.confusion.diagonal()
        union = self.confusion.sum(0) + self.confusion.sum(1) - both
        there = union > 0
        return float((both[there] / union[there]).mean()) if bool(there.any()) else 0.0
