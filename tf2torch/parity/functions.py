"""Compare a TensorFlow function or model with a torch one on given or drawn inputs.

    assert_parity(tf_fn, torch_fn, ["float32[8, 28, 28, 1]"], weights="model.weights.json")

The TensorFlow side is a function that builds a TF1 graph, a Keras model, a `tf.function`, the
folder of a SavedModel, a checkpoint (`MetaGraph`), or a file that `--parity-save` kept. Each side
runs in a process of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tf2torch.parity.eager import is_eager
from tf2torch.parity.frameworks import tensorflow_process
from tf2torch.parity.isolated import SideFailed, here, isolated
from tf2torch.parity.mapping import entries_of
from tf2torch.parity.reports import further
from tf2torch.parity.sides import Side, cotangents, save, tensorflow_side, torch_side
from tf2torch.parity.specs import drawn
from tf2torch.parity.structures import arranged, leaves
from tf2torch.parity.tolerances import differs, error
from tf2torch.weights import layout

#: Relative and absolute tolerance by dtype, of one evaluation.
PRECISION = {
    "float16": (1e-3, 1e-5),
    "float32": (2e-5, 2e-6),
    "float64": (1e-9, 1e-11),
}


@dataclass(frozen=True)
class Row:
    """One value of both sides."""

    name: str
    absolute: float
    relative: float
    problem: str | None = None


@dataclass(frozen=True)
class Comparison:
    """The verdict on two functions; true if they agree."""

    rows: tuple[Row, ...]
    failure: str = ""
    call: str = ""  # how to see it again
    sides: tuple[Side, ...] = field(default=(), repr=False, compare=False)

    def __bool__(self) -> bool:
        return not self.failure and all(row.problem is None for row in self.rows)

    def __str__(self) -> str:
        if self.failure:
            return self.failure + (f"\n\n{self.call}" if self.call else "")
        wrong = [row for row in self.rows if row.problem is not None]
        if not wrong:
            worst = max((row.relative for row in self.rows), default=0.0)
            return f"{len(self.rows)} values agree, the greatest relative difference is {worst:.1e}"
        first = wrong[0]
        place = self.rows.index(first)
        lines = [
            f"FAILED  {first.name} ({place + 1} of {len(self.rows)})   "
            f"first difference; {place} earlier values agree",
            *(f"  {line}" for line in (first.problem or "").splitlines()),
        ]
        if len(wrong) > 1:
            lines += ["", f"{further(len(wrong) - 1)}:"]
            lines += [f"  {row.name}  max abs {row.absolute:.1e}" for row in wrong[1:11]]
        lines += ["", self.call] if self.call else []
        return "\n".join(lines)


def compare(
    tf_fn: Any,
    torch_fn: Any,
    inputs: Any,
    *,
    weights: Any = None,
    gradients: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    device: str | None = None,
    dtype: str | None = None,
    input_layout: Any = None,
    output_layout: Any = None,
    seed: int = 0,
    isolate: bool = True,
    save_to: Path | str | None = None,
) -> Comparison:
    """Runs both sides on the same inputs, from the same weights, and compares all they give.

    `inputs` are arrays or descriptions like `"float32[8, 28]"`, drawn by `seed`: a list of them,
    or a dictionary, whose values both sides get by name. `weights` is a
    weight map, its file, or a mapping from names of variables to keys of the module. Layouts are
    written `"nhwc -> nchw"`, once or for each value. `dtype="float64"` computes in double
    precision. `save_to` keeps the TensorFlow side in a file that can stand for it later.
    """
    device, dtype = device or "cpu", dtype or "float32"
    double = dtype == "float64"
    given = drawn(tuple(inputs) if isinstance(inputs, list) else inputs, seed)
    given = given if isinstance(given, (tuple, dict)) else (given,)
    run = isolated if isolate else here
    try:
        ours = tensorflow_process(
            partial(tensorflow_side, tf_fn, given, gradients, seed, double),
            alone=isolate and not is_eager(tf_fn),
        )
        if save_to is not None:
            save(ours, Path(save_to))
        entries = with_names_of(ours, entries_by_key(weights))
        marks = arranged(cotangents(ours.outputs, seed), _flat_layout(ours.outputs, output_layout))
        theirs = run(
            "torch",
            partial(
                torch_side, torch_fn, arranged(given, input_layout), entries, ours.variables,
                gradients, marks, device, double,
            ),
        )  # fmt: skip
    except SideFailed as failed:
        return Comparison((), str(failed))
    if isinstance(ours.outputs, Mapping) and not isinstance(theirs.outputs, Mapping):
        ours.outputs = next(iter(ours.outputs.values())) if len(ours.outputs) == 1 else ours.outputs
    limits = PRECISION.get(dtype, PRECISION["float32"])
    tolerance = (limits[0] if rtol is None else rtol, limits[1] if atol is None else atol)
    rows = _rows(ours, theirs, entries, input_layout, output_layout, tolerance, gradients)
    return Comparison(tuple(rows), sides=(ours, theirs))


def assert_parity(tf_fn: Any, torch_fn: Any, inputs: Any, **options: Any) -> Comparison:
    """`compare`, and an AssertionError with the whole report where the sides differ."""
    __tracebackhide__ = True
    found = compare(tf_fn, torch_fn, inputs, **options)
    if not found:
        raise AssertionError(str(found))
    return found


def entries_by_key(weights: Any) -> dict[str, list[tuple[str, Any]]]:
    """For every key of the module's state the variables that go into it, with their layouts."""
    if weights is None:
        return {}
    if isinstance(weights, (str, Path)):
        weights = json.loads(Path(weights).read_text(encoding="utf-8"))
    if "variables" in weights:
        return {key: list(parts) for (_, key), parts in entries_of(weights).items()}
    found: dict[str, list[tuple[str, Any]]] = {}
    for name, entry in weights.items():
        key, steps = entry if isinstance(entry, (tuple, list)) else (entry, "identity")
        found.setdefault(key, []).append((name, steps))
    return found


