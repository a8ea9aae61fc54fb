"""What recording and replaying cost: against the two programs' own time.

    python benchmarks/verify.py [PROGRAM.py CONVERTED.py] [--times N] [--tf-python PATH]

Each of the four is timed as a process of its own, imports included, in turns, the best of N.
Without programs it takes an example that trains long enough to be measured.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tf2torch.parity.processes import record_command, replay_command

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "mlp_raw"
TARGET = 1.3
#: Starts a TF1 program under TensorFlow 2, as the recorder does; no recording.
PLAIN = """\
import sys
sys.path.insert(0, {root!r})
from tf2torch.parity.recorder.legacy import load_tensorflow, supply_numpy_names, supply_tutorials
from tf2torch.parity.recorder.running import execute
supply_numpy_names()
supply_tutorials(load_tensorflow())
sys.exit(0 if execute({program!r}, [], {{}}, lambda tree: tree) is None else 1)
"""


@dataclass(frozen=True)
class Time:
    """What a process took: on the clock, and of the processors."""

    wall: float
    cpu: float


def timed(command: list[str], folder: Path) -> Time:
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Time(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def best(times: list[Time]) -> Time:
    return Time(min(t.wall for t in times), min(t.cpu for t in times))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("programs", nargs="*", type=Path)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--tf-python", default=sys.executable)
    given = parser.parse_args()
    original, converted = given.programs or (EXAMPLE / "mlp_raw.py", EXAMPLE / "mlp_raw_torch.py")
    original, converted = original.resolve(), converted.resolve()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        plain = PLAIN.format(root=str(ROOT), program=str(original))
        record, replay = folder / "record", folder / "replay"
        record.mkdir()
        commands = {
            "record own": [given.tf_python, "-c", plain],
            "record with": record_command(given.tf_python, original, record, (), ()),
            "replay own": [sys.executable, str(converted)],
            "replay with": replay_command(converted, record, replay, (), ("--exact",)),
        }
        times: dict[str, list[Time]] = {title: [] for title in commands}
        for _ in range(given.times):  # in turns, so that what else the machine does hits all
            for title, command in commands.items():
                times[title].append(timed(command, folder))
    found = {title: best(taken) for title, taken in times.items()}
    for side in ("record", "replay"):
        own, checked = found[f"{side} own"], found[f"{side} with"]
        print(
            f"{side}  own {own.wall:6.2f} s ({own.cpu:.2f} s of the processors)  with it "
            f"{checked.wall:6.2f} s ({checked.cpu:.2f} s)  ratio {checked.wall / own.wall:.2f}"
        )
    ratios = [
        sum(getattr(found[f"{side} with"], kind) for side in ("record", "replay"))
        / sum(getattr(found[f"{side} own"], kind) for side in ("record", "replay"))
        for kind in ("wall", "cpu")
    ]
    print(
        f"together {ratios[0]:.2f} times the programs' own time, {ratios[1]:.2f} times their "
        f"processors' (target {TARGET})"
    )
    return 0 if ratios[0] <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
