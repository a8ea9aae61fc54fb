"""A recurrent network on bare variables, with random draws of several kinds and two optimizers."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

VOCABULARY, UNITS = 11, 6


class LSTM(nn.Module):
    """Gates from one product, output dropped step by step, state kept behind a sequence's end."""

    def __init__(self):
        super().__init__()
        self.input = nn.Linear(UNITS, 4 * UNITS)
        self.hidden = nn.Linear(UNITS, 4 * UNITS, bias=False)
        limit = (6 / (2 * UNITS + 4 * UNITS)) ** 0.5
        for layer in (self.input, self.hidden):
            nn.init.uniform_(layer.weight, -limit, limit)
        nn.init.zeros_(self.input.bias)
        with torch.no_grad():
            self.input.bias[UNITS:2 * UNITS] = 1.0

    def forward(self, inputs, lengths):
        c = h = inputs.new_zeros(len(inputs), UNITS)
        outputs = []
        for t in range(int(lengths.max())):
            i, f, g, o = (self.input(inputs[:, t]) + self.hidden(h)).chunk(4, dim=1)
            new_c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            new_h = torch.sigmoid(o) * torch.tanh(new_c)
            live = (t < lengths)[:, None]
            outputs.append(torch.where(live, F.dropout(new_h, 1 - 0.8), 0.0))
            c, h = torch.where(live, new_c, c), torch.where(live, new_h, h)
        outputs += [torch.zeros_like(h)] * (inputs.shape[1] - len(outputs))
        return torch.stack(outputs, dim=1), (c, h)


def weight(shape):
    return nn.Parameter(nn.init.trunc_normal_(torch.empty(shape), std=0.4, a=-0.8, b=0.8))


def main():
    weights = {"embedding": weight([VOCABULARY, UNITS]), "out": weight([UNITS, VOCABULARY])}
    shift = nn.Parameter(torch.zeros(VOCABULARY))
    lstm = LSTM()
    body = [weights["embedding"], weights["out"], *lstm.parameters()]
    adam = torch.optim.Adam(body, lr=0.02)
    sgd = torch.optim.SGD([shift], lr=0.1)

    def forward(tokens, lengths):
        inputs = F.embedding(tokens, weights["embedding"])
        inputs = inputs + 0.3 * torch.randn_like(inputs)
        outputs, state = lstm(inputs, lengths)
        logits = state[1] @ weights["out"] + shift.detach()
        return outputs, state, logits

    rng = np.random.RandomState(2)
    for step in range(6):
        tokens = torch.as_tensor(rng.randint(0, VOCABULARY, [4, 5]))
        lengths = torch.as_tensor(rng.randint(1, 6, 4))
        outputs, state, logits = forward(tokens, lengths)
        order = torch.randperm(VOCABULARY)
        loss = F.cross_entropy(logits, order[tokens[:, 0]])
        adam.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(body, 0.1)
        adam.step()
        value, size = loss.item(), norm.item()

        with torch.no_grad():
            outputs, state, _ = forward(tokens, lengths)
        noise = torch.rand(4) * 2 - 1
        penalty = (shift - 0.1 * noise.mean()).square().sum() + outputs.abs().mean()
        sgd.zero_grad()
        penalty.backward()
        sgd.step()
        cost, last = penalty.item(), [part.numpy() for part in state]
        print("step %d loss %.5f norm %.5f penalty %.5f" % (step, value, size, cost))


if __name__ == "__main__":
    main()
