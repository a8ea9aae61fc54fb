"""A tf.data input pipeline: two datasets behind one iterator, and a generator for the last check.

The program learns the sign of a quadratic form from points that are standardised on the way.
"""
import argparse

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tf1_support import Pipeline

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

NUM_FEATURES = 6


def make_points(count, seed):
    rng = np.random.RandomState(seed)
    points = 2.0 + 3.0 * rng.randn(count, NUM_FEATURES)
    centred = (points - 2.0) / 3.0
    form = np.sum(centred[:, :3] ** 2, axis=1) - np.sum(centred[:, 3:] ** 2, axis=1)
    return points.astype(np.float32), (form > 0).astype(np.int32)


def standardise(features, label):
    """Zero mean and unit variance, and the squares as extra features."""
    features = (features - 2.0) / 3.0
    features = torch.cat([features, torch.square(features)], dim=0)
    return features, label


def train_input_fn(points, labels, batch_size):
    dataset = Pipeline.from_tensor_slices((points, labels))
    dataset = dataset.shuffle(buffer_size=1000).map(standardise)
    return dataset.batch(batch_size, drop_remainder=True)


def eval_input_fn(points, labels, batch_size):
    dataset = Pipeline.from_tensor_slices((points, labels))
    return dataset.map(standardise).batch(batch_size)


def extreme_points():
    """Points far from the border, one by one."""
    for i in range(NUM_FEATURES):
        point = np.full([NUM_FEATURES], 2.0, np.float32)
        point[i] += 9.0
        yield point, int(i < 3)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(NUM_FEATURES + NUM_FEATURES, 16)
        self.dense_1 = nn.Linear(16, 1)
        self.reset_parameters()

    def reset_parameters(self):
        for layer in (self.hidden, self.dense_1):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, features):
        hidden = F.relu(self.hidden(features))
        return self.dense_1(hidden).squeeze(-1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch_size", default=32, type=int, help="batch size")
    parser.add_argument("--epochs", default=4, type=int, help="passes over the training set")
    parser.add_argument("--learning_rate", default=0.05, type=float)
    args = parser.parse_args()
    train_points, train_labels = make_points(250, seed=1)
    test_points, test_labels = make_points(100, seed=2)

    train_dataset = train_input_fn(train_points, train_labels, args.batch_size)
    test_dataset = eval_input_fn(test_points, test_labels, args.batch_size)
    extreme_dataset = Pipeline.from_generator(extreme_points, (torch.float32, torch.int64)).map(standardise).batch(NUM_FEATURES)

    model = Classifier().to(device)
    train_op = torch.optim.Adagrad(model.parameters(), lr=args.learning_rate, initial_accumulator_value=0.1, eps=0)

    iterator_2 = iter(extreme_dataset.to(device))

    for epoch in range(args.epochs):
        iterator = iter(train_dataset.to(device))
        losses = []
        for features, labels in iterator:

            logits = model(features)
            targets = labels.float()
            loss = F.binary_cross_entropy_with_logits(logits, targets)
            train_op.zero_grad()
            loss.backward()
            train_op.step()
            batch_loss = loss.item()
            losses.append(batch_loss)

        iterator = iter(test_dataset.to(device))
        correct, seen = 0, 0
        for features, labels in iterator:
            with torch.no_grad():
                logits = model(features)
                hits = torch.sum(((logits > 0) == (labels > 0)).long())
            batch_hits = hits.item()
            batch_labels = labels.cpu().numpy()
            correct += batch_hits
            seen += len(batch_labels)
        print("epoch %d: %d batches, loss %.5f, test accuracy %d/%d"
              % (epoch + 1, len(losses), np.mean(losses), correct, seen))

    extreme_features, extreme_labels = next(iterator_2)
    points = extreme_features.detach().cpu().numpy()
    point_labels = extreme_labels.detach().cpu().numpy()
    features = torch.as_tensor(points, dtype=torch.float32, device=device)
    with torch.no_grad():
        logits = model(features)
    scores = logits.cpu().numpy()

    for score, label in zip(scores, point_labels):
        print("label %d score %+.4f" % (label, score))


if __name__ == "__main__":
    main()
