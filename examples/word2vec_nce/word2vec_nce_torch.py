"""Skip-gram word vectors trained with noise-contrastive estimation.

The corpus is made from one sentence pattern, so words of a kind share their contexts
and should end up close to each other.
"""
import collections
import math
import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tf1_support import nce_loss

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

ANIMALS = ["cat", "dog", "horse", "sheep", "goat"]
FOODS = ["bread", "cheese", "apple", "soup", "rice"]
PLACES = ["garden", "kitchen", "field", "barn", "yard"]

batch_size = 64
embedding_size = 16
window = 2  # words to either side that count as context
num_sampled = 6  # noise words for each batch
num_steps = 121
valid_words = ["cat", "bread", "garden"]


def make_corpus(sentences):
    words = []
    for _ in range(sentences):
        animal, food, place = random.choice(ANIMALS), random.choice(FOODS), random.choice(PLACES)
        words += ["the", animal, "eats", "the", food, "in", "the", place, "."]
    return words


def index_words(words):
    """Numbers the words, the most frequent first (the sampler counts on that order)."""
    count = sorted(collections.Counter(words).items(), key=lambda item: (-item[1], item[0]))
    index = {word: i for i, (word, _) in enumerate(count)}
    return index, [word for word, _ in count], np.array([index[word] for word in words])


def skip_grams(data):
    """Endless (word, context word) pairs from a walk over the corpus."""
    while True:
        for centre in range(window, len(data) - window):
            for offset in random.sample([-2, -1, 1, 2], 2):
                yield data[centre], data[centre + offset]


class Model(nn.Module):
    def __init__(self, vocabulary_size):
        super().__init__()
        self.vocabulary_size = vocabulary_size
        self.embeddings = nn.Parameter(torch.rand(vocabulary_size, embedding_size) * 2.0 + -1.0)
        self.nce_weights = nn.Parameter(nn.init.trunc_normal_(torch.empty(vocabulary_size, embedding_size), std=1.0 / math.sqrt(embedding_size), a=-2 * (1.0 / math.sqrt(embedding_size)), b=2 * (1.0 / math.sqrt(embedding_size))))
        self.nce_biases = nn.Parameter(torch.zeros(vocabulary_size))

    def forward(self, train_inputs, train_labels):
        embed = F.embedding(train_inputs, self.embeddings)

        # New noise words are drawn on every run.
        return torch.mean(nce_loss(self.nce_weights, self.nce_biases, train_labels, embed, num_sampled, self.vocabulary_size))

    def normalized_embeddings(self):
        # Cosine similarity of the examples with all words
        norm = torch.sqrt(torch.sum(torch.square(self.embeddings), dim=1, keepdim=True))
        return self.embeddings / norm


def main():
    random.seed(8)
    corpus = make_corpus(300)
    index, words, data = index_words(corpus)
    vocabulary_size = len(words)
    print('%d words, %d different' % (len(corpus), vocabulary_size))
    pairs = skip_grams(data)
    valid_examples = np.array([index[word] for word in valid_words])

    model = Model(vocabulary_size).to(device)

    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)

    total_loss = 0

    for step in range(num_steps):
        batch = [next(pairs) for _ in range(batch_size)]
        batch_inputs = np.array([word for word, _ in batch], dtype=np.int32)
        batch_labels = np.array([[context] for _, context in batch], dtype=np.int32)
        train_inputs = torch.as_tensor(batch_inputs, dtype=torch.int64, device=device)
        train_labels = torch.as_tensor(batch_labels, dtype=torch.int64, device=device)
        loss = model(train_inputs, train_labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss_val = loss.item()
        total_loss += loss_val

        if step % 40 == 0:
            print('step %d: mean loss %.5f' % (step, total_loss / (40 if step else 1)))
            total_loss = 0

        if step % 60 == 0:
            with torch.no_grad():
                valid_dataset = torch.tensor(valid_examples, dtype=torch.int64, device=device)
                normalized_embeddings = model.normalized_embeddings()
                valid_embeddings = F.embedding(valid_dataset, normalized_embeddings)
                similarity = torch.matmul(valid_embeddings, normalized_embeddings.mT)
            sim = similarity.cpu().numpy()
            for i, word in enumerate(valid_words):
                nearest = (-sim[i, :]).argsort()[1:4]
                print('  nearest to %s: %s' % (word, ', '.join(words[k] for k in nearest)))

    with torch.no_grad():
        normalized_embeddings = model.normalized_embeddings()
    final_embeddings = normalized_embeddings.cpu().numpy()

    print('mean of the first vector %.6f' % final_embeddings[0].mean())


if __name__ == "__main__":
    main()
