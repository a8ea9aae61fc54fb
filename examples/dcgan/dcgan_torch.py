"""Deep convolutional GAN on 16x16 pictures of discs (after Radford, Metz & Chintala, 2015).

The generator grows 4x4 maps to 16x16 by transposed convolutions, the discriminator
shrinks pictures to one number; both use batch normalization.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tf1_support import frozen_statistics

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

NUM_STEPS = 16
BATCH_SIZE = 32
IMAGE_DIM = 16
NOISE_DIM = 20
LABEL_SMOOTHING = 0.1


def discs(count, rng):
    """Pictures [count, 16, 16, 1] of one bright disc each, in [-1, 1]."""
    rows, columns = np.mgrid[:IMAGE_DIM, :IMAGE_DIM]
    centre = rng.uniform(4, 11, (2, count, 1, 1))
    radius = rng.uniform(2, 5, (count, 1, 1))
    distance = np.sqrt((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2)
    return np.tanh(2 * (radius - distance))[..., None].astype(np.float32)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(NOISE_DIM, 4 * 4 * 32)
        self.batch_normalization = nn.BatchNorm2d(32, eps=1e-3, momentum=0.01)
        self.conv2d_transpose = nn.ConvTranspose2d(32, 16, 5, stride=2, padding=1)
        self.batch_normalization_1 = nn.BatchNorm2d(16, eps=1e-3, momentum=0.01)
        self.conv2d_transpose_1 = nn.ConvTranspose2d(16, 1, 5, stride=2, padding=1)
        self.reset_parameters()

    def reset_parameters(self):
        for layer in (self.dense, self.conv2d_transpose, self.conv2d_transpose_1):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, z):
        net = self.dense(z)
        # A dense layer's row is read as a 4x4 map of 32 channels.
        net = net.reshape(-1, 4, 4, 32)
        net = self.batch_normalization(net.permute(0, 3, 1, 2))
        net = F.relu(net)
        # 4x4 -> 8x8
        net = self.conv2d_transpose(net)[..., :-1, :-1]
        net = self.batch_normalization_1(net)
        net = F.relu(net)
        # 8x8 -> 16x16
        net = self.conv2d_transpose_1(net)[..., :-1, :-1]
        return torch.tanh(net).permute(0, 2, 3, 1)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv2d = nn.Conv2d(1, 16, 5, stride=2)
        self.conv2d_1 = nn.Conv2d(16, 32, 5, stride=2)
        self.batch_normalization = nn.BatchNorm2d(32, eps=1e-3, momentum=0.01)
        self.dense = nn.Linear(4 * 4 * 32, 1)
        self.reset_parameters()

    def reset_parameters(self):
        for layer in (self.conv2d, self.conv2d_1, self.dense):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, images):
        # 16x16 -> 8x8; no normalization on the pixels' own layer
        net = self.conv2d(F.pad(images.permute(0, 3, 1, 2), (1, 2, 1, 2)))
        net = F.leaky_relu(net, 0.2)
        # 8x8 -> 4x4
        net = self.conv2d_1(F.pad(net, (1, 2, 1, 2)))
        net = self.batch_normalization(net)
        net = F.leaky_relu(net, 0.2)
        net = net.permute(0, 2, 3, 1).reshape(-1, 4 * 4 * 32)
        return self.dense(net)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.generator = Generator()
        self.discriminator = Discriminator()


def main():
    model = Model().to(device)
    d_vars = list(model.discriminator.parameters())
    g_vars = list(model.generator.parameters())
    d_train = torch.optim.Adam(d_vars, lr=0.002, betas=(0.5, 0.999))
    g_train = torch.optim.Adam(g_vars, lr=0.002, betas=(0.5, 0.999))
    rng = np.random.RandomState(6)

    for step in range(NUM_STEPS):
        batch = discs(BATCH_SIZE, rng)
        z = rng.uniform(-1., 1., size=[BATCH_SIZE, NOISE_DIM])
        real_images = torch.as_tensor(batch, dtype=torch.float32, device=device)
        noise = torch.as_tensor(z, dtype=torch.float32, device=device)
        model.train()
        with frozen_statistics(model.generator):
            fake_images = model.generator(noise)
            real_logits = model.discriminator(real_images)
            fake_logits = model.discriminator(fake_images)

            d_loss_real = F.binary_cross_entropy_with_logits(real_logits, torch.ones_like(real_logits) * (1 - LABEL_SMOOTHING) + 0.5 * LABEL_SMOOTHING)
            d_loss_fake = F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
            d_loss = d_loss_real + d_loss_fake
        d_train.zero_grad()
        d_loss.backward()
        d_train.step()
        d_value = d_loss.item()

        # New noise, so that the generator answers the updated discriminator.
        z = rng.uniform(-1., 1., size=[BATCH_SIZE, NOISE_DIM])
        noise = torch.as_tensor(z, dtype=torch.float32, device=device)
        model.train()
        with frozen_statistics(model.discriminator):
            fake_images = model.generator(noise)
            fake_logits = model.discriminator(fake_images)
            g_loss = F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))
        g_train.zero_grad()
        g_loss.backward()
        g_train.step()
        g_value = g_loss.item()

        if step % 5 == 0:
            print('step %2d: discriminator %.5f, generator %.5f' % (step, d_value, g_value))

    noise = torch.as_tensor(rng.uniform(-1., 1., size=[4, NOISE_DIM]), dtype=torch.float32, device=device)
    model.eval()
    with torch.no_grad():
        fake_images = model.generator(noise)
    pictures = fake_images.cpu().numpy()

    for j in range(4):
        print('picture %d: mean %+.4f, corner %+.4f, centre %+.4f'
              % (j, pictures[j].mean(), pictures[j, 0, 0, 0], pictures[j, 8, 8, 0]))


if __name__ == "__main__":
    main()
