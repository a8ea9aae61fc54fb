"""The public symbols of TensorFlow 1.15, contrib included: aliases, signatures, state.

The list was written by ``scripts/list_tf1_symbols.py`` under the real TensorFlow 1.15.5.
"""

from __future__ import annotations

import gzip
from bisect import bisect_left
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from tf2torch.rulebook.loader import Rulebook

State = Literal["rule", "pass", "refused", "unknown"]

_DATA: Final = Path(__file__).parent / "data" / "tf1_symbols.tsv.gz"

#: Symbols and whole modules that Python passes handle, not rules: they look at several statements.
PASSES: Final = frozenset(
    """
    tf.placeholder tf.placeholder_with_default tf.Variable tf.get_variable
    tf.variable_scope tf.name_scope tf.get_variable_scope
    tf.VariableScope tf.AUTO_REUSE tf.Graph tf.get_default_graph tf.reset_default_graph
    tf.Session tf.InteractiveSession tf.get_default_session tf.ConfigProto tf.GPUOptions
    tf.RunOptions tf.RunMetadata
    tf.global_variables_initializer tf.local_variables_initializer tf.initialize_all_variables
    tf.initialize_local_variables tf.variables_initializer tf.initialize_variables
    tf.tables_initializer tf.global_variables tf.trainable_variables tf.local_variables
    tf.all_variables tf.get_collection
    tf.add_to_collection tf.get_collection_ref tf.GraphKeys tf.control_dependencies tf.group
    tf.tuple tf.no_op tf.assign tf.assign_add tf.assign_sub tf.device tf.while_loop tf.cond tf.case
    tf.map_fn tf.scan tf.foldl tf.foldr tf.gradients tf.hessians tf.stop_gradient
    tf.custom_gradient tf.RegisterGradient tf.set_random_seed
    tf.app.run tf.train.Saver tf.train.AdamOptimizer tf.train.GradientDescentOptimizer
    tf.train.MomentumOptimizer tf.train.RMSPropOptimizer tf.train.AdagradOptimizer
    tf.train.AdadeltaOptimizer tf.train.FtrlOptimizer tf.train.Optimizer
    tf.train.ExponentialMovingAverage tf.train.get_or_create_global_step
    tf.train.create_global_step tf.train.get_global_step tf.train.global_step
    tf.train.get_checkpoint_state tf.train.latest_checkpoint tf.train.Coordinator
    tf.train.start_queue_runners tf.nn.dynamic_rnn tf.nn.static_rnn
    tf.nn.bidirectional_dynamic_rnn tf.nn.static_bidirectional_rnn
    tf.nn.rnn_cell.LSTMCell tf.nn.rnn_cell.BasicLSTMCell tf.nn.rnn_cell.GRUCell
    tf.nn.rnn_cell.BasicRNNCell tf.nn.rnn_cell.MultiRNNCell tf.nn.rnn_cell.DropoutWrapper
    tf.initialize_all_tables tf.no_regularizer tf.scatter_update tf.train.exponential_decay
    tf.train.natural_exp_decay tf.train.inverse_time_decay tf.train.polynomial_decay
    tf.train.piecewise_constant tf.train.cosine_decay tf.train.cosine_decay_restarts
    tf.train.linear_cosine_decay tf.train.checkpoint_exists tf.train.NewCheckpointReader
    tf.train.write_graph tf.train.batch tf.train.shuffle_batch tf.train.range_input_producer
    tf.train.slice_input_producer tf.train.string_input_producer tf.TextLineReader
    tf.TFRecordReader tf.WholeFileReader tf.IdentityReader tf.train.Example
    tf.contrib.framework.arg_scope
    tf.contrib.layers.repeat
    tf.contrib.layers.stack tf.metrics.accuracy tf.metrics.auc tf.metrics.mean
    tf.metrics.precision tf.metrics.recall tf.metrics.mean_squared_error tf.metrics.mean_iou
    tf.metrics.root_mean_squared_error tf.metrics.mean_absolute_error tf.metrics.true_positives
    tf.metrics.true_negatives tf.metrics.false_positives tf.metrics.false_negatives
    tf.contrib.training.HParams tf.contrib.opt.LazyAdamOptimizer tf.contrib.opt.NadamOptimizer
    tf.Summary tf.contrib.distributions.MultivariateNormalDiag
    tf.contrib.framework.get_or_create_global_step tf.contrib.losses.get_regularization_losses
    tf.contrib.losses.get_total_loss tf.contrib.metrics.streaming_accuracy
    tf.contrib.metrics.streaming_auc tf.contrib.metrics.streaming_mean
    tf.contrib.metrics.streaming_mean_absolute_error tf.contrib.metrics.streaming_mean_iou
    tf.contrib.metrics.streaming_mean_squared_error tf.contrib.metrics.streaming_precision
    tf.contrib.metrics.streaming_recall tf.contrib.metrics.streaming_root_mean_squared_error
    tf.contrib.rnn.stack_bidirectional_dynamic_rnn tf.losses.add_loss tf.losses.get_losses
    tf.losses.get_regularization_loss tf.losses.get_regularization_losses
    tf.losses.get_total_loss tf.nn.rnn_cell.DeviceWrapper tf.nn.rnn_cell.LSTMStateTuple
    tf.nn.rnn_cell.ResidualWrapper tf.train.AdagradDAOptimizer
    tf.train.ProximalAdagradOptimizer tf.train.ProximalGradientDescentOptimizer
    tf.train.SyncReplicasOptimizer tf.train.maybe_batch tf.train.maybe_shuffle_batch
    tf.train.noisy_linear_cosine_decay
    """.split()
)
#: Prefixes of modules that Python passes handle as a whole.
PASS_MODULES: Final = (
    "tf.app.flags.",
    "tf.flags.",
    "tf.summary.",
    "tf.data.",
    "tf.contrib.data.",
    "tf.distributions.",
)


