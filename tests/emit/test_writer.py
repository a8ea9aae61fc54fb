"""Output files appear all or none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tf2torch.diagnostics import WriteError
from tf2torch.emit import writer
from tf2torch.emit.writer import Output, write_all


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


def test_folders_are_made_and_modes_kept(tmp_path: Path) -> None:
    target = tmp_path / "a/b/c.py"
    assert write_all([Output(target, b"x", 0o755)]) == [target]
    assert target.read_bytes() == b"x"
    assert os.access(target, os.X_OK)


def test_an_existing_file_stops_all_of_them(tmp_path: Path) -> None:
    old = tmp_path / "old.py"
    old.write_bytes(b"mine")
    outputs = [Output(tmp_path / "new/new.py", b"n"), Output(old, b"theirs")]
    with pytest.raises(WriteError, match="exists and would change"):
        write_all(outputs)
    assert contents(tmp_path) == {"old.py": b"mine"}
    assert not (tmp_path / "new").exists()
    write_all(outputs, force=True)
    assert contents(tmp_path) == {"old.py": b"theirs", "new/new.py": b"n"}


def test_what_is_current_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"x")
    path.chmod(0o444)
    assert write_all([Output(path, b"x")]) == []


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_while_renaming_puts_everything_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    (tmp_path / "a.py").write_bytes(b"old")
    real = os.replace

    def replace(source: Path, target: Path) -> None:
        if Path(target).name == "b.py":
            raise error
        real(source, target)

    monkeypatch.setattr(writer.os, "replace", replace)
    outputs = [Output(tmp_path / "a.py", b"new"), Output(tmp_path / "sub/b.py", b"new")]
    with pytest.raises((WriteError, KeyboardInterrupt)):
        write_all(outputs, force=True)
    assert contents(tmp_path) == {"a.py": b"old"}
    assert not (tmp_path / "sub").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WriteError, match="file"):
        write_all([Output(tmp_path / "file/a.py", b"x")])
