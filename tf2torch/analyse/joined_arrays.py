"""Shapes of numpy arrays that are made by joining, moving and comparing others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tf2torch.analyse import tensors
from tf2torch.rulebook.apply import Argument
from tf2torch.rulebook.values import Dim, Shape, Value

UNKNOWN_ARRAY = Value("python")
Handler = Callable[[list[Argument]], Value]


def _array(dtype: str | None, shape: Shape | None) -> Value:
    return UNKNOWN_ARRAY if shape is None else Value("python", dtype=dtype, shape=shape)


def _find(arguments: Sequence[Argument], position: int, *names: str) -> Value | None:
    free = [a for a in arguments if a.keyword is None]
    if position < len(free):
        return free[position].value
    return next((a.value for a in arguments if a.keyword in names), None)


def _members(arguments: Sequence[Argument]) -> list[Value] | None:
    """The arrays in the first argument, if all of their shapes are known."""
    given = _find(arguments, 0, "arrays", "tup")
    if given is None or given.kind != "sequence" or not given.detail:
        return None
    found = [item if item.shape is not None else _number(item) for item in given.detail]
    return None if any(item.shape is None for item in found) else found


def _number(value: Value) -> Value:
    dtypes = {bool: "bool", int: "int64", float: "float64"}
    dtype = dtypes.get(type(value.literal))
    return value if dtype is None else Value("python", dtype=dtype, shape=())


def _dtype(items: Sequence[Value]) -> str | None:
    found = {item.dtype for item in items}
    return found.pop() if len(found) == 1 else None


def _axis(arguments: Sequence[Argument], position: int, default: int) -> int | None:
    given = _find(arguments, position, "axis")
    number = default if given is None else given.literal
    return number if isinstance(number, int) else None


def _joined(items: Sequence[Value], axis: int) -> Value:
    shapes = [item.shape or () for item in items]
    rank = len(shapes[0])
    if any(len(shape) != rank for shape in shapes) or not -rank <= axis < rank:
        return UNKNOWN_ARRAY
    axis %= rank
    sizes = [shape[axis].size for shape in shapes]
    total = sum(size for size in sizes if size is not None) if None not in sizes else None
    dims = [_same(shape[at] for shape in shapes) for at in range(rank)]
    dims[axis] = Dim(total)
    return _array(_dtype(items), tuple(dims))


def _same(dims: Iterable[Dim]) -> Dim:
    """Lengths that must be equal for the program to run: the one that says most."""
    known = list(dims)
    return next((d for d in known if d.size is not None), known[0])


def _concatenate(arguments: list[Argument]) -> Value:
    items, axis = _members(arguments), _axis(arguments, 1, 0)
    return UNKNOWN_ARRAY if items is None or axis is None else _joined(items, axis)


def _stack(arguments: list[Argument]) -> Value:
    items, axis = _members(arguments), _axis(arguments, 1, 0)
    if items is None or axis is None or len({len(i.shape or ()) for i in items}) != 1:
        return UNKNOWN_ARRAY
    rank = len(items[0].shape or ())
    if not -rank - 1 <= axis <= rank:
        return UNKNOWN_ARRAY
    dims = [_same((item.shape or ())[at] for item in items) for at in range(rank)]
    dims.insert(axis % (rank + 1), Dim(len(items)))
    return _array(_dtype(items), tuple(dims))


def _with_rank(item: Value, rank: int, *, columns: bool) -> Value:
    shape = item.shape or ()
    if len(shape) >= rank:
        return item
    shape = (*shape, Dim(1)) if columns and shape else (*([Dim(1)] * (rank - len(shape))), *shape)
    return Value("python", dtype=item.dtype, shape=shape)


def _vstack(arguments: list[Argument]) -> Value:
    items = _members(arguments)
    if items is None:
        return UNKNOWN_ARRAY
    return _joined([_with_rank(item, 2, columns=False) for item in items], 0)


def _hstack(arguments: list[Argument]) -> Value:
    items = _members(arguments)
    if items is None:
        return UNKNOWN_ARRAY
    wide = [_with_rank(item, 1, columns=False) for item in items]
    return _joined(wide, 0 if len(wide[0].shape or ()) == 1 else 1)


def _column_stack(arguments: list[Argument]) -> Value:
    items = _members(arguments)
    if items is None:
        return UNKNOWN_ARRAY
    return _joined([_with_rank(item, 2, columns=True) for item in items], 1)


def _transpose(arguments: list[Argument]) -> Value:
    given, axes = _find(arguments, 0, "a"), _find(arguments, 1, "axes")
    if given is None or given.shape is None:
        return UNKNOWN_ARRAY
    order = tuple(range(len(given.shape)))[::-1]
    if axes is not None and axes.literal is not None:
        if not isinstance(axes.literal, tuple) or sorted(axes.literal) != sorted(order):
            return UNKNOWN_ARRAY
        order = axes.literal
    return _array(given.dtype, tuple(given.shape[axis] for axis in order))


def _kept(arguments: list[Argument]) -> Value:
    given = _find(arguments, 0, "a", "x")
    if given is None or given.shape is None:
        return UNKNOWN_ARRAY
    return _array(given.dtype, given.shape)


def _permutation(arguments: list[Argument]) -> Value:
    given = _find(arguments, 0, "x")
    if given is None:
        return UNKNOWN_ARRAY
    if given.shape is not None:
        return _array(given.dtype, given.shape)
    if isinstance(given.literal, int) or given.dtype == "int32":
        return _array("int64", (tensors.dim_from(given),))
    return UNKNOWN_ARRAY


def _index_of_extreme(arguments: list[Argument]) -> Value:
    given, axis = _find(arguments, 0, "a"), _axis(arguments, 1, 99)
    shape = given.shape if given is not None else None
    if shape is None or axis is None or not -len(shape) <= axis < len(shape):
        return UNKNOWN_ARRAY
    dims = list(shape)
    del dims[axis]
    return _array("int64", tuple(dims)) if dims else UNKNOWN_ARRAY


def _squeeze(arguments: list[Argument]) -> Value:
    given, axis = _find(arguments, 0, "a"), _find(arguments, 1, "axis")
    if given is None or given.shape is None or any(d.size is None for d in given.shape):
        return UNKNOWN_ARRAY
    wanted = None if axis is None else axis.literal
    kept = [
        dim
        for at, dim in enumerate(given.shape)
        if dim.size != 1 or (wanted is not None and wanted not in (at, at - len(given.shape)))
    ]
    return _array(given.dtype, tuple(kept)) if kept else UNKNOWN_ARRAY


def _dot(arguments: list[Argument]) -> Value:
    one, other = _find(arguments, 0, "a"), _find(arguments, 1, "b")
    if one is None or other is None or one.shape is None or other.shape is None:
        return UNKNOWN_ARRAY
    if len(one.shape) == 2 and len(other.shape) in (1, 2):
        return _array(_dtype([one, other]), (one.shape[0], *other.shape[1:]))
    return UNKNOWN_ARRAY


def _ravel(arguments: list[Argument]) -> Value:
    given = _find(arguments, 0, "a")
    if given is None or given.shape is None:
        return UNKNOWN_ARRAY
    size: int | None = 1
    for dim in given.shape:
        size = None if size is None or dim.size is None else size * dim.size
    return _array(given.dtype, (Dim(size),))


FUNCTIONS: dict[str, Handler] = {
    "concatenate": _concatenate,
    "stack": _stack,
    "vstack": _vstack,
    "row_stack": _vstack,
    "hstack": _hstack,
    "column_stack": _column_stack,
    "transpose": _transpose,
    **dict.fromkeys(("clip", "copy", "roll", "fliplr", "flipud", "sign"), _kept),
    **dict.fromkeys(("round", "around", "nan_to_num"), _kept),
    "random.permutation": _permutation,
    **dict.fromkeys(("argmax", "argmin"), _index_of_extreme),
    "squeeze": _squeeze,
    **dict.fromkeys(("dot", "matmul"), _dot),
    "ravel": _ravel,
}

#: Methods of arrays that are functions of the array.
METHODS = {
    **{name: FUNCTIONS[name] for name in ("clip", "squeeze", "ravel", "dot", "round")},
    **{name: FUNCTIONS[name] for name in ("argmax", "argmin")},
    "flatten": _ravel,
}
