"""The TensorFlow side of a case's run."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tf2torch.rulebook.case_inputs import InputSpec
from tf2torch.rulebook.contrib import with_contrib
from tf2torch.rulebook.model import Case
from tf2torch.rulebook.runs.common import Array, Run, flatten, incoming_gradient, wanted_gradients


class NotInThisTensorFlow(Exception):
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
    tf.debugging.disable_traceback_filtering()
    return tf


def run_tensorflow(case: Case, specs: Mapping[str, InputSpec], arrays: Mapping[str, Any]) -> Run:
    tf = tensorflow()
    run = Run()
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
                raise NotInThisTensorFlow from None
            raise
        fetches = [_fetchable(tf, item) for item in flatten(result)]
        variables = [v for v in tf.global_variables() if not v.op.name.startswith("input_")]
        targets = [f for f in fetches if isinstance(f, tf.Tensor) and f.dtype.is_floating]
        gradients = _tf_gradients(tf, case, specs, names, targets, variables)
        with tf.Session(config=_config(tf)) as session:
            if tf.global_variables() or tf.local_variables():
                session.run(tf.global_variables_initializer())
                session.run(tf.local_variables_initializer())
            for variable in variables:  # zeros and ones hide a swapped bias or scale
                variable.load(_varied(variable.op.name, session.run(variable)), session)
            run.variables = {v.op.name: session.run(v) for v in variables}
            tensors = [f for f in fetches if isinstance(f, (tf.Tensor, tf.Variable))]
            tf.no_op()  # a session refuses an empty graph
            values, run.gradients = session.run((tensors, gradients or {}), feed)
            got = iter(values)
            run.values = [
                next(got) if isinstance(f, (tf.Tensor, tf.Variable)) else f for f in fetches
            ]
            run.differentiable = gradients is not None
    return run


def _config(tf: Any) -> Any:
    config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    # each graph runs once: optimizing it costs more than it saves
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return config


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


def _tf_gradients(
    tf: Any,
    case: Case,
    specs: Mapping[str, InputSpec],
    names: Mapping[str, Any],
    targets: Sequence[Any],
    variables: Sequence[Any],
) -> dict[str, Any] | None:
    wanted = {name: names[name] for name in wanted_gradients(case, specs)}
    wanted.update({v.op.name: v for v in variables if v in tf.trainable_variables()})
    if not targets or not wanted or case.compare != "values":
        return {}
    incoming = [_incoming(tf, target) for target in targets]
    try:
        found = tf.gradients(targets, list(wanted.values()), grad_ys=incoming)
    except LookupError:  # the operation has no gradient in TensorFlow
        return None
    pairs = zip(wanted, found, strict=True)
    return {name: tf.convert_to_tensor(g) for name, g in pairs if g is not None}


def _incoming(tf: Any, target: Any) -> Any:
    """Gradients that flow into a result, as `incoming_gradient` has them."""
    if target.shape.is_fully_defined():
        shape = tuple(target.shape.as_list())
        return tf.constant(incoming_gradient(shape), dtype=target.dtype)
    count = tf.range(tf.size(target))
    weights = tf.cos(tf.cast(count, tf.float64) * 0.7 + 0.3)
    return tf.cast(tf.reshape(weights, tf.shape(target)), target.dtype)
