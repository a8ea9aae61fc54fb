"""Output files under temporary names, renamed into place together or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tf2torch.weights.errors import CheckpointError


@contextmanager
def replacing(paths: Sequence[Path], *, force: bool = False) -> Iterator[list[Path]]:
    """Temporary paths to write to; on success they take the names `paths`, else they go."""
    for path in paths:
        if path.exists() and not force:
            raise CheckpointError(path, "exists; nothing was written", help="overwrite: --force")
    temporary = [path.with_name(f".{path.name}.{os.getpid()}.tmp") for path in paths]
    made: list[Path] = []
    placed: list[Path] = []
    try:
        for path in paths:
            made += _folders(path.parent)
        yield temporary
        for source, path in zip(temporary, paths):
            os.replace(source, path)
            placed.append(path)
    except BaseException as error:
        for source in (*temporary, *placed):
            source.unlink(missing_ok=True)
        for folder in reversed(made):
            with suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError):
            text = f"cannot be written: {error.strerror or error}; nothing was written"
            raise CheckpointError(paths[0], text) from None
        raise


def _folders(folder: Path) -> list[Path]:
    missing = [f for f in (folder, *folder.parents) if not f.exists()]
    for item in reversed(missing):
        item.mkdir(exist_ok=True)
    return missing[::-1]
