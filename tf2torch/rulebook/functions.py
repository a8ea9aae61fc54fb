"""Pure functions over abstract values that templates may call; each gives source text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tf2torch.rulebook.dtype_text import FUNCTIONS as DTYPE_FUNCTIONS
from tf2torch.rulebook.model import Refusal
from tf2torch.rulebook.values import UNKNOWN, Dim, Value
from tf2torch.rulebook.windows import WINDOW_FUNCTIONS
from tf2torch.rulebook.words import literal, literal_dtype

Text = str | Refusal

TORCH_DTYPES: Final[Mapping[str, str]] = {
    **{n: n for n in ("float16", "bfloat16", "float32", "float64", "bool", "uint8", "int8")},
    **{n: n for n in ("int16", "int32", "int64", "complex64", "complex128")},
    "half": "float16",
    "double": "float64",
    "uint16": "int32",
    "uint32": "int64",
}


def ints(value: Value, rank: int | None = None) -> tuple[int, ...] | Refusal:
    """Known integers of a number or sequence, a number repeated `rank` times."""
    known = literal(value)
    if isinstance(known, int) and not isinstance(known, bool):
        return (known,) * (rank or 1)
    if isinstance(known, tuple) and all(isinstance(i, int) for i in known):
        if len(known) == 1 and rank is not None:
            return known * rank
        if rank is None or len(known) == rank:
            return known
    return Refusal("a size that must be known is not a literal")


def spatial(value: Value, rank: int = 2) -> tuple[int, ...] | Refusal:
    """Spatial strides or window sizes in any of TF's spellings: 2, [2, 2], [1, 2, 2, 1]."""
    known = literal(value)
    if isinstance(known, tuple) and len(known) == rank + 2:
        if known[0] != 1 or known[-1] != 1:
            if known[:2] == (1, 1):  # NCHW order
                known = (1, *known[2:], 1)
            else:
                return Refusal("strides or windows over batch or channels")
        known = known[1:-1]
        return ints(Value("python", literal=known), rank)
    return ints(value, rank)


def tuple_text(numbers: tuple[Any, ...]) -> str:
    """`(3, 3)`, and `3` where all are equal."""
    if len(set(numbers)) == 1:
        return str(numbers[0])
    return "(" + ", ".join(str(n) for n in numbers) + ")"


def pair(value: Value) -> Text:
    """A spatial size: `[1, 2, 2, 1]` -> `2`, `(2, 3)` -> `(2, 3)`."""
    numbers = spatial(value)
    return numbers if isinstance(numbers, Refusal) else tuple_text(numbers)


def single(value: Value) -> Text:
    """A one-dimensional spatial size: `[1, 2, 1]` -> `2`."""
    numbers = spatial(value, 1)
    return numbers if isinstance(numbers, Refusal) else str(numbers[0])


def triple(value: Value) -> Text:
    """A three-dimensional spatial size."""
    numbers = spatial(value, 3)
    return numbers if isinstance(numbers, Refusal) else tuple_text(numbers)


def dim_text(dim: Dim) -> Text:
    """Source of a length: its text, else its size."""
    if dim.text is not None:
        return dim.text
    return Refusal("a size is only known at run time") if dim.size is None else str(dim.size)


def size_of(x: Value, axis: Value) -> Text:
    """Length of one axis as source."""
    at = literal(axis)
    if x.shape is None or not isinstance(at, int) or not -len(x.shape) <= at < len(x.shape):
        return Refusal("the shape is unknown")
    return dim_text(x.shape[at])


def last(x: Value) -> Text:
    """Length of the last axis: channels of an image, features of a matrix."""
    if not x.shape:
        return Refusal("the number of channels is unknown")
    return dim_text(x.shape[-1])


def torch_dtype(value: Value) -> Text:
    """`torch.float32` of a dtype argument, or of a tensor's own dtype."""
    name = literal(value) if value.kind == "dtype" or not value.is_tensor else value.dtype
    if isinstance(name, str):
        name = name.removesuffix("_ref")
        if name in TORCH_DTYPES:
            return f"torch.{TORCH_DTYPES[name]}"
    return Refusal("the dtype is unknown or has no counterpart in torch")


def default_dtype(name: str) -> str:
    """Torch's spelling of a dtype where the width of integers does not matter."""
    return "torch.int64" if name == "int32" else f"torch.{TORCH_DTYPES.get(name, name)}"


def constant_dtype(value: Value) -> Text:
    """Torch dtype that TensorFlow gives a Python constant: 1.0 -> torch.float32."""
    name = literal_dtype(literal(value))
    if name is None or name not in TORCH_DTYPES:
        return Refusal("the dtype is unknown")
    return f"torch.{TORCH_DTYPES[name]}"


