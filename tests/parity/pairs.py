"""The programs of this folder, their records, and conversions with one piece changed."""

from __future__ import annotations

import shutil
from pathlib import Path

from tf2torch.parity import Report
from tf2torch.parity.programs import Options, check_replay

PROGRAMS = Path(__file__).parent / "programs"
NAMES = ("images", "sequences", "uses")


def copied(folder: Path, name: str, change: tuple[str, str] | None = None) -> Path:
    """A copy of a conversion with one piece of its text (or of its map) replaced."""
    for suffix in (".py", ".weights.json"):
        shutil.copy(PROGRAMS / f"{name}_torch{suffix}", folder)
    if change is not None:
        texts = [folder / f"{name}_torch{suffix}" for suffix in (".py", ".weights.json")]
        file = next(path for path in texts if change[0] in path.read_text())
        file.write_text(file.read_text().replace(change[0], change[1], 1))
    return folder / f"{name}_torch.py"


def replayed(
    records: dict[str, Path],
    folder: Path,
    name: str,
    change: tuple[str, str] | None = None,
    rounding: bool = False,
    trace: bool = False,
) -> Report:
    """The report on a conversion with one piece replaced."""
    options = Options(
        exact=True, rounding=rounding, replayer=("--trace", "all") if trace else ()
    )  # fmt: skip
    converted = copied(folder, name, change)
    return check_replay(
        PROGRAMS / f"{name}.py", converted, records[name], folder / "replay", options
    )
