"""Recurrent cells over variable scopes against TensorFlow: names, outputs and gradients."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import tensorflow.compat.v1 as tf
import torch

from tests.support.scoped_models import compare_models
from tf2torch.support import scoped_cells, scoped_initializers, scoped_rnn, scoped_scopes
from tf2torch.support import scoped_variables as variables
from tf2torch.support.scoped_layers import scoped_dense

LOOPS = ("dynamic_rnn", "static_rnn", "bidirectional_dynamic_rnn", "static_bidirectional_rnn")


class CellHere(scoped_cells.ScopedStates):
    state_size = output_size = 3

    def forward(self, inputs, state):
        return step(TORCH, inputs, state)


class CellThere(tf.nn.rnn_cell.RNNCell):
    state_size = output_size = 3

    def __call__(self, inputs, state, scope=None):
        return step(TF, inputs, state)


def step(t, inputs, state):
    """A cell that asks for its variables at each step."""
    with t.variable_scope("mine", regularizer=t.l2):
        w = t.get_variable("w", [inputs.shape[-1], 3], inputs.dtype)
        new = t.tanh(t.matmul(inputs, w) + t.dense(state, 3))
    return new, new


TORCH = SimpleNamespace(
    **{name: getattr(scoped_rnn, "scoped_" + name) for name in LOOPS},
    **{
        name: getattr(scoped_cells, "Scoped" + name)
        for name in ("BasicRNNCell", "BasicLSTMCell", "LSTMCell", "GRUCell", "MultiRNNCell")
    },
    ResidualWrapper=scoped_cells.ScopedResidualWrapper,
    Cell=CellHere,
    variable_scope=scoped_scopes.variable_scope,
    get_variable=variables.get_variable,
    make_template=variables.make_template,
    ones=scoped_initializers.ones_initializer,
    l2=scoped_initializers.l2_regularizer(1.0),
    dense=scoped_dense,
    tanh=torch.tanh,
    matmul=torch.matmul,
    unstack=lambda x: list(x.unbind(1)),
    flat=lambda state: (
        [state] if torch.is_tensor(state) else [p for s in state for p in TORCH.flat(s)]
    ),
)
TF = SimpleNamespace(
    **{name: getattr(tf.nn, name) for name in LOOPS},
    **{
        name: getattr(tf.nn.rnn_cell, name)
        for name in (
            "BasicRNNCell",
            "BasicLSTMCell",
            "LSTMCell",
            "GRUCell",
            "MultiRNNCell",
            "ResidualWrapper",
        )
    },
    Cell=CellThere,
    variable_scope=tf.variable_scope,
    get_variable=tf.get_variable,
    make_template=tf.make_template,
    ones=tf.ones_initializer,
    l2=tf.nn.l2_loss,
    dense=tf.layers.dense,
    tanh=tf.nn.tanh,
    matmul=tf.matmul,
    unstack=lambda x: tf.unstack(x, axis=1),
    flat=tf.nest.flatten,
)


def cells(t, x):
    for number, cell in enumerate(
        [
            t.BasicRNNCell(4),
            t.BasicLSTMCell(4, forget_bias=0.5),
            t.LSTMCell(4, use_peepholes=True, num_proj=3, cell_clip=0.5, initializer=t.ones()),
            t.LSTMCell(3, state_is_tuple=False, name="named"),
            t.GRUCell(4, activation=t.tanh),
        ]
    ):
        with t.variable_scope(f"part_{number}"):
            y, state = t.dynamic_rnn(cell, x, dtype=x.dtype, sequence_length=[3, 0])
            yield from [y, *t.flat(state)]


def stacks(t, x):
    with t.variable_scope("enc", initializer=t.ones()):
        cell = t.MultiRNNCell([t.BasicLSTMCell(4), t.GRUCell(4), t.ResidualWrapper(t.GRUCell(4))])
        y, state = t.dynamic_rnn(cell, x, initial_state=cell.zero_state(2, x.dtype))
        yield from [y, *t.flat(state)]
    outputs, state = t.static_rnn(cell, t.unstack(x), dtype=x.dtype, scope="again")
    yield from [*outputs, *t.flat(state)]


def directions(t, x):
    ys, states = t.bidirectional_dynamic_rnn(
        t.LSTMCell(3), t.GRUCell(3), x, sequence_length=[2, 4], dtype=x.dtype
    )
    yield from [*ys, *t.flat(states)]
    with t.variable_scope("second"):
        ys, fw, bw = t.static_bidirectional_rnn(
            t.GRUCell(3), t.GRUCell(3), t.unstack(x), dtype=x.dtype, scope="both"
        )
    yield from [*ys, fw, bw]


def cells_by_hand(t, x):
    cell = t.GRUCell(3)
    with t.variable_scope("loop"):
        state = cell.zero_state(2, x.dtype)
        for step in t.unstack(x):
            _, state = cell(step, state)
    shared = t.GRUCell(3, name="gru_cell", reuse=True)
    with t.variable_scope("loop"):
        yield shared(t.unstack(x)[0], state)[0]
    yield t.GRUCell(3)(t.unstack(x)[0], state)[0]
    yield t.GRUCell(3)(t.unstack(x)[0], state)[0]
    make = t.make_template("decoder", lambda v: t.dynamic_rnn(t.GRUCell(2), v, dtype=v.dtype)[0])
    yield make(x)
    yield make(x * 2)


def cells_of_the_program(t, x):
    y, state = t.dynamic_rnn(t.Cell(), x, dtype=x.dtype)
    yield y
    with t.variable_scope("more"):
        yield t.dynamic_rnn(t.MultiRNNCell([t.Cell(), t.GRUCell(3)]), x, dtype=x.dtype)[0]


@pytest.mark.parametrize(
    "function",
    [cells, stacks, directions, cells_by_hand, cells_of_the_program],
    ids=lambda function: function.__name__,
)
def test_recurrent_networks(function, rng):
    compare_models(
        lambda x: list(function(TF, x)), lambda x: list(function(TORCH, x)), rng.randn(2, 4, 4)
    )
