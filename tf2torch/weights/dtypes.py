"""TensorFlow's numbers of data types, and the numpy types that hold the same bits."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

#: Types whose elements have no fixed size.
STRING, RESOURCE, VARIANT = 7, 20, 21

#: Number in the files -> TensorFlow's name, name of the numpy type ("" for none).
_TYPES: dict[int, tuple[str, str]] = {
    1: ("float32", "float32"),
    2: ("float64", "float64"),
    3: ("int32", "int32"),
    4: ("uint8", "uint8"),
    5: ("int16", "int16"),
    6: ("int8", "int8"),
    7: ("string", ""),
    8: ("complex64", "complex64"),
    9: ("int64", "int64"),
    10: ("bool", "bool"),
    11: ("qint8", "int8"),
    12: ("quint8", "uint8"),
    13: ("qint32", "int32"),
    14: ("bfloat16", "bfloat16"),
    15: ("qint16", "int16"),
    16: ("quint16", "uint16"),
    17: ("uint16", "uint16"),
    18: ("complex128", "complex128"),
    19: ("float16", "float16"),
    20: ("resource", ""),
    21: ("variant", ""),
    22: ("uint32", "uint32"),
    23: ("uint64", "uint64"),
    24: ("float8_e5m2", "float8_e5m2"),
    25: ("float8_e4m3fn", "float8_e4m3fn"),
    26: ("float8_e4m3fnuz", "float8_e4m3fnuz"),
    27: ("float8_e4m3b11fnuz", "float8_e4m3b11fnuz"),
    28: ("float8_e5m2fnuz", "float8_e5m2fnuz"),
    29: ("int4", "int4"),
    30: ("uint4", "uint4"),
    31: ("int2", "int2"),
    32: ("uint2", "uint2"),
}


def _numpy(name: str) -> Any:
    if not name:
        return None
    return np.dtype(getattr(ml_dtypes, name, None) or name)


NAMES = {number: name for number, (name, _) in _TYPES.items()}
NUMPY: dict[int, np.dtype[Any] | None] = {}
for _number, (_, _name) in _TYPES.items():
    try:
        NUMPY[_number] = _numpy(_name)
    except TypeError:  # an older ml_dtypes lacks the narrowest types
        NUMPY[_number] = None
#: The number that a numpy type is written with.
NUMBERS: dict[str, int] = {
    name: number for number, (tf, name) in _TYPES.items() if name and tf == name
}

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


def is_float(dtype: np.dtype[Any]) -> bool:
    """Whether a type holds real floating-point numbers; numpy calls the added ones kind V."""
    return dtype.kind == "f" or dtype.name.startswith(("bfloat", "float"))
