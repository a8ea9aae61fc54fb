"""Shape functions against what TensorFlow itself infers, and what the text keeps."""

from __future__ import annotations

import pytest

from tf2torch.rulebook.shapes import SHAPES
from tf2torch.rulebook.values import UNKNOWN, Dim, Value, constant, dims, tensor

X = tensor("float32", dims(None, 7, 7, 64))
NONE = constant(None)


def floats(*sizes: int | None) -> Value:
    """A float32 tensor of these sizes."""
    return tensor("float32", dims(*sizes))


def shape_text(value: object) -> str:
    assert isinstance(value, Value), value
    if value.kind == "sequence":
        return " ".join(shape_text(item) for item in value.detail)
    if value.shape is None:
        return "?"
    return "[" + ", ".join(map(str, value.shape)) + "]"


def host(*items: object) -> Value:
    """A list in the source: numbers, or names of numbers that are not known."""
    values = [
        Value("python", text=item) if isinstance(item, str) else constant(item) for item in items
    ]
    return Value("sequence", detail=tuple(values))


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("flatten", [X], "[?, 7 * 7 * 64]"),
        ("reshape", [X, constant((-1, 3136))], "[?, 3136]"),
        (
            "reshape",
            [floats(None, 784), constant((-1, 28, 28, 1))],
            "[?, 28, 28, 1]",
        ),
        ("reshape", [floats(4, 6), constant((2, -1))], "[2, 12]"),
        ("reshape", [X, host(-1, "n")], "[?, n]"),
        ("reshape", [tensor("float32", (Dim(None, "b"), Dim(5))), host("b", -1)], "[b, 5]"),
        ("reshape", [tensor("float32"), constant((-1, 2))], "[?, 2]"),
        ("reshape", [X, Value("python")], "?"),
        ("transpose", [X, constant((0, 3, 1, 2))], "[?, 64, 7, 7]"),
        ("transpose", [X, NONE], "[64, 7, 7, ?]"),
        ("transpose", [tensor("float32"), constant((1, 0))], "[?, ?]"),
        ("concat", [Value("sequence", detail=(X, X)), constant(3)], "[?, 7, 7, 128]"),
        ("concat", [Value("sequence", detail=(X, X)), constant(0)], "[?, 7, 7, 64]"),
        ("stack", [Value("sequence", detail=(X, X)), constant(0)], "[2, ?, 7, 7, 64]"),
        ("unstack", [floats(2, 3), NONE, constant(0)], "[3] [3]"),
        (
            "split",
            [floats(2, 6), constant(3), constant(1)],
            "[2, 2] [2, 2] [2, 2]",
        ),
        ("split", [floats(2, 6), constant((2, 4)), constant(1)], "[2, 2] [2, 4]"),
        ("expand_dims", [floats(2), constant(-1)], "[2, 1]"),
        ("squeeze", [floats(2, 1, 3), NONE], "[2, 3]"),
        ("squeeze", [floats(1, 1, 3), constant((0,))], "[1, 3]"),
        ("tile", [floats(2, 1), host(1, "n")], "[2, n]"),
        ("gather", [floats(9, 4), tensor("int32", dims(2, 3))], "[2, 3, 4]"),
        ("pad", [X, constant(((0, 0), (1, 1), (2, 0), (0, 0)))], "[?, 9, 9, 64]"),
        ("slice", [X, constant((0, 1, 0, 0)), constant((-1, 2, -1, 1))], "[?, 2, 7, 1]"),
        (
            "strided",
            [floats(9), constant((1,)), constant((8,)), constant((2,))],
            "[4]",
        ),
        ("top_k", [floats(2, 9), constant(3)], "[2, 3] [2, 3]"),
        ("reduce", [X, constant((1, 2)), constant(False)], "[?, 64]"),
        ("reduce", [X, constant(-1), constant(True)], "[?, 7, 7, 1]"),
        ("reduce", [X, NONE, NONE], "[]"),
        ("reduce", [X, Value("unknown"), constant(False)], "?"),
        ("argmax", [X, constant(3), NONE], "[?, 7, 7]"),
        (
            "one_hot",
            [tensor("int32", dims(None)), host("n").detail[0], NONE, NONE],
            "[?, n]",
        ),
        ("broadcast", [X, floats(64)], "[?, 7, 7, 64]"),
        ("broadcast", [X, constant(2.0)], "[?, 7, 7, 64]"),
        ("broadcast", [floats(None), floats(5)], "[5]"),
        ("broadcast", [tensor("float32"), constant(2.0)], "?"),
        ("matmul", [floats(None, 3), floats(3, 4)], "[?, 4]"),
        (
            "matmul",
            [
                floats(5, 3),
                floats(5, 4),
                constant(True),
                constant(False),
            ],
            "[3, 4]",
        ),
        ("dense", [floats(None, 3), Value("python", text="n")], "[?, n]"),
        ("fill", [constant((2, 3)), constant("float32")], "[2, 3]"),
        ("fill", [constant(2), constant("float32")], "[2]"),
        ("range", [constant(1), constant(8), constant(2), NONE], "[4]"),
        ("range", [constant(5), NONE, constant(1), NONE], "[5]"),
        ("scalar", [constant("float32")], "[]"),
        ("shape_of", [X], "[4]"),
        ("where", [tensor("bool", dims(2, 3)), NONE, NONE], "[?, 2]"),
    ],
)
def test_shape(name: str, arguments: list[Value], expected: str) -> None:
    assert shape_text(SHAPES[name](*arguments)) == expected


def test_dtypes() -> None:
    assert SHAPES["compare"](X, X) == tensor("bool", X.shape)
    assert SHAPES["cast"](X, Value("dtype", literal="int64")) == tensor("int64", X.shape)
    assert SHAPES["broadcast"](X, constant(2)).dtype == "float32"  # type: ignore[union-attr]
    assert SHAPES["broadcast"](constant(2), constant(2)).dtype == "int32"  # type: ignore[union-attr]
    assert SHAPES["broadcast"](Value("unknown"), constant(2)).dtype is None  # type: ignore[union-attr]


def test_products_keep_their_spelling() -> None:
    flat = SHAPES["flatten"](X)
    assert isinstance(flat, Value) and flat.shape is not None
    assert flat.shape[1] == Dim(3136, "7 * 7 * 64")


def test_static_shapes_are_host_lists() -> None:
    listed = SHAPES["static_shape"](X)
    assert isinstance(listed, Value) and listed.kind == "sequence"
    assert [item.literal for item in listed.detail] == [UNKNOWN, 7, 7, 64]


def test_nothing_raises_on_the_unknown() -> None:
    unknown = Value("unknown")
    for name, function in SHAPES.items():
        for count in range(9):
            try:
                result = function(*[unknown] * count)
            except TypeError as error:
                assert "argument" in str(error), (name, count, error)
                continue
            assert result is not None, name
