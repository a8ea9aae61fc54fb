"""Keep what each torch call of a conversion returns, with the line that makes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from tf2torch.parity.recorder.tracing import LARGEST
from tf2torch.parity.recorder.writing import Writer


class Tracing(TorchFunctionMode):
    """Sees the calls of the program itself, not those inside torch."""

    def __init__(
        self, writer: Writer, runs: str, line: Callable[[], int], finished: Callable[[], int]
    ) -> None:
        super().__init__()
        self._writer, self._runs = writer, runs
        self._line, self._finished = line, finished
        self._busy = False
        self.stepping: Callable[[], bool] = lambda: False

    def install(self) -> None:
        if self._runs:
            self.__enter__()

    def wants(self, finished: int) -> bool:
        return self._runs == "all" or finished < int(self._runs)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        finished = self._finished()
        if self._busy or self.stepping() or not self.wants(finished):
            return result
        line = self._line()
        if not line:
            return result
        self._busy = True
        try:
            for tensor in tensors_of(result):
                self._keep(func, tensor, line, finished)
        finally:
            self._busy = False
        return result

    def note(self, name: str, value: Any, line: int) -> None:
        """A name has been given tensors, which may have other names already."""
        finished = self._finished()
        if self._runs and self.wants(finished):
            self._busy = True
            for tensor in tensors_of(value):
                self._keep(None, tensor, line, finished, name)
            self._busy = False

    def _keep(
        self, func: Any, tensor: torch.Tensor, line: int, finished: int, assigned: str = ""
    ) -> None:
        if isinstance(tensor, torch.nn.Parameter) or tensor.numel() > LARGEST:
            return
        value = tensor.detach().cpu()
        value = value.float() if value.dtype == torch.bfloat16 else value
        self._writer.event(
            "op", name=getattr(func, "__name__", "?"), line=line, finished=finished,
            assigned=assigned,
            value=self._writer.value(value.numpy().copy()),
        )  # fmt: skip


def tensors_of(value: Any) -> list[torch.Tensor]:
    if isinstance(value, (list, tuple)):
        return [tensor for item in value for tensor in tensors_of(item)]
    return [value] if isinstance(value, torch.Tensor) and value.layout == torch.strided else []
