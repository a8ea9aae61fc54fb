"""Which checkpoint is meant by a path: files, prefixes, folders and `checkpoint` state files."""

from __future__ import annotations

import os
import re
from glob import escape, glob

from tf2torch.weights.errors import CheckpointError

_FIELD = re.compile(rb'^\s*(\w+)\s*:\s*("(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\')', re.M)
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", re.S)
_PLAIN = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}
_NUMBERED = re.compile(r"-(\d+)$")
_DATA = re.compile(r"\.data-\d{5}-of-\d{5}$")


def state_paths(path: str) -> list[str]:
    """All checkpoints of a state file, the latest last."""
    try:
        with open(path, "rb") as file:
            text = file.read(16 << 20)
    except OSError as error:
        raise CheckpointError(path, f"cannot be read: {error.strerror}") from None
    found: dict[bytes, list[str]] = {}
    for name, quoted in _FIELD.findall(text):
        found.setdefault(name, []).append(_plain(quoted[1:-1]))
    latest = found.get(b"model_checkpoint_path", [])
    if not latest:
        raise CheckpointError(path, "is no state file of checkpoints: it names none")
    every = [p for p in found.get(b"all_model_checkpoint_paths", []) if p != latest[-1]]
    folder = os.path.dirname(path)
    return [_moved(folder, one) for one in [*every, latest[-1]]]


def _plain(quoted: bytes) -> str:
    def one(match: re.Match[bytes]) -> bytes:
        code = match.group(1)
        if code[:1] == b"x" and len(code) > 1:
            return bytes([int(code[1:], 16)])
        if code[0] in b"01234567":
            return bytes([int(code, 8) & 255])
        return _PLAIN.get(code, code)

    return _ESCAPE.sub(one, quoted).decode("utf-8", "surrogateescape")


def _moved(folder: str, path: str) -> str:
    """The path that is meant: folders are moved and copied with the absolute paths inside, and who
    names the copy means its files."""
    whole, beside = os.path.join(folder, path), os.path.join(folder, os.path.basename(path))
    candidates = (beside, whole) if os.path.isabs(path) else (whole, beside)
    return next((one for one in candidates if exists(one)), whole)


def exists(prefix: str) -> bool:
    """Whether a checkpoint has this prefix."""
    return os.path.isfile(f"{prefix}.index") or os.path.isfile(prefix) or bool(shards_of_v1(prefix))


def shards_of_v1(prefix: str) -> list[str]:
    """Files of a sharded V1 checkpoint."""
    names = sorted(glob(f"{escape(prefix)}-?????-of-?????"))
    return [name for name in names if re.search(r"-\d{5}-of-\d{5}$", name)]


def find(path: str, step: int | None = None) -> str:
    """The prefix, file or folder of one checkpoint; raises CheckpointError."""
    if os.path.isdir(path):
        return _in_folder(path, step)
    if os.path.isfile(path) and os.path.basename(path).startswith("checkpoint"):
        with open(path, "rb") as file:
            is_state = b"model_checkpoint_path" in file.read(1 << 16)
        if is_state:
            return _chosen(path, state_paths(path), step)
    if step is not None:
        numbered = f"{path}-{step}"
        if exists(numbered):
            return numbered
        raise CheckpointError(path, f"no checkpoint of step {step}: there is no {numbered}.index")
    if path.endswith((".index", ".meta")) and os.path.isfile(f"{path.rpartition('.')[0]}.index"):
        return path.rpartition(".")[0]
    if _DATA.search(path):
        return _DATA.sub("", path)
    if os.path.isfile(path) or os.path.isfile(f"{path}.index") or shards_of_v1(path):
        return path
    raise CheckpointError(path, "no such checkpoint", help=_nearby(path))


def _in_folder(folder: str, step: int | None) -> str:
    state = os.path.join(folder, "checkpoint")
    if os.path.isfile(state):
        return _chosen(state, state_paths(state), step)
    if step is None and os.path.isfile(os.path.join(folder, "saved_model.pb")):
        return folder
    if step is None and os.path.isfile(os.path.join(folder, "variables", "variables.index")):
        return os.path.join(folder, "variables", "variables")
    found = [name[: -len(".index")] for name in glob(os.path.join(escape(folder), "*.index"))]
    if not found:
        raise CheckpointError(folder, "no checkpoint in this folder")
    return _chosen(folder, sorted(found, key=lambda p: (_step(p), p)), step, ordered=True)


def _step(path: str) -> int:
    match = _NUMBERED.search(path)
    return int(match.group(1)) if match else -1


def _chosen(where: str, paths: list[str], step: int | None, ordered: bool = False) -> str:
    if step is not None:
        folder = os.path.dirname(where) if os.path.isfile(where) else where
        beside = [n[: -len(".index")] for n in glob(os.path.join(escape(folder), "*.index"))]
        for path in [*paths, *sorted(beside)]:
            if _step(path) == step and exists(path):
                return path
        known = ", ".join(str(_step(p)) for p in paths if _step(p) >= 0)
        raise CheckpointError(where, f"no checkpoint of step {step}; there are {known or 'none'}")
    if ordered and len(paths) > 1 and _step(paths[-1]) < 0:
        names = ", ".join(os.path.basename(p) for p in paths[:8])
        raise CheckpointError(where, f"several checkpoints: {names}", help="name one of them")
    if not exists(paths[-1]):
        raise CheckpointError(where, f"the latest checkpoint, {paths[-1]}, is not there")
    return paths[-1]


def _nearby(path: str) -> str:
    names = sorted(glob(f"{escape(path)}*.index"), key=lambda p: (_step(p[:-6]), p))[-3:]
    if not names:
        return ""
    return "did you mean " + ", ".join(n[: -len(".index")] for n in names) + "?"
