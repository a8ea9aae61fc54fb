"""The MNIST reader takes a graph's seed: TensorFlow seeds numpy with it."""

from __future__ import annotations

import libcst as cst

from tf2torch.cst.forms import TIGHT
from tf2torch.plan.units import calls_in
from tf2torch.rewrite.writer import Writer

_SEEDS = ("tf.set_random_seed", "tf.random.set_random_seed")


def seeded(writer: Writer, node: cst.Call, written: cst.BaseExpression) -> cst.BaseExpression:
    """``tf.set_random_seed(7)``, then ``read_data_sets(d)`` -> ``read_data_sets(d, seed=7)``"""
    if not isinstance(written, cst.Call):
        return written
    if any(arg.keyword is not None and arg.keyword.value == "seed" for arg in written.args):
        return written
    seed = _graph_seed(writer, node)
    if seed is None:
        return written
    given = cst.Arg(seed.deep_clone(), cst.Name("seed"), equal=TIGHT)
    return written.with_changes(args=[*written.args, given])


def _graph_seed(writer: Writer, node: cst.Call) -> cst.BaseExpression | None:
    """The seed that the default graph has when the reader is called."""
    symbols = writer.analysis.symbols
    seed: cst.BaseExpression | None = None
    for unit in writer.plan.graph.units:
        for call in calls_in(unit.node):
            if call is node:
                return seed
            symbol = symbols.get(call.func)
            if symbol in _SEEDS and call.args:
                seed = call.args[0].value
            elif symbol == "tf.reset_default_graph":
                seed = None
    return None
