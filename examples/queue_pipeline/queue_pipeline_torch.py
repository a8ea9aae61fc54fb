"""Input queues filled by background threads: the pipeline of TensorFlow before tf.data.

A table of measurements is cut into examples by a slice producer, mixed, batched and fed
to a small regression network. The queue is closed after a number of epochs, and the
training loop ends when it is empty.
"""
import argparse
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from tf1_support import batch_queue, slice_input_producer

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

parser = argparse.ArgumentParser()
parser.add_argument("--batch_size", type=int, default=25, help="""Number of examples in a batch.""")
parser.add_argument("--num_epochs", type=int, default=4, help="""Passes over the training table.""")
parser.add_argument("--learning_rate", type=float, default=0.05, help="""Learning rate of the momentum optimizer.""")
parser.add_argument("--summary_dir", type=str, default='queue_events', help="""Where the event file goes.""")
FLAGS = parser.parse_args([])

NUM_INPUTS = 4


def make_table(rows, seed):
    """Inputs [rows, 4] and one target that depends on them."""
    rng = np.random.RandomState(seed)
    inputs = rng.uniform(-1, 1, (rows, NUM_INPUTS)).astype(np.float32)
    targets = inputs[:, :1] * inputs[:, 1:2] + 0.3 * inputs[:, 2:3] - 0.2
    return inputs, targets.astype(np.float32)


def input_pipeline(inputs, targets, batch_size, num_epochs=None, shuffle=True):
    """Batches of (inputs, targets) out of a queue."""
    examples = slice_input_producer([inputs, targets], num_epochs=num_epochs, shuffle=shuffle)
    # One thread keeps the order of the producer.
    return iter(batch_queue(examples, batch_size=batch_size).to(device))


class DenseLayer(nn.Module):
    def __init__(self, x_size, size):
        super().__init__()
        self.weights = nn.Parameter(nn.init.trunc_normal_(torch.empty(x_size, size), std=0.5, a=-1.0, b=1.0))
        self.biases = nn.Parameter(nn.init.constant_(torch.empty(size), 0.0))

    def forward(self, x):
        return x @ self.weights + self.biases


class Inference(nn.Module):
    """The network; its variables are shared by all calls."""

    def __init__(self, hidden=12):
        super().__init__()
        self.hidden = DenseLayer(NUM_INPUTS, hidden)
        self.out = DenseLayer(hidden, 1)

    def forward(self, x):
        h = F.softsign(self.hidden(x))
        return self.out(h)


def main(argv=None):
    table_inputs, table_targets = make_table(150, seed=31)
    test_inputs, test_targets = make_table(60, seed=32)

    batches = input_pipeline(
        table_inputs, table_targets, FLAGS.batch_size, num_epochs=FLAGS.num_epochs)
    global_step = 0

    model = Inference().to(device)
    train_op = torch.optim.SGD(model.parameters(), lr=FLAGS.learning_rate, momentum=0.9, nesterov=True)
    summary_writer = SummaryWriter(FLAGS.summary_dir)
    step = 0

    for batch_inputs, batch_targets in batches:
        predictions = model(batch_inputs)
        loss = F.mse_loss(predictions, batch_targets)
        train_op.zero_grad()
        loss.backward()
        train_op.step()
        global_step += 1
        loss_value = loss.item()
        summary_writer.add_scalar('mean_squared_error_1', loss, step)
        if step % 6 == 0:
            with torch.no_grad():
                test_error = torch.mean((model(torch.tensor(test_inputs, device=device)) - torch.tensor(test_targets, device=device)) ** 2)
            print('step %d: loss = %.6f, test error = %.6f' % (step, loss_value, test_error.item()))
        step += 1
    print('Done training for %d epochs, %d steps.' % (FLAGS.num_epochs, step))
    summary_writer.close()

    with torch.no_grad():
        test_error = torch.mean((model(torch.tensor(test_inputs, device=device)) - torch.tensor(test_targets, device=device)) ** 2)
    print('global step %d, final test error %.6f' % (global_step, test_error.item()))


if __name__ == '__main__':
    FLAGS, unparsed = parser.parse_known_args()
    main([sys.argv[0], *unparsed])
