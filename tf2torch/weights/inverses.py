"""From a parameter back to the TensorFlow variable: inverses of the layout steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tf2torch.weights.layout import Array, LayoutError, Step, forward, steps_of


def inverse(layout: Any, array: Array, into: Array) -> Array:
    """Writes a parameter's value into the TensorFlow variable `into`, and returns `into`.

    Where the parameter holds a part of the variable, the rest of `into` stays as it is.
    """
    wanted = shape_after(layout, into.shape)
    if wanted != tuple(array.shape):
        raise LayoutError(f"{list(array.shape)} is not {list(wanted)}, the layout of {into.shape}")
    _undo(steps_of(layout), array, into)
    return into


def shape_after(layout: Any, shape: Sequence[int]) -> tuple[int, ...]:
    """The shape of the parameter that a variable of this shape becomes."""
    stand_in = np.broadcast_to(np.zeros((), np.uint8), tuple(shape))
    return tuple(forward(layout, stand_in).shape)


def _undo(steps: Sequence[Step], array: Array, into: Array) -> None:
    if not steps:
        into[...] = array
        return
    (name, *options), rest = steps[0], steps[1:]
    keywords = options[0] if options and isinstance(options[0], Mapping) else None
    given = [] if keywords is not None else options
    if name in _UNDO:
        between = forward([steps[0]], into)
        target = np.array(between)
        _undo(rest, array, target)
        _UNDO[name](target, into, *given, **(keywords or {}))
        return
    # Views: what is written into them is written into the variable.
    _undo(rest, array, forward([steps[0]], into))


def _undo_reshape(array: Array, into: Array, shape: Sequence[int]) -> None:
    del shape
    into[...] = array.reshape(into.shape)


def _undo_flatten(array: Array, into: Array, sizes: Sequence[int]) -> None:
    height, width, channels = sizes
    rest = into.shape[1:]
    rows = array.T.reshape(channels, height, width, *rest)
    into[...] = np.moveaxis(rows, 0, 2).reshape(into.shape)


def _undo_unflatten(array: Array, into: Array, sizes: Sequence[int]) -> None:
    height, width, channels = sizes
    rest = into.shape[:-1]
    columns = array.T.reshape(*rest, channels, height, width)
    into[...] = np.moveaxis(columns, len(rest), -1).reshape(into.shape)


def _undo_lstm(
    array: Array,
    into: Array,
    part: str,
    input: int | None = 0,
    gates: str = "ijfo",
    forget_bias: float = 1.0,
) -> None:
    if part == "bias":
        blocks = dict(zip("ifjo", np.split(array, 4, axis=-1)))
        blocks["f"] = blocks["f"] - array.dtype.type(forget_bias)
        into[...] = np.concatenate([blocks[gate] for gate in gates], axis=-1)
        return
    blocks = dict(zip("ifjo", np.split(array.T, 4, axis=-1)))
    if input is None:
        input = into.shape[0] - into.shape[1] // 4
    rows = into[:input] if part == "ih" else into[input:]
    rows[...] = np.concatenate([blocks[gate] for gate in gates], axis=-1)


def _undo_gru(array: Array, into: Array, part: str, gates: str = "", **options: Any) -> None:
    del options
    if not gates:
        into[...] = array
        return
    blocks = dict(zip("rzh", np.split(array if part.startswith("bias") else array.T, 3, axis=-1)))
    place = into[int(part == "bias_hh")] if part.startswith("bias") else into
    place[...] = np.concatenate([blocks[gate] for gate in gates], axis=-1)


_UNDO: Mapping[str, Callable[..., None]] = {
    "reshape": _undo_reshape,
    "flatten_nhwc": _undo_flatten,
    "unflatten_nhwc": _undo_unflatten,
    "lstm": _undo_lstm,
    "gru": _undo_gru,
}


def shape_before(layout: Any, shape: Sequence[int]) -> tuple[int, ...]:
    """The shape of the variable of which a parameter has this shape.

    Raises LayoutError where the parameter does not tell: behind `reshape`, `split` and `lstm`
    of a kernel's part.
    """
    sizes = list(shape)
    for name, *options in reversed(steps_of(layout)):
        if name in ("transpose", "flatten_nhwc", "unflatten_nhwc"):
            sizes.reverse()
        elif name == "permute":
            axes = options[0]
            if len(axes) != len(sizes):
                raise LayoutError(f"{len(axes)} axes, but the shape {sizes}")
            before = [0] * len(axes)
            for place, axis in enumerate(axes):
                before[axis] = sizes[place]
            sizes = before
        elif name == "gru" and options and options[0].get("gates"):
            if options[0]["part"].startswith("bias"):
                sizes = [2, *sizes]
            else:
                sizes.reverse()
        elif name in ("identity", "gru") or name == "lstm" and options[0].get("part") == "bias":
            continue
        else:
            raise LayoutError(f"the shape before {name!r} is not known")
    return tuple(sizes)


def without_bias(layout: Any) -> list[Step]:
    """The layout of an optimizer's slot: as that of the variable, but nothing is added."""
    found: list[Step] = []
    for name, *options in steps_of(layout):
        if name == "lstm" and options[0].get("part") == "bias":
            options = [{**options[0], "forget_bias": 0.0}]
        found.append([name, *options])
    return found


def forget_bias_of(layout: Any) -> float | None:
    """What a layout adds to the forget gate's bias; None if it is no LSTM's bias."""
    for name, *options in steps_of(layout):
        if name == "lstm" and options and options[0].get("part") == "bias":
            return float(options[0].get("forget_bias", 1.0))
    return None


def bias_rest(layout: Any, array: Array) -> Array:
    """What rounding loses where the forget bias is added: exact sum less rounded sum.

    It goes to the LSTM's second bias, which is zero but for it, so that nothing is lost.
    """
    plain = forward(without_bias(layout), array)
    rounded = forward(layout, array)
    added = rounded - rounded
    added[_forget(plain)] = array.dtype.type(forget_bias_of(layout) or 0.0)
    # Two sums (Knuth): exact whichever of the two is larger.
    back = rounded - plain
    rest = (plain - (rounded - back)) + (added - back)
    rest = np.where(np.isfinite(rest.astype(np.float64)), rest, np.zeros_like(rest))
    return np.where(plain == 0, plain, rest)  # keeps the sign of a zero


def _forget(array: Array) -> tuple[slice, ...]:
    """The place of torch's forget gate."""
    quarter = array.shape[-1] // 4
    return (*(slice(None) for _ in array.shape[:-1]), slice(quarter, 2 * quarter))


def undo_bias(layout: Any, array: Array, rest: Array, into: Array) -> Array:
    """The variable of an LSTM's two biases; exact for what `bias_rest` made."""
    place = _forget(array)
    first, second = array[place].astype(np.longdouble), rest[place].astype(np.longdouble)
    whole = (first - (forget_bias_of(layout) or 0.0)) + second
    plain = array.copy()
    plain[place] = np.where(whole == 0, second, whole).astype(array.dtype)
    return inverse(without_bias(layout), plain, into)
