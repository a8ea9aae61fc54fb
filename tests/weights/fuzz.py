"""Readers fed with bytes of any kind: they find something, or raise CheckpointError.

Coverage-guided, with atheris (not needed by the tests, which run what it found):

    python tests/weights/fuzz.py TARGET tests/weights/corpus/TARGET -runs=1000000
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    import atheris

    with atheris.instrument_imports(include=["tf2torch.weights"]):
        for module in Path("tf2torch/weights").rglob("*.py"):
            if "torch" not in module.stem and module.stem not in ("optimizers", "resume"):
                import_module(".".join(module.with_suffix("").parts))

from tf2torch.weights.checkpoint import Checkpoint
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.files import crc32c, masked
from tf2torch.weights.maps import read_map
from tf2torch.weights.opening import load
from tf2torch.weights.readers.graphs import graph_beside
from tf2torch.weights.readers.hdf5_process import contents, values
from tf2torch.weights.readers.keras import source_of
from tf2torch.weights.readers.state import state_paths
from tf2torch.weights.safetensors_file import open_safetensors
from tf2torch.weights.slots import slots_of
from tf2torch.weights.table import MAGIC, table_bytes
from tf2torch.weights.wire import encoded

#: More than this is not read of what a few bytes claim to be.
LARGEST = 1 << 24
FOLDER = tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
BASE = Path(FOLDER.name)


def read_all(found: Checkpoint) -> None:
    """Everything that a reader does."""
    slots_of(found, list(found))
    for name, entry in found.entries.items():
        if entry.bytes <= LARGEST:
            found[name]


def pairs(data: bytes) -> list[tuple[bytes, bytes]]:
    """Bytes as rows: two lengths, then key and value."""
    rows: dict[bytes, bytes] = {}
    while len(data) > 2:
        key, value = data[0] % 64, data[1] + (data[0] >> 6 << 8)
        rows[data[2 : 2 + key]] = data[2 + key : 2 + key + value]
        data = data[2 + key + value :]
    return sorted(rows.items())


def index(data: bytes) -> None:
    """Entries of a V2 index, well wrapped; the rest of the bytes are the shard."""
    (BASE / "v2.index").write_bytes(table_bytes(pairs(data)))
    (BASE / "v2.data-00000-of-00001").write_bytes(data)
    read_all(load(BASE / "v2"))


def old(data: bytes) -> None:
    """Rows of a V1 checkpoint, well wrapped."""
    (BASE / "v1").write_bytes(table_bytes(pairs(data)))
    read_all(load(BASE / "v1"))


def block(data: bytes) -> None:
    """A block with its checksum right, compressed or not."""
    kind, body = data[:1], data[1:]
    good = body + kind
    whole = good + masked(crc32c(good)).to_bytes(4, "little")
    footer = encoded(0) + encoded(0) + encoded(0) + encoded(len(body))
    (BASE / "v1").write_bytes(whole + footer.ljust(40, b"\0") + MAGIC.to_bytes(8, "little"))
    read_all(load(BASE / "v1"))


def table(data: bytes) -> None:
    """A whole table as it is."""
    (BASE / "v1").write_bytes(data)
    read_all(load(BASE / "v1"))


def graph(data: bytes) -> None:
    (BASE / "graph.pb").write_bytes(data)
    found = load(BASE / "graph.pb")
    read_all(found)


def meta(data: bytes) -> None:
    (BASE / "alone.meta").write_bytes(data)
    found = load(BASE / "alone.meta")
    graph_beside(found)
    slots_of(found, list(found))


def keras(data: bytes) -> None:
    """What another process does, in this one."""
    path = str(BASE / "model.keras")
    Path(path).write_bytes(data)
    source, config = source_of(path)
    place = source.path, source.start, source.size
    rows = contents(*place, config, path)
    places = [row["place"] for row in rows if row["dtype"] != "string"]
    values(*place, places, str(BASE / "values"), path)


def state(data: bytes) -> None:
    (BASE / "checkpoint").write_bytes(data)
    state_paths(str(BASE / "checkpoint"))


def safetensors(data: bytes) -> None:
    (BASE / "state.safetensors").write_bytes(data)
    read_all(open_safetensors(str(BASE / "state.safetensors")))


def weight_map(data: bytes) -> None:
    path = BASE / ("map.toml" if data[:1] == b"#" else "map.json")
    path.write_bytes(data)
    read_map(path)


TARGETS: dict[str, Callable[[bytes], None]] = {
    f.__name__: f
    for f in (index, old, block, table, graph, meta, keras, state, safetensors, weight_map)
}


def run(target: str, data: bytes) -> bool:
    """Whether something was read; anything but a CheckpointError is a fault."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            TARGETS[target](data)
    except CheckpointError as error:
        assert str(error).isprintable() or "\n" in str(error)
        return False
    return True


if __name__ == "__main__":
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, lambda data: run(name, data) and None)
    atheris.Fuzz()
