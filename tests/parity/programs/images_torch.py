"""Convolution, batch normalization, dropout, weight decay and a schedule."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, stride=2)
        self.bn = nn.BatchNorm2d(3, eps=1e-3, momentum=0.01)
        self.out = nn.Linear(3 * 3 * 3, 4)
        nn.init.xavier_uniform_(self.conv.weight)
        nn.init.zeros_(self.conv.bias)
        nn.init.xavier_uniform_(self.out.weight)
        nn.init.constant_(self.out.bias, 0.1)

    def forward(self, x, keep_prob=1.0):
        net = x.permute(0, 3, 1, 2)
        net = self.conv(F.pad(net, (1, 1, 1, 1)))
        net = self.bn(net)
        net = F.leaky_relu(net, 0.2)
        net = F.avg_pool2d(F.pad(net, (0, 1, 0, 1)), 2, 2, divisor_override=1)
        counts = F.avg_pool2d(F.pad(torch.ones(1, 1, 5, 5, device=net.device), (0, 1, 0, 1)), 2, 2, divisor_override=1)
        net = net / counts
        net = net.permute(0, 2, 3, 1).flatten(1)
        return self.out(F.dropout(net, 1 - keep_prob))


def main():
    rng = np.random.RandomState(0)
    train_x = rng.rand(64, 9, 9, 3).astype(np.float32)
    train_y = rng.randint(0, 4, 64)

    model = Model().to(device)
    kernels = [p for name, p in model.named_parameters() if name in ("conv.weight", "out.weight")]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.5)
    for step in range(8):
        pick = rng.randint(0, 64, 16)
        x = torch.as_tensor(train_x[pick], device=device)
        y = torch.as_tensor(train_y[pick], device=device)
        model.train()
        optimizer.zero_grad()
        cross_entropy = F.cross_entropy(model(x, keep_prob=0.7), y)
        decay = 0.01 * sum(p.square().sum() / 2 for p in kernels)
        total = cross_entropy + decay
        lr = optimizer.param_groups[0]["lr"]
        total.backward()
        optimizer.step()
        scheduler.step()
        loss = total.item()
        if step % 3 == 0:
            model.eval()
            with torch.no_grad():
                scores = model(torch.as_tensor(train_x, device=device))
                test_loss = F.cross_entropy(scores, torch.as_tensor(train_y, device=device)).item()
            print("step %d rate %.4f loss %.5f test %.5f" % (step, lr, loss, test_loss))
    model.eval()
    with torch.no_grad():
        probabilities = F.softmax(model(torch.as_tensor(train_x[:4], device=device)), dim=1).cpu().numpy()
    print("largest", probabilities.max(axis=1))


if __name__ == "__main__":
    main()
