"""Replace torch's random functions by ones that give the recorded draws."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from tf2torch.parity.draws import Draws


def _size_of(arguments: tuple[Any, ...]) -> tuple[int, ...]:
    if len(arguments) == 1 and isinstance(arguments[0], (tuple, list, torch.Size)):
        return tuple(int(n) for n in arguments[0])
    return tuple(int(n) for n in arguments)


def _like(value: torch.Tensor, options: dict[str, Any]) -> torch.Tensor:
    dtype = options.get("dtype") or torch.get_default_dtype()
    return value.to(device=options.get("device") or torch.get_default_device(), dtype=dtype)


TORCH_FUNCTIONS = (
    "rand",
    "randn",
    "rand_like",
    "randn_like",
    "randint",
    "randint_like",
    "randperm",
    "normal",
    "bernoulli",
    "multinomial",
)


class Patches:
    """Replacements of torch's random functions; each falls back to torch's own."""

    def __init__(self, draws: Draws) -> None:
        self.draws = draws
        self.torch: dict[tuple[Any, str], Callable[..., Any]] = {
            (torch, name): getattr(torch, name) for name in TORCH_FUNCTIONS
        }
        self.torch |= {
            (torch.Tensor, name): getattr(torch.Tensor, name)
            for name in ("uniform_", "normal_", "bernoulli_", "multinomial", "bernoulli")
        }
        self.torch |= {
            (F, name): getattr(F, name)
            for name in ("dropout", "dropout1d", "dropout2d", "dropout3d")
        }
        self.torch[(torch.nn.init, "trunc_normal_")] = torch.nn.init.trunc_normal_

    def install(self) -> None:
        for (owner, name), original in self.torch.items():
            setattr(owner, name, self._wrap(name, owner, original))

    def _wrap(self, name: str, owner: Any, original: Callable[..., Any]) -> Callable[..., Any]:
        special = "method_" if owner is torch.Tensor else ""
        replacement = getattr(self, special + name.rstrip("_"), None) or getattr(
            self, name.rstrip("_")
        )

        def call(*arguments: Any, **options: Any) -> Any:
            if self.draws.is_native or (arguments and isinstance(arguments[0], torch.nn.Parameter)):
                return original(*arguments, **options)
            result = replacement(*arguments, **options)
            return original(*arguments, **options) if result is None else result

        call.__name__ = name
        return call

    # torch.*

    def _sized(self, kind: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        size = _size_of(arguments) if arguments else _size_of((options["size"],))
        value = self.draws.tensor(kind, size)
        return None if value is None else _like(value, options)

    def rand(self, *size: Any, **options: Any) -> Any:
        return self._sized("uniform", size, options)

    def randn(self, *size: Any, **options: Any) -> Any:
        return self._sized("normal", size, options)

    def rand_like(self, x: torch.Tensor, **options: Any) -> Any:
        return self._sized("uniform", (x.shape,), {"dtype": x.dtype, "device": x.device} | options)

    def randn_like(self, x: torch.Tensor, **options: Any) -> Any:
        return self._sized("normal", (x.shape,), {"dtype": x.dtype, "device": x.device} | options)

    def randint(self, *arguments: Any, **options: Any) -> Any:
        numbers = [a for a in arguments if not isinstance(a, (tuple, list))]
        size = options.get("size") or arguments[len(numbers)]
        value = self.draws.tensor("integers", _size_of((size,)))
        return None if value is None else _like(value, {"dtype": torch.int64} | options)

    def randint_like(self, x: torch.Tensor, *_: Any, **options: Any) -> Any:
        value = self.draws.tensor("integers", x.shape)
        return (
            None
            if value is None
            else _like(value, {"dtype": x.dtype, "device": x.device} | options)
        )

    def randperm(self, n: int, **options: Any) -> Any:
        taken = self.draws.take("shuffle", lambda draw: draw.shape[0] == n or None)
        if taken is None:
            return None
        source, shuffled = self.draws.source(taken[0]), self.draws.values(taken[0])[0]
        return _like(
            torch.from_numpy(permutation(source, shuffled)), {"dtype": torch.int64} | options
        )

    def normal(self, mean: Any = 0.0, std: Any = 1.0, size: Any = None, **options: Any) -> Any:
        shape = size
        if shape is None:
            parts = [torch.as_tensor(mean), torch.as_tensor(std)]
            shape = torch.broadcast_shapes(*(part.shape for part in parts))
            options = {"dtype": torch.result_type(*parts), "device": parts[0].device} | options
        value = self._sized("normal", (tuple(shape),), options)
        return None if value is None else mean + std * value

    def bernoulli(self, p: torch.Tensor, **options: Any) -> Any:
        value = self.draws.tensor("uniform", p.shape)
        return None if value is None else (value.to(p.device) < p).to(p.dtype)

    def multinomial(self, p: torch.Tensor, num_samples: int, *_: Any, **options: Any) -> Any:
        value = self.draws.tensor("multinomial", (*p.shape[:-1], num_samples))
        return None if value is None else value.to(p.device, torch.int64)

    # Tensor methods

    def method_uniform(self, x: torch.Tensor, a: float = 0.0, b: float = 1.0, **_: Any) -> Any:
        low, high = _.get("from", a), _.get("to", b)
        value = self.draws.tensor("uniform", x.shape)
        return None if value is None else x.copy_(low + (high - low) * value)

    def method_normal(self, x: torch.Tensor, mean: float = 0.0, std: float = 1.0, **_: Any) -> Any:
        value = self.draws.tensor("normal", x.shape)
        return None if value is None else x.copy_(mean + std * value)

    def method_bernoulli(self, x: torch.Tensor, p: Any = None, **_: Any) -> Any:
        value = self.draws.tensor("uniform", x.shape)
        if value is None:
            return None
        if p is None:
            return (value.to(x.device) < x).to(x.dtype)
        return x.copy_(value.to(x.device) < p)

    def trunc_normal(self, x: torch.Tensor, mean: float = 0.0, std: float = 1.0, *_: Any,
                     **options: Any) -> Any:  # fmt: skip
        value = self.draws.tensor("truncated_normal", x.shape)
        return None if value is None else x.copy_(mean + std * value)

    # Dropout

    def dropout(self, x: torch.Tensor, p: float = 0.5, training: bool = True,
                inplace: bool = False, size: Any = None) -> Any:  # fmt: skip
        if not training or p <= 0:
            return x
        value = self.draws.tensor("uniform", size or x.shape, broadcast=size is None, rate=p)
        if value is None:
            return None
        keep = value.to(x.device, x.dtype) >= p
        return x * keep / (1 - p)

    def dropout1d(
        self, x: torch.Tensor, p: float = 0.5, training: bool = True, _: Any = None
    ) -> Any:
        return self.dropout(x, p, training, size=(*x.shape[:2], *(1 for _ in x.shape[2:])))

    dropout2d = dropout3d = dropout1d


def permutation(source: Any, shuffled: Any) -> Any:
    """Indices into `source` that give `shuffled`; equal rows stand for each other."""
    places: dict[bytes, list[int]] = {}
    for index in reversed(range(len(source))):
        places.setdefault(np.ascontiguousarray(source[index]).tobytes(), []).append(index)
    rows = (np.ascontiguousarray(row).tobytes() for row in shuffled)
    return np.array([places[row].pop() for row in rows], dtype=np.int64)


def patch_support(draws: Draws, module: Any) -> None:
    """Replaces the support file's candidate sampling by the recorded candidates."""
    original = getattr(module, "sample_candidates", None)
    if original is None:
        return

    def sample_candidates(*arguments: Any, **options: Any) -> Any:
        taken = draws.take("candidates", lambda draw: True)
        if taken is None:
            return original(*arguments, **options)
        sampled, true_expected, sampled_expected = draws.values(taken[0])
        device = next((a.device for a in arguments if isinstance(a, torch.Tensor)), None)
        return (
            torch.as_tensor(sampled, device=device),
            torch.as_tensor(true_expected, device=device, dtype=torch.get_default_dtype()),
            torch.as_tensor(sampled_expected, device=device, dtype=torch.get_default_dtype()),
        )

    module.sample_candidates = sample_candidates


def caller_line(path: str) -> Callable[[], int]:
    """A function that says which line of the converted program is running."""

    def line() -> int:
        frame: Any = sys._getframe(1)
        while frame:
            if frame.f_code.co_filename == path:
                return frame.f_lineno
            frame = frame.f_back
        return 0

    return line
