"""Run TensorFlow 1's side of a comparison: a graph function, a checkpoint, an exported graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tf2torch.parity.frameworks import tensorflow_1
from tf2torch.parity.sides import Side, called, cotangents
from tf2torch.parity.structures import leaves, mapped


@dataclass(frozen=True)
class MetaGraph:
    """A checkpoint with its meta graph: `MetaGraph("model.ckpt-10", ["x:0"], ["logits:0"])`.

    A single output is that tensor, several are a list.
    """

    prefix: str
    inputs: tuple[str, ...] | list[str]
    outputs: tuple[str, ...] | list[str]


@dataclass(frozen=True)
class Exported:
    """The folder of a SavedModel with a graph of TensorFlow 1."""

    path: Path


@dataclass
class Built:
    """A graph that is ready to run; `restore` gives its variables their values."""

    feeds: dict[Any, Any]
    outputs: Any
    restore: Callable[[Callable[..., Any]], None]


def is_exported_graph(path: Path) -> bool:
    """Whether a SavedModel holds a graph with variables, and no objects of TensorFlow 2."""
    from tensorflow.python.saved_model import loader_impl

    saved = loader_impl.parse_saved_model(str(path))
    return not saved.meta_graphs[0].HasField("object_graph_def")


def graph_side(
    function: Any, inputs: Any, gradients: bool, seed: int, double: bool, isolated: bool = True
) -> Side:
    from tf2torch.parity.recorder.double import Doubles

    tf = tensorflow_1(isolated)
    doubles = Doubles(tf, lambda kind: None) if double else None
    restore = doubles.watch_constants() if doubles is not None else None
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(seed)
        kinds: dict[Any, Any] = {MetaGraph: _from_checkpoint, Exported: _from_export}
        build = kinds.get(type(function), _called)
        built = build(tf, graph, function, inputs, double)
        session = tf.Session(graph=graph)

        def run(fetches: Any, feed: Any = None) -> Any:
            if doubles is None:
                return session.run(fetches, feed)
            return doubles.run(type(session).run, session, fetches, feed, None, None)

        built.restore(run)
        side = Side(None, variables=_values(tf, run))
        side.outputs = run(built.outputs, built.feeds)
        if gradients:
            _differentiate(tf, side, built.outputs, built.feeds, run, seed)
        if restore is not None:
            restore()
    return side


def _called(tf: Any, graph: Any, function: Any, inputs: Any, double: bool) -> Built:
    """The graph that a function builds on placeholders."""
    feeds: dict[Any, Any] = {}

    def placeholder(value: Any) -> Any:
        array = np.asarray(value)
        kind = np.float32 if array.dtype == np.float64 and double else array.dtype
        made = tf.placeholder(kind, array.shape)
        feeds[made] = array
        return made

    outputs = called(function, mapped(placeholder, inputs))

    def restore(run: Callable[..., Any]) -> None:
        run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        run(tf.tables_initializer())

    return Built(feeds, outputs, restore)


def _from_checkpoint(tf: Any, graph: Any, given: MetaGraph, inputs: Any, double: bool) -> Built:
    saver = tf.train.import_meta_graph(given.prefix + ".meta", clear_devices=True)
    if saver is None:
        raise ValueError(f"{given.prefix}.meta has no saver: none of its variables are stored")
    definition = saver.saver_def
    outputs = [element(graph, name) for name in given.outputs]

    def restore(run: Callable[..., Any]) -> None:
        operation = graph.get_operation_by_name(definition.restore_op_name)
        run(operation, {element(graph, definition.filename_tensor_name): given.prefix})

    flat = [leaf for _, leaf in leaves(inputs)]
    if len(flat) != len(given.inputs):
        raise ValueError(f"There are {len(flat)} inputs for {len(given.inputs)} placeholders")
    feeds = dict(zip((element(graph, name) for name in given.inputs), flat))
    return Built(feeds, outputs[0] if len(outputs) == 1 else outputs, restore)


def _from_export(tf: Any, graph: Any, given: Exported, inputs: Any, double: bool) -> Built:
    from tensorflow.python.saved_model import loader_impl

    loader = loader_impl.SavedModelLoader(str(given.path))
    tags = list(loader_impl.parse_saved_model(str(given.path)).meta_graphs[0].meta_info_def.tags)
    saver, _ = loader.load_graph(graph, tags)
    signatures = loader.get_meta_graph_def_from_tags(tags).signature_def
    if not signatures:
        raise ValueError(f"{given.path} has no signature: its inputs and outputs have no names")
    signature = signatures.get("serving_default") or signatures[sorted(signatures)[0]]
    places = {key: element(graph, signature.inputs[key].name) for key in sorted(signature.inputs)}
    outputs = {key: element(graph, value.name) for key, value in signature.outputs.items()}
    if isinstance(inputs, dict):
        feeds = {places[key]: value for key, value in sorted(inputs.items())}
    else:
        feeds = dict(zip(places.values(), (leaf for _, leaf in leaves(inputs))))

    def restore(run: Callable[..., Any]) -> None:
        if saver is not None:
            definition = saver.saver_def
            operation = graph.get_operation_by_name(definition.restore_op_name)
            prefix = str(given.path / "variables" / "variables")
            run(operation, {element(graph, definition.filename_tensor_name): prefix})

    return Built(feeds, outputs, restore)


def element(graph: Any, name: str) -> Any:
    """A tensor by its name, with or without the number of its output."""
    return graph.get_tensor_by_name(name if ":" in name else name + ":0")


def _values(tf: Any, run: Callable[..., Any]) -> dict[str, Any]:
    """The present values of the variables; a checkpoint need not have all of a graph."""
    variables = {v.name.split(":")[0]: v for v in tf.global_variables()}
    try:
        return dict(zip(variables, run(list(variables.values()))))
    except tf.errors.FailedPreconditionError:
        found = {}
        for name, variable in variables.items():
            try:
                found[name] = run(variable)
            except tf.errors.FailedPreconditionError:
                continue
        return found


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
