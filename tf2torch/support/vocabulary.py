"""Word ids of texts, as tf.contrib.learn's VocabularyProcessor gives them."""

from __future__ import annotations

import pickle
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

_WORD = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z][a-z]+(?=[A-Z])|['\w\-]+")


class CategoricalVocabulary:
    """Numbers for words in the order in which they come; 0 is for those that are unknown."""

    def __init__(self, unknown_token: str = "<UNK>", support_reverse: bool = True) -> None:
        self._unknown = unknown_token
        self._mapping: dict[Any, int] = {unknown_token: 0}
        self._counts: Counter[Any] = Counter()
        self._frozen = False
        self._support_reverse = support_reverse

    def __len__(self) -> int:
        return len(self._mapping)

    def freeze(self, freeze: bool = True) -> None:
        self._frozen = freeze

    def get(self, category: Any) -> int:
        """The number of a word; a new one gets the next unless the vocabulary is frozen."""
        if category not in self._mapping:
            if self._frozen:
                return 0
            self._mapping[category] = len(self._mapping)
        return self._mapping[category]

    def add(self, category: Any, count: int = 1) -> None:
        if self.get(category) > 0:
            self._counts[category] += count

    def trim(self, min_frequency: int, max_frequency: int = -1) -> None:
        """Keeps words more frequent than `min_frequency`, numbered anew, frequent ones first."""
        names = sorted(self._counts, key=lambda word: (isinstance(word, str), word))
        names.sort(key=lambda word: self._counts[word], reverse=True)
        kept = [word for word in names if self._counts[word] > min_frequency]
        if max_frequency > 0:
            kept = [word for word in kept if self._counts[word] < max_frequency]
        # As many counts stay as words do, though not always of the same words: so it was.
        rest = names[: len(kept)]
        self._counts = Counter({word: self._counts[word] for word in rest})
        self._mapping = {self._unknown: 0, **{word: i for i, word in enumerate(kept, 1)}}

    def reverse(self, class_id: int) -> Any:
        """The word with a number."""
        if not self._support_reverse:
            raise ValueError("a vocabulary without support_reverse has no words for numbers")
        return list(self._mapping)[class_id]


class VocabularyProcessor:
    """Turns texts into rows of word numbers, all of the same length."""

    def __init__(
        self,
        max_document_length: int,
        min_frequency: int = 0,
        vocabulary: CategoricalVocabulary | None = None,
        tokenizer_fn: Callable[[Iterable[str]], Iterable[list[str]]] | None = None,
    ) -> None:
        self.max_document_length = max_document_length
        self.min_frequency = min_frequency
        self.vocabulary_ = vocabulary or CategoricalVocabulary()
        self._tokenizer = tokenizer_fn or _words

    def fit(self, raw_documents: Iterable[str], unused_y: Any = None) -> VocabularyProcessor:
        """Takes the words of texts into the vocabulary."""
        for words in self._tokenizer(raw_documents):
            for word in words:
                self.vocabulary_.add(word)
        if self.min_frequency > 0:
            self.vocabulary_.trim(self.min_frequency)
        self.vocabulary_.freeze()
        return self

    def fit_transform(
        self, raw_documents: Iterable[str], unused_y: Any = None
    ) -> Iterator[np.ndarray]:
        self.fit(raw_documents)
        return self.transform(raw_documents)

    def transform(self, raw_documents: Iterable[str]) -> Iterator[np.ndarray]:
        """The numbers of each text, cut off or filled up with zeros."""
        for words in self._tokenizer(raw_documents):
            row = np.zeros(self.max_document_length, np.int64)
            for index, word in enumerate(words[: self.max_document_length]):
                row[index] = self.vocabulary_.get(word)
            yield row

    def reverse(self, documents: Iterable[Iterable[int]]) -> Iterator[str]:
        for row in documents:
            yield " ".join(self.vocabulary_.reverse(number) for number in row)

    def save(self, filename: str) -> None:
        with open(filename, "wb") as file:
            pickle.dump(self, file)

    @classmethod
    def restore(cls, filename: str) -> VocabularyProcessor:
        """What `save` wrote; files that TensorFlow wrote name its own classes."""
        with open(filename, "rb") as file:
            return pickle.load(file)


def _words(documents: Iterable[str]) -> Iterator[list[str]]:
    for document in documents:
        yield _WORD.findall(document)
