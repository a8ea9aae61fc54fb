"""Layout steps: against the arithmetic that they stand for, and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tf2torch.weights import inverses, layout

RNG = np.random.RandomState(0)


@pytest.mark.parametrize(
    ("steps", "shape"),
    [
        ("identity", (3, 4)),
        (["transpose"], (3, 4)),
        (["permute", [3, 2, 0, 1]], (3, 5, 2, 4)),
        (["reshape", [4, 3]], (2, 6)),
        (["flatten_nhwc", [2, 3, 4]], (24, 5)),
        (["unflatten_nhwc", [2, 3, 4]], (5, 24)),
        (["unflatten_nhwc", [2, 3, 4]], (24,)),
        (["lstm", {"part": "bias", "gates": "ijfo", "forget_bias": 1.0}], (12,)),
        (["gru", {"part": "gates"}], (7, 6)),
        (["gru", {"part": "ih", "gates": "zrh"}], (7, 6)),
        (["gru", {"part": "hh", "gates": "zrh"}], (2, 6)),
        ([["transpose"], ["reshape", [2, 6]]], (3, 4)),
    ],
)
def test_inverse_returns_the_variable(steps: object, shape: tuple[int, ...]) -> None:
    value = RNG.randn(*shape).astype(np.float32)
    back = inverses.inverse(steps, layout.forward(steps, value), np.zeros_like(value))
    np.testing.assert_allclose(back, value, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("parts", "shape"),
    [
        ([["split", {"axis": 1, "start": 0, "stop": 2}], ["split", {"axis": 1, "start": 2, "stop": 5}]], (3, 5)),  # noqa: E501
        ([["lstm", {"part": "ih", "input": 3, "gates": "ijfo"}], ["lstm", {"part": "hh", "input": 3, "gates": "ijfo"}]], (5, 8)),  # noqa: E501
        ([["gru", {"part": "bias_ih", "gates": "zrh"}], ["gru", {"part": "bias_hh", "gates": "zrh"}]], (2, 9)),  # noqa: E501
        ([["lstm", {"part": "ih", "input": None, "gates": "ijfo"}], ["lstm", {"part": "hh", "input": None, "gates": "ijfo"}]], (5, 8)),  # noqa: E501
    ],
)  # fmt: skip
def test_parts_fill_the_variable_together(parts: list[object], shape: tuple[int, ...]) -> None:
    value = RNG.randn(*shape)
    back = np.full(shape, np.nan)
    for part in parts:
        inverses.inverse(part, layout.forward(part, value), back)
    np.testing.assert_array_equal(back, value)


def test_flatten_nhwc_is_the_same_product() -> None:
    image, kernel = RNG.randn(2, 2, 3, 4), RNG.randn(24, 5)
    weight = torch.tensor(layout.forward(["flatten_nhwc", [2, 3, 4]], kernel).copy())
    channels_first = torch.tensor(image).permute(0, 3, 1, 2)
    got = F.linear(channels_first.flatten(1), weight)
    np.testing.assert_allclose(got.numpy(), image.reshape(2, -1) @ kernel)


def test_unflatten_nhwc_is_the_same_image() -> None:
    x, kernel, bias = RNG.randn(2, 5), RNG.randn(5, 24), RNG.randn(24)
    step = ["unflatten_nhwc", [2, 3, 4]]
    weight = torch.tensor(layout.forward(step, kernel).copy())
    got = F.linear(torch.tensor(x), weight, torch.tensor(layout.forward(step, bias).copy()))
    image = got.reshape(2, 4, 2, 3).permute(0, 2, 3, 1)
    np.testing.assert_allclose(image.numpy(), (x @ kernel + bias).reshape(2, 2, 3, 4))


def test_lstm_steps_give_tensorflow_s_cell() -> None:
    x, h, c = RNG.randn(2, 3), RNG.randn(2, 4), RNG.randn(2, 4)
    kernel, bias = RNG.randn(7, 16), RNG.randn(16)
    i, j, f, o = np.split(np.concatenate([x, h], 1) @ kernel + bias, 4, axis=1)

    def sigmoid(v: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-v))

    new_c = sigmoid(f + 1.0) * c + sigmoid(i) * np.tanh(j)
    new_h = sigmoid(o) * np.tanh(new_c)
    cell = torch.nn.LSTMCell(3, 4).double()
    options = {"input": 3, "gates": "ijfo"}
    with torch.no_grad():
        cell.weight_ih.copy_(
            torch.tensor(layout.forward(["lstm", {"part": "ih", **options}], kernel).copy())
        )
        cell.weight_hh.copy_(
            torch.tensor(layout.forward(["lstm", {"part": "hh", **options}], kernel).copy())
        )
        cell.bias_ih.copy_(torch.tensor(layout.forward(["lstm", {"part": "bias"}], bias)))
        cell.bias_hh.zero_()
        got_h, got_c = cell(torch.tensor(x), (torch.tensor(h), torch.tensor(c)))
    np.testing.assert_allclose(got_h.numpy(), new_h)
    np.testing.assert_allclose(got_c.numpy(), new_c)


def test_join_puts_parts_in_their_places() -> None:
    a, b = RNG.randn(2, 3), RNG.randn(4, 3)
    parts = [
        (["concat", {"axis": 0, "index": 1, "of": 2}], b),
        (["concat", {"axis": 0, "index": 0, "of": 2}], a),
    ]
    np.testing.assert_array_equal(layout.join(parts), np.concatenate([a, b]))
    with pytest.raises(layout.LayoutError, match="1 of 2 parts"):
        layout.join(parts[:1])


def test_unknown_step_and_wrong_shape_are_named() -> None:
    with pytest.raises(layout.LayoutError, match="unknown layout step 'rotate'"):
        layout.forward(["rotate"], np.zeros(3))
    with pytest.raises(layout.LayoutError, match=r"'flatten_nhwc' does not fit \[5, 2\]"):
        layout.forward(["flatten_nhwc", [2, 3, 4]], np.zeros((5, 2)))


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1.0, 300.0, 1e9])
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
def test_nothing_of_a_forget_bias_is_lost(scale: float, dtype: type) -> None:
    steps = ["lstm", {"part": "bias", "gates": "ijfo", "forget_bias": 1.0}]
    bias = (RNG.randn(4000) * scale).clip(-6e4, 6e4).astype(dtype)
    bias[:1500:100] = -0.0
    first, rest = layout.forward(steps, bias), inverses.bias_rest(steps, bias)
    assert np.abs(rest).max() <= np.abs(first).max() * np.finfo(dtype).eps
    back = inverses.undo_bias(steps, first, rest, np.zeros_like(bias))
    if dtype is np.float64 and np.finfo(np.longdouble).nmant == 52:
        np.testing.assert_allclose(back, bias, rtol=1e-15)
    else:
        assert back.tobytes() == bias.tobytes()


@pytest.mark.parametrize(
    ("steps", "shape"),
    [
        ("identity", (3, 4)),
        (["transpose"], (3, 4)),
        (["permute", [2, 3, 0, 1]], (3, 5, 2, 4)),
        (["flatten_nhwc", [2, 3, 4]], (24, 5)),
        (["unflatten_nhwc", [2, 3, 4]], (5, 24)),
        ([["transpose"], ["permute", [1, 0]]], (3, 4)),
    ],
)
def test_shape_before_is_the_variable_s(steps: object, shape: tuple[int, ...]) -> None:
    assert inverses.shape_before(steps, inverses.shape_after(steps, shape)) == shape


def test_inverse_writes_bits_not_numbers() -> None:
    odd = np.array([[np.nan, -0.0, np.inf], [5e-324, 1.0, -np.inf]], np.float64).view(np.uint64)
    odd[0, 0] |= 0x1234
    value = odd.view(np.float64)
    for steps in (["transpose"], [["reshape", [6]]], ["flatten_nhwc", [1, 1, 2]]):
        back = inverses.inverse(steps, layout.forward(steps, value), np.zeros_like(value))
        assert back.tobytes() == value.tobytes()
