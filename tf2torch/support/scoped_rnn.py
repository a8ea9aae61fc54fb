"""The loops that run recurrent cells over variable scopes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from .rnn import _reverse_steps, dynamic_rnn
from .scoped_loops import traced_once
from .scoped_scopes import variable_scope


class _TracedCell(nn.Module):
    """A cell whose steps are rounds of a loop."""

    def __init__(self, cell: Any) -> None:
        super().__init__()
        self.cell = cell
        self.zero_state, self.step = cell.zero_state, traced_once(cell)

    def forward(self, inputs: torch.Tensor, state: Any) -> Any:
        return self.step(inputs, state)


def scoped_dynamic_rnn(
    cell: Any,
    inputs: torch.Tensor,
    sequence_length: Any = None,
    initial_state: Any = None,
    dtype: torch.dtype | None = None,
    parallel_iterations: int | None = None,
    swap_memory: bool = False,
    time_major: bool = False,
    scope: Any = None,
) -> tuple[torch.Tensor, Any]:
    """tf.nn.dynamic_rnn."""
    with variable_scope(scope or "rnn"):
        return dynamic_rnn(_TracedCell(cell), inputs, sequence_length, initial_state, time_major)


def scoped_static_rnn(
    cell: Any,
    inputs: Sequence[torch.Tensor],
    initial_state: Any = None,
    dtype: torch.dtype | None = None,
    sequence_length: Any = None,
    scope: Any = None,
) -> tuple[list[torch.Tensor], Any]:
    """tf.nn.static_rnn: over a list with one tensor a step."""
    outputs, state = scoped_dynamic_rnn(
        cell,
        torch.stack(list(inputs)),
        sequence_length,
        initial_state,
        time_major=True,
        scope=scope,
    )
    return list(outputs), state


def scoped_bidirectional_dynamic_rnn(
    cell_fw: Any,
    cell_bw: Any,
    inputs: torch.Tensor,
    sequence_length: Any = None,
    initial_state_fw: Any = None,
    initial_state_bw: Any = None,
    dtype: torch.dtype | None = None,
    parallel_iterations: int | None = None,
    swap_memory: bool = False,
    time_major: bool = False,
    scope: Any = None,
) -> tuple[tuple[torch.Tensor, torch.Tensor], tuple[Any, Any]]:
    """tf.nn.bidirectional_dynamic_rnn: the backward cell reads each row from its end."""
    with variable_scope(scope or "bidirectional_rnn"):
        with variable_scope("fw") as fw:
            forward, state_fw = scoped_dynamic_rnn(
                cell_fw, inputs, sequence_length, initial_state_fw, time_major=time_major, scope=fw
            )
        with variable_scope("bw") as bw:
            turned = _reverse_steps(inputs, sequence_length, time_major)
            backward, state_bw = scoped_dynamic_rnn(
                cell_bw, turned, sequence_length, initial_state_bw, time_major=time_major, scope=bw
            )
    backward = _reverse_steps(backward, sequence_length, time_major)
    return (forward, backward), (state_fw, state_bw)


def scoped_static_bidirectional_rnn(
    cell_fw: Any,
    cell_bw: Any,
    inputs: Sequence[torch.Tensor],
    initial_state_fw: Any = None,
    initial_state_bw: Any = None,
    dtype: torch.dtype | None = None,
    sequence_length: Any = None,
    scope: Any = None,
) -> tuple[list[torch.Tensor], Any, Any]:
    """tf.nn.static_bidirectional_rnn: the joined outputs of each step, and both states."""
    steps = torch.stack(list(inputs))
    outputs, (state_fw, state_bw) = scoped_bidirectional_dynamic_rnn(
        cell_fw,
        cell_bw,
        steps,
        sequence_length,
        initial_state_fw,
        initial_state_bw,
        time_major=True,
        scope=scope,
    )
    return list(torch.cat(outputs, 2)), state_fw, state_bw
