"""A multilayer perceptron on raw variables, kept in dictionaries.

Three overlapping clusters in 20 dimensions are told apart by two hidden layers.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

learning_rate = 0.002
num_epochs = 6
batch_size = 50
display_every = 2

n_input = 20
n_hidden_1 = 64
n_hidden_2 = 32
n_classes = 3


def make_clusters(count, seed):
    """Points of three Gaussian clusters and their one-hot labels."""
    rng = np.random.RandomState(seed)
    centres = np.random.RandomState(0).randn(n_classes, n_input)
    labels = rng.randint(0, n_classes, count)
    points = 0.7 * centres[labels] + rng.randn(count, n_input)
    return points.astype(np.float32), np.eye(n_classes, dtype=np.float32)[labels]


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = nn.ParameterDict({
            'h1': nn.Parameter(torch.randn(n_input, n_hidden_1) * 0.1),
            'h2': nn.Parameter(torch.randn(n_hidden_1, n_hidden_2) * 0.1),
            'out': nn.Parameter(torch.randn(n_hidden_2, n_classes) * 0.1)
        })
        self.biases = nn.ParameterDict({
            'b1': nn.Parameter(torch.zeros(n_hidden_1)),
            'b2': nn.Parameter(torch.zeros(n_hidden_2)),
            'out': nn.Parameter(torch.zeros(n_classes))
        })

    def multilayer_perceptron(self, x):
        """Scores of the classes, before the softmax."""
        layer_1 = torch.matmul(x, self.weights['h1']) + self.biases['b1']
        layer_1 = F.relu(layer_1)
        # The second layer saturates instead of clipping.
        layer_2 = torch.matmul(layer_1, self.weights['h2']) + self.biases['b2']
        layer_2 = torch.tanh(layer_2)
        return torch.matmul(layer_2, self.weights['out']) + self.biases['out']

    def forward(self, X):
        return self.multilayer_perceptron(X)


def main():
    train_x, train_y = make_clusters(500, seed=1)
    test_x, test_y = make_clusters(200, seed=2)

    model = Model().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)

    for epoch in range(num_epochs):
        avg_cost = 0.
        total_batch = int(len(train_x) / batch_size)
        for i in range(total_batch):
            batch_x = train_x[i * batch_size:(i + 1) * batch_size]
            batch_y = train_y[i * batch_size:(i + 1) * batch_size]
            X = torch.as_tensor(batch_x, dtype=torch.float32, device=device)
            Y = torch.as_tensor(batch_y, dtype=torch.float32, device=device)
            logits = model(X)

            loss_op = F.cross_entropy(logits, Y)
            optimizer.zero_grad()
            loss_op.backward()
            optimizer.step()
            c = loss_op.item()
            avg_cost += c / total_batch
        if epoch % display_every == 0:
            print("Epoch:", '%04d' % (epoch + 1), "cost={:.6f}".format(avg_cost))
    print("Training is done.")

    X = torch.as_tensor(test_x, dtype=torch.float32, device=device)
    Y = torch.as_tensor(test_y, dtype=torch.float32, device=device)
    with torch.no_grad():
        logits = model(X)

        # How often is the likeliest class the right one?
        pred = F.softmax(logits, dim=-1)
        correct_prediction = torch.argmax(pred, dim=1) == torch.argmax(Y, dim=1)
        accuracy = torch.mean(correct_prediction.float())
    print("Test accuracy: {:.4f}".format(accuracy.item()))
    X = torch.as_tensor(test_x[:2], dtype=torch.float32, device=device)
    with torch.no_grad():
        logits = model(X)

        # How often is the likeliest class the right one?
        pred = F.softmax(logits, dim=-1)
    probabilities = pred.cpu().numpy()

    for row, label in zip(probabilities, test_y):
        print("Class %d:" % np.argmax(label), " ".join("%.4f" % p for p in row))


if __name__ == "__main__":
    main()
