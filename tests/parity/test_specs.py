"""Inputs from descriptions, and layouts of nested values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from tf2torch.parity.isolated import SideFailed, isolated
from tf2torch.parity.specs import SpecError, drawn, parse
from tf2torch.parity.strategies import inputs
from tf2torch.parity.structures import LayoutError, arranged, leaves, permutation


@pytest.mark.parametrize(
    ("text", "kind", "shape", "low", "high"),
    [
        ("float32[8, 28, 28, 1]", "float32", (8, 28, 28, 1), None, None),
        ("float64[3] in [0, 1)", "float64", (3,), 0.0, 1.0),
        ("float32[]", "float32", (), None, None),
        ("int64[8] < 10", "int64", (8,), 0.0, 10.0),
        ("int32[4] in [-2, 6)", "int32", (4,), -2.0, 6.0),
        ("uint8[2, 2] <= 255", "uint8", (2, 2), 0.0, 256.0),
        ("lengths[4] <= 7", "lengths", (4,), 1.0, 8.0),
        ("mask[4, 7]", "mask", (4, 7), None, None),
        ("bool[2]", "bool", (2,), None, None),
    ],
)
def test_a_description_is_read(
    text: str, kind: str, shape: tuple[int, ...], low: float | None, high: float | None
) -> None:
    spec = parse(text)
    assert (spec.kind, spec.shape, spec.low, spec.high) == (kind, shape, low, high)
    value = drawn(text)
    assert value.shape == shape
    if low is not None and high is not None:
        assert value.min() >= low and value.max() < high


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("float32", "'float32' is no input: write 'float32[8, 28]' or 'int64[8] < 10'"),
        ("float31[2]", "'float31' in 'float31[2]' is no dtype; there are float16, "),
        ("int64[2]", "'int64[2]': whole numbers need a range: 'int64[...] < 10'"),
        ("lengths[2]", "'lengths[2]': lengths need a bound: 'lengths[4] <= 7'"),
        ("float32[2] < 3", "'float32[2] < 3': only whole numbers have a bound; "),
        ("int32[2] in [4, 4)", "'int32[2] in [4, 4)': the range is empty"),
    ],
)
def test_what_is_no_description_is_said(text: str, said: str) -> None:
    with pytest.raises(SpecError) as raised:
        parse(text)
    assert str(raised.value).startswith(said)


def test_inputs_are_drawn_by_seed() -> None:
    wanted = {"x": "float32[2, 3]", "n": ("int64[2] < 5", np.arange(2))}
    first, again, other = drawn(wanted, 3), drawn(wanted, 3), drawn(wanted, 4)
    for (path, a), (_, b) in zip(leaves(first), leaves(again)):
        np.testing.assert_array_equal(a, b, err_msg=path)
    assert not np.array_equal(first["x"], other["x"])


def test_masks_are_rows_of_ones() -> None:
    mask = drawn("mask[50, 9]")
    assert (np.diff(mask, axis=1) <= 0).all() and mask[:, 0].all()
    assert len(set(mask.sum(axis=1))) > 3


@settings(max_examples=25, deadline=None)
@given(inputs(["float32[4, 3] in [0, 1)", {"ids": "int64[4] < 6"}], batch=(1, 5)))
def test_strategies_draw_batches_of_one_size(value: Any) -> None:
    x, rest = value
    assert x.shape[0] == rest["ids"].shape[0] and 1 <= len(x) <= 5 and x.shape[1] == 3
    assert x.dtype == np.float32 and (rest["ids"] < 6).all()


def test_layouts() -> None:
    assert permutation("nhwc -> nchw") == (0, 3, 1, 2)
    image, vector = np.zeros((2, 4, 5, 3)), np.zeros((2, 3))
    moved = arranged({"a": image, "b": vector}, "nhwc -> nchw")
    assert moved["a"].shape == (2, 3, 4, 5) and moved["b"].shape == (2, 3)
    moved = arranged((image, image), (None, "nhwc -> nchw"))
    assert [part.shape for part in moved] == [(2, 4, 5, 3), (2, 3, 4, 5)]
    with pytest.raises(LayoutError, match="'nhwc' is no layout: write 'nhwc -> nchw'"):
        permutation("nhwc")


def test_a_side_that_does_not_end_is_stopped() -> None:
    import time

    with pytest.raises(SideFailed, match=r"^The slow side did not end within 0\.5 seconds$"):
        isolated("slow", lambda: time.sleep(60), timeout=0.5)
    assert isolated("quick", lambda: {"a": np.arange(3)})["a"].tolist() == [0, 1, 2]
