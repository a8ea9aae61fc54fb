"""Variational auto-encoder of small binary pictures (rectangles on a 12x12 grid).

Kingma & Welling, "Auto-Encoding Variational Bayes", ICLR 2014.
"""
import argparse

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tf1_support import variance_scaling_

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

SIDE = 12
NUM_PIXELS = SIDE * SIDE


def rectangles(count, seed):
    """Pictures of one filled rectangle each, as rows of 144 zeros and ones."""
    rng = np.random.RandomState(seed)
    pictures = np.zeros((count, SIDE, SIDE), np.float32)
    for picture in pictures:
        top, left = rng.randint(0, SIDE - 4, 2)
        height, width = rng.randint(3, 8, 2)
        picture[top:top + height, left:left + width] = 1.0
    return pictures.reshape(count, NUM_PIXELS)


class GaussianEncoder(nn.Module):
    """q(z|x): mean and standard deviation of the latent code."""

    def __init__(self, n_hidden, n_output):
        super().__init__()
        self.n_output = n_output
        self.w0 = nn.Parameter(variance_scaling_(torch.empty(NUM_PIXELS, n_hidden), 2.0, layout="HWIO"))
        self.b0 = nn.Parameter(nn.init.constant_(torch.empty(n_hidden), 0.))
        self.wo = nn.Parameter(variance_scaling_(torch.empty(n_hidden, n_output * 2), 2.0, layout="HWIO"))
        self.bo = nn.Parameter(nn.init.constant_(torch.empty(n_output * 2), 0.))

    def forward(self, x):
        h0 = F.elu(torch.matmul(x, self.w0) + self.b0)
        gaussian_params = torch.matmul(h0, self.wo) + self.bo

        # The mean parameter is unconstrained, the standard deviation must be positive.
        mean = gaussian_params[:, :self.n_output]
        stddev = 1e-6 + F.softplus(gaussian_params[:, self.n_output:])
        return mean, stddev


class BernoulliDecoder(nn.Module):
    """p(x|z): probability of each pixel."""

    def __init__(self, z_size, n_hidden, n_output):
        super().__init__()
        self.h0 = nn.Linear(z_size, n_hidden)
        self.out = nn.Linear(n_hidden, n_output)
        self.reset_parameters()

    def reset_parameters(self):
        for layer in (self.h0, self.out):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, z):
        h0 = torch.tanh(self.h0(z))
        y = torch.sigmoid(self.out(h0))
        return y


class Autoencoder(nn.Module):
    """Returns the reconstruction, the code and the three loss terms."""

    def __init__(self, dim_z, n_hidden):
        super().__init__()
        self.gaussian_encoder = GaussianEncoder(n_hidden, dim_z)
        self.bernoulli_decoder = BernoulliDecoder(dim_z, n_hidden, NUM_PIXELS)

    def forward(self, x):
        mu, sigma = self.gaussian_encoder(x)

        # sampling by re-parameterization technique
        z = mu + sigma * torch.randn(mu.shape, device=device)

        y = self.bernoulli_decoder(z)
        y = torch.clamp(y, 1e-8, 1 - 1e-7)

        marginal_likelihood = torch.sum(x * torch.log(y) + (1 - x) * torch.log(1 - y), dim=1)
        KL_divergence = 0.5 * torch.sum(torch.square(mu) + torch.square(sigma) - torch.log(1e-8 + torch.square(sigma)) - 1, dim=1)

        marginal_likelihood = torch.mean(marginal_likelihood)
        KL_divergence = torch.mean(KL_divergence)
        loss = KL_divergence - marginal_likelihood
        return y, z, loss, -marginal_likelihood, KL_divergence


class Model(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.autoencoder = Autoencoder(args.dim_z, args.n_hidden)


def main(args):
    train_data = rectangles(600, seed=21)
    n_samples = len(train_data)
    total_batch = n_samples // args.batch_size

    model = Model(args).to(device)

    train_op = torch.optim.Adam(model.parameters(), lr=args.learn_rate)
    np.random.seed(0)

    for epoch in range(args.num_epochs):
        np.random.shuffle(train_data)
        for i in range(total_batch):
            offset = (i * args.batch_size) % n_samples
            batch_xs_input = train_data[offset:(offset + args.batch_size), :]
            x = torch.as_tensor(batch_xs_input, dtype=torch.float32, device=device)

            y, z, loss, neg_marginal_likelihood, KL_divergence = model.autoencoder(x)
            train_op.zero_grad()
            loss.backward()
            train_op.step()
            tot_loss = loss.item()
            loss_likelihood = neg_marginal_likelihood.item()
            loss_divergence = KL_divergence.item()
        # print cost every epoch
        print("epoch %d: L_tot %03.3f L_likelihood %03.3f L_divergence %03.3f" % (
            epoch, tot_loss, loss_likelihood, loss_divergence))

    codes = np.stack([np.linspace(-2, 2, 3), np.zeros(3)], axis=1)
    z_in = torch.as_tensor(codes, dtype=torch.float32, device=device)
    with torch.no_grad():
        # Pictures from codes of one's own choice
        decoded = model.autoencoder.bernoulli_decoder(z_in)
    pictures = decoded.cpu().numpy()
    print("bright pixels along the first axis:", [int(np.sum(p > 0.5)) for p in pictures])


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description="Variational autoencoder of rectangles")
    parser.add_argument('--dim_z', type=int, default=2, help='Dimension of latent vector')
    parser.add_argument('--n_hidden', type=int, default=48, help='Number of hidden units')
    parser.add_argument('--learn_rate', type=float, default=2e-3, help='Learning rate for Adam optimizer')
    parser.add_argument('--num_epochs', type=int, default=4, help='The number of epochs to run')
    parser.add_argument('--batch_size', type=int, default=100, help='Batch size')
    main(parser.parse_args())
