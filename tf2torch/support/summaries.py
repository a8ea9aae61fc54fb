"""What tf.summary records inside of graph code, and how TensorFlow writes it to event files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


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


def parameter_name(module: torch.nn.Module, parameter: torch.Tensor) -> str:
    """The name of one of a module's parameters."""
    return next(name for name, held in module.named_parameters() if held is parameter)
