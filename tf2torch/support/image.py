"""tf.image's colours, crops and random changes, with channels last: HWC or NHWC."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F


def convert_image_dtype(
    image: torch.Tensor, dtype: torch.dtype, saturate: bool = False
) -> torch.Tensor:
    """tf.image.convert_image_dtype: integers cover their range, floats cover [0, 1].

    A float becomes an integer as trunc(x * (max + 0.5)).
    """
    if image.dtype == dtype:
        return image
    if image.is_floating_point() and dtype.is_floating_point:
        return image.to(dtype)
    if dtype.is_floating_point:
        return image.to(dtype) * (1.0 / torch.iinfo(image.dtype).max)
    high = torch.iinfo(dtype).max
    if image.is_floating_point():
        scaled = image * (high + 0.5)
        return (scaled.clamp(torch.iinfo(dtype).min, high) if saturate else scaled).to(dtype)
    own = torch.iinfo(image.dtype).max
    if own > high:
        scaled = torch.div(image, (own + 1) // (high + 1), rounding_mode="floor")
        return (scaled.clamp(torch.iinfo(dtype).min, high) if saturate else scaled).to(dtype)
    return image.to(dtype) * ((high + 1) // (own + 1))


def _in_float(image: torch.Tensor, change: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """Apply a change to an image of any dtype in floats, and convert back, saturating."""
    if image.is_floating_point():
        return change(image)
    changed = change(convert_image_dtype(image, torch.float32))
    return convert_image_dtype(changed, image.dtype, saturate=True)


def rgb_to_hsv(image: torch.Tensor) -> torch.Tensor:
    """tf.image.rgb_to_hsv: hue, saturation and value, all in [0, 1]."""
    red, green, blue = image.unbind(-1)
    value = image.amax(-1)
    spread = value - image.amin(-1)
    safe = torch.where(spread > 0, spread, torch.ones_like(spread))
    norm = 1 / (6 * safe)
    hue = torch.where(
        red == value,
        norm * (green - blue),
        torch.where(green == value, norm * (blue - red) + 2 / 6, norm * (red - green) + 4 / 6),
    )
    hue = torch.where(spread > 0, hue, torch.zeros_like(hue))
    hue = torch.where(hue < 0, hue + 1, hue)
    safe = torch.where(value > 0, value, torch.ones_like(value))
    saturation = torch.where(value > 0, spread / safe, torch.zeros_like(value))
    return torch.stack([hue, saturation, value], -1)


def hsv_to_rgb(image: torch.Tensor) -> torch.Tensor:
    """tf.image.hsv_to_rgb."""
    hue, saturation, value = image.unbind(-1)
    angle = hue * 6
    red = ((angle - 3).abs() - 1).clamp(0, 1)
    green = (2 - (angle - 2).abs()).clamp(0, 1)
    blue = (2 - (angle - 4).abs()).clamp(0, 1)
    pure = torch.stack([red, green, blue], -1)
    saturation, value = saturation.unsqueeze(-1), value.unsqueeze(-1)
    return (1 - saturation + saturation * pure) * value


def rgb_to_grayscale(image: torch.Tensor) -> torch.Tensor:
    """tf.image.rgb_to_grayscale: weights 0.2989, 0.587, 0.114; integers go through floats."""

    def gray(x: torch.Tensor) -> torch.Tensor:
        return (x * x.new_tensor([0.2989, 0.587, 0.114])).sum(-1, keepdim=True)

    return _in_float(image, gray)


def total_variation(images: torch.Tensor) -> torch.Tensor:
    """tf.image.total_variation: how far neighbours differ in each image, added up."""
    rows = (images[..., 1:, :, :] - images[..., :-1, :, :]).abs()
    columns = (images[..., :, 1:, :] - images[..., :, :-1, :]).abs()
    return rows.sum(dim=(-3, -2, -1)) + columns.sum(dim=(-3, -2, -1))


def adjust_brightness(image: torch.Tensor, delta: float) -> torch.Tensor:
    """tf.image.adjust_brightness: adds delta (torchvision multiplies)."""
    return _in_float(image, lambda x: x + delta)


def adjust_contrast(image: torch.Tensor, contrast_factor: float) -> torch.Tensor:
    """tf.image.adjust_contrast: about the mean of each channel of each image, without clipping."""

    def spread(x: torch.Tensor) -> torch.Tensor:
        mean = x.mean((-3, -2), keepdim=True)
        return (x - mean) * contrast_factor + mean

    return _in_float(image, spread)


def adjust_saturation(image: torch.Tensor, saturation_factor: float) -> torch.Tensor:
    """tf.image.adjust_saturation: scales the saturation in HSV."""

    def scale(x: torch.Tensor) -> torch.Tensor:
        hue, saturation, value = rgb_to_hsv(x).unbind(-1)
        saturation = (saturation * saturation_factor).clamp(0, 1)
        return hsv_to_rgb(torch.stack([hue, saturation, value], -1))

    return _in_float(image, scale)


def adjust_hue(image: torch.Tensor, delta: float) -> torch.Tensor:
    """tf.image.adjust_hue: turns the hue by delta, in whole turns."""

    def turn(x: torch.Tensor) -> torch.Tensor:
        hue, saturation, value = rgb_to_hsv(x).unbind(-1)
        return hsv_to_rgb(torch.stack([torch.remainder(hue + delta, 1), saturation, value], -1))

    return _in_float(image, turn)


def per_image_standardization(image: torch.Tensor) -> torch.Tensor:
    """tf.image.per_image_standardization: (x - mean) / max(biased std, 1 / sqrt(pixels))."""
    image = image.float() if not image.is_floating_point() else image
    axes = (-3, -2, -1)
    pixels = image.shape[-3] * image.shape[-2] * image.shape[-1]
    std = image.std(axes, correction=0, keepdim=True)
    return (image - image.mean(axes, keepdim=True)) / std.clamp(min=pixels**-0.5)


def central_crop(image: torch.Tensor, central_fraction: float) -> torch.Tensor:
    """tf.image.central_crop: the middle part, offset int((n - n * fraction) / 2)."""
    for axis in (-3, -2):
        n = image.shape[axis]
        start = int((n - n * central_fraction) / 2)
        image = image.narrow(axis, start, n - 2 * start)
    return image


def crop_to_bounding_box(
    image: torch.Tensor, offset_height: int, offset_width: int, height: int, width: int
) -> torch.Tensor:
    """tf.image.crop_to_bounding_box."""
    return image.narrow(-3, offset_height, height).narrow(-2, offset_width, width)


def pad_to_bounding_box(
    image: torch.Tensor, offset_height: int, offset_width: int, height: int, width: int
) -> torch.Tensor:
    """tf.image.pad_to_bounding_box: the image in a larger one of zeros."""
    bottom = height - offset_height - image.shape[-3]
    right = width - offset_width - image.shape[-2]
    return F.pad(image, (0, 0, offset_width, right, offset_height, bottom))


def resize_image_with_crop_or_pad(
    image: torch.Tensor, target_height: int, target_width: int
) -> torch.Tensor:
    """tf.image.resize_image_with_crop_or_pad: the middle, or zeros around."""
    for axis, size in ((-3, int(target_height)), (-2, int(target_width))):
        n = image.shape[axis]
        if n > size:
            image = image.narrow(axis, (n - size) // 2, size)
        else:
            before = (size - n) // 2
            ends = (before, size - n - before)
            image = F.pad(image, (0, 0, *ends) if axis == -2 else (0, 0, 0, 0, *ends))
    return image


def random_flip(image: torch.Tensor, axis: int) -> torch.Tensor:
    """tf.image.random_flip_left_right (axis -2) and up_down (-3): a coin for each image."""
    coins = torch.rand(image.shape[:-3] + (1, 1, 1), device=image.device) < 0.5
    return torch.where(coins, image.flip(axis), image)


def random_uniform_between(low: float, high: float) -> float:
    """A number drawn like those of tf.image.random_brightness and its kin."""
    return low + (high - low) * float(torch.rand(()))


def non_max_suppression(
    boxes: torch.Tensor,
    scores: torch.Tensor,
    max_output_size: Any,
    iou_threshold: float = 0.5,
    score_threshold: float = float("-inf"),
) -> torch.Tensor:
    """tf.image.non_max_suppression: the boxes kept, by falling score; corners in any order."""
    low, high = torch.minimum(boxes[:, :2], boxes[:, 2:]), torch.maximum(boxes[:, :2], boxes[:, 2:])
    areas = (high - low).prod(1)
    kept: list[int] = []
    for n in torch.argsort(scores, descending=True, stable=True).tolist():
        if len(kept) == int(max_output_size) or float(scores[n]) <= score_threshold:
            break
        sides = torch.minimum(high[kept], high[n]) - torch.maximum(low[kept], low[n])
        shared = sides.clamp(min=0).prod(1)
        union = areas[kept] + areas[n] - shared
        if not bool(((shared > iou_threshold * union) & (union > 0)).any()):
            kept.append(n)
    return torch.tensor(kept, dtype=torch.long, device=boxes.device)
