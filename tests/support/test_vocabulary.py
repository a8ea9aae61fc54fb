"""Vocabularies number words as tf.contrib.learn did; the expected rows are TensorFlow 1.15.5's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tf2torch.support.vocabulary import CategoricalVocabulary, VocabularyProcessor

TEXTS = [
    "the cat's HTTPServer sat - the end",
    "a CamelCase cat, the-end again",
    "ünïcode the cat cat",
]
SPLIT = {"tokenizer_fn": lambda texts: (text.split() for text in texts)}


@pytest.mark.parametrize(
    ("options", "rows", "size", "again"),
    [
        ({}, [[1, 2, 3, 4, 5], [8, 9, 10, 11, 12], [14, 1, 11, 11, 0]], 15, [1, 0, 11, 7, 0]),
        (
            {"min_frequency": 1},
            [[2, 0, 0, 0, 0], [0, 0, 0, 1, 0], [0, 2, 1, 1, 0]],
            3,
            [2, 0, 1, 0, 0],
        ),
        (SPLIT, [[1, 2, 3, 4, 5], [7, 8, 9, 10, 11], [12, 1, 13, 13, 0]], 14, [1, 0, 13, 6, 0]),
    ],
)
def test_rows_are_those_of_tensorflow(
    options: dict[str, Any], rows: list[list[int]], size: int, again: list[int]
) -> None:
    processor = VocabularyProcessor(5, **options)
    assert [row.tolist() for row in processor.fit_transform(TEXTS)] == rows
    assert len(processor.vocabulary_) == size
    assert [row.tolist() for row in processor.transform(["the new cat end"])] == [again]


def test_rows_become_words_again_and_processors_are_saved(tmp_path: Path) -> None:
    processor = VocabularyProcessor(5)
    rows = list(processor.fit_transform(TEXTS))
    processor.save(str(tmp_path / "vocab"))
    restored = VocabularyProcessor.restore(str(tmp_path / "vocab"))
    assert list(restored.reverse(rows)) == [
        "the cat's HTTP Server sat",
        "a Camel Case cat the-end",
        "ünïcode the cat cat <UNK>",
    ]


def test_rare_and_very_frequent_words_are_left_out() -> None:
    vocabulary = CategoricalVocabulary()
    for word in "b a a c c c b d".split():
        vocabulary.add(word)
    vocabulary.trim(1, 3)
    assert [vocabulary.get(word) for word in ("<UNK>", "a", "b")] == [0, 1, 2]
    assert len(vocabulary) == 3
