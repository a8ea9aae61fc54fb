"""A network with binary weights and activations, trained by the straight-through estimator.

sign() has no useful gradient, so it is replaced where the graph is built: the gradient
passes unchanged while the argument lies in [-1, 1] and is cancelled outside.
"""
import argparse
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tf1_support import boolean_flag, compute_gradients, custom_gradient, global_norm, override_gradient

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

parser = argparse.ArgumentParser()
parser.add_argument("--batch_size", type=int, default=40, help="Batch size")
parser.add_argument("--num_steps", type=int, default=46, help="Training steps")
parser.add_argument("--hidden", type=int, default=48, help="Units of each hidden layer")
parser.add_argument("--learning_rate", type=float, default=0.2, help="Learning rate")
parser.add_argument("--binary_weights", type=boolean_flag, nargs="?", const=True, default=True, help="Whether the weights are binarized too")
parser.add_argument("--nobinary_weights", dest="binary_weights", action="store_false", help=argparse.SUPPRESS)
FLAGS = parser.parse_args([])

SIDE = 8


def clipped_identity_grad(op, grad):
    """Gradient of the hard tanh, used in place of that of sign."""
    x = op.inputs[0]
    mask = (torch.abs(x) <= 1.0).float()
    return grad * mask


def binarize(x):
    return override_gradient(torch.sign, clipped_identity_grad)(x)


@custom_gradient
def clip_gradient(x):
    """Identity whose gradient is kept within [-0.01, 0.01]."""
    def grad(dy):
        return torch.clamp(dy, -0.01, 0.01)
    return x, grad


class BinaryDense(nn.Module):
    def __init__(self, in_units, units):
        super().__init__()
        self.w_var = nn.Parameter(nn.init.uniform_(torch.empty(in_units, units), -1.0, 1.0))

    def forward(self, x):
        in_units = x.shape[-1]
        w = self.w_var
        if FLAGS.binary_weights:
            w = binarize(w)
        return torch.matmul(x, w) / np.sqrt(in_units)


def bars(count, rng):
    """8x8 pictures with a horizontal or a vertical bar (class 0, 1) or a diagonal (class 2)."""
    x = -np.ones((count, SIDE, SIDE), np.float32)
    y = rng.randint(0, 3, count)
    for picture, label in zip(x, y):
        k = rng.randint(0, SIDE)
        if label == 0:
            picture[k, :] = 1
        elif label == 1:
            picture[:, k] = 1
        else:
            picture[np.arange(SIDE), (np.arange(SIDE) + k) % SIDE] = 1
    flip = rng.rand(count, SIDE, SIDE) < 0.03
    x[flip] *= -1
    return x.reshape(count, -1), y


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = BinaryDense(SIDE * SIDE, FLAGS.hidden)
        self.fc2 = BinaryDense(FLAGS.hidden, FLAGS.hidden)
        self.out = BinaryDense(FLAGS.hidden, 3)

    def forward(self, x):
        h1 = binarize(self.fc1(x))
        h2 = binarize(clip_gradient(self.fc2(h1)))
        return 3.0 * self.out(h2)


def main(argv=None):
    rng = np.random.RandomState(9)

    model = Model().to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=FLAGS.learning_rate, momentum=0.9)

    test_x, test_y = bars(300, rng)

    for step in range(FLAGS.num_steps):
        batch_x, batch_y = bars(FLAGS.batch_size, rng)
        x = torch.as_tensor(batch_x, dtype=torch.float32, device=device)
        y = torch.as_tensor(batch_y, dtype=torch.int64, device=device)
        logits = model(x)

        loss = F.cross_entropy(logits, y)
        grads_and_vars = compute_gradients(loss, model.parameters())
        grad_norm = global_norm([grad for grad, _ in grads_and_vars])
        optimizer.zero_grad()
        for gradient, variable in grads_and_vars:
            variable.grad = gradient
        optimizer.step()
        # The latent weights stay where their gradient lives.
        clip_ops = [var.data.copy_(torch.clamp(var, -1.0, 1.0)) for var in list(model.parameters())]
        loss_value = loss.item()
        norm = grad_norm.item()
        if step % 15 == 0:
            print("step %d loss %.5f gradient norm %.5f" % (step, loss_value, norm))
    x = torch.as_tensor(test_x, dtype=torch.float32, device=device)
    y = torch.as_tensor(test_y, dtype=torch.int64, device=device)
    with torch.no_grad():
        logits = model(x)
        accuracy = torch.mean((torch.argmax(logits, dim=1) == y).float())
    print("test accuracy %.4f" % accuracy.item())
    latent = list(model.parameters())[0].detach().cpu().numpy().copy()
    print("latent weights in [%.3f, %.3f], %d of %d positive"
          % (latent.min(), latent.max(), (latent > 0).sum(), latent.size))


if __name__ == "__main__":
    FLAGS, unparsed = parser.parse_known_args()
    main([sys.argv[0], *unparsed])
