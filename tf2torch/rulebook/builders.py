"""Functions that templates may call to build text from the user's own expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import libcst as cst

from tf2torch.cst.precedence import ATOM, COMPARISON, precedence
from tf2torch.rulebook.dtype_text import BUILDERS as DTYPE_BUILDERS
from tf2torch.rulebook.model import Refusal
from tf2torch.rulebook.parts import Part, code
from tf2torch.rulebook.values import UNKNOWN
from tf2torch.rulebook.words import literal

Text = str | Refusal | None
_SUM: Final = COMPARISON + 6


def display(part: Part) -> list[cst.BaseExpression] | None:
    """The items of a list or tuple that is written out, None of anything else."""
    return None if part.node is None else _display(part.node)


def _display(node: cst.BaseExpression) -> list[cst.BaseExpression] | None:
    if not isinstance(node, (cst.List, cst.Tuple)):
        return None
    if any(isinstance(element, cst.StarredElement) for element in node.elements):
        return None
    return [element.value for element in node.elements]


def _int(node: cst.BaseExpression) -> int | None:
    try:
        return int(code(node).replace(" ", ""))
    except ValueError:
        return None


def _tight(node: cst.BaseExpression, level: int = ATOM) -> str:
    """Source, in parentheses if it holds together less tightly than `level`."""
    text = code(node)
    return text if precedence(node) >= level else f"({text})"


def sizes(shape: Part) -> Text:
    """A shape, permutation or list of multiples as arguments: ``[2, 3]`` -> ``2, 3``."""
    if isinstance(shape.node, (cst.List, cst.Tuple)):
        elements = shape.node.elements
        items = [code(e.with_changes(comma=cst.MaybeSentinel.DEFAULT)) for e in elements]
        return ", ".join(items) or "()"
    return size_tuple(shape)


def arguments(items: Part) -> Text:
    """The arguments of a `*args` parameter, as the user wrote them."""
    if isinstance(items.node, cst.List):
        return sizes(items) if items.node.elements else ""
    return Refusal("no arguments") if items.node is None else f"*{_tight(items.node)}"


def size_tuple(shape: Part) -> Text:
    """A shape as one argument: ``[2, 3]`` -> ``(2, 3)``; a tensor becomes a list."""
    if shape.node is None:
        return Refusal("the shape is not given")
    if shape.value.is_tensor and not shape.value.host:
        return f"{_tight(shape.node)}.tolist()"
    items = display(shape)
    if items is None:
        return code(shape.node)
    return _tuple([code(item) for item in items])


def _tuple(items: Sequence[str]) -> str:
    return f"({items[0]},)" if len(items) == 1 else "(" + ", ".join(items) + ")"


def one_or_tuple(axis: Part) -> Text:
    """Axes as torch takes them: ``[1]`` -> ``1``, ``[1, 3]`` -> ``(1, 3)``; None if not given."""
    if axis.node is None:
        return None
    items = display(axis)
    if items is None:
        return code(axis.node)
    return code(items[0]) if len(items) == 1 else _tuple([code(item) for item in items])


def flipped_axes(axis: Part) -> Text:
    """Axes to flip as arguments, from their numbers or, before 1.0, one bool an axis."""
    items = display(axis)
    known = literal(axis.value)
    if isinstance(known, tuple) and known and all(isinstance(item, bool) for item in known):
        return ", ".join(str(i) for i, flag in enumerate(known) if flag) or "()"
    return sizes(axis) if items else Refusal("the axes are not written out")


def joined(values: Part) -> Text:
    """Host lists one after the other: ``[shape[:1], [-1]]`` -> ``[*shape[:1], -1]``."""
    items = display(values)
    if items is None:
        return Refusal("the lists to join are not written out")
    parts: list[str] = []
    for item in items:
        inner = _display(item)
        parts += [f"*{_tight(item)}"] if inner is None else [code(node) for node in inner]
    return "[" + ", ".join(parts) + "]"


def added(items: Part) -> Text:
    """The sum of a list that is written out: ``[a, b]`` -> ``a + b``."""
    found = display(items)
    if not found:
        return Refusal("the list is not written out")
    return " + ".join(_tight(item, _SUM - 1 if i == 0 else _SUM) for i, item in enumerate(found))


def split_sizes(whole: Part, parts: Part, axis: Part) -> Text:
    """The sizes of tf.split, -1 worked out where the length of the axis is known."""
    if parts.node is None:
        return Refusal("the sizes are not given")
    items = display(parts)
    numbers = literal(parts.value)
    if items is None:
        unsafe = not isinstance(numbers, tuple) or -1 in numbers
        return Refusal("the sizes may hold -1") if unsafe else code(parts.node)
    if all(_int(item) != -1 for item in items):
        return code(parts.node)
    at = literal(axis.value)
    shape = whole.value.shape
    if shape is None or not isinstance(at, int) or not -len(shape) <= at < len(shape):
        return Refusal("the length to be split is unknown")
    known = [n for item in items if (n := _int(item)) is not None]
    if shape[at].size is None or len(known) != len(items):
        return Refusal("the length to be split is unknown")
    rest = (shape[at].size or 0) - sum(n for n in known if n != -1)
    return "[" + ", ".join(str(rest if n == -1 else n) for n in known) + "]"


def _pairs(paddings: Part) -> list[tuple[str, str]] | None:
    """(before, after) for each axis as source, None if they are not written out."""
    rows = display(paddings)
    if rows is None:
        known = literal(paddings.value)
        if not isinstance(known, tuple) or not all(isinstance(row, tuple) for row in known):
            return None
        return [(str(row[0]), str(row[1])) for row in known if len(row) == 2]
    pairs = []
    for row in rows:
        items = _display(row)
        if items is None or len(items) != 2:
            return None
        pairs.append((code(items[0]), code(items[1])))
    return pairs


def _reversed(pairs: Sequence[tuple[str, str]]) -> str:
    return "(" + ", ".join(text for pair in reversed(pairs) for text in pair) + ")"


def pad_list(paddings: Part) -> Text:
    """Paddings as `F.pad` takes them, last axis first: ``[[0, 0], [1, 2]]`` -> ``(1, 2)``."""
    pairs = _pairs(paddings)
    if not pairs:
        return Refusal("the paddings are not written out")
    while len(pairs) > 1 and pairs[0] == ("0", "0"):
        pairs.pop(0)
    return _reversed(pairs)


def reflect_list(x: Part, paddings: Part) -> Text:
    """Like `pad_list`, with as many axes as F.pad's reflect mode wants."""
    pairs, rank = _pairs(paddings), x.value.rank
    if not pairs or rank is None or len(pairs) != rank:
        return Refusal("the rank or the paddings are not known")
    first = next((i for i, pair in enumerate(pairs) if pair != ("0", "0")), rank - 1)
    if first == 0 or rank > 5 or (rank == 5 and first < 2):
        return Refusal("F.pad does not reflect these axes")
    return _reversed(pairs[min(first, 2) if rank > 2 else 1 :])


