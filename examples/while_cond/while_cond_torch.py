"""A layer defined by a fixed point: graph control flow with a data-dependent trip count.

The layer's output z solves z = tanh(W z + U x + b). It is found by iterating until the
update is small, so how often the loop's body runs depends on the weights and on the
batch. The gradient flows back through every iteration.
"""
import numpy as np
import torch
from torch import nn

from tf1_support import map_fn, maximum, scan

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

STATE_SIZE = 6
NUM_INPUTS = 3
MAX_ITERATIONS = 40
TOLERANCE = 1e-3
NUM_STEPS = 40


def make_data(count, seed):
    """Three inputs and a smooth function of them to be learned, with a few outliers."""
    rng = np.random.RandomState(seed)
    x = rng.uniform(-1, 1, (count, NUM_INPUTS)).astype(np.float32)
    y = np.sin(2 * x[:, 0]) * x[:, 1] + 0.5 * x[:, 2]
    y[::10] += 3.0
    return x, y.astype(np.float32)


def fixed_point(x, W, U, b):
    """Iterates until no element of the state moves by more than TOLERANCE."""
    drive = torch.matmul(x, U) + b

    def not_settled(i, z, change):
        return (i < MAX_ITERATIONS) & (change > TOLERANCE)

    def body(i, z, change):
        new_z = torch.tanh(torch.matmul(z, W) + drive)
        return i + 1, new_z, torch.amax(torch.abs(new_z - z))

    iterations, z, residual = torch.tensor(0, device=device), torch.zeros_like(drive), torch.tensor(1.0, device=device)
    while not_settled(iterations, z, residual):
        iterations, z, residual = body(iterations, z, residual)
    return iterations, z, residual


def robust_loss(error, delta):
    """Quadratic for a batch of small errors, linear as soon as one of them is large."""
    worst = torch.amax(torch.abs(error))
    return ((0.5 * torch.mean(torch.square(error))) if worst < delta else (delta * torch.mean(torch.abs(error)) - 0.5 * delta ** 2))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.W = nn.Parameter(nn.init.uniform_(torch.empty(STATE_SIZE, STATE_SIZE), -0.3, 0.3))
        self.U = nn.Parameter(nn.init.xavier_uniform_(torch.empty(NUM_INPUTS, STATE_SIZE)))
        self.b = nn.Parameter(nn.init.zeros_(torch.empty(STATE_SIZE)))
        self.v = nn.Parameter(nn.init.xavier_uniform_(torch.empty(STATE_SIZE, 1)))

    def forward(self, x):
        iterations, z, residual = fixed_point(x, self.W, self.U, self.b)
        prediction = torch.matmul(z, self.v).squeeze(1)
        return iterations, residual, z, prediction


def main():
    model = Model().to(device)
    train_op = torch.optim.SGD(model.parameters(), lr=0.0, momentum=0.8)

    train_x, train_y = make_data(200, seed=1)

    for step in range(NUM_STEPS):
        start = (step * 40) % 200
        x = torch.as_tensor(train_x[start:start + 40], dtype=torch.float32, device=device)
        y = torch.as_tensor(train_y[start:start + 40], dtype=torch.float32, device=device)
        iterations, residual, z, prediction = model(x)
        loss = robust_loss(prediction - y, 1.0)

        # The rate is halved while the loop needs many iterations to settle.
        rate = (torch.tensor(0.025, device=device) if iterations > 12 else torch.tensor(0.05, device=device) if iterations > 8 else torch.tensor(0.1, device=device))
        for group in train_op.param_groups:
            group["lr"] = rate.item()
        train_op.zero_grad()
        loss.backward()
        train_op.step()
        count = iterations.item()
        res = residual.item()
        value = loss.item()
        if step % 10 == 0:
            print("step %d: %d iterations, residual %.2e, loss %.6f" % (step, count, res, value))

    x = torch.as_tensor(train_x[1:9], dtype=torch.float32, device=device)
    y = torch.as_tensor(train_y[1:9], dtype=torch.float32, device=device)
    delta = 10.0

    with torch.no_grad():
        iterations, residual, z, prediction = model(x)
        loss = robust_loss(prediction - y, delta)
    print("loss without outliers: %.6f" % loss.item())

    with torch.no_grad():
        iterations, residual, z, prediction = model(x)

        # Running maximum of the predictions and each row's squared length
        running_max = scan(lambda best, p: maximum(best, p), prediction)
        lengths = map_fn(lambda row: torch.sum(row * row), z)
    best = running_max.cpu().numpy()
    squares = lengths.cpu().numpy()
    print("running maximum:", " ".join("%.4f" % value for value in best))
    print("squared lengths:", " ".join("%.4f" % value for value in squares))


if __name__ == "__main__":
    main()
