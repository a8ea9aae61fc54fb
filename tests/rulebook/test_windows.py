"""Windows, strides and padding as torch text."""

from __future__ import annotations

import pytest

from tf2torch.rulebook import windows
from tf2torch.rulebook.model import Refusal
from tf2torch.rulebook.values import ANYTHING, Value, constant, dims, tensor

TWO, NHWC = constant(2), constant("NHWC")


def image(*sizes: int | None) -> Value:
    return tensor("float32", dims(None, *sizes, 3))


def filters(*sizes: int | None) -> Value:
    return tensor("float32", dims(*sizes, 3, 4))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((1, 2, 2, 1), "2"),
        ((1, 2, 3, 1), "(2, 3)"),
        ((2, 3), "(2, 3)"),
        ((2,), "2"),
        (2, "2"),
    ],
)
def test_window(value: object, text: str) -> None:
    assert windows.window(constant(value), TWO) == text


def test_windows_over_batch_or_channels_are_refused() -> None:
    assert isinstance(windows.window(constant((2, 1, 1, 1)), TWO), Refusal)
    assert isinstance(windows.window(constant((1, 1, 1, 2)), TWO), Refusal)
    assert windows.window(constant((1, 1, 1, 2)), TWO, constant("NCHW")) == "(1, 2)"


def test_names_of_the_user_survive() -> None:
    stride = Value("python", text="stride")
    one = constant(1, "1")
    strides = Value("sequence", detail=(one, stride, stride, one))
    assert windows.step(strides, TWO) == "stride"
    assert windows.complement(constant(0.9, "KEEP")) == "1 - KEEP"
    assert windows.complement(constant(0.9, "0.9")) == "0.1"


@pytest.mark.parametrize(
    ("x", "kernel", "stride", "padding", "symmetric", "pads"),
    [
        (image(7, 7), (3, 3), 2, "SAME", "1", "(1, 1, 1, 1)"),
        (image(8, 8), (3, 3), 2, "SAME", Refusal, "(0, 1, 0, 1)"),
        (image(8, 9), (3, 5), 2, "SAME", Refusal, "(2, 2, 0, 1)"),
        (image(None, None), (3, 3), 2, "SAME", Refusal, Refusal),
        (image(None, None), (3, 3), 1, "SAME", '"same"', "(1, 1, 1, 1)"),
        (image(None, None), (1, 1), 2, "SAME", None, "(0, 0, 0, 0)"),
        (image(8, 8), (3, 3), 2, "VALID", None, "(0, 0, 0, 0)"),
        (image(8, 8), (3, 3), 1, ((0, 0), (1, 2), (1, 2), (0, 0)), Refusal, "(1, 2, 1, 2)"),
        (ANYTHING, (3, 3), 2, "SAME", Refusal, Refusal),
    ],
)
def test_convolution_padding(
    x: Value, kernel: tuple[int, int], stride: int, padding: object, symmetric: object, pads: object
) -> None:
    strides = constant((1, stride, stride, 1))
    arguments = (x, filters(*kernel), strides, constant(padding), constant(1), NHWC, TWO)
    for found, wanted in (
        (windows.conv_padding(*arguments), symmetric),
        (windows.same_pads(*arguments), pads),
    ):
        assert isinstance(found, Refusal) if wanted is Refusal else found == wanted


@pytest.mark.parametrize(
    ("n", "k", "s", "exact"),
    [(7, 2, 2, True), (None, 2, 2, True), (8, 3, 2, True), (7, 3, 2, False), (None, 3, 2, False)],
)
def test_ceil_mode_only_where_nothing_is_padded_in_front(
    n: int | None, k: int, s: int, exact: bool
) -> None:
    found = windows.pool_ceil(image(n, n), constant(k), constant(s), constant("SAME"), NHWC, TWO)
    assert (found == "True") is exact


@pytest.mark.parametrize(
    ("k", "s", "padding", "whole", "cropped", "extra"),
    [
        (4, 2, "same", "1", Refusal, None),
        (5, 2, "same", Refusal, "1", None),
        (3, 2, "same", Refusal, None, None),
        (2, 3, "same", None, Refusal, "1"),
        (5, 2, "valid", None, Refusal, None),
        (2, 3, "valid", None, Refusal, "1"),
    ],
)
def test_transposed_convolution(
    k: int, s: int, padding: str, whole: object, cropped: object, extra: object
) -> None:
    arguments = (constant(k), constant(s), constant(padding), NHWC, TWO)
    for found, wanted in (
        (windows.transpose_whole(*arguments), whole),
        (windows.transpose_cropped(*arguments), cropped),
        (windows.transpose_extra(*arguments), extra),
    ):
        assert isinstance(found, Refusal) if wanted is Refusal else found == wanted
