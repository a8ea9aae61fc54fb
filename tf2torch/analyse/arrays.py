"""Dtypes and shapes of numpy arrays that programs make: data sets and constants take them over."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import libcst as cst

from tf2torch.analyse import joined_arrays, tensors
from tf2torch.analyse.state import State
from tf2torch.rulebook.apply import Argument
from tf2torch.rulebook.values import UNKNOWN, Dim, Shape, Value

Handler = Callable[[list[Argument]], Value]
UNKNOWN_ARRAY = Value("python")
_FLOAT = "float64"
_DTYPES = frozenset(
    "float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool".split()
)


def array(dtype: str | None, shape: Shape | None) -> Value:
    """A host array; without a known rank it is any host value."""
    return Value("python", dtype=dtype, shape=shape) if shape is not None else UNKNOWN_ARRAY


def is_array(value: Value) -> bool:
    return value.kind == "python" and value.shape is not None


def find(arguments: Sequence[Argument], position: int | None, *names: str) -> Value | None:
    free = [a for a in arguments if a.keyword is None]
    if position is not None and position < len(free):
        return free[position].value
    return next((a.value for a in arguments if a.keyword in names), None)


def dtype_of(value: Value | None, default: str | None) -> str | None:
    """Dtype that an argument names: ``np.float32``, ``"int32"``, ``float``."""
    if value is None or value.literal is None:
        return default
    if isinstance(value.literal, str):
        return value.literal if value.literal in _DTYPES else None
    if value.kind == "builtin":
        return {"float": "float64", "int": "int64", "bool": "bool"}.get(value.detail)
    last = value.detail.rpartition(".")[2] if isinstance(value.detail, str) else ""
    return last if last in _DTYPES else None


def call(name: str, arguments: list[Argument]) -> Value | None:
    """The array that a numpy function gives; None if the function is not known here."""
    if any(a.star for a in arguments):
        return None
    handler = _FUNCTIONS.get(name.removeprefix("numpy.").removeprefix("np."))
    return None if handler is None else handler(arguments)


# -- making arrays -------------------------------------------------------------------------------


def _filled(arguments: list[Argument]) -> Value:
    shape = tensors.shape_from(find(arguments, 0, "shape"))
    return array(dtype_of(find(arguments, 1, "dtype"), _FLOAT), shape)


def _full(arguments: list[Argument]) -> Value:
    shape, given = tensors.shape_from(find(arguments, 0, "shape")), find(arguments, 2, "dtype")
    value = find(arguments, 1, "fill_value")
    default = None if value is None else _host(value).dtype
    return array(dtype_of(given, default), shape)


def _randn(arguments: list[Argument]) -> Value:
    return array(_FLOAT, tuple(tensors.dim_from(a.value) for a in arguments))


def _sized(position: int, dtype: str = _FLOAT) -> Handler:
    def handler(arguments: list[Argument]) -> Value:
        given = find(arguments, position, "size")
        if given is None or given.literal is None:  # as many as there are parameters
            shapes = [_host(a.value).shape for a in arguments if a.keyword != "size"]
            return array(dtype, _together(shapes))
        return array(dtype, tensors.shape_from(given))

    return handler


def _together(shapes: Sequence[Shape | None]) -> Shape | None:
    """The shape of parameters together; None for plain numbers."""
    merged: Shape | None = ()
    for shape in shapes:
        merged = tensors.broadcast(merged, shape)
    return merged or None


def _eye(arguments: list[Argument]) -> Value:
    rows = find(arguments, 0, "N")
    columns = find(arguments, 1, "M") or rows
    if rows is None or columns is None:
        return UNKNOWN_ARRAY
    shape = (tensors.dim_from(rows), tensors.dim_from(columns))
    return array(dtype_of(find(arguments, 3, "dtype"), _FLOAT), shape)


def _linspace(arguments: list[Argument]) -> Value:
    count = find(arguments, 2, "num")
    return array(_FLOAT, (Dim(50) if count is None else tensors.dim_from(count),))


def _arange(arguments: list[Argument]) -> Value:
    numbers = [a.value.literal for a in arguments if a.keyword is None]
    if not numbers or not all(isinstance(n, int) for n in numbers):
        return UNKNOWN_ARRAY
    dtype = dtype_of(find(arguments, None, "dtype"), "int64")
    return array(dtype, (Dim(len(range(*numbers))),))


def _array(arguments: list[Argument]) -> Value:
    given = find(arguments, 0, "object", "a")
    if given is None:
        return UNKNOWN_ARRAY
    known = _host(given)
    return array(dtype_of(find(arguments, 1, "dtype"), known.dtype), known.shape)


def _host(value: Value) -> Value:
    """Dtype and shape of what numpy makes of a host value."""
    if is_array(value):
        return value
    literal = value.literal
    if value.kind == "sequence" and literal is UNKNOWN and value.detail:
        rows = [_host(item) for item in value.detail]
        if any(row.shape is None or row.shape != rows[0].shape for row in rows):
            return UNKNOWN_ARRAY
        dtypes = {row.dtype for row in rows}
        dtype = rows[0].dtype if len(dtypes) == 1 else _FLOAT if _FLOAT in dtypes else None
        return array(dtype, (Dim(len(rows)), *(rows[0].shape or ())))
    shape: list[Dim] = []
    while isinstance(literal, tuple) and literal:
        if (
            any(isinstance(item, tuple) for item in literal)
            and len({_length(i) for i in literal}) != 1
        ):
            return UNKNOWN_ARRAY
        shape.append(Dim(len(literal)))
        literal = literal[0]
    kinds = {bool: "bool", int: "int64", float: "float64"}
    dtype = kinds.get(type(literal))
    if dtype == "int64" and _has_float(value.literal):
        dtype = "float64"
    return array(dtype, tuple(shape)) if dtype is not None else UNKNOWN_ARRAY


def _length(item: object) -> int:
    return len(item) if isinstance(item, tuple) else -1


def _has_float(literal: object) -> bool:
    if isinstance(literal, tuple):
        return any(_has_float(item) for item in literal)
    return isinstance(literal, float)


# -- computing with arrays -----------------------------------------------------------------------


def _same(arguments: list[Argument]) -> Value:
    given = find(arguments, 0, "x", "a")
    return UNKNOWN_ARRAY if given is None else array(_as_float(given.dtype), given.shape)


def _kept(arguments: list[Argument]) -> Value:
    given = find(arguments, 0, "x", "a")
    return UNKNOWN_ARRAY if given is None else array(given.dtype, given.shape)


def _as_float(dtype: str | None) -> str | None:
    return _FLOAT if dtype is None or dtype.startswith(("int", "uint", "bool")) else dtype


def _binary(arguments: list[Argument]) -> Value:
    values = [a.value for a in arguments if a.keyword is None]
    found = operate(values[0], values[1]) if len(values) == 2 else None
    return UNKNOWN_ARRAY if found is None else found


def _reshape(arguments: list[Argument]) -> Value:
    given, shape = find(arguments, 0, "a"), find(arguments, 1, "newshape", "shape")
    return UNKNOWN_ARRAY if given is None else array(given.dtype, tensors.shape_from(shape))


def _reduced(arguments: list[Argument]) -> Value:
    given, axis = find(arguments, 0, "a"), find(arguments, 1, "axis")
    keepdims = find(arguments, None, "keepdims")
    kept = False if keepdims is None else keepdims.literal
    if given is None or given.shape is None or not isinstance(kept, bool):
        return UNKNOWN_ARRAY
    number = None if axis is None else axis.literal
    if not isinstance(number, int) or not -len(given.shape) <= number < len(given.shape):
        return UNKNOWN_ARRAY
    dims = list(given.shape)
    dims[number : number + 1 or None] = [Dim(1)] if kept else []
    return array(given.dtype, tuple(dims))


def _expanded(arguments: list[Argument]) -> Value:
    given, axis = find(arguments, 0, "a"), find(arguments, 1, "axis")
    if given is None or given.shape is None or axis is None or not isinstance(axis.literal, int):
        return UNKNOWN_ARRAY
    dims = list(given.shape)
    at = axis.literal if axis.literal >= 0 else axis.literal + len(dims) + 1
    dims.insert(at, Dim(1))
    return array(given.dtype, tuple(dims))


def _cast(dtype: str) -> Handler:
    def handler(arguments: list[Argument]) -> Value:
        given = find(arguments, 0)
        return UNKNOWN_ARRAY if given is None else array(dtype, _host(given).shape)

    return handler


_FUNCTIONS: dict[str, Handler] = {
    **joined_arrays.FUNCTIONS,
    **dict.fromkeys(("zeros", "ones", "empty"), _filled),
    **dict.fromkeys(("zeros_like", "ones_like", "sort", "abs", "square", "flip"), _kept),
    **dict.fromkeys(("sqrt", "exp", "log", "sin", "cos", "tan", "tanh", "log1p", "expm1"), _same),
    **dict.fromkeys(("array", "asarray", "asfarray", "ascontiguousarray"), _array),
    **dict.fromkeys(("sum", "mean", "max", "min", "std", "prod", "amax", "amin"), _reduced),
    **{name: _cast(name) for name in _DTYPES if name != "bool"},
    **dict.fromkeys(("power", "add", "subtract", "multiply", "maximum", "minimum"), _binary),
    "full": _full,
    "eye": _eye,
    "linspace": _linspace,
    "arange": _arange,
    "reshape": _reshape,
    "expand_dims": _expanded,
    **dict.fromkeys(("random.randn", "random.rand"), _randn),
    **dict.fromkeys(("random.normal", "random.uniform"), _sized(2)),
    "random.randint": _sized(2, "int64"),
    **dict.fromkeys(("random.random", "random.random_sample"), _sized(0)),
    "random.binomial": _sized(2, "int64"),
    "random.RandomState": lambda arguments: Value("python", detail="numpy.random"),
    "random.default_rng": lambda arguments: Value("python", detail="numpy.random.rng"),
}


# -- methods and operators -----------------------------------------------------------------------


def method(owner: Value, name: str, arguments: list[Argument]) -> Value:
    """A method of an array."""
    if name == "astype":
        return array(dtype_of(find(arguments, 0, "dtype"), None), owner.shape)
    if name == "copy":
        return owner
    if name == "reshape":
        given = [a.value for a in arguments if a.keyword is None]
        if len(given) == 1 and given[0].kind == "sequence":
            return array(owner.dtype, tensors.shape_from(given[0]))
        return array(owner.dtype, tuple(tensors.dim_from(value) for value in given))
    reduces = name in ("sum", "mean", "max", "min", "std", "prod")
    handler = _FUNCTIONS.get(name) if reduces else joined_arrays.METHODS.get(name)
    if name == "transpose":
        axes = [Argument(a.node, a.value) for a in arguments]
        if len(axes) > 1:
            return UNKNOWN_ARRAY
        handler = _FUNCTIONS["transpose"]
    if handler is not None:
        return handler([Argument(cst.Name("a"), owner), *arguments])
    return UNKNOWN_ARRAY


def attribute(owner: Value, name: str) -> Value:
    """An attribute of an array; methods are bound to it."""
    if name == "shape" and owner.shape is not None:
        dims = [
            Dim(None, f"{owner.text}.shape[{axis}]")
            if dim.size is None and dim.text is None and owner.text
            else dim
            for axis, dim in enumerate(owner.shape)
        ]
        return Value("sequence", detail=tuple(tensors.int_value(dim) for dim in dims))
    if name == "T" and owner.shape is not None:
        return array(owner.dtype, tuple(reversed(owner.shape)))
    if name in ("size", "ndim", "dtype", "nbytes"):
        return Value("python")
    return Value("method", detail=(owner, name))


def operate(left: Value, right: Value, *, division: bool = False) -> Value | None:
    """``left + right`` where one is an array; None if none is."""
    if not is_array(left) and not is_array(right):
        return None
    one, other = (_operand(value) for value in (left, right))
    if one.shape is None or other.shape is None:
        return UNKNOWN_ARRAY
    dtype = _common(left, right)
    return array(_as_float(dtype) if division else dtype, tensors.broadcast(one.shape, other.shape))


def _operand(value: Value) -> Value:
    if is_array(value):
        return value
    if isinstance(value.literal, (int, float)):
        return array(None, ())
    return _host(value)


def _common(left: Value, right: Value) -> str | None:
    """Dtype of an operation: a Python number takes the array's, a float makes integers float."""
    arrays = [value for value in (left, right) if is_array(value)]
    if len(arrays) == 2:
        dtypes = [value.dtype for value in arrays]
        return dtypes[0] if dtypes[0] == dtypes[1] else None
    other = right if arrays[0] is left else left
    if isinstance(other.literal, float):
        return _as_float(arrays[0].dtype)
    return arrays[0].dtype if isinstance(other.literal, int) else None


def subscript(state: State, owner: Value, node: cst.Subscript) -> Value:
    """``x[:, 0]``; an index that is an array or not known makes the shape unknown."""
    for element in node.slice:
        if isinstance(element.slice, cst.Index):
            value = state.values.get(element.slice.value)
            plain = isinstance(element.slice.value, cst.Ellipsis)
            if not plain and (value is None or not _is_index(value)):
                return UNKNOWN_ARRAY
    found = tensors.subscript(state, owner, node)
    return array(owner.dtype, found.shape)


def _is_index(value: Value) -> bool:
    return value.literal is None or (
        isinstance(value.literal, int) and value.literal is not UNKNOWN
    )
