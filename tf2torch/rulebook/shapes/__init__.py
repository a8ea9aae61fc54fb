"""Shape functions: what the result of an operation is, by TensorFlow's rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tf2torch.rulebook.shapes import arrays, axes, core, image, losses
from tf2torch.rulebook.shapes.common import Result

#: Name -> function, as the `result` of a rule may call them.
SHAPES: Final[Mapping[str, Callable[..., Result]]] = {
    **core.SHAPES,
    **axes.SHAPES,
    **image.SHAPES,
    **losses.SHAPES,
    **arrays.SHAPES,
}
