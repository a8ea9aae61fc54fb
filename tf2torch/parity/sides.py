"""Run one side of a comparison: values, gradients and variables of a function or a model."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tf2torch.parity.structures import leaves, mapped
from tf2torch.weights import layout


@dataclass
class Side:
    """What one side has computed; arrays in its own layouts."""

    outputs: Any
    input_gradients: list[Any] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    gradients: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MetaGraph:
    """A checkpoint with its meta graph: `MetaGraph("model.ckpt-10", ["x:0"], ["logits:0"])`."""

    prefix: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def cotangents(outputs: Any, seed: int) -> list[Any]:
    """One weight for every number of every floating output; their sum is differentiated."""
    random = np.random.RandomState(seed + 1)
    found = []
    for _, leaf in leaves(outputs):
        array = np.asarray(leaf)
        found.append(random.randn(*array.shape) if array.dtype.kind == "f" else None)
    return found


# TensorFlow


def tensorflow_side(
    function: Any, inputs: Any, gradients: bool, seed: int, double: bool, device: None = None
) -> Side:
    """Runs whatever TensorFlow has: a graph function, a Keras model, a SavedModel, a checkpoint."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if isinstance(function, Side):
        return function
    if isinstance(function, (str, Path)):
        path = Path(function)
        if path.suffix == ".npz":
            return saved(path)
        return _eager(_saved_model(path), inputs, gradients, seed, double)
    kind = type(function)
    is_keras = any("keras" in base.__module__ for base in kind.__mro__)
    if is_keras or hasattr(function, "get_concrete_function"):
        return _eager(function, inputs, gradients, seed, double)
    return _graph(function, inputs, gradients, seed, double)


def _saved_model(path: Path) -> Callable[..., Any]:
    import tensorflow as tf

    model = tf.saved_model.load(str(path))
    signature = model.signatures["serving_default"]
    keys = list(signature.structured_input_signature[1])

    def call(*given: Any) -> Any:
        return signature(**dict(zip(keys, given)))

    call.keep = model  # type: ignore[attr-defined]
    return call


def _eager(function: Any, inputs: Any, gradients: bool, seed: int, double: bool) -> Side:
    import tensorflow as tf

    if not tf.executing_eagerly():  # somebody has turned TensorFlow 2's ways off in this process
        with tf.__internal__.eager_context.eager_mode():
            return _eager(function, inputs, gradients, seed, double)

    def tensor(value: Any) -> Any:
        array = np.asarray(value)
        return tf.constant(
            array.astype(np.float64) if double and array.dtype.kind == "f" else array
        )

    given = mapped(tensor, inputs)
    flat = [leaf for _, leaf in leaves(given) if leaf.dtype.is_floating]
    with tf.GradientTape() as tape:
        for leaf in flat:
            tape.watch(leaf)
        outputs = function(*given)
        values = mapped(lambda t: t.numpy(), outputs)
        total = 0.0
        for (_, leaf), weight in zip(leaves(outputs), cotangents(values, seed)):
            if weight is not None:
                total += tf.reduce_sum(leaf * tf.cast(weight, leaf.dtype))
    owner = getattr(function, "keep", function)
    variables = list(getattr(owner, "trainable_variables", ()))
    names = [getattr(v, "path", v.name).split(":")[0] for v in variables]
    side = Side(values, variables={n: v.numpy() for n, v in zip(names, variables)})
    if gradients:
        found = tape.gradient(total, [*flat, *variables])
        dense = [None if g is None else tf.convert_to_tensor(g).numpy() for g in found]
        side.input_gradients = dense[: len(flat)]
        side.gradients = {n: g for n, g in zip(names, dense[len(flat) :]) if g is not None}
    return side


def _graph(function: Any, inputs: Any, gradients: bool, seed: int, double: bool) -> Side:
    from tf2torch.parity.recorder.double import Doubles
    from tf2torch.parity.recorder.legacy import load_tensorflow

    tf = load_tensorflow()
    doubles = Doubles(tf, lambda kind: None) if double else None
    restore = doubles.watch_constants() if doubles is not None else None
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(seed)
        if isinstance(function, MetaGraph):
            saver = tf.train.import_meta_graph(function.prefix + ".meta")
            placeholders = [graph.get_tensor_by_name(name) for name in function.inputs]
            outputs: Any = [graph.get_tensor_by_name(name) for name in function.outputs]
            feeds = dict(zip(placeholders, (leaf for _, leaf in leaves(inputs))))
        else:
            saver, feeds = None, {}

            def placeholder(value: Any) -> Any:
                array = np.asarray(value)
                kind = np.float32 if array.dtype == np.float64 and double else array.dtype
                made = tf.placeholder(kind, array.shape)
                feeds[made] = array
                return made

            outputs = function(*mapped(placeholder, inputs))
        session = tf.Session(graph=graph)

        def run(fetches: Any, feed: Any = None) -> Any:
            if doubles is None:
                return session.run(fetches, feed)
            return doubles.run(type(session).run, session, fetches, feed, None, None)

        if saver is not None:
            saver.restore(session, function.prefix)
        else:
            run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        variables = tf.global_variables()
        start = dict(zip([v.name.split(":")[0] for v in variables], run(variables)))
        values = run(outputs, feeds)
        side = Side(values, variables=start)
        if gradients:
            _differentiate(tf, side, outputs, feeds, run, seed)
        if restore is not None:
            restore()
    return side


