"""Recurrent cells, wrappers and loops against tf.nn, from TensorFlow's own variables."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import torch

from tf2torch.support import cells as cell_support
from tf2torch.support import lstm as lstm_support
from tf2torch.support import rnn as support

pytestmark = pytest.mark.filterwarnings("ignore:.tf.nn.rnn_cell")

BATCH, TIME, DEPTH, UNITS = 4, 6, 3, 5
LENGTHS = [6, 0, 3, 1]
WIDTHS = [("float32", 1e-5), ("float64", 1e-12)]


def run_tf(build, x, rng):
    """Outputs, state, gradients and variables by name of build(inputs)."""
    with tf.Graph().as_default(), tf.Session() as session:
        inputs = tf.constant(x)
        outputs, state = build(inputs)
        session.run(tf.global_variables_initializer())
        variables = tf.trainable_variables()
        for variable in variables:
            value = 0.5 * rng.randn(*variable.shape.as_list())
            variable.load(value.astype(x.dtype), session)
        flat = [*tf.nest.flatten(outputs), *tf.nest.flatten(state)]
        loss = sum(tf.reduce_sum(tf.sin(3 * y)) for y in flat)
        gradients = tf.gradients(loss, [inputs, *variables])
        values, found = session.run([flat, gradients])
        names = [variable.op.name for variable in variables]
        kept = dict(zip(names, session.run(variables), strict=True))
        return values, dict(zip(["inputs", *names], found, strict=True)), kept


def flatten(values):
    if isinstance(values, tuple | list):
        return [leaf for value in values for leaf in flatten(value)]
    return [values]


def run_torch(outputs, state, inputs, parameters):
    """The same of torch results."""
    flat = [*flatten(outputs), *flatten(state)]
    loss = sum(torch.sin(3 * y).sum() for y in flat)
    found = torch.autograd.grad(loss, [inputs, *parameters.values()])
    names = ["inputs", *parameters]
    values = [y.detach().numpy() for y in flat]
    return values, dict(zip(names, [g.numpy() for g in found], strict=True))


def assert_close(expected, actual, limit):
    assert len(expected) == len(actual)
    pairs = zip(expected, actual, strict=True)
    if isinstance(expected, dict):
        assert expected.keys() == actual.keys()
        pairs = [(expected[key], actual[key]) for key in expected]
    for e, a in pairs:
        assert e.shape == a.shape
        assert np.abs(e - a).max() <= limit * max(1, np.abs(e).max())


def load(cell, kept):
    """Put TensorFlow's variables into a cell: they have its order and its layout."""
    parameters = dict(zip(kept, cell.parameters(), strict=True))
    for name, parameter in parameters.items():
        assert parameter.shape == kept[name].shape
        parameter.data = torch.tensor(kept[name])
    return parameters


CELLS = {
    "basic": (
        lambda: tf.nn.rnn_cell.BasicRNNCell(UNITS),
        lambda n: cell_support.BasicRNNCell(n, UNITS),
    ),
    "basic-relu": (
        lambda: tf.nn.rnn_cell.BasicRNNCell(UNITS, activation=tf.nn.relu),
        lambda n: cell_support.BasicRNNCell(n, UNITS, activation=torch.relu),
    ),
    "gru": (lambda: tf.nn.rnn_cell.GRUCell(UNITS), lambda n: cell_support.GRUCell(n, UNITS)),
    "basic-lstm": (
        lambda: tf.nn.rnn_cell.BasicLSTMCell(UNITS, forget_bias=0.3),
        lambda n: cell_support.LSTMCell(n, UNITS, forget_bias=0.3),
    ),
    "lstm": (lambda: tf.nn.rnn_cell.LSTMCell(UNITS), lambda n: cell_support.LSTMCell(n, UNITS)),
    "lstm-peepholes": (
        lambda: tf.nn.rnn_cell.LSTMCell(UNITS, use_peepholes=True, cell_clip=0.4),
        lambda n: cell_support.LSTMCell(n, UNITS, use_peepholes=True, cell_clip=0.4),
    ),
    "lstm-projection": (
        lambda: tf.nn.rnn_cell.LSTMCell(UNITS, num_proj=2, proj_clip=0.3),
        lambda n: cell_support.LSTMCell(n, UNITS, num_proj=2, proj_clip=0.3),
    ),
    "lstm-joined-state": (
        lambda: tf.nn.rnn_cell.LSTMCell(UNITS, state_is_tuple=False),
        lambda n: cell_support.LSTMCell(n, UNITS, state_is_tuple=False),
    ),
    "residual": (
        lambda: tf.nn.rnn_cell.ResidualWrapper(tf.nn.rnn_cell.GRUCell(DEPTH)),
        lambda n: cell_support.ResidualWrapper(cell_support.GRUCell(n, DEPTH)),
    ),
    "multi": (
        lambda: tf.nn.rnn_cell.MultiRNNCell(
            [tf.nn.rnn_cell.GRUCell(UNITS), tf.nn.rnn_cell.LSTMCell(4)]
        ),
        lambda n: cell_support.MultiRNNCell(
            [cell_support.GRUCell(n, UNITS), cell_support.LSTMCell(UNITS, 4)]
        ),
    ),
}