def with_names_of(
    side: Side, entries: Mapping[str, list[tuple[str, Any]]]
) -> dict[str, list[tuple[str, Any]]]:
    """The entries with the variables' full names: a Keras model puts its own in front."""

    def full(name: str) -> str:
        if name in side.variables:
            return name
        found = [known for known in side.variables if known.endswith("/" + name)]
        if len(found) != 1:
            known = ", ".join(sorted(side.variables)) or "no variables"
            raise SideFailed(f"TensorFlow's side has no variable {name!r}; it has {known}")
        return found[0]

    return {key: [(full(name), how) for name, how in parts] for key, parts in entries.items()}


def _flat_layout(outputs: Any, layouts: Any) -> Any:
    """Layouts for the list of leaves, as they are declared for the structure."""
    if layouts is None or isinstance(layouts, str):
        return layouts
    if isinstance(outputs, Mapping):
        return [layouts.get(key) for key in sorted(outputs, key=str)]
    return list(layouts)


def _rows(
    ours: Side,
    theirs: Side,
    entries: Mapping[str, Sequence[tuple[str, Any]]],
    input_layout: Any,
    output_layout: Any,
    tolerance: tuple[float, float],
    gradients: bool,
) -> list[Row]:
    wanted = list(leaves(arranged(ours.outputs, output_layout), "output"))
    got = dict(leaves(theirs.outputs, "output"))
    rows = [_row(path, got.pop(path, None), value, tolerance) for path, value in wanted]
    rows += [Row(path, np.inf, np.inf, "It is not an output of TensorFlow's") for path in got]
    if not gradients:
        return rows
    for index, (mine, yours) in enumerate(zip(theirs.input_gradients, ours.input_gradients)):
        layouts = input_layout
        if isinstance(input_layout, Mapping):
            layouts = input_layout.get(sorted(input_layout, key=str)[index])
        elif isinstance(input_layout, (list, tuple)):
            layouts = [*input_layout, *([None] * (index + 1))][index]
        rows.append(
            _gradient(f"gradient of input {index}", mine, arranged(yours, layouts), tolerance)
        )
    for key, parts in entries.items():
        if all(name in ours.gradients for name, _ in parts):
            value = layout.join([(steps, ours.gradients[name]) for name, steps in parts])
            rows.append(
                _gradient(f"gradient of {key}", theirs.gradients.get(key), value, tolerance)
            )
    return rows


def _row(name: str, got: Any, wanted: Any, tolerance: tuple[float, float]) -> Row:
    if got is None:
        return Row(name, np.inf, np.inf, "It has no counterpart on the torch side")
    kinds = np.asarray(got).dtype.kind, np.asarray(wanted).dtype.kind
    if ("f" in kinds) != (kinds[0] == kinds[1] == "f") and "f" in kinds:
        text = f"The dtypes differ: {np.asarray(got).dtype}, expected {np.asarray(wanted).dtype}"
        return Row(name, np.inf, np.inf, text)
    return Row(name, *error(got, wanted), differs(got, wanted, *tolerance))


def _gradient(name: str, got: Any, wanted: Any, tolerance: tuple[float, float]) -> Row:
    """None on one side and zeros on the other are the same gradient."""
    if got is None and wanted is None:
        return Row(name, 0.0, 0.0)
    if got is None:
        got = np.zeros_like(wanted)
    elif wanted is None:
        wanted = np.zeros_like(got)
    return _row(name, got, wanted, (5 * tolerance[0], 5 * tolerance[1]))
