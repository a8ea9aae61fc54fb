"""TensorFlow 1 behaviour that PyTorch has no call for, for the converted programs beside this file.

Part of the converted program: written once by its conversion, only what the program uses, and
needing nothing but what it imports. Where PyTorch has a call of almost the same meaning, the
function here keeps TensorFlow's arithmetic, so that the numbers stay those of the original.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch


class Datasets(NamedTuple):
    """The three parts of a data set."""

    train: DataSet
    validation: DataSet
    test: DataSet


class DataSet:
    """Images and labels, with next_batch to walk through them in shuffled epochs.

    Images become float32 in [0, 1] (or stay uint8) and rows of height * width numbers. Batches
    straddle epochs; shuffling draws from numpy's global generator.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        dtype: Any = np.float32,
        reshape: bool = True,
        seed: int | None = None,
    ) -> None:
        if seed is not None:
            np.random.seed(seed)
        if len(images) != len(labels):
            raise ValueError(f"{len(images)} images, but {len(labels)} labels")
        if reshape:
            images = images.reshape(len(images), images.shape[1] * images.shape[2])
        if not str(dtype).rstrip("'>").endswith("uint8"):
            images = np.multiply(images.astype(np.float32), 1.0 / 255.0)
        self.images, self.labels = images, labels
        self.epochs_completed = 0
        self._index_in_epoch = 0

    @property
    def num_examples(self) -> int:
        """The number of images."""
        return len(self.images)

    def next_batch(
        self, batch_size: int, fake_data: bool = False, shuffle: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """The next batch_size images and labels; shuffles before each epoch."""
        start = self._index_in_epoch
        if self.epochs_completed == 0 and start == 0 and shuffle:
            self._shuffle()
        end = start + batch_size
        if end <= self.num_examples:
            self._index_in_epoch = end
            return self.images[start:end], self.labels[start:end]
        self.epochs_completed += 1
        images, labels = self.images[start:], self.labels[start:]
        if shuffle:
            self._shuffle()
        end = self._index_in_epoch = batch_size - len(images)
        return np.concatenate([images, self.images[:end]]), np.concatenate(
            [labels, self.labels[:end]]
        )

    def _shuffle(self) -> None:
        order = np.arange(self.num_examples)
        np.random.shuffle(order)
        self.images, self.labels = self.images[order], self.labels[order]


def _read_idx(directory: str | Path, name: str, magic: int) -> np.ndarray:
    """The array in a gzipped IDX file."""
    path = Path(directory) / name
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing: put the four MNIST files (train-images-idx3-ubyte.gz, "
            "train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz) "
            f"into {directory}"
        )
    print("Extracting", path)
    with gzip.open(path) as file:
        content = file.read()
    if int.from_bytes(content[:4], "big") != magic:
        raise ValueError(f"{path} is not an IDX file of the expected kind")
    shape = np.frombuffer(content, ">u4", magic & 255, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def read_data_sets(
    train_dir: str | Path,
    fake_data: bool = False,
    one_hot: bool = False,
    dtype: Any = np.float32,
    reshape: bool = True,
    validation_size: int = 5000,
    seed: int | None = None,
    source_url: str | None = None,
) -> Datasets:
    """input_data.read_data_sets: the MNIST files of a folder as train, validation and test sets.

    Nothing is downloaded. Without a seed numpy's generator stays as it is (TensorFlow seeded it
    from the clock).
    """
    parts = []
    for name in ("train", "t10k"):
        images = _read_idx(train_dir, f"{name}-images-idx3-ubyte.gz", 2051)[..., None]
        labels = _read_idx(train_dir, f"{name}-labels-idx1-ubyte.gz", 2049)
        parts.append((images, np.eye(10)[labels] if one_hot else labels))
    (images, labels), test = parts
    if not 0 <= validation_size <= len(images):
        raise ValueError(f"validation_size must be between 0 and {len(images)}")
    cut = validation_size
    pairs = [(images[cut:], labels[cut:]), (images[:cut], labels[:cut]), test]
    return Datasets(*(DataSet(*pair, dtype, reshape, seed) for pair in pairs))


class Summary:
    """The values that one run has recorded: writer.add_summary becomes summary.write(writer)."""

    def __init__(self, tags: tuple[str, ...] = ()) -> None:
        self.tags = tags
        self.entries: list[tuple[str, str, Any, tuple[int, ...]]] = []

    def write(self, writer: Any, step: int | None = None) -> None:
        """Adds everything to the event file of a SummaryWriter."""
        for kind, tag, value, extra in self.entries:
            if kind == "image":
                add_images(writer, tag, value, step, *extra)
            elif kind == "audio":
                add_audio(writer, tag, value, step, *extra)
            else:
                getattr(writer, f"add_{kind}")(tag, value, step)


class Summaries:
    """Collects what graph code shows, while a run asks for it."""

    def __init__(self) -> None:
        self._open: list[Summary] = []

    @contextmanager
    def recording(self, *tags: str) -> Iterator[Summary]:
        """The summaries of the code inside; `tags` restricts them."""
        made = Summary(tags)
        self._open.append(made)
        try:
            yield made
        finally:
            self._open.remove(made)

    def _add(self, kind: str, tag: str, value: Any, *extra: int) -> None:
        wanted = [summary for summary in self._open if not summary.tags or tag in summary.tags]
        if wanted and isinstance(value, torch.Tensor):
            value = value.detach().cpu().numpy().copy()
        for summary in wanted:
            summary.entries.append((kind, tag, value, extra))

    def scalar(self, tag: str, value: Any) -> None:
        """tf.summary.scalar"""
        self._add("scalar", tag, value)

    def histogram(self, tag: str, values: Any) -> None:
        """tf.summary.histogram"""
        self._add("histogram", tag, values)

    def image(self, tag: str, images: Any, max_outputs: int = 3) -> None:
        """tf.summary.image: images are [batch, height, width, channels]."""
        self._add("image", tag, images, max_outputs)

    def audio(self, tag: str, clips: Any, sample_rate: float, max_outputs: int = 3) -> None:
        """tf.summary.audio: clips are [batch, frames] or [batch, frames, channels]."""
        self._add("audio", tag, clips, int(sample_rate), max_outputs)

    def text(self, tag: str, text: Any) -> None:
        """tf.summary.text"""
        self._add("text", tag, str(text))


def add_images(
    writer: Any, tag: str, images: Any, step: int | None = None, max_outputs: int = 3
) -> None:
    """tf.summary.image: one event an image, each scaled to bytes by its own extremes."""
    if isinstance(images, torch.Tensor):
        images = images.detach().cpu().numpy()
    for index, image in enumerate(images[:max_outputs]):
        name = f"{tag}/image/{index}" if max_outputs > 1 else f"{tag}/image"
        writer.add_image(name, _image_bytes(image), step, dataformats="HWC")


def _image_bytes(image: np.ndarray) -> np.ndarray:
    """Numbers below zero put zero at 128; others stretch to 255. What is not finite is red."""
    if image.dtype == np.uint8:
        return image
    finite = np.isfinite(image).all(axis=-1)
    known = image[finite] if finite.any() else np.zeros(1)
    low, high = float(known.min()), float(known.max())
    scale, offset = 0.0, 0.0
    if low < 0:
        largest = max(abs(low), abs(high))
        scale, offset = 0.0 if largest < 1e-6 else 127.0 / largest, 128.0
    else:
        scale = 0.0 if high < 1e-6 else 255.0 / high
    scaled = np.where(finite[..., None], image, 0).astype(np.float32) * np.float32(scale)
    made = (scaled + np.float32(offset)).astype(np.uint8)
    made[~finite] = (255, 0, 0, 255)[: image.shape[-1]]
    return made


def add_audio(
    writer: Any,
    tag: str,
    clips: Any,
    step: int | None = None,
    sample_rate: int = 44100,
    max_outputs: int = 3,
) -> None:
    """tf.summary.audio: one event a clip."""
    clips = torch.as_tensor(clips).detach().cpu()
    for index, clip in enumerate(clips[:max_outputs]):
        name = f"{tag}/audio/{index}" if max_outputs > 1 else f"{tag}/audio"
        sound = clip.reshape(clip.shape[0], -1)[:, 0]
        writer.add_audio(name, sound.unsqueeze(0), step, sample_rate)