@pytest.mark.parametrize(("dtype", "limit"), WIDTHS)
@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("name", CELLS)
def test_dynamic_rnn(rng, name, lengths, dtype, limit):
    make_tf, make_torch = CELLS[name]
    x = rng.randn(BATCH, TIME, DEPTH).astype(dtype)
    expected, expected_gradients, kept = run_tf(
        lambda inputs: tf.nn.dynamic_rnn(make_tf(), inputs, lengths, dtype=dtype), x, rng
    )
    cell = make_torch(DEPTH)
    parameters = load(cell, kept)
    inputs = torch.tensor(x, requires_grad=True)
    actual, gradients = run_torch(*support.dynamic_rnn(cell, inputs, lengths), inputs, parameters)
    assert_close(expected, actual, limit)
    assert_close(expected_gradients, gradients, limit)


def test_time_major_and_initial_state(rng):
    x = rng.randn(TIME, BATCH, DEPTH)
    start = rng.randn(2, BATCH, UNITS)
    expected, _, kept = run_tf(
        lambda inputs: tf.nn.dynamic_rnn(
            tf.nn.rnn_cell.LSTMCell(UNITS),
            inputs,
            LENGTHS,
            tf.nn.rnn_cell.LSTMStateTuple(tf.constant(start[0]), tf.constant(start[1])),
            time_major=True,
        ),
        x,
        rng,
    )
    cell = cell_support.LSTMCell(DEPTH, UNITS)
    load(cell, kept)
    state = cell_support.LSTMStateTuple(torch.tensor(start[0]), torch.tensor(start[1]))
    outputs, final = support.dynamic_rnn(cell, torch.tensor(x), LENGTHS, state, time_major=True)
    assert_close(expected, [y.detach().numpy() for y in flatten([outputs, final])], 1e-12)


def test_static_rnn(rng):
    x = rng.randn(BATCH, TIME, DEPTH)
    expected, _, kept = run_tf(
        lambda inputs: tf.nn.static_rnn(
            tf.nn.rnn_cell.GRUCell(UNITS),
            tf.unstack(inputs, axis=1),
            dtype=tf.float64,
            sequence_length=LENGTHS,
        ),
        x,
        rng,
    )
    cell = cell_support.GRUCell(DEPTH, UNITS)
    load(cell, kept)
    outputs, state = support.static_rnn(cell, torch.tensor(x).unbind(1), sequence_length=LENGTHS)
    assert_close(expected, [y.detach().numpy() for y in [*outputs, state]], 1e-12)


@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("static", [False, True])
def test_bidirectional(rng, lengths, static):
    x = rng.randn(BATCH, TIME, DEPTH)

    def build(inputs):
        cells = [tf.nn.rnn_cell.GRUCell(UNITS), tf.nn.rnn_cell.GRUCell(UNITS)]
        if static:
            steps = tf.unstack(inputs, axis=1)
            outputs, fw, bw = tf.nn.static_bidirectional_rnn(
                *cells, steps, dtype=tf.float64, sequence_length=lengths
            )
            return outputs, (fw, bw)
        return tf.nn.bidirectional_dynamic_rnn(*cells, inputs, lengths, dtype=tf.float64)

    expected, _, kept = run_tf(build, x, rng)
    cells = [cell_support.GRUCell(DEPTH, UNITS) for _ in range(2)]
    for cell, part in zip(cells, ("fw", "bw"), strict=True):
        load(cell, {name: value for name, value in kept.items() if f"/{part}/" in name})
    inputs = torch.tensor(x)
    if static:
        actual = support.static_bidirectional_rnn(*cells, inputs.unbind(1), sequence_length=lengths)
    else:
        actual = support.bidirectional_dynamic_rnn(*cells, inputs, lengths)
    assert_close(expected, [y.detach().numpy() for y in flatten(actual)], 1e-12)


