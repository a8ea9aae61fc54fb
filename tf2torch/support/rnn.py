"""The loops that run recurrent cells, as tf.nn has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .cells import map_state


def dynamic_rnn(
    cell: Any,
    inputs: torch.Tensor,
    sequence_length: Any = None,
    initial_state: Any = None,
    time_major: bool = False,
) -> tuple[torch.Tensor, Any]:
    """tf.nn.dynamic_rnn: the outputs of every step and the last state of each row.

    After its sequence_length a row's outputs are zero and its state stays.
    """
    steps = inputs if time_major else inputs.transpose(0, 1)
    state = (
        cell.zero_state(steps.shape[1], inputs.dtype) if initial_state is None else initial_state
    )
    for module in cell.modules():
        getattr(module, "masks", {}).clear()
    lengths = None
    if sequence_length is not None:
        lengths = torch.as_tensor(sequence_length, device=inputs.device)[:, None]
    outputs = []
    for number, step in enumerate(steps):
        output, new_state = cell(step, state)
        if lengths is not None:
            alive = number < lengths
            output = torch.where(alive, output, torch.zeros_like(output))
            new_state = map_state(
                lambda new, old, alive=alive: torch.where(alive, new, old), new_state, state
            )
        outputs.append(output)
        state = new_state
    return torch.stack(outputs, 0 if time_major else 1), state


def static_rnn(
    cell: Any,
    inputs: Sequence[torch.Tensor],
    initial_state: Any = None,
    sequence_length: Any = None,
) -> tuple[list[torch.Tensor], Any]:
    """tf.nn.static_rnn: like dynamic_rnn, over a list with one tensor a step."""
    steps = torch.stack(list(inputs))
    outputs, state = dynamic_rnn(cell, steps, sequence_length, initial_state, time_major=True)
    return list(outputs), state


def _reverse_steps(x: torch.Tensor, sequence_length: Any, time_major: bool = False) -> torch.Tensor:
    """Each row backwards within its length."""
    if sequence_length is None:
        return x.flip(0 if time_major else 1)
    x = x if time_major else x.transpose(0, 1)
    lengths = torch.as_tensor(sequence_length, device=x.device)
    time = torch.arange(x.shape[0], device=x.device)[:, None]
    index = torch.where(time < lengths, lengths - 1 - time, time)
    x = x[index, torch.arange(x.shape[1], device=x.device)]
    return x if time_major else x.transpose(0, 1)


def bidirectional_dynamic_rnn(
    cell_fw: Any,
    cell_bw: Any,
    inputs: torch.Tensor,
    sequence_length: Any = None,
    initial_state_fw: Any = None,
    initial_state_bw: Any = None,
    time_major: bool = False,
) -> tuple[tuple[torch.Tensor, torch.Tensor], tuple[Any, Any]]:
    """tf.nn.bidirectional_dynamic_rnn: ((forward, backward outputs), (forward, backward state)).

    The backward cell reads each row reversed within its length.
    """
    forward, state_fw = dynamic_rnn(cell_fw, inputs, sequence_length, initial_state_fw, time_major)
    reversed_inputs = _reverse_steps(inputs, sequence_length, time_major)
    backward, state_bw = dynamic_rnn(
        cell_bw, reversed_inputs, sequence_length, initial_state_bw, time_major
    )
    backward = _reverse_steps(backward, sequence_length, time_major)
    return (forward, backward), (state_fw, state_bw)


def static_bidirectional_rnn(
    cell_fw: Any,
    cell_bw: Any,
    inputs: Sequence[torch.Tensor],
    initial_state_fw: Any = None,
    initial_state_bw: Any = None,
    sequence_length: Any = None,
) -> tuple[list[torch.Tensor], Any, Any]:
    """tf.nn.static_bidirectional_rnn: the joined outputs of each step, and both states."""
    steps = torch.stack(list(inputs))
    outputs, (state_fw, state_bw) = bidirectional_dynamic_rnn(
        cell_fw, cell_bw, steps, sequence_length, initial_state_fw, initial_state_bw, True
    )
    return list(torch.cat(outputs, 2)), state_fw, state_bw


def stack_bidirectional_dynamic_rnn(
    cells_fw: Sequence[Any],
    cells_bw: Sequence[Any],
    inputs: torch.Tensor,
    sequence_length: Any = None,
    time_major: bool = False,
) -> tuple[torch.Tensor, tuple[Any, ...], tuple[Any, ...]]:
    """tf.contrib.rnn.stack_bidirectional_dynamic_rnn: each layer reads both directions below it."""
    states_fw, states_bw = [], []
    for cell_fw, cell_bw in zip(cells_fw, cells_bw, strict=True):
        outputs, (state_fw, state_bw) = bidirectional_dynamic_rnn(
            cell_fw, cell_bw, inputs, sequence_length, time_major=time_major
        )
        inputs = torch.cat(outputs, 2)
        states_fw.append(state_fw)
        states_bw.append(state_bw)
    return inputs, tuple(states_fw), tuple(states_bw)
