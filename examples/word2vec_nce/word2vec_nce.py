"""Skip-gram word vectors trained with noise-contrastive estimation.

The corpus is made from one sentence pattern, so words of a kind share their contexts
and should end up close to each other.
"""
from __future__ import division, print_function

import collections
import math
import random

import numpy as np
import tensorflow as tf

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


random.seed(8)
corpus = make_corpus(300)
index, words, data = index_words(corpus)
vocabulary_size = len(words)
print('%d words, %d different' % (len(corpus), vocabulary_size))
pairs = skip_grams(data)
valid_examples = np.array([index[word] for word in valid_words])

graph = tf.Graph()
with graph.as_default():
    with tf.name_scope('inputs'):
        train_inputs = tf.placeholder(tf.int32, shape=[batch_size])
        train_labels = tf.placeholder(tf.int32, shape=[batch_size, 1])
        valid_dataset = tf.constant(valid_examples, dtype=tf.int32)

    # The lookup had no GPU kernel for a long time.
    with tf.device('/cpu:0'):
        with tf.name_scope('embeddings'):
            embeddings = tf.Variable(
                tf.random_uniform([vocabulary_size, embedding_size], -1.0, 1.0))
            embed = tf.nn.embedding_lookup(embeddings, train_inputs)

        with tf.name_scope('weights'):
            nce_weights = tf.Variable(
                tf.truncated_normal([vocabulary_size, embedding_size],
                                    stddev=1.0 / math.sqrt(embedding_size)))
        with tf.name_scope('biases'):
            nce_biases = tf.Variable(tf.zeros([vocabulary_size]))

    # New noise words are drawn on every run.
    with tf.name_scope('loss'):
        loss = tf.reduce_mean(
            tf.nn.nce_loss(
                weights=nce_weights,
                biases=nce_biases,
                labels=train_labels,
                inputs=embed,
                num_sampled=num_sampled,
                num_classes=vocabulary_size))

    with tf.name_scope('optimizer'):
        optimizer = tf.train.GradientDescentOptimizer(0.5).minimize(loss)

    # Cosine similarity of the examples with all words
    norm = tf.sqrt(tf.reduce_sum(tf.square(embeddings), 1, keepdims=True))
    normalized_embeddings = embeddings / norm
    valid_embeddings = tf.nn.embedding_lookup(normalized_embeddings, valid_dataset)
    similarity = tf.matmul(valid_embeddings, normalized_embeddings, transpose_b=True)

    init = tf.global_variables_initializer()

with tf.Session(graph=graph) as session:
    init.run()

    total_loss = 0
    for step in range(num_steps):
        batch = [next(pairs) for _ in range(batch_size)]
        batch_inputs = np.array([word for word, _ in batch], dtype=np.int32)
        batch_labels = np.array([[context] for _, context in batch], dtype=np.int32)
        feed_dict = {train_inputs: batch_inputs, train_labels: batch_labels}
        _, loss_val = session.run([optimizer, loss], feed_dict=feed_dict)
        total_loss += loss_val

        if step % 40 == 0:
            print('step %d: mean loss %.5f' % (step, total_loss / (40 if step else 1)))
            total_loss = 0

        if step % 60 == 0:
            sim = similarity.eval()
            for i, word in enumerate(valid_words):
                nearest = (-sim[i, :]).argsort()[1:4]
                print('  nearest to %s: %s' % (word, ', '.join(words[k] for k in nearest)))

    final_embeddings = normalized_embeddings.eval()

print('mean of the first vector %.6f' % final_embeddings[0].mean())