def _image_pairs(paddings: Part) -> list[tuple[str, str]] | None:
    """Pairs of the spatial axes of an image, None unless only those are padded."""
    pairs = _pairs(paddings)
    if pairs is None or len(pairs) != 4 or pairs[0] != ("0", "0") or pairs[3] != ("0", "0"):
        return None
    return pairs[1:3] if ("0", "0") not in pairs[1:3] else None


def image_pads(paddings: Part) -> Text:
    """Paddings of height and width of an image as `F.pad` takes them, width first."""
    pairs = _image_pairs(paddings)
    return Refusal("not the paddings of an image") if pairs is None else _reversed(pairs)


def image_paddings(paddings: Part) -> Text:
    """Paddings of an image with its channels first, one pair an axis."""
    pairs = _image_pairs(paddings)
    if pairs is None:
        return Refusal("not the paddings of an image")
    rows = [("0", "0"), ("0", "0"), *pairs]
    return "[" + ", ".join(f"[{before}, {after}]" for before, after in rows) + "]"


def cut(begin: Part, size: Part) -> Text:
    """Index of tf.slice: begin ``[0, i]``, size ``[-1, 2]`` -> ``:, i:i + 2``."""
    starts, lengths = display(begin), display(size)
    if not starts or lengths is None or len(starts) != len(lengths):
        return Refusal("begin or size of the slice is not written out")
    parts = [_slice(start, length) for start, length in zip(starts, lengths, strict=True)]
    while len(parts) > 1 and parts[-1] == ":":
        parts.pop()
    return ", ".join(parts)


def _slice(start: cst.BaseExpression, length: cst.BaseExpression) -> str:
    first, count = _int(start), _int(length)
    lower = "" if first == 0 else code(start)
    if count == -1:
        return f"{lower}:"
    if first is not None and count is not None:
        return f"{lower}:{first + count}"
    if first == 0:
        return f":{code(length)}"
    return f"{lower}:{_tight(start, _SUM - 1)} + {_tight(length, _SUM)}"


def contracted(axes: Part) -> Text:
    """Axes of tf.tensordot; a pair of numbers becomes a pair of lists."""
    if axes.node is None:
        return Refusal("the axes are not given")
    items = display(axes)
    if items is None or all(_display(item) is not None for item in items):
        return code(axes.node) if literal(axes.value) is not UNKNOWN else Refusal("axes unknown")
    if len(items) == 2 and all(_int(item) is not None for item in items):
        return f"([{code(items[0])}], [{code(items[1])}])"
    return Refusal("the axes are not known")


def first(items: Part) -> Text:
    """The first item of a list that is written out."""
    found = display(items)
    return code(found[0]) if found else Refusal("the list is not written out")


#: What a template may call, by name.
BUILDERS: Final[Mapping[str, Callable[..., Text]]] = {
    **{f.__name__: f for f in (sizes, arguments, size_tuple, one_or_tuple, flipped_axes, joined)},
    **DTYPE_BUILDERS,
    **{
        f.__name__: f
        for f in (
            image_pads,
            image_paddings,
            added,
            split_sizes,
            pad_list,
            reflect_list,
            cut,
            contracted,
            first,
        )
    },
}