def test_stack_bidirectional_feeds_both_directions_upward(rng):
    cells_fw = [cell_support.GRUCell(n, UNITS).double() for n in (DEPTH, 2 * UNITS)]
    cells_bw = [cell_support.GRUCell(n, UNITS).double() for n in (DEPTH, 2 * UNITS)]
    x = torch.tensor(rng.randn(BATCH, TIME, DEPTH))
    outputs, states_fw, states_bw = support.stack_bidirectional_dynamic_rnn(
        cells_fw, cells_bw, x, LENGTHS
    )
    below, _ = support.bidirectional_dynamic_rnn(cells_fw[0], cells_bw[0], x, LENGTHS)
    above, (fw, bw) = support.bidirectional_dynamic_rnn(
        cells_fw[1], cells_bw[1], torch.cat(below, 2), LENGTHS
    )
    torch.testing.assert_close(outputs, torch.cat(above, 2))
    torch.testing.assert_close([states_fw[1], states_bw[1]], [fw, bw])


def lstm_weights(kernel, bias, inputs, forget_bias=1.0):
    """TensorFlow's LSTM kernel and bias as nn.LSTM holds them."""
    i, j, f, o = np.split(kernel, 4, 1)
    bi, bj, bf, bo = np.split(bias, 4)
    kernel = np.concatenate([i, f, j, o], 1).T
    bias = np.concatenate([bi, bf + forget_bias, bj, bo])
    return kernel[:, :inputs].copy(), kernel[:, inputs:].copy(), bias


def load_lstm(lstm, kept, suffixes):
    """Put kernel and bias pairs into the layers and directions of an nn.LSTM."""
    names = list(kept)
    for number, suffix in enumerate(suffixes):
        kernel, bias = kept[names[2 * number]], kept[names[2 * number + 1]]
        inputs = getattr(lstm, "weight_ih" + suffix).shape[1]
        values = lstm_weights(kernel, bias, inputs)
        for key, value in zip(("weight_ih", "weight_hh", "bias_ih"), values, strict=True):
            getattr(lstm, key + suffix).data = torch.tensor(value)
        getattr(lstm, "bias_hh" + suffix).data = torch.zeros(4 * UNITS, dtype=torch.float64)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("given_state", [False, True])
def test_lstm_dynamic(rng, layers, lengths, given_state):
    x = rng.randn(BATCH, TIME, DEPTH)
    start = rng.randn(layers, 2, BATCH, UNITS)

    def build(inputs):
        cells = [tf.nn.rnn_cell.LSTMCell(UNITS) for _ in range(layers)]
        cell = cells[0] if layers == 1 else tf.nn.rnn_cell.MultiRNNCell(cells)
        state = None
        if given_state:
            pairs = [tf.nn.rnn_cell.LSTMStateTuple(*map(tf.constant, pair)) for pair in start]
            state = pairs[0] if layers == 1 else tuple(pairs)
        return tf.nn.dynamic_rnn(cell, inputs, lengths, state, dtype=tf.float64)

    expected, expected_gradients, kept = run_tf(build, x, rng)
    lstm = lstm_support.frozen_bias_lstm(DEPTH, UNITS, layers).double()
    load_lstm(lstm, kept, [f"_l{n}" for n in range(layers)])
    state = None
    if given_state:
        pairs = [cell_support.LSTMStateTuple(*map(torch.tensor, pair)) for pair in start]
        state = pairs[0] if layers == 1 else tuple(pairs)
    inputs = torch.tensor(x, requires_grad=True)
    parameters = {"bias_ih": lstm.bias_ih_l0}
    actual, gradients = run_torch(
        *lstm_support.lstm_dynamic(lstm, inputs, lengths, state), inputs, parameters
    )
    assert_close(expected, actual, 1e-12)
    assert_close([expected_gradients["inputs"]], [gradients["inputs"]], 1e-12)
    i, j, f, o = np.split(list(expected_gradients.values())[2], 4)
    assert_close([np.concatenate([i, f, j, o])], [gradients["bias_ih"]], 1e-12)
    assert not lstm.bias_hh_l0.requires_grad


@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_bidirectional_lstm_dynamic(rng, lengths):
    x = rng.randn(BATCH, TIME, DEPTH)
    expected, _, kept = run_tf(
        lambda inputs: tf.nn.bidirectional_dynamic_rnn(
            tf.nn.rnn_cell.LSTMCell(UNITS),
            tf.nn.rnn_cell.LSTMCell(UNITS),
            inputs,
            lengths,
            dtype=tf.float64,
        ),
        x,
        rng,
    )
    lstm = lstm_support.frozen_bias_lstm(DEPTH, UNITS, bidirectional=True).double()
    load_lstm(lstm, kept, ["_l0", "_l0_reverse"])
    actual = lstm_support.bidirectional_lstm_dynamic(lstm, torch.tensor(x), lengths)
    assert_close(expected, [y.detach().numpy() for y in flatten(actual)], 1e-12)


