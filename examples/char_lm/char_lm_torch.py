"""Character language model: a stacked LSTM trained by truncated back-propagation through time.

The state at the end of one batch is fed as the initial state of the next, and after
training the network writes a few characters of its own.
"""
import argparse
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tf1_support import LSTMStateTuple, clip_by_global_norm, init_rnn_like_tf, lstm_dynamic, state_from_numpy, state_to_numpy, zero_state

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

TEXT = """
the wind went down to the water and the water went down to the sand
the sand lay still in the morning and the morning lay still on the land
the boats came in with the evening and the evening came in with the rain
the rain went down to the water and the wind went up again
""" * 6

parser = argparse.ArgumentParser()
parser.add_argument("--hidden_size", type=int, default=32, help="Units of each LSTM layer")
parser.add_argument("--num_layers", type=int, default=2, help="Number of LSTM layers")
parser.add_argument("--batch_size", type=int, default=8, help="Sequences in a batch")
parser.add_argument("--seq_length", type=int, default=16, help="Characters the gradient flows through")
parser.add_argument("--num_epochs", type=int, default=5, help="Passes over the text")
parser.add_argument("--learning_rate", type=float, default=0.02, help="Learning rate of the first epoch")
parser.add_argument("--decay_rate", type=float, default=0.9, help="Factor of the learning rate after each epoch")
parser.add_argument("--grad_clip", type=float, default=5.0, help="Largest norm of the gradients")
FLAGS = parser.parse_args([])


class TextLoader(object):
    """Cuts the text into batches of consecutive pieces."""

    def __init__(self, text, batch_size, seq_length):
        self.chars = sorted(set(text))
        self.vocab_size = len(self.chars)
        self.vocab = dict(zip(self.chars, range(len(self.chars))))
        tensor = np.array([self.vocab[c] for c in text])
        self.num_batches = int(tensor.size / (batch_size * seq_length))
        tensor = tensor[:self.num_batches * batch_size * seq_length]
        targets = np.copy(tensor)
        targets[:-1] = tensor[1:]
        targets[-1] = tensor[0]
        self.x_batches = np.split(tensor.reshape(batch_size, -1), self.num_batches, 1)
        self.y_batches = np.split(targets.reshape(batch_size, -1), self.num_batches, 1)


class Model(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.softmax_w = nn.Parameter(nn.init.xavier_uniform_(torch.empty(FLAGS.hidden_size, vocab_size)))
        self.softmax_b = nn.Parameter(nn.init.zeros_(torch.empty(vocab_size)))
        self.embedding = nn.Parameter(nn.init.xavier_uniform_(torch.empty(vocab_size, FLAGS.hidden_size)))
        self.lr = nn.Parameter(torch.tensor(0.0), requires_grad=False)
        self.rnnlm = nn.LSTM(FLAGS.hidden_size, FLAGS.hidden_size, num_layers=FLAGS.num_layers, batch_first=True)
        self.reset_parameters()

    def reset_parameters(self):
        init_rnn_like_tf(self.rnnlm)

    def forward(self, input_data):
        batch_size = input_data.shape[0]
        return zero_state(batch_size, (LSTMStateTuple(FLAGS.hidden_size, FLAGS.hidden_size),) * FLAGS.num_layers, device)

    def outputs(self, input_data, initial_state):
        inputs = F.embedding(input_data, self.embedding, sparse=True)

        outputs, final_state = lstm_dynamic(self.rnnlm, inputs, initial_state=initial_state, stacked=True)
        return final_state, outputs

    def logits(self, outputs):
        output = outputs.reshape(-1, FLAGS.hidden_size)
        return torch.matmul(output, self.softmax_w) + self.softmax_b


def main(_):
    loader = TextLoader(TEXT, FLAGS.batch_size, FLAGS.seq_length)
    vocab_size = loader.vocab_size
    print("%d characters, %d different, %d batches" % (len(TEXT), vocab_size, loader.num_batches))

    model = Model(vocab_size).to(device)
    tvars = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.0)

    for e in range(FLAGS.num_epochs):
        model.lr.data.copy_(torch.as_tensor(FLAGS.learning_rate * (FLAGS.decay_rate ** e)))
        input_data = torch.as_tensor(loader.x_batches[0], dtype=torch.int64, device=device)
        with torch.no_grad():
            initial_state = model(input_data)
        state = state_to_numpy(initial_state)
        total_loss = 0.0
        for x, y in zip(loader.x_batches, loader.y_batches):
            input_data = torch.as_tensor(x, dtype=torch.int64, device=device)
            targets = torch.as_tensor(y, dtype=torch.int64, device=device)
            initial_state = state_from_numpy(state, device)
            final_state, outputs = model.outputs(input_data, initial_state)
            logits = model.logits(outputs)

            loss = F.cross_entropy(logits, targets.reshape(-1), reduction="none")
            cost = torch.mean(loss)
            grads, _ = clip_by_global_norm(torch.autograd.grad(cost, tvars), FLAGS.grad_clip)
            for group in optimizer.param_groups:
                group["lr"] = model.lr.item()
            optimizer.zero_grad()
            for gradient, variable in zip(grads, tvars):
                variable.grad = gradient
            optimizer.step()
            train_loss = cost.item()
            state = state_to_numpy(final_state)
            total_loss += train_loss
        print("epoch %d: train_loss = %.4f, last = %.4f"
              % (e, total_loss / loader.num_batches, train_loss))

    # Write on from a prime text, always taking the likeliest character.
    prime = "the "
    input_data = torch.as_tensor(np.zeros((1, 1)), dtype=torch.int64, device=device)
    with torch.no_grad():
        initial_state = model(input_data)
    state = state_to_numpy(initial_state)

    for char in prime[:-1]:
        x = np.array([[loader.vocab[char]]])
        input_data = torch.as_tensor(x, dtype=torch.int64, device=device)
        initial_state = state_from_numpy(state, device)
        with torch.no_grad():
            final_state, outputs = model.outputs(input_data, initial_state)
        state = state_to_numpy(final_state)
    ret, char = prime, prime[-1]

    for _ in range(24):
        x = np.array([[loader.vocab[char]]])
        input_data = torch.as_tensor(x, dtype=torch.int64, device=device)
        initial_state = state_from_numpy(state, device)
        with torch.no_grad():
            final_state, outputs = model.outputs(input_data, initial_state)
            logits = model.logits(outputs)
            probs = F.softmax(logits, dim=-1)
        p = probs.cpu().numpy()
        state = state_to_numpy(final_state)
        char = loader.chars[int(np.argmax(p[0]))]
        ret += char
    print(repr(ret))


if __name__ == "__main__":
    FLAGS, unparsed = parser.parse_known_args()
    main([sys.argv[0], *unparsed])
