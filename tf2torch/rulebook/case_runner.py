"""Runs a rule's case in TensorFlow and in PyTorch and compares what comes out."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from tf2torch.rulebook.cases import CaseRefused, Conversion, InputSpec, convert_case, parse_spec
from tf2torch.rulebook.contrib import with_contrib
from tf2torch.rulebook.loader import Rulebook
from tf2torch.rulebook.model import Case, Rule, WeightRow
from tf2torch.rulebook.predicates import Facts, holds

Array = np.ndarray[Any, Any]

#: Relative to the largest value of the array that is compared.
TOLERANCE: Final[Mapping[str, float]] = {"float64": 1e-10, "float32": 2e-5, "float16": 5e-3}


@dataclass(frozen=True)
class Outcome:
    """Problems of one case, and which emits of its rule it took."""

    problems: tuple[str, ...]
    emits: frozenset[int] = frozenset()


@dataclass
class _Run:
    """Values and gradients of one framework."""

    values: list[Any] = field(default_factory=list)
    gradients: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, Array] = field(default_factory=dict)


def check_text(book: Rulebook, rule: Rule, case: Case) -> tuple[Outcome, Conversion | None]:
    """Convert a case and compare the text; runs neither framework."""
    try:
        found = convert_case(book, case)
    except CaseRefused as refusal:
        reason = str(refusal)
        if case.refuse is not None and case.refuse in reason:
            return Outcome(()), None
        return Outcome((f"refused: {reason}",)), None
    except ValueError as error:  # a template, condition or function that is not right
        return Outcome((f"{type(error).__name__}: {error}",)), None
    problems = []
    if case.refuse is not None:
        problems.append(f"not refused, but converted to {found.torch}")
    if rule.kind == "remove":
        if not found.removed:
            problems.append("not removed")
        return Outcome(tuple(problems)), None
    wanted = case.forward if case.forward is not None else case.torch
    for label, want, got in (("torch", wanted, found.torch), ("init", case.init, found.init)):
        if want != got and (want is not None or label == "init"):
            problems.append(f"{label}: expected {want!r}, got {got!r}")
    if found.torch is not None:
        compile(found.torch, "<case>", "eval")
    taken = frozenset(
        index
        for other, emit in found.emits
        if other.id == rule.id
        for index, own in enumerate(rule.emits)
        if own.line == emit.line
    )
    return Outcome(tuple(problems), taken), found


def run_case(book: Rulebook, rule: Rule, case: Case) -> Outcome:
    """Everything that a case must satisfy."""
    outcome, found = check_text(book, rule, case)
    if found is None or outcome.problems or case.compare == "text" or rule.kind == "value":
        return outcome
    problems = list(outcome.problems)
    for precision in ("float32", "float64"):
        problems += [f"{precision}: {p}" for p in _compare_runs(rule, case, found, precision)]
    return Outcome(tuple(problems), outcome.emits)


def _compare_runs(rule: Rule, case: Case, found: Conversion, precision: str) -> list[str]:
    specs = {name: parse_spec(text) for name, text in case.inputs}
    arrays = {name: make_input(name, spec, precision) for name, spec in specs.items()}
    try:
        expected = _run_tensorflow(case, specs, arrays)
    except _NotInThisTensorFlow:
        return []
    except Exception as error:
        if precision == "float64":  # the case itself mixes in float32 constants
            return []
        return [f"TensorFlow fails: {type(error).__name__}: {str(error)[:300]}"]
    try:
        actual = _run_torch(case, found, specs, arrays, expected, precision)
    except Exception as error:
        return [f"PyTorch fails: {type(error).__name__}: {str(error)[:300]}"]
    return _differences(case, found, expected, actual, precision)


# ---- inputs --------------------------------------------------------------------------------------


def make_input(name: str, spec: InputSpec, precision: str) -> Any:
    """The same numbers on every run and in both precisions."""
    if spec.expression is not None:
        return eval(spec.expression, {"np": np, "__builtins__": {}})  # our own cases only
    rng = np.random.default_rng(zlib.crc32(f"{name} {spec.dtype} {spec.shape}".encode()))
    shape, dtype = spec.shape, spec.dtype
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if dtype == "string":
        return np.array(["a", "bc", "def"], dtype=object)[rng.integers(0, 3, shape)]
    if dtype.startswith(("int", "uint")):
        low, high = (spec.low, spec.high) if spec.low is not None else (0, 9)
        assert low is not None and high is not None
        return rng.integers(int(low), int(high) + 1, shape).astype(dtype)
    if dtype.startswith("complex"):
        wide = precision == "float64"
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(
            "complex128" if wide else dtype
        )
    if spec.low is not None and spec.high is not None:
        numbers = rng.uniform(spec.low, spec.high, shape)
    elif dtype == "prob":
        count = shape[-1]  # multiples of 1 / 256, so that rows sum to 1 in every precision
        numbers = (1 + rng.multinomial(256 - count, [1 / count] * count, shape[:-1])) / 256
    elif dtype == "positive":
        numbers = np.abs(rng.normal(size=shape)) + 0.5
    elif dtype == "unit":
        numbers = rng.uniform(0.05, 0.95, shape)
    elif dtype == "distinct":
        count = int(np.prod(shape))
        numbers = (rng.permutation(count).reshape(shape) - count / 2) / 2
    else:
        numbers = rng.normal(size=shape)
    kind = dtype if dtype in ("float16", "float64") else precision
    # numbers that float32 holds exactly: both precisions see the same point
    return np.asarray(numbers, dtype="float32").astype(kind)


# ---- TensorFlow ----------------------------------------------------------------------------------


class _NotInThisTensorFlow(Exception):
    """The installed TensorFlow 2 no longer has the symbol (tf.contrib)."""


def tensorflow() -> Any:
    """tf.compat.v1 in graph mode; torch goes first, TensorFlow's LLVM breaks a later triton."""
    import torch
    import torch._dynamo  # noqa: F401

    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    import tensorflow.compat.v1 as tf

    tf.disable_v2_behavior()
    tf.logging.set_verbosity(tf.logging.ERROR)
    return tf


