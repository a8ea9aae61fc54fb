"""A generative adversarial network learns to draw points on two half circles.

Two optimizers share one graph; each moves only the variables of its own network.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

num_steps = 60
batch_size = 64
noise_dim = 8
hidden_dim = 32
data_dim = 2


def sample_data(n):
    """Points of two half circles, the second one shifted."""
    angle = rng.uniform(0, np.pi, n)
    side = rng.randint(0, 2, n)
    x = np.cos(angle) * (1 - 2 * side) + side
    y = np.sin(angle) * (1 - 2 * side) + 0.5 * side
    return np.stack([x, y], axis=1) + 0.05 * rng.randn(n, 2)


def he_normal(fan_in, fan_out):
    # The spread that keeps the variance of a rectified layer.
    return torch.randn(fan_in, fan_out, device=device) * torch.sqrt(torch.as_tensor(2. / fan_in, device=device))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.G_W1 = nn.Parameter(he_normal(noise_dim, hidden_dim))
        self.G_b1 = nn.Parameter(torch.zeros(hidden_dim))
        self.G_W2 = nn.Parameter(he_normal(hidden_dim, data_dim))
        self.G_b2 = nn.Parameter(torch.zeros(data_dim))
        self.D_W1 = nn.Parameter(he_normal(data_dim, hidden_dim))
        self.D_b1 = nn.Parameter(torch.zeros(hidden_dim))
        self.D_W2 = nn.Parameter(he_normal(hidden_dim, 1))
        self.D_b2 = nn.Parameter(torch.zeros(1))

    def generator(self, z):
        G_h1 = F.relu(torch.matmul(z, self.G_W1) + self.G_b1)
        return torch.matmul(G_h1, self.G_W2) + self.G_b2

    def discriminator(self, x):
        """Probability that x is real, and the logit it comes from."""
        D_h1 = F.leaky_relu(torch.matmul(x, self.D_W1) + self.D_b1, 0.1)
        D_logit = torch.matmul(D_h1, self.D_W2) + self.D_b2
        D_prob = torch.sigmoid(D_logit)
        return D_prob, D_logit


def main():
    global rng

    torch.manual_seed(1234)
    rng = np.random.RandomState(42)

    model = Model().to(device)
    theta_G = [model.G_W1, model.G_W2, model.G_b1, model.G_b2]
    theta_D = [model.D_W1, model.D_W2, model.D_b1, model.D_b2]

    # Each loss depends on both networks, so the variables have to be named.
    D_solver = torch.optim.Adam(theta_D, lr=0.002, betas=(0.5, 0.999))
    G_solver = torch.optim.Adam(theta_G, lr=0.001)

    for it in range(num_steps):
        X_mb = sample_data(batch_size)
        Z_mb = rng.uniform(-1., 1., size=[batch_size, noise_dim])

        # The discriminator goes first, then the generator, from the same noise.
        X = torch.as_tensor(X_mb, dtype=torch.float32, device=device)
        Z = torch.as_tensor(Z_mb, dtype=torch.float32, device=device)

        G_sample = model.generator(Z)
        D_real, D_logit_real = model.discriminator(X)
        D_fake, D_logit_fake = model.discriminator(G_sample)

        # Real points should be called 1 and drawn ones 0; the generator wants the opposite for its own.
        D_loss_real = F.binary_cross_entropy_with_logits(D_logit_real, torch.ones_like(D_logit_real))
        D_loss_fake = F.binary_cross_entropy_with_logits(D_logit_fake, torch.zeros_like(D_logit_fake))
        D_loss = D_loss_real + D_loss_fake
        D_solver.zero_grad()
        D_loss.backward()
        D_solver.step()
        D_loss_curr = D_loss.item()

        G_sample = model.generator(Z)
        D_fake, D_logit_fake = model.discriminator(G_sample)
        G_loss = F.binary_cross_entropy_with_logits(D_logit_fake, torch.ones_like(D_logit_fake))
        G_solver.zero_grad()
        G_loss.backward()
        G_solver.step()
        G_loss_curr = G_loss.item()

        if it % 20 == 0:
            X = torch.as_tensor(X_mb, dtype=torch.float32, device=device)
            with torch.no_grad():
                G_sample = model.generator(Z)
                D_real, D_logit_real = model.discriminator(X)
                D_fake, D_logit_fake = model.discriminator(G_sample)
            real = torch.mean(D_real).item()
            fake = torch.mean(D_fake).item()
            print('Iter: %d  D loss: %.5f  G loss: %.5f  D(real): %.4f  D(fake): %.4f'
                  % (it, D_loss_curr, G_loss_curr, real, fake))

    Z = torch.as_tensor(rng.uniform(-1., 1., size=[200, noise_dim]), dtype=torch.float32, device=device)
    with torch.no_grad():
        G_sample = model.generator(Z)
    samples = G_sample.cpu().numpy()
    print('Mean of the samples: (%.4f, %.4f)' % tuple(samples.mean(axis=0)))
    print('Their deviation:     (%.4f, %.4f)' % tuple(samples.std(axis=0)))


if __name__ == "__main__":
    main()
