""" A two-layer autoencoder.

The network compresses noisy sine waves of 48 samples to 4 numbers
and reconstructs them; the error of each reconstruction is reported at the end.
"""
import numpy as np
import torch
from torch import nn

from tf1_support import TFRMSProp

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

learning_rate = 0.01
num_steps = 120
batch_size = 64

display_step = 40
examples_to_show = 4

num_hidden_1 = 24
num_hidden_2 = 4  # size of the code
num_input = 48


def next_batch(size, rng):
    """Sine waves of random frequency and phase, scaled to [0, 1]."""
    frequency = rng.uniform(0.1, 0.5, (size, 1))
    phase = rng.uniform(0, 2 * np.pi, (size, 1))
    wave = np.sin(frequency * np.arange(num_input) + phase)
    return 0.5 + 0.4 * wave + 0.02 * rng.randn(size, num_input)


class AddLayer(nn.Module):
    """Adds one layer with its own weights and returns its output."""

    def __init__(self, in_size, out_size):
        super().__init__()
        self.Weights = nn.Parameter(torch.randn(in_size, out_size) * 0.2)
        self.biases = nn.Parameter(torch.zeros(1, out_size) + 0.1)

    def forward(self, inputs, activation_function=None):
        Wx_plus_b = torch.matmul(inputs, self.Weights) + self.biases
        if activation_function is None:
            outputs = Wx_plus_b
        else:
            outputs = activation_function(Wx_plus_b)
        return outputs


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer_1 = AddLayer(num_input, num_hidden_1)
        self.layer_2 = AddLayer(num_hidden_1, num_hidden_2)

    def forward(self, x):
        layer_1 = self.layer_1(x, activation_function=torch.sigmoid)
        layer_2 = self.layer_2(layer_1, activation_function=torch.tanh)
        return layer_2


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer_1 = AddLayer(num_hidden_2, num_hidden_1)
        self.layer_2 = AddLayer(num_hidden_1, num_input)

    def forward(self, x):
        layer_1 = self.layer_1(x, activation_function=torch.sigmoid)
        layer_2 = self.layer_2(layer_1)
        return layer_2


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.decoder = Decoder()

    def forward(self, X):
        encoder_op = self.encoder(X)
        decoder_op = self.decoder(encoder_op)
        return encoder_op, decoder_op


def main():
    model = Model().to(device)
    optimizer = TFRMSProp(model.parameters(), lr=learning_rate)
    rng = np.random.RandomState(5)

    for i in range(1, num_steps + 1):
        batch_x = next_batch(batch_size, rng)

        X = torch.as_tensor(batch_x, dtype=torch.float32, device=device)
        encoder_op, decoder_op = model(X)

        # The target of the reconstruction is the input itself.
        y_pred = decoder_op
        y_true = X

        loss = torch.mean((y_true - y_pred) ** 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        l = loss.item()
        if i % display_step == 0 or i == 1:
            print('step %i: minibatch loss %f' % (i, l))

    # Encode and decode waves that were not trained on.
    test_x = next_batch(examples_to_show, rng)
    X = torch.as_tensor(test_x, dtype=torch.float32, device=device)
    with torch.no_grad():
        encoder_op, decoder_op = model(X)
    codes = encoder_op.cpu().numpy()
    g = decoder_op.cpu().numpy()

    for j in range(examples_to_show):
        error = np.mean((g[j] - test_x[j]) ** 2)
        print('Wave %d: code %s error %.5f' % (j, ' '.join('%+.3f' % v for v in codes[j]), error))


if __name__ == "__main__":
    main()