def _run_tensorflow(case: Case, specs: Mapping[str, InputSpec], arrays: Mapping[str, Any]) -> _Run:
    tf = tensorflow()
    run = _Run()
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        names: dict[str, Any] = {"tf": tf, "np": np}
        if "tf.contrib" in case.tf:
            names["tf"] = with_contrib(tf)
        feed = {}
        for name, spec in specs.items():
            if spec.kind == "python":
                names[name] = arrays[name]
            elif spec.kind == "variable":
                names[name] = tf.Variable(arrays[name], name=f"input_{name}")
            else:
                shape = [n if known else None for n, known in zip(spec.shape, spec.known)]
                dtype = tf.string if spec.dtype == "string" else arrays[name].dtype
                names[name] = tf.placeholder(dtype, shape, name=f"input_{name}")
                feed[names[name]] = arrays[name]
        try:
            result = eval(case.tf, names)
        except AttributeError as error:
            if "tensorflow" in str(error) or "contrib" in str(error):
                raise _NotInThisTensorFlow from None
            raise
        fetches = [_fetchable(tf, item) for item in _flatten(result)]
        variables = [v for v in tf.global_variables() if not v.op.name.startswith("input_")]
        targets = [f for f in fetches if isinstance(f, tf.Tensor) and f.dtype.is_floating]
        gradients = _tf_gradients(tf, case, specs, names, targets, variables)
        with tf.Session(config=_config(tf)) as session:
            session.run(tf.global_variables_initializer())
            session.run(tf.local_variables_initializer())
            for variable in variables:  # zeros and ones hide a swapped bias or scale
                variable.load(_varied(variable.op.name, session.run(variable)), session)
            run.variables = {v.op.name: session.run(v) for v in variables}
            tensors = [f for f in fetches if isinstance(f, (tf.Tensor, tf.Variable))]
            got = iter(session.run(tensors, feed))
            run.values = [
                next(got) if isinstance(f, (tf.Tensor, tf.Variable)) else f for f in fetches
            ]
            run.gradients = session.run(gradients, feed)
    return run


def _config(tf: Any) -> Any:
    return tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)


def _varied(name: str, value: Array) -> Array:
    if value.dtype.kind != "f":
        return value
    rng = np.random.default_rng(zlib.crc32(name.rpartition("/")[2].encode()))
    noise = rng.uniform(0.1, 0.6, value.shape)
    kernel = np.std(value) > 0 and value.ndim > 1
    return np.asarray(value if kernel else value + noise, dtype=value.dtype)


def _fetchable(tf: Any, item: Any) -> Any:
    if isinstance(item, tf.IndexedSlices):
        return tf.convert_to_tensor(item)
    if isinstance(item, tf.TensorShape):
        return item.as_list() if item.rank is not None else item
    if hasattr(item, "value") and type(item).__name__ in ("Dimension", "Dimension1"):
        return item.value
    return item


def _flatten(result: Any) -> list[Any]:
    if isinstance(result, Mapping):
        return [leaf for key in sorted(result) for leaf in _flatten(result[key])]
    if isinstance(result, (list, tuple)) and not type(result).__name__.endswith("Size"):
        return [leaf for item in result for leaf in _flatten(item)]
    return [result]


def _wanted(case: Case, specs: Mapping[str, InputSpec]) -> list[str]:
    if case.grad is not None:
        return list(case.grad)
    kinds = ("float32", "float64", "prob", "positive", "unit", "distinct")
    return [name for name, spec in specs.items() if spec.dtype in kinds]


