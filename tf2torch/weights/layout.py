"""The closed list of layout steps between a TensorFlow variable and a PyTorch parameter.

A layout is one step or a list of steps, as the weight map has them: `["permute", [3, 2, 0, 1]]`,
`["lstm", {"part": "ih", "input": 28}]`. Every step moves elements and drops or adds none of its
own making, but for the forget bias. `inverses` has the way back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Array = Any  # numpy.ndarray of any dtype
Step = Sequence[Any]


class LayoutError(ValueError):
    """A layout that is unknown or does not fit the array."""


def identity(array: Array) -> Array:
    return array


def transpose(array: Array) -> Array:
    """[in, out] to [out, in]."""
    return array.T


def permute(array: Array, axes: Sequence[int]) -> Array:
    """Axes in the given order: HWIO to OIHW is [3, 2, 0, 1]."""
    return np.transpose(array, axes)


def reshape(array: Array, shape: Sequence[int]) -> Array:
    return array.reshape(tuple(shape))


def flatten_nhwc(array: Array, sizes: Sequence[int]) -> Array:
    """Kernel [H*W*C, out] of a dense layer behind a flatten, to Linear's [out, C*H*W]."""
    height, width, channels = sizes
    rest = array.shape[1:]
    rows = array.reshape(height, width, channels, *rest)
    return np.moveaxis(rows, 2, 0).reshape(-1, *rest).T


def unflatten_nhwc(array: Array, sizes: Sequence[int]) -> Array:
    """Kernel [in, H*W*C] of a dense layer in front of an image, to Linear's [C*H*W, in].

    A bias [H*W*C] becomes [C*H*W].
    """
    height, width, channels = sizes
    rest = array.shape[:-1]
    columns = array.reshape(*rest, height, width, channels)
    return np.moveaxis(columns, -1, len(rest)).reshape(*rest, -1).T


def split(array: Array, axis: int, start: int, stop: int) -> Array:
    """The part of the variable that this parameter holds."""
    index = [slice(None)] * array.ndim
    index[axis] = slice(start, stop)
    return array[tuple(index)]


def concat(array: Array, axis: int, index: int, of: int) -> Array:
    """The variable is one of several that the parameter joins: `join` puts them together."""
    del axis, index, of
    return array


def lstm(
    array: Array,
    part: str,
    input: int | None = 0,
    gates: str = "ijfo",
    forget_bias: float = 1.0,
) -> Array:
    """Gates to torch's order i, f, g, o; TensorFlow calls g `j`.

    A kernel's first rows belong to the input (`ih`), the others to the state (`hh`), as many as
    each gate has columns: an input whose length only the data tell (None) has the rest. The `bias`
    takes over the forget bias that TensorFlow adds at run time.
    """
    order = [gates.index(gate) for gate in "ifjo"]
    blocks = np.split(array, 4, axis=-1)
    if part == "bias":
        if forget_bias:  # added to that gate alone: the sum with zero has no sign
            place = gates.index("f")
            blocks[place] = blocks[place] + array.dtype.type(forget_bias)
        return np.concatenate([blocks[k] for k in order], axis=-1)
    columns = np.concatenate([blocks[k] for k in order], axis=-1)
    if input is None:
        input = columns.shape[0] - blocks[0].shape[1]
    return (columns[:input] if part == "ih" else columns[input:]).T


def gru(array: Array, part: str, gates: str = "", **options: Any) -> Array:
    """The support file's cell keeps TensorFlow's two kernels and biases as they are.

    With `gates` it is Keras's layer that resets after the product, which is nn.GRU in another
    order: `zrh` to r, z, n. Its bias has a row for the input (`bias_ih`) and one for the state.
    """
    del options
    if not gates:
        return array
    if part.startswith("bias"):
        if array.ndim != 2:
            raise LayoutError("its one bias is of a layer that resets before the product")
        array = array[int(part == "bias_hh")]
    blocks = np.split(array, 3, axis=-1)
    columns = np.concatenate([blocks[gates.index(gate)] for gate in "rzh"], axis=-1)
    return columns if part.startswith("bias") else columns.T


STEPS: Mapping[str, Callable[..., Array]] = {
    step.__name__: step
    for step in (
        identity,
        transpose,
        permute,
        reshape,
        flatten_nhwc,
        unflatten_nhwc,
        split,
        concat,
        lstm,
        gru,
    )
}


def steps_of(layout: Any) -> list[Step]:
    """The steps of a layout, which may be one step, its bare name, or a list of steps."""
    if isinstance(layout, str):
        return [[layout]]
    if layout and isinstance(layout[0], str):
        return [layout]
    return list(layout)


def forward(layout: Any, array: Array) -> Array:
    """TensorFlow's value in the layout of the parameter."""
    for name, *options in steps_of(layout):
        step = STEPS.get(name)
        if step is None:
            raise LayoutError(f"unknown layout step {name!r}")
        try:
            if options and isinstance(options[0], Mapping):
                array = step(array, **options[0])
            else:
                array = step(array, *options)
        except (TypeError, ValueError, IndexError) as error:
            text = f"layout step {name!r} does not fit {list(array.shape)}: {error}"
            raise LayoutError(text) from error
    return array


def place_in_join(layout: Any) -> tuple[int, int, int] | None:
    """Axis, index and count of a `concat` step, if the layout has one."""
    for name, *options in steps_of(layout):
        if name == "concat":
            return options[0]["axis"], options[0]["index"], options[0]["of"]
    return None


def join(parts: Sequence[tuple[Any, Array]]) -> Array:
    """One parameter's value from the variables that go into it: (layout, value) each."""
    if len(parts) == 1 and place_in_join(parts[0][0]) is None:
        return forward(*parts[0])
    placed: dict[int, Array] = {}
    axis = count = 0
    for layout, value in parts:
        place = place_in_join(layout)
        if place is None:
            raise LayoutError("several variables go into one parameter without a concat step")
        axis, index, count = place
        placed[index] = forward(layout, value)
    if sorted(placed) != list(range(count)):
        raise LayoutError(f"{len(placed)} of {count} parts of a joined parameter are there")
    return np.concatenate([placed[index] for index in range(count)], axis=axis)
