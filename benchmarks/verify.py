"""What recording and replaying cost: against the two programs' own time.

    python benchmarks/verify.py [PROGRAM.py CONVERTED.py] [--times N] [--tf-python PATH]

Each of the four is timed as a process of its own, imports included, the best of N. Without
programs it takes an example that trains long enough to be measured.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
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


def best(commands: list[list[str]], times: int, folder: Path) -> float:
    """The shortest wall time of a few commands in a row."""
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}

    def once() -> float:
        start = time.perf_counter()
        for command in commands:
            subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
        return time.perf_counter() - start

    return min(once() for _ in range(times))


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
        own = [[given.tf_python, "-c", plain]], [[sys.executable, str(converted)]]
        record, replay = folder / "record", folder / "replay"
        checked = (
            [record_command(given.tf_python, original, record, (), ())],
            [replay_command(converted, record, replay, (), ("--exact",))],
        )
        rows = []
        for title, alone, with_it in zip(("record", "replay"), own, checked):
            rows.append(
                (title, best(alone, given.times, folder), best(with_it, given.times, folder))
            )
    for title, alone, with_it in rows:
        print(f"{title}  own {alone:6.2f} s  with it {with_it:6.2f} s  ratio {with_it / alone:.2f}")
    ratio = sum(row[2] for row in rows) / sum(row[1] for row in rows)
    print(f"together {ratio:.2f} times the programs' own time (target {TARGET})")
    return 0 if ratio <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
