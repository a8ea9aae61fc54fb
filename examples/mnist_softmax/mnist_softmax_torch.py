"""Softmax regression on images of handwritten-looking digits, read by TensorFlow's own tutorial reader.

The folder `data` holds 400 small pictures in the four files of MNIST, so that the program
runs without a download.
"""
import argparse
import os
import shutil
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from tf1_support import Summaries, read_data_sets

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
summaries = Summaries()

FLAGS = None


def variable_summaries(var, name):
    """Mean and spread of a variable, for the event file."""
    mean = torch.mean(var)
    summaries.scalar(f'{name}_summaries/mean_1', mean)
    stddev = torch.sqrt(torch.mean(torch.square(var - mean)))
    summaries.scalar(f'{name}_summaries/stddev', stddev)
    summaries.histogram(f'{name}_summaries/values', var)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.W = nn.Parameter(torch.zeros(784, 10))
        self.b = nn.Parameter(torch.zeros(10))

    def forward(self, x):
        return F.softmax(torch.matmul(x, self.W) + self.b, dim=-1)


def main(_):
    # Import data
    mnist = read_data_sets(FLAGS.data_dir, one_hot=True, validation_size=50)
    print('%d training, %d validation, %d test images'
          % (mnist.train.num_examples, mnist.validation.num_examples, mnist.test.num_examples))

    model = Model().to(device)
    train_step = torch.optim.SGD(model.parameters(), lr=FLAGS.learning_rate)

    if os.path.exists(FLAGS.log_dir):
        shutil.rmtree(FLAGS.log_dir)
    os.makedirs(FLAGS.log_dir, exist_ok=True)
    writer = SummaryWriter(os.path.join(FLAGS.log_dir, 'train'))

    # Train, and look at the validation set now and then
    for step in range(FLAGS.max_steps):
        batch_xs, batch_ys = mnist.train.next_batch(FLAGS.batch_size)
        if step % 20 == 0:
            x = torch.as_tensor(mnist.validation.images, dtype=torch.float32, device=device)
            y_ = torch.as_tensor(mnist.validation.labels, dtype=torch.float32, device=device)
            with torch.no_grad(), summaries.recording() as summary:
                y = model(x)
                variable_summaries(model.W, 'weights')

                # The definition of cross entropy. It is unstable where y is nearly 0, which clipping avoids.
                cross_entropy = torch.mean(-torch.sum(y_ * torch.log(torch.clamp(y, 1e-10, 1.0)), dim=[1]))

                correct_prediction = torch.argmax(y, dim=1) == torch.argmax(y_, dim=1)
                accuracy = torch.mean(correct_prediction.float())
                summaries.scalar('cross_entropy', cross_entropy)
            acc = accuracy.item()
            loss = cross_entropy.item()
            summary.write(writer, step)
            print('Step %d: validation accuracy %.4f, cross entropy %.5f' % (step, acc, loss))
        x = torch.as_tensor(batch_xs, dtype=torch.float32, device=device)
        y_ = torch.as_tensor(batch_ys, dtype=torch.float32, device=device)
        y = model(x)

        # The definition of cross entropy. It is unstable where y is nearly 0, which clipping avoids.
        cross_entropy = torch.mean(-torch.sum(y_ * torch.log(torch.clamp(y, 1e-10, 1.0)), dim=[1]))
        train_step.zero_grad()
        cross_entropy.backward()
        train_step.step()
    writer.close()

    # Test the trained model
    print('Epochs completed:', mnist.train.epochs_completed)
    x = torch.as_tensor(mnist.test.images, dtype=torch.float32, device=device)
    y_ = torch.as_tensor(mnist.test.labels, dtype=torch.float32, device=device)
    with torch.no_grad():
        y = model(x)

        # The definition of cross entropy. It is unstable where y is nearly 0, which clipping avoids.
        cross_entropy = torch.mean(-torch.sum(y_ * torch.log(torch.clamp(y, 1e-10, 1.0)), dim=[1]))

        correct_prediction = torch.argmax(y, dim=1) == torch.argmax(y_, dim=1)
        accuracy = torch.mean(correct_prediction.float())
    print('Test accuracy: %.4f' % accuracy.item())
    confusion = np.zeros([10, 10], int)

    with torch.no_grad():
        y = model(x)
    for truth, guess in zip(mnist.test.labels.argmax(1), y.cpu().numpy().argmax(1)):
        confusion[truth, guess] += 1
    print('Most often mistaken: %d' % (confusion.sum(1) - np.diag(confusion)).argmax())


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('--data_dir', type=str, default=os.path.join(os.path.dirname(os.path.abspath(__file__)), 'data'),
                        help='Directory of the four data files')
    parser.add_argument('--log_dir', type=str, default='mnist_logs', help='Directory of the event file')
    parser.add_argument('--learning_rate', type=float, default=0.5)
    parser.add_argument('--batch_size', type=int, default=40)
    parser.add_argument('--max_steps', type=int, default=81)
    FLAGS, unparsed = parser.parse_known_args()
    main([sys.argv[0]] + unparsed)
