"""Initialisation, frozen layers, learning-rate schedules and averaged weights, side by side.

A small network is first trained whole under one schedule. Then its first layer is frozen,
the head is set to new values and trained alone under another schedule, and the moving
average of the weights is evaluated at the end.
"""
import logging
import os

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tf1_support import CheckpointSaver, ExponentialMovingAverage, latest_checkpoint, load_checkpoint, one_hot as tf1_one_hot, piecewise_constant, polynomial_decay, variance_scaling_

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

BATCH_SIZE = 32
PHASE_STEPS = 30
CHECKPOINT = "schedules_ckpt/model"


def spirals(count, seed):
    """Points on three spiral arms and the index of the arm."""
    rng = np.random.RandomState(seed)
    arm = rng.randint(0, 3, count)
    t = rng.uniform(0.2, 1.0, count)
    angle = 2.5 * t + arm * 2 * np.pi / 3 + 0.1 * rng.randn(count)
    points = np.stack([t * np.cos(angle), t * np.sin(angle)], axis=1)
    return points.astype(np.float32), arm


def batch():
    pick = rng.randint(0, len(train_x), BATCH_SIZE)
    return {"x": train_x[pick], "y": train_y[pick]}


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.frequencies = nn.Parameter(nn.init.normal_(torch.empty(2, 16), std=2.0), requires_grad=False)
        self.fc1 = nn.Linear(16 + 16, 24)
        self.fc2 = nn.Linear(24, 16)
        self.fc = nn.Linear(16, 3)
        self.reset_parameters()

    def reset_parameters(self):
        variance_scaling_(self.fc1.weight, 2.0, mode="fan_in")
        nn.init.zeros_(self.fc1.bias)
        nn.init.orthogonal_(self.fc2.weight, gain=1.4)
        nn.init.constant_(self.fc2.bias, 0.05)
        nn.init.trunc_normal_(self.fc.weight, std=0.1, a=-0.2, b=0.2)
        nn.init.zeros_(self.fc.bias)

    def forward(self, x):
        features = torch.cat([torch.sin(torch.matmul(x, self.frequencies)), torch.cos(torch.matmul(x, self.frequencies))], dim=1)
        hidden = F.relu(self.fc1(features))
        hidden = F.relu6(self.fc2(hidden))
        return self.fc(hidden)


def main():
    global rng, train_x, train_y
    logging.getLogger().setLevel(logging.INFO)
    global_step = 0

    model = Model().to(device)
    train_all = torch.optim.SGD(model.parameters(), lr=0.0, momentum=0.9)

    # Phase two: only the head, with a warm-up and then a polynomial decay.
    head_vars = [p for p in model.fc.parameters() if p.requires_grad]
    phase_step = 0
    head_optimizer = torch.optim.SGD(head_vars, lr=0.0)
    ema = ExponentialMovingAverage(0.8, [("fc.weight", model.fc.weight), ("fc.bias", model.fc.bias)])

    saver_keys = [key for key in model.state_dict() if not key.startswith("fc.")]
    saver = CheckpointSaver()

    train_x, train_y = spirals(400, seed=1)
    test_x, test_y = spirals(150, seed=2)
    rng = np.random.RandomState(0)

    for step in range(PHASE_STEPS):
        feed = batch()
        x = torch.as_tensor(feed["x"], dtype=torch.float32, device=device)
        y = torch.as_tensor(feed["y"], dtype=torch.int64, device=device)
        rate_1 = piecewise_constant(global_step, [10, 20], [0.1, 0.05, 0.01])
        logits = model(x)

        one_hot = tf1_one_hot(y, 3, on_value=0.9, off_value=0.05)
        cross_entropy = F.cross_entropy(logits, one_hot)
        total_loss = cross_entropy + sum(1e-3 * w.square().sum() for w in (model.fc1.weight, model.fc2.weight))
        for group in train_all.param_groups:
            group["lr"] = rate_1
        train_all.zero_grad()
        total_loss.backward()
        train_all.step()
        global_step += 1
        loss_value = total_loss.item()
        rate = rate_1
        if step % 10 == 0:
            print("all   step %2d rate %.4f loss %.6f" % (step, rate, loss_value))
    os.makedirs(os.path.dirname(CHECKPOINT) or ".", exist_ok=True)
    path = saver.save({key: model.state_dict()[key] for key in saver_keys}, CHECKPOINT, global_step=global_step, training={"global_step": global_step, "phase_step": phase_step})
    print("saved", os.path.basename(path))

    # The body comes back from the file, the head and the second counter start anew.
    checkpoint_path = latest_checkpoint(os.path.dirname(CHECKPOINT))
    checkpoint = load_checkpoint(checkpoint_path, device)
    model.load_state_dict({key: checkpoint[key] for key in saver_keys}, strict=False)
    training = load_checkpoint(checkpoint_path + ".training", device)
    global_step = training["global_step"]
    phase_step = training["phase_step"]
    phase_step = 0

    for v in [model.fc.weight.T, model.fc.bias]:
        shape = list(v.shape)
        v.data.copy_(torch.as_tensor(np.full(shape, 0.01, np.float32) * (np.arange(shape[-1]) - 1)))
    frozen_before = model.fc1.weight.T.detach().cpu().numpy().copy()

    for step in range(PHASE_STEPS):
        feed = batch()
        x = torch.as_tensor(feed["x"], dtype=torch.float32, device=device)
        y = torch.as_tensor(feed["y"], dtype=torch.int64, device=device)
        warm_up = min(1.0, (phase_step + 1) / 5.0)
        rate_2 = warm_up * polynomial_decay(0.2, phase_step, PHASE_STEPS, end_learning_rate=0.001, power=2.0)
        logits = model(x)

        one_hot = tf1_one_hot(y, 3, on_value=0.9, off_value=0.05)
        cross_entropy = F.cross_entropy(logits, one_hot)
        for group in head_optimizer.param_groups:
            group["lr"] = rate_2
        head_optimizer.zero_grad()
        cross_entropy.backward()
        head_optimizer.step()
        phase_step += 1
        ema.update()
        loss_value = cross_entropy.item()
        rate = rate_2
        if step % 10 == 0:
            print("head  step %2d rate %.4f loss %.6f" % (step, rate, loss_value))
    frozen_after = model.fc1.weight.T.detach().cpu().numpy().copy()
    print("body moved by %.1f" % np.abs(frozen_after - frozen_before).max())

    x = torch.as_tensor(test_x, dtype=torch.float32, device=device)
    y = torch.as_tensor(test_y, dtype=torch.int64, device=device)
    with torch.no_grad():
        logits = model(x)
        accuracy = torch.mean((torch.argmax(logits, dim=1) == y).float())
    print("test accuracy %.4f" % accuracy.item())

    for v in head_vars:
        v.data.copy_(ema.average(v))

    with torch.no_grad():
        logits = model(x)

        one_hot = tf1_one_hot(y, 3, on_value=0.9, off_value=0.05)
        cross_entropy = F.cross_entropy(logits, one_hot)
    print("test loss with averaged head %.6f" % cross_entropy.item())


if __name__ == "__main__":
    main()