@cache
def _lines() -> list[str]:
    """The sorted lines of the list: name, kind, signature; or other name, canonical name."""
    return gzip.decompress(_DATA.read_bytes()).decode("utf-8").split("\n")


@cache
def _entry(name: str) -> tuple[str, ...] | None:
    """(canonical name, kind, signature) of a public name."""
    while name.startswith("tf.compat.v1."):  # the same library under a longer name
        name = "tf." + name.removeprefix("tf.compat.v1.")
    lines = _lines()
    at = bisect_left(lines, name + "\t")
    if at == len(lines) or not lines[at].startswith(name + "\t"):
        return None
    fields = tuple(lines[at].split("\t"))
    return fields if len(fields) == 3 else _entry(fields[1])


def canonical(name: str) -> str | None:
    """The one name that stands for all aliases of a public symbol, None if it is not public.

    Names that TensorFlow 1.15 dropped but older programs use are found by their rules, not here.
    """
    entry = _entry(name)
    return entry[0] if entry is not None else None


def signature(name: str) -> str | None:
    """The parameters with their defaults, `...` for one without a literal form; None if unknown."""
    entry = _entry(name)
    return entry[2] if entry is not None and entry[1] in ("function", "class") else None


def kind(name: str) -> str | None:
    """`function`, `class`, `module`, `dtype` or `constant`; None if it is not public."""
    entry = _entry(name)
    return entry[1] if entry is not None else None


def all_symbols() -> tuple[str, ...]:
    """The canonical names, sorted."""
    return tuple(line.partition("\t")[0] for line in _lines() if line.count("\t") == 2)


@cache
def _builtin() -> Rulebook:
    from tf2torch.rulebook.loader import load_rulebook

    return load_rulebook()


def state(name: str, book: Rulebook | None = None) -> State:
    """How a symbol is dealt with: by a rule, a Python pass, refused on purpose, or not at all."""
    rule = (book if book is not None else _builtin()).find(name)
    if rule is not None:
        return "refused" if rule.kind == "refuse" else "rule"
    known = canonical(name) or name
    if known in PASSES or known.startswith(PASS_MODULES) or kind(known) == "module":
        return "pass"
    return "unknown"
