"""`load`: any file or folder of weights as a lazy mapping of names to arrays."""

from __future__ import annotations

import os

from tf2torch.weights.checkpoint import Checkpoint
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.readers import state


def load(path: str | os.PathLike[str], step: int | None = None) -> Checkpoint:
    """The checkpoint at a path; raises CheckpointError.

    The path is the prefix of a checkpoint, one of its files, a folder (its latest checkpoint, or
    that of `step`), a `checkpoint` file, a SavedModel, a GraphDef or a Keras file.
    """
    found = state.find(os.fspath(path), step)
    if os.path.isdir(found):
        from tf2torch.weights.readers.graphs import open_saved_model

        return open_saved_model(found)
    if os.path.isfile(f"{found}.index"):
        from tf2torch.weights.readers.bundle import open_bundle

        return open_bundle(found)
    shards = state.shards_of_v1(found)
    if shards and not os.path.isfile(found):
        from tf2torch.weights.readers.v1 import open_v1

        return open_v1(found, shards)
    return _open_file(found)


def _open_file(path: str) -> Checkpoint:
    from tf2torch.weights.files import mapped
    from tf2torch.weights.table import is_table

    data = mapped(path)
    head = data[:8].tobytes()
    if is_table(data):
        from tf2torch.weights.readers.v1 import open_v1

        return open_v1(path, [path])
    if head == b"\x89HDF\r\n\x1a\n" or head[:4] == b"PK\x03\x04":
        from tf2torch.weights.readers.keras import open_h5, open_keras

        return open_h5(path) if head[:1] == b"\x89" else open_keras(path)
    if os.path.splitext(path)[1] in (".pb", ".pbtxt", ".meta", ".graphdef"):
        from tf2torch.weights.readers.graphs import open_graph

        return open_graph(path)
    text = "is no checkpoint: neither a table, nor HDF5, nor a graph (.pb)"
    raise CheckpointError(path, text, help="give the prefix of the checkpoint, its name in Saver")