def test_lstm_dynamic_with_projection_time_major(rng):
    x = rng.randn(TIME, BATCH, DEPTH)
    expected, _, kept = run_tf(
        lambda inputs: tf.nn.dynamic_rnn(
            tf.nn.rnn_cell.LSTMCell(UNITS, num_proj=2),
            inputs,
            LENGTHS,
            dtype=tf.float64,
            time_major=True,
        ),
        x,
        rng,
    )
    lstm = lstm_support.frozen_bias_lstm(DEPTH, UNITS, proj_size=2).double()
    load_lstm(lstm, kept, ["_l0"])
    lstm.weight_hr_l0.data = torch.tensor(list(kept.values())[2].T.copy())
    actual = lstm_support.lstm_dynamic(lstm, torch.tensor(x), LENGTHS, time_major=True)
    assert_close(expected, [y.detach().numpy() for y in flatten(actual)], 1e-12)


def test_nn_rnn_holds_the_basic_cell(rng):
    x = rng.randn(BATCH, TIME, DEPTH)
    expected, _, kept = run_tf(
        lambda inputs: tf.nn.dynamic_rnn(
            tf.nn.rnn_cell.BasicRNNCell(UNITS), inputs, LENGTHS, dtype=tf.float64
        ),
        x,
        rng,
    )
    kernel, bias = kept.values()
    rnn = lstm_support.frozen_bias_rnn(DEPTH, UNITS).double()
    rnn.weight_ih_l0.data = torch.tensor(kernel[:DEPTH].T.copy())
    rnn.weight_hh_l0.data = torch.tensor(kernel[DEPTH:].T.copy())
    rnn.bias_ih_l0.data = torch.tensor(bias)
    actual = lstm_support.lstm_dynamic(rnn, torch.tensor(x), LENGTHS)
    assert_close(expected, [y.detach().numpy() for y in actual], 1e-12)


def test_initial_values():
    lstm = lstm_support.frozen_bias_lstm(20, 30, forget_bias=0.5)
    limit = (6 / (50 + 120)) ** 0.5
    for weight in (lstm.weight_ih_l0, lstm.weight_hh_l0):
        assert 0.98 * limit < weight.abs().max() <= limit
    bias = lstm.bias_ih_l0.view(4, 30)
    assert bias[1].eq(0.5).all() and bias[[0, 2, 3]].eq(0).all() and lstm.bias_hh_l0.eq(0).all()
    gru = cell_support.GRUCell(20, 30)
    assert gru.gates_bias.eq(1).all() and gru.candidate_bias.eq(0).all()
    limit = (6 / (50 + 60)) ** 0.5
    assert 0.98 * limit < gru.gates_kernel.abs().max() <= limit


def test_dropout_wrapper_keeps_c_and_scales_by_keep_probability():
    torch.manual_seed(0)
    wrapped = cell_support.LSTMCell(DEPTH, 200)
    cell = cell_support.DropoutWrapper(wrapped, output_keep_prob=0.8, state_keep_prob=0.5)
    x, start = torch.randn(BATCH, DEPTH), wrapped.zero_state(BATCH)
    plain, _ = wrapped(x, start)
    output, state = cell(x, start)
    assert abs((output == 0).float().mean() - 0.2) < 0.05
    torch.testing.assert_close(output[output != 0], (plain / 0.8)[output != 0])
    assert (state.c != 0).all()
    assert abs((state.h == 0).float().mean() - 0.5) < 0.06
    cell.eval()
    assert (cell(x, start)[0] == 0).any()


def test_variational_dropout_repeats_one_mask():
    torch.manual_seed(0)
    cell = cell_support.DropoutWrapper(
        cell_support.BasicRNNCell(DEPTH, 50), output_keep_prob=0.5, variational_recurrent=True
    )
    x = torch.randn(BATCH, TIME, DEPTH)
    first, _ = support.dynamic_rnn(cell, x)
    zeros = (first == 0).reshape(-1, 50)
    assert zeros.any() and (zeros == zeros[0]).all()
    second, _ = support.dynamic_rnn(cell, x)
    assert ((second == 0) != (first == 0)).any()


def test_zero_state_nests_like_the_cells():
    cell = cell_support.MultiRNNCell(
        [cell_support.GRUCell(2, 3), cell_support.LSTMCell(3, 4, num_proj=2)]
    )
    state = cell.zero_state(5)
    assert state[0].shape == (5, 3)
    assert state[1].c.shape == (5, 4) and state[1].h.shape == (5, 2)
