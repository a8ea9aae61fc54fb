"""Whether the two sides of a case's run agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from tf2torch.rulebook.cases import Conversion
from tf2torch.rulebook.model import Case
from tf2torch.rulebook.runs.common import Array, Run

#: Relative to the largest value of the array that is compared.
TOLERANCE: Final[Mapping[str, float]] = {"float64": 1e-10, "float32": 2e-5, "float16": 5e-3}


def differences(
    case: Case, found: Conversion, expected: Run, actual: Run, precision: str
) -> list[str]:
    expected.values = [_plain(value) for value in expected.values]
    actual.values = [_plain(value) for value in actual.values]
    if len(expected.values) == 1 and all(isinstance(v, int) for v in actual.values):
        actual.values = _as_vector(expected.values[0], actual.values)
    if len(expected.values) != len(actual.values):
        return [f"{len(expected.values)} results in TensorFlow, {len(actual.values)} in PyTorch"]
    problems = []
    if precision == "float64" and any(_is_float32(v) for v in expected.values):
        # TensorFlow itself went down to single precision: constants, tf.losses
        actual.values = [_narrowed(v) for v in actual.values]
        actual.gradients = {n: _narrowed(g) for n, g in actual.gradients.items()}
        expected.gradients = {n: _narrowed(g) for n, g in expected.gradients.items()}
    for i, (want, got) in enumerate(zip(expected.values, actual.values, strict=True)):
        label = "result" if len(expected.values) == 1 else f"result {i}"
        problems += _difference(label, want, got, case, found)
    if problems or case.compare != "values" or not expected.differentiable:
        return problems
    for name in sorted(expected.gradients.keys() | actual.gradients.keys()):
        known = expected.gradients.get(name)
        other = actual.gradients.get(name)
        known = np.zeros_like(other) if known is None else known
        other = np.zeros_like(known) if other is None else other
        problems += _difference(f"gradient of {name}", known, other, case, found)
    return problems


def _plain(value: Any) -> Any:
    """Dtypes by name, shapes as lists, text as text: values that each framework has its own of."""
    import torch

    if isinstance(value, torch.dtype):
        return {"int64": "int32"}.get(name := str(value).removeprefix("torch."), name)
    if type(value).__name__ == "DType":
        return {"int64": "int32"}.get(value.name, value.name)
    if isinstance(value, torch.Size):
        return list(value)
    return value.decode() if isinstance(value, bytes) else value


def _as_vector(want: Any, got: list[Any]) -> list[Any]:
    """The integers of a tuple as the vector that a shape is in TensorFlow."""
    if isinstance(want, np.ndarray) and want.ndim == 1 and want.dtype.kind == "i":
        return [np.array(got)]
    return [got] if isinstance(want, list) else got


def _is_float32(value: Any) -> bool:
    return getattr(value, "dtype", None) == np.float32


def _to_numpy(tensor: Any) -> Array:
    import torch

    if tensor.dtype == torch.bfloat16:  # numpy has none
        tensor = tensor.float()
    array: Array = tensor.detach().resolve_conj().numpy()
    return array


def _narrowed(value: Any) -> Any:
    import torch

    if isinstance(value, torch.Tensor):
        value = _to_numpy(value)
    if getattr(value, "dtype", None) == np.float64:
        return value.astype("float32")
    return value


def _difference(label: str, want: Any, got: Any, case: Case, found: Conversion) -> list[str]:
    import torch

    if isinstance(got, torch.Tensor):
        got = _to_numpy(got)
    if not isinstance(want, (np.ndarray, np.generic)) and not isinstance(got, np.ndarray):
        same = want == got
        return [] if same else [f"{label}: {want!r} in TensorFlow, {got!r} in PyTorch"]
    want, got = np.asarray(want), np.asarray(got)
    if want.dtype.kind in "OSU":
        same = [_string(s) for s in want.ravel()] == [_string(s) for s in got.ravel()]
        return [] if same else [f"{label}: {want!r} in TensorFlow, {got!r} in PyTorch"]
    if want.shape != got.shape:
        return [f"{label}: shape {want.shape} in TensorFlow, {got.shape} in PyTorch"]
    if not _same_dtype(want, got):
        return [f"{label}: {want.dtype} in TensorFlow, {got.dtype} in PyTorch"]
    if case.compare == "shape" or not want.size:
        return []
    if case.compare == "random":
        return _random_difference(label, want, got)
    wide = "complex128" if want.dtype.kind == "c" else "float64"
    a, b = want.astype(wide), got.astype(wide)
    if not np.array_equal(np.isfinite(a), np.isfinite(b)) or not np.array_equal(
        np.nan_to_num(a[~np.isfinite(a)]), np.nan_to_num(b[~np.isfinite(b)])
    ):
        return [f"{label}: infinities or NaNs differ"]
    a, b = a[np.isfinite(a)], b[np.isfinite(b)]
    error = float(np.max(np.abs(a - b), initial=0.0))
    scale = max(1.0, float(np.max(np.abs(a), initial=0.0)))
    limit = max(case.rtol or 0.0, _tolerance(want, found))
    if error > limit * scale:
        return [f"{label}: differs by {error:.3g} (values up to {scale:.3g}, limit {limit:.1g})"]
    return []


def _tolerance(want: Array, found: Conversion) -> float:
    if want.dtype.kind not in "fc":
        return 0.0
    name = {"complex64": "float32", "complex128": "float64"}.get(want.dtype.name, want.dtype.name)
    narrow = "float32" in (found.torch or "") or ".float()" in (found.torch or "")
    return TOLERANCE["float32"] if narrow and name == "float64" else TOLERANCE.get(name, 1e-2)


def _string(item: Any) -> str:
    return item.decode() if isinstance(item, bytes) else str(item)


def _same_dtype(want: Array, got: Array) -> bool:
    if want.dtype.kind in "iu" and got.dtype.kind in "iu":
        return True  # int32 becomes int64 by convention
    if want.dtype.kind == "f" and got.ndim == 0 and got.dtype.kind == "f":
        return True
    return bool(want.dtype == got.dtype)


def _random_difference(label: str, want: Array, got: Array) -> list[str]:
    problems = []
    for name, measure in (("mean", np.mean), ("standard deviation", np.std)):
        a, b = float(measure(want.astype("float64"))), float(measure(got.astype("float64")))
        spread = float(np.std(want.astype("float64"))) or 1.0
        if abs(a - b) > 6 * spread / max(want.size, 1) ** 0.5 + 1e-6:
            problems.append(f"{label}: {name} {a:.4g} in TensorFlow, {b:.4g} in PyTorch")
    return problems
