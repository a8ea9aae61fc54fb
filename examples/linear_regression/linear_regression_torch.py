"""Linear regression, first with an optimizer, then with the gradients taken by hand.

The data is a noisy line made with numpy, so the right answer is known.
"""
import numpy as np
import torch
from torch import nn

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

learning_rate = 0.01
training_epochs = 12
display_epoch = 3
true_slope, true_offset = 0.25, 0.8
train_X = np.linspace(0.0, 10.0, 17)
n_samples = train_X.shape[0]

# Points that were not trained on
test_X = np.asarray([6.83, 4.668, 8.9, 7.91, 5.7, 8.7, 3.1, 2.1])
test_Y = true_slope * test_X + true_offset


class Model(nn.Module):
    def __init__(self, rng):
        super().__init__()
        self.W = nn.Parameter(torch.tensor(rng.randn()))
        self.b = nn.Parameter(torch.tensor(rng.randn()))

    def forward(self, X):
        return X * self.W + self.b


def main():
    # A noisy line
    rng = np.random.RandomState(7)
    train_Y = true_slope * train_X + true_offset + 0.1 * rng.randn(17)

    model = Model(rng).to(device)

    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)

    # One point at a time
    for epoch in range(training_epochs):
        for (x, y) in zip(train_X, train_Y):
            X = torch.as_tensor(x, dtype=torch.float32, device=device)
            Y = torch.as_tensor(y, dtype=torch.float32, device=device)
            pred = model(X)

            # Mean squared error
            cost = torch.sum((pred - Y) ** 2) / (2 * n_samples)
            optimizer.zero_grad()
            cost.backward()
            optimizer.step()

        if (epoch + 1) % display_epoch == 0:
            X = torch.as_tensor(train_X, dtype=torch.float32, device=device)
            Y = torch.as_tensor(train_Y, dtype=torch.float32, device=device)
            with torch.no_grad():
                pred = model(X)

                # Mean squared error
                cost = torch.sum((pred - Y) ** 2) / (2 * n_samples)
            c = cost.item()
            print("Epoch: %04d cost=%.9f W=%.6f b=%.6f" % (epoch + 1, c, model.W.detach().cpu().numpy().copy(), model.b.detach().cpu().numpy().copy()))

    X = torch.as_tensor(train_X, dtype=torch.float32, device=device)
    Y = torch.as_tensor(train_Y, dtype=torch.float32, device=device)
    with torch.no_grad():
        pred = model(X)

        # Mean squared error
        cost = torch.sum((pred - Y) ** 2) / (2 * n_samples)
    training_cost = cost.item()
    print("Training cost=", "{:.9f}".format(training_cost), "W=", "{:.6f}".format(model.W.detach().cpu().numpy().copy()),
          "b=", "{:.6f}".format(model.b.detach().cpu().numpy().copy()))

    # Ten more steps over the whole batch, by hand
    for step in range(10):
        pred = model(X)

        # Mean squared error
        cost = torch.sum((pred - Y) ** 2) / (2 * n_samples)

        # The same step, written out.
        grad_W, grad_b = torch.autograd.grad(cost, [model.W, model.b])
        gw = grad_W.detach().cpu().numpy()
        gb = grad_b.detach().cpu().numpy()
        pred = model(X)

        # Mean squared error
        cost = torch.sum((pred - Y) ** 2) / (2 * n_samples)

        # The same step, written out.
        grad_W, grad_b = torch.autograd.grad(cost, [model.W, model.b])
        step_W = model.W.data.copy_(model.W - learning_rate * grad_W)
        step_b = model.b.data.sub_(learning_rate * grad_b)
        if step % 5 == 0:
            print("Step %d gradients: %.6f %.6f" % (step, gw, gb))
    X = torch.as_tensor(test_X, dtype=torch.float32, device=device)
    Y = torch.as_tensor(test_Y, dtype=torch.float32, device=device)
    with torch.no_grad():
        pred = model(X)
    testing_cost = (torch.sum((pred - Y) ** 2) / (2 * test_X.shape[0])).item()
    print("Testing cost=%.9f" % testing_cost)
    print("Difference of the costs=%.9f" % abs(training_cost - testing_cost))


if __name__ == "__main__":
    main()