def _differentiate(tf: Any, side: Side, outputs: Any, feeds: Any, run: Any, seed: int) -> None:
    ys, weights = [], []
    for (_, leaf), weight in zip(leaves(outputs), cotangents(side.outputs, seed)):
        if weight is not None:
            ys.append(leaf)
            weights.append(tf.cast(tf.constant(weight), leaf.dtype))
    xs = [x for x in feeds if x.dtype.is_floating]
    trained = tf.trainable_variables()
    if not ys:
        return
    found = tf.gradients(ys, [*xs, *trained], grad_ys=weights)
    dense = [None if g is None else tf.convert_to_tensor(g) for g in found]
    present = run([g for g in dense if g is not None], feeds)
    values = iter(present)
    arrays = [None if g is None else next(values) for g in dense]
    side.input_gradients = arrays[: len(xs)]
    names = [v.name.split(":")[0] for v in trained]
    side.gradients = {n: g for n, g in zip(names, arrays[len(xs) :]) if g is not None}


def saved(path: Path) -> Side:
    """A side that was kept by `--parity-save`."""
    data = np.load(path, allow_pickle=False)

    def part(name: str) -> dict[str, Any]:
        return {key[len(name) + 1 :]: data[key] for key in data if key.startswith(name + ":")}

    outputs = [data[f"output:{index}"] for index in range(len(part("output")))]
    gradients = part("input_gradient")
    return Side(
        outputs[0] if len(outputs) == 1 else outputs,
        [gradients[str(index)] for index in range(len(gradients))],
        part("variable"), part("gradient"),
    )  # fmt: skip


def save(side: Side, path: Path) -> None:
    """Keeps a side, so that a later comparison needs no TensorFlow."""
    arrays = {f"output:{i}": leaf for i, (_, leaf) in enumerate(leaves(side.outputs))}
    arrays |= {
        f"input_gradient:{i}": g for i, g in enumerate(side.input_gradients) if g is not None
    }
    arrays |= {f"variable:{name}": value for name, value in side.variables.items()}
    arrays |= {f"gradient:{name}": value for name, value in side.gradients.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)


# torch


def torch_side(
    function: Any,
    inputs: Any,
    entries: Mapping[str, list[tuple[str, Any]]],
    values: Mapping[str, Any],
    gradients: bool,
    weights: list[Any],
    device: str,
    double: bool,
) -> Side:
    """Runs a module or a function; its parameters first get the values of the variables."""
    import torch

    kind = torch.float64 if double else torch.float32
    if double:
        torch.set_default_dtype(torch.float64)
    if isinstance(function, torch.nn.Module):
        function = function.to(device).to(kind)
        state = function.state_dict(keep_vars=True)
        missing = [key for key in entries if key not in state]
        if missing:
            raise KeyError(f"the module has no {', '.join(missing)}")
        with torch.no_grad():
            for key, parts in entries.items():
                value = layout.join([(steps, values[name]) for name, steps in parts])
                state[key].copy_(torch.as_tensor(np.array(value)))

    def tensor(value: Any) -> Any:
        made = torch.as_tensor(np.asarray(value), device=device)
        if made.is_floating_point():
            made = made.to(kind if made.dtype in (torch.float32, torch.float64) else made.dtype)
            made.requires_grad_(gradients)
        return made

    given = mapped(tensor, inputs)
    outputs = function(*given)
    side = Side(mapped(lambda t: torch.as_tensor(t).detach().cpu().numpy(), outputs))
    if not gradients:
        return side
    total: Any = 0.0
    for (_, leaf), weight in zip(leaves(outputs), weights):
        if weight is not None and leaf.requires_grad:
            total = total + (leaf * torch.as_tensor(weight, device=device).to(leaf.dtype)).sum()
    if isinstance(total, torch.Tensor):
        total.backward()
    flat = [leaf for _, leaf in leaves(given) if leaf.is_floating_point()]
    side.input_gradients = [None if x.grad is None else x.grad.cpu().numpy() for x in flat]
    if isinstance(function, torch.nn.Module):
        side.gradients = {
            name: p.grad.cpu().numpy()
            for name, p in function.named_parameters()
            if p.grad is not None
        }
    return side
