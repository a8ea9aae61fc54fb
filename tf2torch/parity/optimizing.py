"""Watch the optimizers of a conversion: gradients, learning rates, parameters after each step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from tf2torch.parity.loading import Loader
from tf2torch.parity.recorder.writing import Writer
from tf2torch.parity.records import Record

Place = tuple[str, str]


class Steps:
    """Counts the updates of each parameter and keeps those that the record has."""

    def __init__(
        self, writer: Writer, record: Record, loader: Loader, line: Callable[[], int]
    ) -> None:
        self._writer, self._loader, self._line = writer, loader, line
        numbers: dict[str, set[int]] = {}
        for event in record.of("update"):
            numbers.setdefault(event["name"], set()).add(event["nth"])
        self._wanted = {
            place: set.intersection(*(numbers.get(name, set()) for name, _ in parts))
            for place, parts in loader.entries.items()
        }
        self._counts: dict[int, int] = {}
        self._previous: dict[Place, Any] = {}
        self._pending: list[tuple[torch.Tensor, dict[str, Any]]] = []
        self._stepped: list[tuple[torch.Tensor, torch.Tensor, dict[str, Any]]] = []
        self._made: dict[int, int] = {}
        self._schedulers: dict[int, int] = {}
        self._plans: dict[int, int] = {}
        self._backward = 0
        self._clip = 0
        self.unmapped: dict[int, torch.Tensor] = {}  # trained, and no variable is their counterpart
        self.stepping = False
        self.stepped: Callable[[frozenset[str]], None] = lambda names: None

    def install(self) -> None:
        register_optimizer_step_pre_hook(self._before)
        register_optimizer_step_post_hook(self._after)
        self._note(Optimizer, "__init__", lambda made, *_: self._made.setdefault(*made))
        self._note(LRScheduler, "step", self._schedule)
        self._note(LRScheduler, "__init__", self._plan)
        self._note(torch.Tensor, "backward", self._differentiate)
        for name in ("clip_grad_norm_", "clip_grad_value_"):
            self._note(torch.nn.utils, name, self._clipped)

    def _note(self, owner: Any, name: str, note: Callable[..., Any]) -> None:
        original = getattr(owner, name)

        def call(self_: Any, *arguments: Any, **options: Any) -> Any:
            note((id(self_), self._line()), self_, *arguments[:1])
            return original(self_, *arguments, **options)

        setattr(owner, name, call)

    def _schedule(self, made: tuple[int, int], scheduler: Any, *_: Any) -> None:
        if made[1]:
            self._schedulers[id(scheduler.optimizer)] = made[1]

    def _plan(self, made: tuple[int, int], _: Any, optimizer: Any = None) -> None:
        self._plans.setdefault(id(optimizer), made[1])

    def _differentiate(self, made: tuple[int, int], *_: Any) -> None:
        self._backward, self._clip = made[1] or self._backward, 0

    def _clipped(self, made: tuple[int, int], *_: Any) -> None:
        self._clip = made[1]

    def _before(self, optimizer: Optimizer, *_: Any) -> None:
        self.flush()
        self.stepping = True
        places = self._loader.places()
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                nth = self._counts[id(parameter)] = self._counts.get(id(parameter), 0) + 1
                if id(parameter) not in places:
                    self.unmapped[id(parameter)] = parameter
                for place in places.get(id(parameter), ()):
                    if nth in self._wanted[place]:
                        self._keep(optimizer, group, parameter, place, nth)

    def _keep(
        self, optimizer: Optimizer, group: Any, parameter: Any, place: Place, nth: int
    ) -> None:
        gradient = parameter.grad.detach()
        gradient = gradient.to_dense() if gradient.is_sparse else gradient
        stored = self._writer.value(gradient.cpu().numpy())
        event = {
            "module": place[0], "key": place[1], "nth": nth, "gradient": stored,
            "before": self._previous.get(place), "rate": float(group.get("lr", np.nan)),
            "line": self._line(), "backward": self._backward,
            "made": self._made.get(id(optimizer), 0),
            "scheduler": self._schedulers.get(id(optimizer), 0), "clip": self._clip,
            "schedule": self._plans.get(id(optimizer), 0),
        }  # fmt: skip
        self._previous[place] = stored
        self._pending.append((parameter, event))

    def _after(self, optimizer: Optimizer, *_: Any) -> None:
        self.stepping = False
        self.stepped(self._names(optimizer))
        pending, self._pending = self._pending, []
        for parameter, event in pending:
            value = parameter.detach().clone()
            event["after"] = self._writer.value(value.cpu().numpy())
            self._stepped.append((parameter, value, event))

    def _names(self, optimizer: Optimizer) -> frozenset[str]:
        """The variables that a step has updated."""
        places, entries = self._loader.places(), self._loader.entries
        return frozenset(
            name
            for group in optimizer.param_groups
            for parameter in group["params"]
            if parameter.grad is not None
            for place in places.get(id(parameter), ())
            for name, _ in entries[place]
        )

    def flush(self) -> None:
        """Writes the steps that are over; a program may clip a parameter behind its update."""
        stepped, self._stepped = self._stepped, []
        for parameter, value, event in stepped:
            same = bool(torch.equal(parameter.detach(), value))
            later = None if same else self._writer.value(parameter.detach().cpu().numpy().copy())
            self._writer.event("update", later=later, **event)


def tensorflow_adam() -> None:
    """Adam's epsilon where TensorFlow adds it: before the bias correction."""
    start: dict[int, float] = {}

    def before(optimizer: Any, *_: Any) -> None:
        if type(optimizer) not in (torch.optim.Adam, torch.optim.AdamW):
            return
        for group in optimizer.param_groups:
            taken = [
                optimizer.state[p].get("step", 0) for p in group["params"] if p.grad is not None
            ]
            epsilon = start.setdefault(id(group), group["eps"])
            step = float(max(taken, default=0)) + 1
            group["eps"] = epsilon / float(np.sqrt(1 - group["betas"][1] ** step))

    register_optimizer_step_pre_hook(before)
