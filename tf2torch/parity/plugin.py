"""The pytest plugin: the fixture `parity` and its options; frameworks load inside the fixture."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("parity", "TensorFlow and PyTorch parity")
    group.addoption("--parity-device", default="cpu", help="Device of the torch side.")
    group.addoption(
        "--parity-dtype", default="float32", choices=["float32", "float64"],
        help="Precision of both sides.",
    )  # fmt: skip
    group.addoption("--parity-rtol", type=float, help="Relative tolerance.")
    group.addoption("--parity-atol", type=float, help="Absolute tolerance.")
    group.addoption("--parity-save", metavar="DIR", help="Keep each TensorFlow side in DIR.")


@dataclass(frozen=True)
class Parity:
    """The comparisons, with the options of the command line."""

    options: dict[str, Any]
    call: str
    folder: Path | None
    name: str

    def _given(self, options: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in self.options.items() if value is not None} | options

    def compare(self, tf_fn: Any, torch_fn: Any, inputs: Any, **options: Any) -> Any:
        """See `tf2torch.parity.programs`."""
        from tf2torch.parity.functions import compare

        given = self._given(options)
        if self.folder is not None:
            number = len(list(self.folder.glob(f"{self.name}-*.npz")))
            given.setdefault("save_to", self.folder / f"{self.name}-{number}.npz")
        return replace(compare(tf_fn, torch_fn, inputs, **given), call=self.call)

    def check(self, tf_fn: Any, torch_fn: Any, inputs: Any, **options: Any) -> Any:
        """Fails the test where the two sides differ."""
        __tracebackhide__ = True
        found = self.compare(tf_fn, torch_fn, inputs, **options)
        if not found:
            pytest.fail(str(found), pytrace=False)
        return found

    def _asserted(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        found = replace(function(*arguments, **options), call=self.call)
        if not found:
            pytest.fail(str(found), pytrace=False)
        return found

    def check_layers(self, *arguments: Any, **options: Any) -> Any:
        """See `tf2torch.parity.compare_layers`."""
        __tracebackhide__ = True
        from tf2torch.parity.layers import compare_layers

        return self._asserted(compare_layers, *arguments, **options)

    def check_training(self, *arguments: Any, **options: Any) -> Any:
        """See `tf2torch.parity.compare_training`."""
        __tracebackhide__ = True
        from tf2torch.parity.trajectories import compare_training

        return self._asserted(compare_training, *arguments, **options)

    def check_distribution(self, *arguments: Any, **options: Any) -> Any:
        """See `tf2torch.parity.compare_distribution`."""
        __tracebackhide__ = True
        from tf2torch.parity.distributions import compare_distribution

        return self._asserted(compare_distribution, *arguments, **options)

    def check_programs(self, original: Path | str, converted: Path | str, **options: Any) -> Any:
        """See `tf2torch.parity.check_pair`."""
        __tracebackhide__ = True
        from tf2torch.parity.programs import check_pair

        double = self.options["dtype"] == "float64"
        options = {"double": double, "device": self.options["device"]} | options
        report = check_pair(original, converted, **options)
        if not report:
            pytest.fail(f"{report}\n\n{self.call}", pytrace=False)
        return report


@pytest.fixture
def parity(request: pytest.FixtureRequest) -> Parity:
    """Compares TensorFlow code with torch code: `parity.check(tf_fn, torch_fn, inputs)`."""
    names = ("device", "dtype", "rtol", "atol")
    options = {name: request.config.getoption(f"--parity-{name}") for name in names}
    shown = [f"--parity-{n} {v}" for n, v in options.items() if v not in (None, "cpu", "float32")]
    folder = request.config.getoption("--parity-save")
    call = " ".join(["To see it again: pytest", f"'{request.node.nodeid}'", *shown])
    name = re.sub(r"\W+", "_", request.node.name)
    return Parity(options, call, Path(folder) if folder else None, name)