def same_pad(
    inputs: Value, kernel: Value, strides: Value, dilation: Value, rank: Value | None = None
) -> Text:
    """Padding of SAME as `F.pad` takes it, last axis first: `(0, 1, 1, 1)`."""
    pads = same_padding(inputs, kernel, strides, dilation, _count(rank))
    if isinstance(pads, Refusal):
        return pads
    flat = [str(n) for before, after in reversed(pads) for n in (before, after)]
    return "(" + ", ".join(flat) + ")"


def _count(rank: Value | None) -> int:
    """How many spatial axes there are: those of an image unless a rule says otherwise."""
    known = literal(rank) if rank is not None else None
    return known if isinstance(known, int) else 2


def same_padding(
    inputs: Value, kernel: Value, strides: Value, dilation: Value, rank: int = 2
) -> tuple[tuple[int, int], ...] | Refusal:
    """(before, after) of each spatial axis under TF's SAME."""
    window, step = spatial(kernel, rank), spatial(strides, rank)
    rate = spatial(dilation, rank)
    for numbers in (window, step, rate):
        if isinstance(numbers, Refusal):
            return numbers
    assert not isinstance(window, Refusal)
    assert not isinstance(step, Refusal)
    assert not isinstance(rate, Refusal)
    pads = []
    for i in range(rank):
        reach = (window[i] - 1) * rate[i]
        if step[i] == 1:
            total = reach
        else:
            size = inputs.shape[i + 1].size if inputs.shape and len(inputs.shape) > i + 1 else None
            if size is None:
                return Refusal("the image size that SAME padding depends on is unknown")
            total = max((-(-size // step[i]) - 1) * step[i] + reach + 1 - size, 0)
        pads.append((total // 2, total - total // 2))
    return tuple(pads)


def even_pad(
    inputs: Value, kernel: Value, strides: Value, dilation: Value, rank: Value | None = None
) -> Text:
    """SAME padding as one number an axis, refused where before and after differ."""
    pads = same_padding(inputs, kernel, strides, dilation, _count(rank))
    if isinstance(pads, Refusal):
        return pads
    if any(before != after for before, after in pads):
        return Refusal("SAME pads more on one side here")
    return tuple_text(tuple(before for before, _ in pads))


def dims_text(value: Value) -> Text:
    """Axis numbers as torch takes them: `0`, `(0, 1)`."""
    known = literal(value)
    if isinstance(known, int) and not isinstance(known, bool):
        return str(known)
    if isinstance(known, tuple) and known and all(isinstance(i, int) for i in known):
        return str(known[0]) if len(known) == 1 else "(" + ", ".join(map(str, known)) + ")"
    return Refusal("the axes are not known")


def numbers(value: Value) -> Text:
    """A known sequence without its brackets cannot be; with them: `(2, 3, 4)`."""
    known = ints(value)
    if isinstance(known, Refusal):
        return known
    return f"({known[0]},)" if len(known) == 1 else "(" + ", ".join(map(str, known)) + ")"


def torch_pad(paddings: Value) -> Text:
    """`[[0, 0], [1, 2]]` as `F.pad` takes it, last axis first: `(1, 2)`; untouched axes dropped."""
    known = literal(paddings)
    if not isinstance(known, tuple) or not known:
        return Refusal("the paddings are not literal")
    pairs = [p for p in known if isinstance(p, tuple) and len(p) == 2]
    if len(pairs) != len(known) or not all(isinstance(n, int) for p in pairs for n in p):
        return Refusal("the paddings are not literal")
    while len(pairs) > 1 and pairs[0] == (0, 0):
        pairs.pop(0)
    return "(" + ", ".join(str(n) for p in reversed(pairs) for n in p) + ")"


def literal_text(value: Value) -> Text:
    """A known constant as source."""
    known = literal(value)
    return Refusal("not a literal") if known is UNKNOWN else repr(known)


def slices(begin: Value, size: Value) -> Text:
    """Index of tf.slice: begin [0, 1], size [2, -1] -> `:2, 1:`."""
    first, count = literal(begin), literal(size)
    if not (isinstance(first, tuple) and isinstance(count, tuple) and len(first) == len(count)):
        return Refusal("begin or size of the slice is not literal")
    if not all(isinstance(n, int) for n in first + count):
        return Refusal("begin or size of the slice is not literal")
    parts = []
    for start, length in zip(first, count, strict=True):
        stop = "" if length == -1 else str(start + length)
        parts.append(f"{start or ''}:{stop}")
    while len(parts) > 1 and parts[-1] == ":":
        parts.pop()
    return "slice_[" + ", ".join(parts) + "]"


FUNCTIONS: Final[Mapping[str, Callable[..., Text | None]]] = {
    "same_pad": same_pad,
    "even_pad": even_pad,
    "pair": pair,
    "single": single,
    "triple": triple,
    "channels": last,
    "features": last,
    "last": last,
    "size": size_of,
    "torch_dtype": torch_dtype,
    "constant_dtype": constant_dtype,
    "axes": dims_text,
    "numbers": numbers,
    "torch_pad": torch_pad,
    "text": literal_text,
    **WINDOW_FUNCTIONS,
    **DTYPE_FUNCTIONS,
}
