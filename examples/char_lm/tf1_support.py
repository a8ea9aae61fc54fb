"""TensorFlow 1 behaviour that PyTorch has no call for, for the converted programs beside this file.

Part of the converted program: written once by its conversion, only what the program uses, and
needing nothing but what it imports. Where PyTorch has a call of almost the same meaning, the
function here keeps TensorFlow's arithmetic, so that the numbers stay those of the original.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class LSTMStateTuple(NamedTuple):
    """The state of an LSTM in TensorFlow's order: the cell c, then the output h."""

    c: Any
    h: Any


def map_state(function: Callable[..., Any], *states: Any) -> Any:
    """Apply a function to the tensors of states of equal nesting."""
    first = states[0]
    if not isinstance(first, tuple | list):
        return function(*states)
    parts = [map_state(function, *group) for group in zip(*states, strict=True)]
    return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)


def zero_state(batch_size: Any, state_size: Any, device: Any = None) -> Any:
    """cell.zero_state: zeros for a state of the given sizes, nested like them."""
    return map_state(lambda size: torch.zeros(batch_size, size, device=device), state_size)


def state_to_numpy(state: Any) -> Any:
    """A state, or a list of tensors, as NumPy copies of the same nesting."""
    values = map_state(lambda tensor: np.array(tensor.detach().cpu())[()], state)
    return list(values) if isinstance(state, list) else values


def state_from_numpy(state: Any, device: Any = None) -> Any:
    """The state that `state_to_numpy` gave, as tensors."""
    return map_state(lambda part: torch.as_tensor(part, device=device), state)


@torch.no_grad()
def init_rnn_like_tf(rnn: nn.RNNBase, forget_bias: float = 1.0) -> None:
    """TensorFlow's initial values: glorot_uniform kernels over inputs and state, zero biases.

    TensorFlow has one bias where torch has two: bias_hh is zero and frozen. An LSTM's forget bias,
    which TensorFlow adds at run time, is part of bias_ih.
    """
    for name, parameter in rnn.named_parameters():
        if name.startswith("bias"):
            parameter.zero_()
            if name.startswith("bias_hh"):
                parameter.requires_grad_(False)
            elif isinstance(rnn, nn.LSTM):
                parameter[rnn.hidden_size : 2 * rnn.hidden_size] = forget_bias
            continue
        if name.startswith("weight_hr"):
            fans = sum(parameter.shape)
        else:
            inputs = getattr(rnn, "weight_ih" + name[len("weight_ih") :]).shape[1]
            states = getattr(rnn, "weight_hh" + name[len("weight_hh") :]).shape[1]
            fans = inputs + states + parameter.shape[0]
        limit = (6 / fans) ** 0.5
        parameter.uniform_(-limit, limit)


def lstm_dynamic(
    rnn: nn.RNNBase,
    inputs: torch.Tensor,
    sequence_length: Any = None,
    initial_state: Any = None,
    time_major: bool = False,
    stacked: bool | None = None,
) -> tuple[torch.Tensor, Any]:
    """Run an nn.LSTM (or nn.RNN) like tf.nn.dynamic_rnn: (outputs, state).

    The state is an LSTMStateTuple(c, h), for several layers a tuple of them; stacked=True gives a
    tuple for one layer too. After its sequence_length, which may be zero, a row's outputs are zero
    and its state stays.
    """
    outputs, first, last = _run_padded(rnn, inputs, sequence_length, initial_state, time_major)
    states = _keep_empty_rows(sequence_length, first, last)
    one = len(states) == 1 if stacked is None else not stacked
    return outputs, states[0] if one else tuple(states)


