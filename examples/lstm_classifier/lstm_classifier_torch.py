"""Tell rising sequences from wandering ones with an LSTM that stops at each sequence's end.

Sequences have different lengths and are padded with zeros; `sequence_length` keeps the
padding out of the calculation.
"""
import random

import torch
import torch.nn.functional as F
from torch import nn

from tf1_support import init_rnn_like_tf, lstm_dynamic

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class SequenceData(object):
    """Padded sequences, one-hot labels and true lengths, served in turn."""

    def __init__(self, n_samples, max_len, min_len=3):
        self.data = []
        self.labels = []
        self.lengths = []
        for _ in range(n_samples):
            length = random.randint(min_len, max_len)
            value = random.uniform(-0.5, 0.5)
            rising = random.random() < 0.5
            sequence = []
            for _ in range(length):
                sequence.append([value])
                value += random.uniform(0.05, 0.25) if rising else random.uniform(-0.4, 0.4)
            # All rows of one array must be equally long.
            sequence += [[0.]] * (max_len - length)
            self.data.append(sequence)
            self.labels.append([1., 0.] if rising else [0., 1.])
            self.lengths.append(length)
        self.position = 0

    def next(self, batch_size):
        if self.position >= len(self.data):
            self.position = 0
        start = self.position
        end = min(start + batch_size, len(self.data))
        self.position = end
        return self.data[start:end], self.labels[start:end], self.lengths[start:end]


learning_rate = 0.5
training_steps = 60
batch_size = 64
display_step = 20

max_len = 12
n_hidden = 24
n_classes = 2


class DynamicLstm(nn.Module):
    """Class scores from the output at the last true position of each sequence."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, n_hidden, batch_first=True)
        self.reset_parameters()

    def reset_parameters(self):
        init_rnn_like_tf(self.lstm)

    def forward(self, x, seqlen, weights, biases):
        outputs, states = lstm_dynamic(self.lstm, x, sequence_length=seqlen)

        # Row b of the flattened outputs starts at b * max_len; its last true output is seqlen - 1 further.
        n_rows = outputs.shape[0]
        index = torch.arange(0, n_rows, device=device) * max_len + (seqlen - 1)
        last = outputs.reshape(-1, n_hidden)[index]
        return torch.matmul(last, weights['out']) + biases['out']


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = nn.ParameterDict({
            'out': nn.Parameter(torch.randn(n_hidden, n_classes) * 0.3)
        })
        self.biases = nn.ParameterDict({
            'out': nn.Parameter(torch.full((n_classes,), 0.1))
        })
        self.dynamic_lstm = DynamicLstm()

    def forward(self, x, seqlen):
        return self.dynamic_lstm(x, seqlen, self.weights, self.biases)


def main():
    random.seed(3)

    trainset = SequenceData(n_samples=300, max_len=max_len)
    testset = SequenceData(n_samples=200, max_len=max_len)

    model = Model().to(device)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=learning_rate)

    for step in range(1, training_steps + 1):
        batch_x, batch_y, batch_seqlen = trainset.next(batch_size)
        x = torch.as_tensor(batch_x, dtype=torch.float32, device=device)
        y = torch.as_tensor(batch_y, dtype=torch.float32, device=device)
        seqlen = torch.as_tensor(batch_seqlen, dtype=torch.int64, device=device)
        pred = model(x, seqlen)

        cost = F.cross_entropy(pred, y)
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
        if step % display_step == 0 or step == 1:
            with torch.no_grad():
                pred = model(x, seqlen)

                cost = F.cross_entropy(pred, y)

                correct_pred = torch.argmax(pred, dim=1) == torch.argmax(y, dim=1)
                accuracy = torch.mean(correct_pred.float())
            acc = accuracy.item()
            loss = cost.item()
            print("Step " + str(step) + ", minibatch loss " +
                  "{:.6f}".format(loss) + ", accuracy " +
                  "{:.5f}".format(acc))

    x = torch.as_tensor(testset.data, dtype=torch.float32, device=device)
    y = torch.as_tensor(testset.labels, dtype=torch.float32, device=device)
    seqlen = torch.as_tensor(testset.lengths, dtype=torch.int64, device=device)
    with torch.no_grad():
        pred = model(x, seqlen)

        correct_pred = torch.argmax(pred, dim=1) == torch.argmax(y, dim=1)
        accuracy = torch.mean(correct_pred.float())
    print("Test accuracy: %.5f" %
          accuracy.item())


if __name__ == "__main__":
    main()