def _tf_gradients(
    tf: Any,
    case: Case,
    specs: Mapping[str, InputSpec],
    names: Mapping[str, Any],
    targets: Sequence[Any],
    variables: Sequence[Any],
) -> dict[str, Any]:
    wanted = {name: names[name] for name in _wanted(case, specs)}
    wanted.update({v.op.name: v for v in variables if v in tf.trainable_variables()})
    if not targets or not wanted or case.compare != "values":
        return {}
    terms = [tf.reduce_sum(tf.cast(t, tf.float64) * _cotangent(tf.shape, t)) for t in targets]
    try:
        found = tf.gradients(tf.add_n(terms), list(wanted.values()))
    except LookupError:  # the operation has no gradient in TensorFlow
        return {}
    pairs = zip(wanted, found, strict=True)
    return {name: tf.convert_to_tensor(g) for name, g in pairs if g is not None}


def _cotangent(_: Any, target: Any) -> Any:
    """Weights of the outputs' sum, different for each element so that no error cancels."""
    import tensorflow.compat.v1 as tf

    count = tf.size(target)
    weights = tf.cos(tf.cast(tf.range(count), tf.float64) * 0.7 + 0.3)
    return tf.reshape(weights, tf.shape(target))


# ---- PyTorch -------------------------------------------------------------------------------------


def _run_torch(
    case: Case,
    found: Conversion,
    specs: Mapping[str, InputSpec],
    arrays: Mapping[str, Any],
    expected: _Run,
    precision: str,
) -> _Run:
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, precision))
    try:
        torch.manual_seed(1)
        names = _namespace(found)
        inputs: dict[str, Any] = {}
        for name, spec in specs.items():
            inputs[name] = _to_torch(arrays[name], spec)
            tracked = name in _wanted(case, specs) and inputs[name].is_floating_point()
            leaf = inputs[name].requires_grad_() if tracked else inputs[name]
            names[name] = _channels_first(leaf) if name in found.image_inputs else leaf
        module = _module(found, names, expected.variables)
        if module is not None:
            names["self"] = module
        assert found.torch is not None
        result = eval(found.torch, names)
        run = _Run()
        run.values = _flatten(result)
        ranks = {inputs[n].dim() for n in found.image_inputs}
        if ranks:
            run.values = [
                _channels_last(v) if isinstance(v, torch.Tensor) and v.dim() in ranks else v
                for v in run.values
            ]
        leaves = {n: inputs[n] for n in _wanted(case, specs)}
        if module is not None:
            leaves.update({f"parameter {n}": p for n, p in module.named_parameters()})
        run.gradients = _torch_gradients(run.values, leaves)
        if module is not None:
            run.gradients = _named_like_tf(found, run.gradients, expected)
        return run
    finally:
        torch.set_default_dtype(before)


def _namespace(found: Conversion) -> dict[str, Any]:
    import math

    import torch
    import torch.nn as nn
    import torch.nn.functional as F

    names: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "np": np, "math": math}
    names["device"] = torch.device("cpu")
    for line in found.imports:
        exec(line, names)
    for name in found.support:
        names[name] = support_function(name)
    return names


def support_function(name: str) -> Any:
    """A function of the support library, wherever in it."""
    import importlib
    import pkgutil

    package = importlib.import_module("tf2torch.support")
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"tf2torch.support.{info.name}")
        if hasattr(module, name):
            return getattr(module, name)
    raise LookupError(f"tf2torch.support has no {name!r}")


def _to_torch(array: Any, spec: InputSpec) -> Any:
    import torch

    if spec.kind == "python" or spec.dtype == "string":
        return array
    # integers are int64 in converted code, whatever TensorFlow had
    wide = spec.dtype in ("int32", "int64")
    return torch.tensor(np.asarray(array, dtype="int64") if wide else array)


def _channels_first(x: Any) -> Any:
    return x.movedim(-1, 1)


def _channels_last(x: Any) -> Any:
    return x.movedim(1, -1)


def _module(found: Conversion, names: dict[str, Any], variables: Mapping[str, Array]) -> Any:
    import torch
    from torch import nn

    if found.init is None or found.layer is None:
        return None
    module = nn.Module()
    setattr(module, found.attribute, eval(found.init, {**names, "self": module}))
    child = getattr(module, found.attribute)
    state = {}
    for row in active_rows(found):
        value = variables[_variable_name(row, variables)]
        state[row.torch] = torch.tensor(apply_steps(value, row.steps))
    if isinstance(child, nn.Module):
        bookkeeping = {k: v for k, v in child.state_dict().items() if "num_batches" in k}
        child.load_state_dict({**bookkeeping, **state}, strict=True)
        child.to(torch.get_default_dtype())
    return module


