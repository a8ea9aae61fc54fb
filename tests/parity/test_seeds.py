"""A right conversion agrees whatever the seed: other data, initial values and draws."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parity.pairs import PROGRAMS, copied
from tf2torch.parity import check_pair

SEEDS = {"images": "RandomState(0)", "sequences": "RandomState(2)"}


@pytest.mark.parametrize("seed", range(10))
def test_no_false_alarm(seed: int, tmp_path: Path) -> None:
    name = sorted(SEEDS)[seed % 2]
    change = (SEEDS[name], f"RandomState({100 + seed})")
    original = tmp_path / f"{name}.py"
    original.write_text((PROGRAMS / original.name).read_text().replace(*change))
    report = check_pair(original, copied(tmp_path, name, change), exact=True)
    assert report, str(report)
