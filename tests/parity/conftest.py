"""Records that several tests of this folder replay against."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parity.pairs import NAMES, PROGRAMS
from tf2torch.parity.programs import Options, record_program


@pytest.fixture(scope="session")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The programs recorded once, with the tensors behind all names."""
    folder = tmp_path_factory.mktemp("records")
    for name in NAMES:
        options = Options(recorder=("--trace", "all"))
        assert record_program(PROGRAMS / f"{name}.py", folder / name, options) is None
    return {name: folder / name for name in NAMES}
