"""A convolutional classifier of 28x28 digits on raw variables, in an interactive session.

The digits are drawn by the script: seven-segment figures with noise and a random shift.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

SEGMENTS = {  # name: (row slice, column slice) in a 16x8 glyph
    "a": (slice(0, 2), slice(0, 8)), "b": (slice(0, 8), slice(6, 8)), "c": (slice(8, 16), slice(6, 8)),
    "d": (slice(14, 16), slice(0, 8)), "e": (slice(8, 16), slice(0, 2)), "f": (slice(0, 8), slice(0, 2)),
    "g": (slice(7, 9), slice(0, 8)),
}
DIGITS = ["abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg"]


class DigitSet(object):
    """Images (flat, 784 values) and one-hot labels, served in batches."""

    def __init__(self, count, seed):
        rng = np.random.RandomState(seed)
        classes = rng.randint(0, 10, count)
        images = 0.3 * rng.rand(count, 28, 28)
        for image, digit in zip(images, classes):
            top, left = rng.randint(2, 10), rng.randint(4, 16)
            glyph = image[top:top + 16, left:left + 8]
            for segment in DIGITS[digit]:
                glyph[SEGMENTS[segment]] = 1.0
        self.images = images.reshape(count, 784).astype(np.float32)
        self.labels = np.eye(10, dtype=np.float32)[classes]
        self.position = 0

    def next_batch(self, batch_size):
        if self.position + batch_size > len(self.images):
            self.position = 0
        start, self.position = self.position, self.position + batch_size
        return self.images[start:self.position], self.labels[start:self.position]


def weight_variable(shape):
    """Small random weights; wide draws are cut off."""
    initial = nn.init.trunc_normal_(torch.empty(shape), std=0.1, a=-0.2, b=0.2)
    return nn.Parameter(initial)


def bias_variable(shape):
    """Slightly positive, so that rectified units start alive."""
    initial = torch.full(shape, 0.1)
    return nn.Parameter(initial)


def conv2d(x, W):
    return F.conv2d(x, W.permute(3, 2, 0, 1), padding="same")


def max_pool_2x2(x):
    """Halves height and width."""
    return F.max_pool2d(x, 2, 2, ceil_mode=True)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.W_conv1 = weight_variable([5, 5, 1, 8])
        self.b_conv1 = bias_variable([8])
        self.W_conv2 = weight_variable([5, 5, 8, 16])
        self.b_conv2 = bias_variable([16])
        self.W_fc1 = weight_variable([7 * 7 * 16, 64])
        self.b_fc1 = bias_variable([64])
        self.W_fc2 = weight_variable([64, 10])
        self.b_fc2 = bias_variable([10])

    def forward(self, x, keep_prob):
        x_image = x.reshape(-1, 28, 28, 1)
        h_conv1 = F.relu(conv2d(x_image.permute(0, 3, 1, 2), self.W_conv1) + self.b_conv1.view(-1, 1, 1))
        h_pool1 = max_pool_2x2(h_conv1)

        h_conv2 = F.relu(conv2d(h_pool1, self.W_conv2) + self.b_conv2.view(-1, 1, 1))
        h_pool2 = max_pool_2x2(h_conv2)

        h_pool2_flat = h_pool2.permute(0, 2, 3, 1).reshape(-1, 7 * 7 * 16)
        h_fc1 = F.relu(torch.matmul(h_pool2_flat, self.W_fc1) + self.b_fc1)
        h_fc1_drop = F.dropout(h_fc1, 1 - keep_prob)

        return torch.matmul(h_fc1_drop, self.W_fc2) + self.b_fc2


def main():
    digits = DigitSet(300, seed=3)
    held_out = DigitSet(100, seed=4)

    model = Model().to(device)
    train_step = torch.optim.Adam(model.parameters(), lr=2e-3)

    for i in range(81):
        batch = digits.next_batch(30)
        if i % 20 == 0:
            x = torch.as_tensor(batch[0], dtype=torch.float32, device=device)
            y_ = torch.as_tensor(batch[1], dtype=torch.float32, device=device)
            with torch.no_grad():
                y_conv = model(x, keep_prob=1.0)
                correct_prediction = torch.argmax(y_conv, dim=1) == torch.argmax(y_, dim=1)
                accuracy = torch.mean(correct_prediction.float())
            train_accuracy = accuracy.item()
            print('step %d, training accuracy %g' % (i, train_accuracy))
        x = torch.as_tensor(batch[0], dtype=torch.float32, device=device)
        y_ = torch.as_tensor(batch[1], dtype=torch.float32, device=device)
        y_conv = model(x, keep_prob=0.8)

        cross_entropy = F.cross_entropy(y_conv, y_)
        train_step.zero_grad()
        cross_entropy.backward()
        train_step.step()

    x = torch.as_tensor(held_out.images, dtype=torch.float32, device=device)
    y_ = torch.as_tensor(held_out.labels, dtype=torch.float32, device=device)
    with torch.no_grad():
        y_conv = model(x, keep_prob=1.0)
        correct_prediction = torch.argmax(y_conv, dim=1) == torch.argmax(y_, dim=1)
        accuracy = torch.mean(correct_prediction.float())
    print('test accuracy %g' % accuracy.item())

    with torch.no_grad():
        y_conv = model(x, keep_prob=1.0)

        cross_entropy = F.cross_entropy(y_conv, y_)
    print('test cross entropy %.5f' % cross_entropy.item())


if __name__ == "__main__":
    main()
