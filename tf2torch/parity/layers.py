"""Compare two models layer by layer: modules and scopes that hold the same weights are pairs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tf2torch.parity.devices import prepare
from tf2torch.parity.frameworks import tensorflow_1, tensorflow_process
from tf2torch.parity.functions import Comparison, Row, entries_by_key
from tf2torch.parity.isolated import SideFailed, isolated
from tf2torch.parity.localise import arrangements
from tf2torch.parity.specs import drawn
from tf2torch.parity.structures import leaves, mapped
from tf2torch.parity.tolerances import differs, error
from tf2torch.weights import layout


def compare_layers(
    tf_fn: Callable[..., Any],
    module: Any,
    inputs: Any,
    *,
    weights: Any,
    rtol: float = 2e-5,
    atol: float = 2e-6,
    seed: int = 0,
    device: str = "cpu",
) -> Comparison:
    """The output of every layer with weights, in the order in which the torch model calls them.

    A layer of the graph may end behind its bias or behind its activation: a module agrees with
    whichever of the tensors in its scope has its values.
    """
    given = drawn(tuple(inputs), seed)
    entries = entries_by_key(weights)
    scopes: dict[str, str] = {}
    for key, parts in entries.items():
        scopes.setdefault(key.rpartition(".")[0], parts[0][0].rpartition("/")[0])
    try:
        tensors, values = tensorflow_process(partial(_tf_layers, tf_fn, given, scopes, seed))
        outputs = isolated("torch", partial(_torch_layers, module, given, entries, values, device))
    except SideFailed as failed:
        return Comparison((), str(failed))
    rows = []
    for name, got in outputs:
        candidates = [
            value
            for tensor in tensors.get(scopes.get(name, ""), ())
            for value in arrangements(tensor, got.shape)
        ]
        if name not in scopes:
            continue
        if not candidates:
            text = f"The scope {scopes[name]!r} has no tensor of shape {list(got.shape)}"
            rows.append(Row(name, np.inf, np.inf, text))
            continue
        best = min(candidates, key=lambda value: error(got, value)[0])
        rows.append(Row(name, *error(got, best), differs(got, best, rtol, atol)))
    return Comparison(tuple(rows))


def _tf_layers(
    function: Callable[..., Any], inputs: Any, scopes: dict[str, str], seed: int, alone: bool
) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    tf = tensorflow_1(alone)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        tf.set_random_seed(seed)
        given = mapped(lambda v: tf.placeholder(np.asarray(v).dtype, np.shape(v)), inputs)
        function(*given)
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        wanted = {scope: _outputs(graph, scope) for scope in scopes.values()}
        flat = [tensor for _, tensor in leaves(given)]
        feed = dict(zip(flat, (leaf for _, leaf in leaves(inputs))))
        variables = tf.global_variables()
        values = dict(zip([v.name.split(":")[0] for v in variables], session.run(variables)))
        return session.run(wanted, feed), values


def _outputs(graph: Any, scope: str) -> list[Any]:
    """What a scope computes, without its variables."""
    kinds = ("Variable", "VarHandle", "Assign", "ReadVariable", "Const", "Identity", "Initializ")
    return [
        op.outputs[0]
        for op in graph.get_operations()
        if (op.name == scope or op.name.startswith(scope + "/"))
        and op.outputs
        and op.outputs[0].dtype.is_floating
        and "/Initializer/" not in op.name
        and not op.type.startswith(kinds)
    ]


def _torch_layers(
    module: Any, inputs: Any, entries: dict[str, Any], values: dict[str, Any], device: str
) -> list[tuple[str, Any]]:
    import torch

    prepare(device)
    module = module.to(device)
    state = module.state_dict(keep_vars=True)
    found: list[tuple[str, Any]] = []
    with torch.no_grad():
        for key, parts in entries.items():
            value = layout.join([(steps, values[name]) for name, steps in parts])
            state[key].copy_(torch.as_tensor(np.array(value)))

        def watch(name: str) -> Callable[..., None]:
            def hook(_: Any, given: Any, output: Any) -> None:
                if isinstance(output, torch.Tensor):
                    found.append((name, output.detach().cpu().numpy().copy()))

            return hook

        for name, part in module.named_modules():
            part.register_forward_hook(watch(name))
        module(*mapped(lambda leaf: torch.as_tensor(leaf, device=device), inputs))
    return found