def active_rows(found: Conversion) -> list[WeightRow]:
    """Weight rows of the layer whose condition holds."""
    assert found.layer is not None
    bound = found.layer
    facts = Facts(bound.values, frozenset(bound.nodes))
    return [row for row in bound.rule.weights if holds(row.when, facts) is True]


def _variable_name(row: WeightRow, variables: Mapping[str, Array]) -> str:
    found = [name for name in variables if name == row.tf or name.endswith("/" + row.tf)]
    if len(found) != 1:
        raise LookupError(f"the weight row {row.tf!r} names {found} of {sorted(variables)}")
    return found[0]


def apply_steps(value: Array, steps: Sequence[Any]) -> Array:
    """A TF value in the parameter's layout: the steps of a weight map that cases need."""
    for step in steps:
        kind, *rest = step if isinstance(step, tuple) else (step,)
        if kind == "transpose":
            value = value.T
        elif kind == "permute":
            value = value.transpose(rest[0])
        elif kind == "reshape":
            value = value.reshape(rest[0])
        elif kind != "identity":
            raise ValueError(f"unknown layout step {kind!r}")
    return np.ascontiguousarray(value)


def _torch_gradients(values: Sequence[Any], leaves: Mapping[str, Any]) -> dict[str, Any]:
    import torch

    targets = [v for v in values if isinstance(v, torch.Tensor) and v.is_floating_point()]
    total = None
    for target in targets:
        weights = torch.cos(torch.arange(target.numel(), dtype=torch.float64) * 0.7 + 0.3)
        term = (target.double() * weights.reshape(target.shape)).sum()
        total = term if total is None else total + term
    wanted = {n: p for n, p in leaves.items() if isinstance(p, torch.Tensor) and p.requires_grad}
    if total is None or not total.requires_grad or not wanted:
        return {}
    found = torch.autograd.grad(total, list(wanted.values()), allow_unused=True)
    pairs = zip(wanted, found, strict=True)
    return {name: g.detach().resolve_conj().numpy() for name, g in pairs if g is not None}


def _named_like_tf(
    found: Conversion, gradients: Mapping[str, Any], expected: _Run
) -> dict[str, Any]:
    """Parameters' gradients under the TF variable's name; the TF side moves to torch's layout."""
    result = {n: g for n, g in gradients.items() if not n.startswith("parameter ")}
    for row in active_rows(found):
        name = _variable_name(row, expected.variables)
        gradient = gradients.get(f"parameter {found.attribute}.{row.torch}")
        if gradient is not None:
            result[name] = gradient
        if name in expected.gradients:
            expected.gradients[name] = apply_steps(expected.gradients[name], row.steps)
    return result


# ---- comparison ----------------------------------------------------------------------------------


def _differences(
    case: Case, found: Conversion, expected: _Run, actual: _Run, precision: str
) -> list[str]:
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
    if problems or case.compare != "values":
        return problems
    for name in sorted(expected.gradients.keys() | actual.gradients.keys()):
        known = expected.gradients.get(name)
        other = actual.gradients.get(name)
        if known is None and not expected.gradients and case.grad is None:
            continue  # nothing is differentiable in TensorFlow
        known = np.zeros_like(other) if known is None else known
        other = np.zeros_like(known) if other is None else other
        problems += _difference(f"gradient of {name}", known, other, case, found)
    return problems


def _is_float32(value: Any) -> bool:
    return getattr(value, "dtype", None) == np.float32


def _narrowed(value: Any) -> Any:
    import torch

    if isinstance(value, torch.Tensor):
        value = value.detach().resolve_conj().numpy()
    if getattr(value, "dtype", None) == np.float64:
        return value.astype("float32")
    return value


def _difference(label: str, want: Any, got: Any, case: Case, found: Conversion) -> list[str]:
    import torch

    if isinstance(got, torch.Tensor):
        got = got.detach().resolve_conj().numpy()
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
    wide = "complex" if want.dtype.kind == "c" else "float64"
    a, b = (
        want.astype("complex128" if wide == "complex" else wide),
        got.astype("complex128" if wide == "complex" else wide),
    )
    if not np.array_equal(np.isfinite(a), np.isfinite(b)) or not np.array_equal(
        np.nan_to_num(a[~np.isfinite(a)]), np.nan_to_num(b[~np.isfinite(b)])
    ):
        return [f"{label}: infinities or NaNs differ"]
    a, b = a[np.isfinite(a)], b[np.isfinite(b)]
    error = float(np.max(np.abs(a - b), initial=0.0))
    scale = max(1.0, float(np.max(np.abs(a), initial=0.0)))
    limit = case.rtol or _tolerance(want, found)
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