def _run_padded(
    rnn: nn.RNNBase,
    inputs: torch.Tensor,
    sequence_length: Any,
    initial_state: Any,
    time_major: bool,
) -> tuple[torch.Tensor, list[Any], list[Any]]:
    """Outputs, and for each layer and direction the first and the last state."""
    if time_major == rnn.batch_first:
        inputs = inputs.transpose(0, 1)
    batch, length = inputs.shape[:2] if rnn.batch_first else inputs.shape[1::-1]
    count = rnn.num_layers * (2 if rnn.bidirectional else 1)
    is_lstm = isinstance(rnn, nn.LSTM)
    if initial_state is None:
        h = inputs.new_zeros(batch, rnn.proj_size or rnn.hidden_size)
        c = inputs.new_zeros(batch, rnn.hidden_size)
        first: list[Any] = [LSTMStateTuple(c, h) if is_lstm else h] * count
    else:
        is_one = isinstance(initial_state, torch.Tensor | LSTMStateTuple)
        is_one = is_one or (is_lstm and isinstance(initial_state[0], torch.Tensor))
        first = [initial_state] if is_one else list(initial_state)
    start: Any = torch.stack(first) if not is_lstm else None
    if is_lstm:
        start = (torch.stack([state[1] for state in first]), torch.stack([s[0] for s in first]))
    packed: Any = inputs
    if sequence_length is not None:
        lengths = torch.as_tensor(sequence_length).cpu().clamp(min=1)  # torch refuses empty rows
        packed = pack_padded_sequence(inputs, lengths, rnn.batch_first, enforce_sorted=False)
    outputs, end = rnn(packed, start)
    if sequence_length is not None:
        outputs, _ = pad_packed_sequence(outputs, rnn.batch_first, total_length=length)
        alive = torch.as_tensor(sequence_length, device=inputs.device) > 0
        alive = alive[:, None, None] if rnn.batch_first else alive[:, None]
        outputs = torch.where(alive, outputs, torch.zeros_like(outputs))
    last = [LSTMStateTuple(c, h) for h, c in zip(*end, strict=True)] if is_lstm else list(end)
    return outputs.transpose(0, 1) if time_major == rnn.batch_first else outputs, first, last


def _keep_empty_rows(sequence_length: Any, first: list[Any], last: list[Any]) -> list[Any]:
    """The last states, with the first ones in the rows of length zero."""
    if sequence_length is None:
        return last

    def choose(new: Any, old: Any) -> Any:
        if isinstance(new, tuple):
            return LSTMStateTuple(*(choose(n, o) for n, o in zip(new, old, strict=True)))
        return torch.where(
            torch.as_tensor(sequence_length, device=new.device)[:, None] > 0, new, old
        )

    return [choose(new, old) for new, old in zip(last, first, strict=True)]


def global_norm(gradients: Iterable[torch.Tensor | None]) -> torch.Tensor:
    """tf.global_norm: the 2-norm of all gradients together; None counts as nothing.

    The repeated rows of a sparse gradient count one by one, as in TensorFlow's IndexedSlices.
    """
    values = [g._values() if g.is_sparse else g for g in gradients if g is not None]
    return torch.stack([value.square().sum() for value in values]).sum().sqrt()


def clip_by_global_norm(
    gradients: Sequence[torch.Tensor | None],
    clip_norm: float | torch.Tensor,
    use_norm: torch.Tensor | None = None,
    sparse: bool = False,
) -> tuple[list[torch.Tensor | None], torch.Tensor]:
    """tf.clip_by_global_norm: g * clip_norm / max(norm, clip_norm), and the norm.

    torch.nn.utils.clip_grad_norm_ adds 1e-6 to the norm; an infinite norm gives NaN here. Sparse
    gradients become dense after their norm is taken, or stay `sparse`.
    """
    norm = global_norm(gradients) if use_norm is None else use_norm
    scale = clip_norm * torch.minimum(1 / norm, 1 / torch.as_tensor(clip_norm).to(norm))
    scale = torch.where(norm.isfinite(), scale, math.nan)
    clipped = [None if g is None else _each_value(g, lambda v: v * scale) for g in gradients]
    return [g if sparse or g is None else _dense(g) for g in clipped], norm


def _each_value(x: torch.Tensor, change: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """change(x); of a sparse tensor each row by itself, before repeated rows are added up."""
    if not x.is_sparse:
        return change(x)
    return torch.sparse_coo_tensor(x._indices(), change(x._values()), x.shape)


def _dense(x: torch.Tensor) -> torch.Tensor:
    return x.to_dense() if x.is_sparse else x
