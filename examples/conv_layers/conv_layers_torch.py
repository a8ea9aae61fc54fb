"""Convolutional network on tf.layers, with batch normalization, dropout, summaries and checkpoints.

Classifies small colour images of oriented gratings; the class is the angle of the stripes.
"""
import argparse
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from tf1_support import boolean_flag, in_top_k, variance_scaling_

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

parser = argparse.ArgumentParser()
parser.add_argument("--batch_size", type=int, default=32, help="Images in a training batch.")
parser.add_argument("--max_steps", type=int, default=40, help="Number of training steps.")
parser.add_argument("--learning_rate", type=float, default=2e-3, help="Initial learning rate.")
parser.add_argument("--dropout_rate", type=float, default=0.25, help="Fraction of the features dropped.")
parser.add_argument("--model_dir", type=str, default="gratings_model", help="Where checkpoints and events go.")
parser.add_argument("--summaries", type=boolean_flag, nargs="?", const=True, default=True, help="Whether to write summaries.")
parser.add_argument("--nosummaries", dest="summaries", action="store_false", help=argparse.SUPPRESS)
FLAGS = parser.parse_args([])

IMAGE_SIZE = 17  # odd, so that 'same' padding is not symmetric everywhere
NUM_CLASSES = 6


def make_gratings(count, seed):
    """Images [count, 17, 17, 3] of stripes and the index of their angle."""
    rng = np.random.RandomState(seed)
    labels = rng.randint(0, NUM_CLASSES, count).astype(np.int32)
    angle = labels * np.pi / NUM_CLASSES + 0.1 * rng.randn(count)
    rows, columns = np.mgrid[:IMAGE_SIZE, :IMAGE_SIZE]
    phase = (np.cos(angle)[:, None, None] * rows + np.sin(angle)[:, None, None] * columns)
    stripes = np.sin(1.2 * phase + rng.uniform(0, 6, (count, 1, 1)))
    colour = rng.uniform(0.3, 1.0, (count, 1, 1, 3))
    images = stripes[..., None] * colour + 0.2 * rng.randn(count, IMAGE_SIZE, IMAGE_SIZE, 3)
    return images.astype(np.float32), labels


class Inference(nn.Module):
    """Builds the network and returns its logits."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding="same", bias=False)
        self.bn1 = nn.BatchNorm2d(16, eps=1e-3, momentum=0.1)
        self.conv2 = nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(32, eps=1e-5, momentum=0.1)
        self.fc1 = nn.Linear(4 * 4 * 32, 64)
        self.logits = nn.Linear(64, NUM_CLASSES)
        self.reset_parameters()

    def reset_parameters(self):
        variance_scaling_(self.conv1.weight, 1.0)
        nn.init.xavier_uniform_(self.conv2.weight)
        for layer in (self.fc1, self.logits):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, images):
        net = self.conv1(images.permute(0, 3, 1, 2))
        net = self.bn1(net)
        net = F.relu(net)
        net = F.max_pool2d(net, 2, 2, ceil_mode=True)

        net = self.conv2(net)
        net = self.bn2(net)
        net = F.relu(net)
        net = F.avg_pool2d(net, 2, 1)

        net = net.permute(0, 2, 3, 1).flatten(1)
        net = F.relu(self.fc1(net))
        net = F.dropout(net, FLAGS.dropout_rate, training=self.training)
        return self.logits(net)


def main(_):
    images, labels = make_gratings(400, seed=11)
    test_images, test_labels = make_gratings(120, seed=12)
    global_step = 0

    model = Inference().to(device)
    train_op = torch.optim.Adam(model.parameters(), lr=FLAGS.learning_rate)
    train_op_scheduler = torch.optim.lr_scheduler.StepLR(train_op, step_size=10, gamma=0.8)
    checkpoint = os.path.join(FLAGS.model_dir, "model.ckpt")
    writer = SummaryWriter(FLAGS.model_dir)
    rng = np.random.RandomState(0)

    for step in range(FLAGS.max_steps):
        idx = rng.choice(len(images), FLAGS.batch_size, replace=False)
        x = torch.as_tensor(images[idx], dtype=torch.float32, device=device)
        y = torch.as_tensor(labels[idx], dtype=torch.int64, device=device)
        learning_rate = train_op.param_groups[0]["lr"]
        model.train()

        logits = model(x)
        loss = F.cross_entropy(logits, y)
        train_op.zero_grad()
        loss.backward()
        train_op.step()
        train_op_scheduler.step()
        global_step += 1
        loss_value = loss.item()
        lr = learning_rate
        if FLAGS.summaries:
            writer.add_scalar("loss", loss, step)
            writer.add_scalar("learning_rate", learning_rate, step)
        if step % 10 == 0:
            x = torch.as_tensor(test_images, dtype=torch.float32, device=device)
            y = torch.as_tensor(test_labels, dtype=torch.int64, device=device)
            model.eval()
            with torch.no_grad():
                logits = model(x)
                loss = F.cross_entropy(logits, y)
                correct = in_top_k(logits, y, 1)
                accuracy = torch.mean(correct.float())
            test_loss = loss.item()
            test_accuracy = accuracy.item()
            print("step %3d  lr %.5f  train loss %.4f  test loss %.4f  test accuracy %.3f"
                  % (step, lr, loss_value, test_loss, test_accuracy))
    writer.close()
    os.makedirs(os.path.dirname(checkpoint) or ".", exist_ok=True)
    torch.save(model.state_dict(), checkpoint + ".pt")

    # A new session starts from the saved values.
    model.load_state_dict(torch.load(checkpoint + ".pt", map_location=device))
    x = torch.as_tensor(test_images, dtype=torch.float32, device=device)
    y = torch.as_tensor(test_labels, dtype=torch.int64, device=device)
    model.eval()
    with torch.no_grad():
        logits = model(x)
        correct = in_top_k(logits, y, 1)
        accuracy = torch.mean(correct.float())
    final_accuracy = accuracy.item()
    print("restored at step %d, test accuracy %.3f" % (global_step, final_accuracy))


if __name__ == "__main__":
    FLAGS, unparsed = parser.parse_known_args()
    main([sys.argv[0], *unparsed])
