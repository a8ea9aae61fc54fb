"""Broken and hostile files: a clear error that names file and key, nothing written, no hang."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from tests.weights import fuzz
from tests.weights.test_convert import MAP, checkpoint, values
from tf2torch.cli import run
from tf2torch.weights import load
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.files import mapped
from tf2torch.weights.readers import hdf5
from tf2torch.weights.reverse import open_state
from tf2torch.weights.table import Table, table_bytes
from tf2torch.weights.wire import put

CORPUS = Path(__file__).with_name("corpus")
DATA = "model.ckpt.data-00000-of-00001"


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    (tmp_path / "map.json").write_text(json.dumps(MAP))
    return checkpoint(tmp_path / "model.ckpt", values())


def everything(path: Path) -> dict[str, bytes]:
    return {name: value.tobytes() for name, value in load(path).items()}


def converts(folder: Path, capsys: Any) -> str:
    """Converts, expecting failure: what was told, with nothing written."""
    before = set(os.listdir(folder))
    command = ["weights", str(folder / "model.ckpt"), "--map", str(folder / "map.json")]
    assert run([*command, "-o", str(folder / "net.pt")]) == 2
    assert set(os.listdir(folder)) == before
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err and "internal-error" not in captured.err
    return captured.err


def test_every_flipped_bit_is_found(prefix: Path) -> None:
    good = everything(prefix)
    rng = np.random.RandomState(0)
    for file in (f"{prefix}.index", f"{prefix}.data-00000-of-00001"):
        data = Path(file).read_bytes()
        places = range(len(data)) if file.endswith("index") else rng.randint(0, len(data), 300)
        for place in places:
            broken = bytearray(data)
            broken[place] ^= 1 << int(rng.randint(8))
            Path(file).write_bytes(broken)
            try:
                assert everything(prefix) == good, f"bit of byte {place} of {file}"
            except CheckpointError as error:
                assert str(prefix) in str(error)
        Path(file).write_bytes(data)


def test_every_truncation_is_found(prefix: Path) -> None:
    for file in (f"{prefix}.index", f"{prefix}.data-00000-of-00001"):
        data = Path(file).read_bytes()
        for size in range(0, len(data), 1 if file.endswith("index") else 97):
            Path(file).write_bytes(data[:size])
            with pytest.raises(CheckpointError):
                everything(prefix)
        Path(file).write_bytes(data)


def test_a_flipped_bit_is_told_with_file_and_key(prefix: Path, capsys: Any) -> None:
    file = prefix.with_name(DATA)
    data = bytearray(file.read_bytes())
    data[load(prefix).entries["norm/gamma"].place.offset + 5] ^= 4
    file.write_bytes(data)
    told = converts(prefix.parent, capsys)
    assert f"{file}: norm/gamma: the checksum of the value does not match" in told


def test_a_missing_shard_is_told(prefix: Path, capsys: Any) -> None:
    prefix.with_name(DATA).unlink()
    assert f"{DATA}: conv/bias: this shard is missing" in converts(prefix.parent, capsys)


def test_a_truncated_shard_is_told_before_anything_is_read(prefix: Path, capsys: Any) -> None:
    file = prefix.with_name(DATA)
    file.write_bytes(file.read_bytes()[:-1])
    assert "is truncated" in converts(prefix.parent, capsys)


def rewritten(prefix: Path, change: Any) -> None:
    """The index with changed rows, its checksums right."""
    index = f"{prefix}.index"
    rows = [(key, bytes(value)) for key, value in Table(mapped(index), index).items()]
    Path(index).write_bytes(table_bytes(change(rows)))


def replaced(name: bytes, change: Any) -> Any:
    return lambda rows: [(k, change(v) if k == name else v) for k, v in rows]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: [rows[0], rows[1], rows[1], *rows[2:]], "key 'conv/bias' comes twice"),
        (lambda rows: [rows[0], rows[2], rows[1]], "key 'conv/bias' is out of order"),
        (replaced(b"", lambda v: v + put(2, 1)), "was written on a big-endian machine"),
        (replaced(b"", lambda v: v + put(3, put(2, 9))), "is of version 9"),
        (replaced(b"", lambda v: v + put(1, 1 << 40)), "says it has 1099511627776 shards"),
        (lambda rows: rows[1:], "the header is missing"),
        (replaced(b"out/bias", lambda v: v + put(1, 99)), "out/bias: has the unknown data type"),
        (
            replaced(b"out/bias", lambda v: v + put(2, put(2, put(1, 1 << 62)) * 3)),
            "out/bias: has the impossible shape",
        ),
        (
            replaced(b"out/bias", lambda v: v + put(2, put(2, put(1, -5)))),
            "out/bias: has the impossible shape [-5]",
        ),
        (replaced(b"out/bias", lambda v: v + put(5, 1 << 60)), "which float32 [2] has not"),
        (replaced(b"out/bias", lambda v: v + put(4, 1 << 60)), "is truncated"),
        (replaced(b"out/bias", lambda v: v + put(4, -8)), "lies at byte -8"),
        (replaced(b"out/bias", lambda v: v + put(3, 7)), "is in shard 7 of 1"),
        (replaced(b"out/bias", lambda v: v[:-3]), "'out/bias': "),
        (replaced(b"out/bias", lambda v: v + put(7, put(1, put(2, 1)))), "slice 0,1 is missing"),
    ],
)
def test_hostile_indexes_are_refused(change: Any, told: str, prefix: Path, capsys: Any) -> None:
    rewritten(prefix, change)
    assert told in converts(prefix.parent, capsys)


def test_many_entries_of_the_same_bytes_are_refused(prefix: Path) -> None:
    def change(rows: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        row = dict(rows)[b"conv/kernel"]
        return sorted([rows[0], *((b"w%05d" % n, row) for n in range(5000))])

    rewritten(prefix, change)
    found = load(prefix)
    assert len(found) == 5000
    with pytest.raises(CheckpointError, match="its entries overlap"):
        found["w00001"]


def test_slices_must_make_up_the_whole(tmp_path: Path) -> None:
    from tf2torch.weights.slices import Slice, slice_key

    def part(start: int, length: int) -> bytes:
        return put(1, put(1, start) + put(2, length))

    def write(extents: list[tuple[int, int]]) -> None:
        data = np.arange(12, dtype=np.float32)
        checkpoint(tmp_path / "m", {"x": data})
        rows = dict(Table(mapped(tmp_path / "m.index"), "m").items())
        entry = put(1, 1) + put(2, put(2, put(1, 4))) + b"".join(
            put(7, part(*extent)) for extent in extents
        )  # fmt: skip
        found = {b"": bytes(rows[b""]), b"w": entry}
        for start, length in extents:
            value = np.zeros(length, np.float32)
            checkpoint(tmp_path / "part", {"p": value})
            crc = bytes(dict(Table(mapped(tmp_path / "part.index"), "").items())[b"p"])[-5:]
            row = put(1, 1) + put(2, put(2, put(1, length))) + put(5, 4 * length) + crc
            found[slice_key(b"w", Slice(((start, length),)))] = row
        (tmp_path / "m.index").write_bytes(table_bytes(sorted(found.items())))
        zero = b"\0" * 64
        (tmp_path / "m.data-00000-of-00001").write_bytes(zero)

    write([(0, 2), (2, 2)])
    assert load(tmp_path / "m")["w"].tolist() == [0, 0, 0, 0]
    for extents in ([(0, 2)], [(0, 2), (1, 2)], [(0, 2), (0, 2)], [(0, 2), (3, 2)]):
        write(extents)
        with pytest.raises(CheckpointError):
            load(tmp_path / "m")["w"]


def test_names_of_paths_and_control_characters_stay_names(tmp_path: Path, capsys: Any) -> None:
    names = ["../../etc/passwd", "/abs", "a\x1b[31mred\nline", "..", "é\udcff"]
    path = checkpoint(tmp_path / "m", {name: np.zeros(2) for name in names})
    assert set(load(path)) == set(names)
    assert run(["weights", str(path), "--list"]) == 0
    listed = capsys.readouterr().out
    assert "\x1b" not in listed and len(listed.splitlines()) == len(names) + 2
    variables = {"..": {"module": "../../x", "key": "../k"}}
    (tmp_path / "map.json").write_text(json.dumps({"variables": variables}))
    (tmp_path / "out").mkdir()
    before = set(os.listdir(tmp_path))
    command = ["weights", str(path), "--map", str(tmp_path / "map.json"), "--partial"]
    assert run([*command, "-o", str(tmp_path / "out" / "n.safetensors")]) == 1
    assert set(os.listdir(tmp_path)) == before
    assert os.listdir(tmp_path / "out") == ["n.safetensors"]


# Archives and HDF5


def h5_bytes(**datasets: Any) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, options in datasets.items():
            file.create_dataset(name, **options)
    return buffer.getvalue()


def archive(path: Path, data: bytes, compression: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("model.weights.h5", data)


def test_bombs_are_refused(tmp_path: Path) -> None:
    archive(tmp_path / "zip.keras", b"\x89HDF\r\n\x1a\n" + bytes(200 << 20))
    with pytest.raises(CheckpointError, match=r"model.weights.h5: unpacks \d+ bytes to \d+"):
        load(tmp_path / "zip.keras")
    zeros = {"shape": (1 << 34,), "dtype": "f4", "chunks": (1 << 20,), "compression": "gzip"}
    (tmp_path / "chunks.h5").write_bytes(h5_bytes(w=zeros))
    with pytest.raises(CheckpointError, match=r"w: unpacks 0 bytes to 68719476736: refused"):
        load(tmp_path / "chunks.h5")


def test_an_archive_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    archive(tmp_path / "m.keras", h5_bytes(w={"data": np.random.rand(1000)}))
    data = (tmp_path / "m.keras").read_bytes()
    size = len(h5_bytes(w={"data": np.random.rand(1000)}))
    for wrong in (size - 100, size + 100):
        changed = data.replace(size.to_bytes(4, "little"), wrong.to_bytes(4, "little"))
        (tmp_path / "m.keras").write_bytes(changed)
        with pytest.raises(CheckpointError):
            load(tmp_path / "m.keras")


def test_a_flipped_bit_of_an_archive_is_found(tmp_path: Path) -> None:
    value = np.random.rand(1000)
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        archive(tmp_path / "m.keras", h5_bytes(w={"data": value}), compression)
        assert np.array_equal(load(tmp_path / "m.keras")["w"], value)
        data = bytearray((tmp_path / "m.keras").read_bytes())
        data[len(data) // 2] ^= 4
        (tmp_path / "m.keras").write_bytes(data)
        with pytest.raises(CheckpointError):
            load(tmp_path / "m.keras")["w"]


def test_values_of_hdf5_of_every_kind(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        wanted = {
            "plain": np.arange(6.0).reshape(2, 3), "big": np.arange(4, dtype=">f4"),
            "flags": np.array([True, False]), "complex": np.array([1 + 2j]),
            "half": np.arange(3, dtype=np.float16), "scalar": np.array(7),
            "empty": np.zeros((0, 3)),
            "packed": np.arange(40, dtype=np.int32).reshape(5, 8), "chunks": np.ones((7, 3), "f4"),
        }  # fmt: skip
        for name, value in wanted.items():
            options = {"packed": {"compression": "gzip"}, "chunks": {"chunks": (2, 2)}}
            file.create_dataset(name, data=value, **options.get(name, {}))
        file["text"] = ["a", "b"]
    found = load(tmp_path / "m.h5")
    for name, value in wanted.items():
        assert found[name].dtype == value.dtype.newbyteorder("=")
        np.testing.assert_array_equal(found[name], value)
    assert not found["plain"].flags.owndata and not found["plain"].flags.writeable
    with pytest.raises(CheckpointError, match="text is no value"):
        found["text"]


def test_files_over_which_libhdf5_does_not_end(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(hdf5, "SECONDS", 2)
    (tmp_path / "m.keras").write_bytes((CORPUS / "endless.keras").read_bytes())
    with pytest.raises(CheckpointError, match="falls over it, or does not come to an end"):
        load(tmp_path / "m.keras")


def test_links_and_outside_values_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(80))
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.zeros(2)
    for name in ("external", "soft", "outside", "virtual"):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            if name == "external":
                file["w"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/x")
            elif name == "soft":
                file["w"] = h5py.SoftLink("/w")
            elif name == "outside":
                file.create_dataset("w", (10,), "f8",
                                    external=[(str(tmp_path / "secret.bin"), 0, 80)])  # fmt: skip
            else:
                layout = h5py.VirtualLayout((2,), "f8")
                layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (2,))
                file.create_virtual_dataset("w", layout)
        with pytest.raises(CheckpointError, match="/w: "):
            load(tmp_path / f"{name}.h5")


def test_a_group_that_holds_itself_ends(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "loop.h5", "w") as file:
        file.create_group("a")["again"] = file["/"]
    with pytest.raises(CheckpointError, match="nested too deep"):
        load(tmp_path / "loop.h5")


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch /tmp/tf2torch_was_here",)


def test_pickles_are_not_run(tmp_path: Path) -> None:
    torch.save({"w": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(CheckpointError, match="is no state dict"):
        open_state(tmp_path / "evil.pt")
    assert not os.path.exists("/tmp/tf2torch_was_here")


# Writing


def test_a_full_disk_leaves_nothing(prefix: Path) -> None:
    program = (
        "import resource, sys; from tf2torch.cli import run\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (900, 900))\n"
        "sys.exit(run(sys.argv[1:]))"
    )
    folder = prefix.parent
    before = set(os.listdir(folder))
    command = ["weights", str(prefix), "--map", str(folder / "map.json"), "-o"]
    for name in ("net.pt", "net.safetensors", "new/folder/net.pt"):
        result = subprocess.run([sys.executable, "-c", program, *command, str(folder / name)],
                                capture_output=True, text=True)  # fmt: skip
        assert result.returncode == 2
        assert "cannot be written: File too large; nothing was written" in result.stderr
        assert set(os.listdir(folder)) == before


# What fuzzing found, and where it started


@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_the_corpus_of_fuzzing(target: str) -> None:
    found = sorted((CORPUS / target).iterdir())
    assert found
    good = [path.name for path in found if fuzz.run(target, path.read_bytes())]
    if target not in ("index", "block"):  # these wrap rows and blocks anew: values do not fit
        assert [name for name in good if name.startswith("seed")], "no seed is read"


@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_mutations_of_the_seeds(target: str) -> None:
    rng = np.random.RandomState(0)
    for path in sorted((CORPUS / target).glob("seed*")):
        data = path.read_bytes()
        for _ in range(60):
            size = rng.randint(1, len(data) + 1) if rng.rand() < 0.3 else len(data)
            changed = bytearray(data[:size])
            for _ in range(rng.randint(1, 4)):
                changed[rng.randint(len(changed))] = rng.choice([0, 1, 127, 128, 255, 10])
            fuzz.run(target, bytes(changed))
