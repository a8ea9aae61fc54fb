"""Which files a conversion writes and where; pure but for looking at what is already there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from tf2torch.diagnostics import WriteError
from tf2torch.emit.conversion import Conversion
from tf2torch.emit.support import NAME, merged_text, support_text
from tf2torch.emit.weight_map import map_text, merge_maps
from tf2torch.emit.writer import Output

#: Folders that hold no source.
_IGNORED = ("__pycache__", "*.egg-info", "node_modules", "venv")
#: A file larger than this is data: a folder's conversion leaves it where it is.
LARGEST_COPY = 100 * 1024 * 1024


def file_output(source: Path, out: Path | None) -> Path:
    """Where the conversion of a single file goes."""
    suffix = source.suffix if source.suffix == ".ipynb" else ".py"
    name = f"{source.stem}_torch{suffix}"
    if out is None:
        return source.with_name(name)
    return out / name if out.is_dir() or out.suffix != suffix else out


def file_outputs(conversion: Conversion, source: Path, out: Path | None) -> list[Output]:
    """The converted file and its weight map; nothing for a file without TensorFlow."""
    if conversion.text is None:
        return []
    target = file_output(source, out)
    if target.resolve() == source.resolve():
        raise WriteError(str(target), 0, 0, "is the source itself; nothing was written")
    weights = map_text(conversion.weights).encode()
    return [
        Output(target, conversion.data, _mode(source)),
        Output(target.with_suffix(".weights.json"), weights),
    ]


def support_output(folder: Path, names: Iterable[str], *, force: bool = False) -> list[Output]:
    """The support file of a folder of outputs, with what it already holds."""
    wanted = sorted(set(names))
    if not wanted:
        return []
    path = folder / NAME
    text: str | None = support_text(wanted)
    try:
        text = merged_text(path.read_text("utf-8"), wanted)
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError):
        text = None
    if text is None:
        if not force:
            message = "exists and is not as tf2torch wrote it; nothing was written"
            raise WriteError(str(path), 0, 0, message, "replace it with --force, or see -o")
        text = support_text(wanted)
    return [Output(path, text.encode(), replace=True)]


def walk(folder: Path, *, out: Path, exclude: Sequence[str] = ()) -> Iterator[Path]:
    """Files of a project in a fixed order, without hidden ones, caches and the output folder."""
    skipped = out.resolve()
    for root, folders, files in os.walk(folder):
        here = Path(root)
        folders[:] = sorted(
            name
            for name in folders
            if not _ignored(name)
            and (here / name).resolve() != skipped
            and not _matches(here / name, folder, exclude)
        )
        for name in sorted(files):
            path = here / name
            if not name.startswith(".") and path.is_file() and not _matches(path, folder, exclude):
                yield path


def _ignored(name: str) -> bool:
    return name.startswith(".") or any(fnmatch(name, pattern) for pattern in _IGNORED)


def _matches(path: Path, folder: Path, patterns: Sequence[str]) -> bool:
    relative = path.relative_to(folder).as_posix()
    return any(fnmatch(relative, p) or fnmatch(path.name, p) for p in patterns)


def folder_outputs(
    folder: Path, out: Path, conversions: Sequence[tuple[Path, Conversion]], others: Sequence[Path]
) -> list[Output]:
    """The files of a converted project: names and places kept, one weight map for all."""
    outputs = []
    maps = []
    for path, conversion in conversions:
        relative = path.relative_to(folder)
        if conversion.text is None:
            outputs.append(_copy(path, out / relative))
        else:
            outputs.append(Output(out / relative, conversion.data, _mode(path)))
            dotted = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
            maps.append((dotted, conversion.weights))
    outputs += [_copy(path, out / path.relative_to(folder)) for path in others]
    name = folder.resolve().name or "project"
    if maps:
        outputs.append(Output(out / f"{name}.weights.json", map_text(merge_maps(maps)).encode()))
    return outputs


def _copy(source: Path, target: Path) -> Output:
    try:
        return Output(target, source.read_bytes(), _mode(source))
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise WriteError(str(source), 0, 0, message) from None


def _mode(source: Path) -> int | None:
    try:
        return source.stat().st_mode & 0o777 | 0o200
    except OSError:
        return None
