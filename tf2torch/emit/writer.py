"""Writes output files all or none: to temporary names first, then renamed into place."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tf2torch.diagnostics import WriteError


@dataclass(frozen=True)
class Output:
    """A file to be written; `replace` allows overwriting it whatever the user says."""

    path: Path
    data: bytes
    mode: int | None = None
    replace: bool = False


def changed(outputs: Iterable[Output]) -> list[Output]:
    """Those that are not on disk already with the same bytes."""
    return [output for output in outputs if not _is_current(output)]


def write_all(outputs: Sequence[Output], *, force: bool = False) -> list[Path]:
    """Writes those that changed and returns their paths; raises WriteError with nothing written."""
    pending = changed(outputs)
    taken = [o.path for o in pending if o.path.exists() and not (force or o.replace)]
    if taken:
        more = f" (and {len(taken) - 1} more)" if len(taken) > 1 else ""
        message = f"exists and would change{more}; nothing was written"
        raise WriteError(str(taken[0]), 0, 0, message, "overwrite with --force, or see -o")
    made: list[Path] = []
    temporary: dict[Path, Path] = {}
    try:
        for output in pending:
            _make_folder(output.path.parent, made)
            temporary[output.path] = _write_temporary(output)
        _rename_all(temporary)
    except OSError as error:
        _discard(temporary.values(), made)
        path = error.filename if error.filename and not temporary else output.path
        raise WriteError(str(path), 0, 0, f"{error.strerror}; nothing was written") from None
    except BaseException:  # an interrupt leaves nothing behind either
        _discard(temporary.values(), made)
        raise
    return [output.path for output in pending]


def _is_current(output: Output) -> bool:
    try:
        if output.path.stat().st_size != len(output.data):
            return False
        return output.path.read_bytes() == output.data
    except OSError:
        return False


def _make_folder(folder: Path, made: list[Path]) -> None:
    missing = [f for f in (folder, *folder.parents) if not f.exists()]
    for item in reversed(missing):
        item.mkdir(exist_ok=True)
        made.append(item)


def _write_temporary(output: Output) -> Path:
    path = output.path.with_name(f".{output.path.name}.{os.getpid()}.tmp")
    try:
        with open(path, "wb") as file:
            file.write(output.data)
        if output.mode is not None:
            path.chmod(output.mode)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def _rename_all(temporary: dict[Path, Path]) -> None:
    """Renames each file into place; on failure puts back what was there."""
    done: list[tuple[Path, Path | None]] = []
    try:
        for path, source in temporary.items():
            backup = path.with_name(f".{path.name}.{os.getpid()}.old") if path.exists() else None
            if backup is not None:
                shutil.copy2(path, backup)  # the name is never without a file
            done.append((path, backup))
            os.replace(source, path)
    except BaseException:
        for path, backup in reversed(done):
            path.unlink(missing_ok=True)
            if backup is not None:
                os.replace(backup, path)
        raise
    for _, backup in done:
        if backup is not None:
            backup.unlink()


def _discard(files: Iterable[Path], folders: list[Path]) -> None:
    for path in files:
        path.unlink(missing_ok=True)
    for folder in reversed(folders):
        with contextlib.suppress(OSError):  # something else has been put there meanwhile
            folder.rmdir()
