"""V2 checkpoints: `NAME.index`, a table of entries, and `NAME.data-*-of-*`, the values."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import numpy as np

from tf2torch.weights import dtypes
from tf2torch.weights.checkpoint import Array, Checkpoint, Entry, checked_shape, frozen
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.files import Octets, crc32c, mapped, masked
from tf2torch.weights.readers.objects import OBJECT_GRAPH, resolved
from tf2torch.weights.slices import Slice, overlapping, shape_of, slice_key, slice_of
from tf2torch.weights.table import Table, shown
from tf2torch.weights.wire import WireError, fields, fixed32, message, number, signed, varint

#: The version of the format that this reads (tensor_bundle.h).
VERSION = 1
MOST_SHARDS = 100_000


@dataclass(frozen=True)
class Place:
    """A BundleEntryProto."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    crc: int
    slices: tuple[Slice, ...]


@dataclass
class Bundle:
    """The parsed index, and the shards as far as they have been opened."""

    prefix: str
    shards: int = 1
    places: dict[bytes, Place] = field(default_factory=dict)
    opened: dict[int, Octets] = field(default_factory=dict)
    verified: set[tuple[int, int, int]] = field(default_factory=set)

    def shard_path(self, number: int) -> str:
        return f"{self.prefix}.data-{number:05d}-of-{self.shards:05d}"

    def shard(self, number: int, key: str) -> Octets:
        if number not in self.opened:
            path = self.shard_path(number)
            if not os.path.exists(path):
                raise CheckpointError(path, "this shard is missing", key)
            data = mapped(path)
            total = sum(place.size for place in self.places.values() if place.shard == number)
            if total > len(data):
                text = f"is truncated, or its entries overlap: {len(data)} bytes for {total}"
                raise CheckpointError(path, text, key)
            self.opened[number] = data
        return self.opened[number]


def open_bundle(prefix: str) -> Checkpoint:
    """The checkpoint of which the files' names begin with `prefix`."""
    bundle = read_index(prefix)
    entries: dict[str, Entry] = {}
    for key, place in bundle.places.items():
        if key.startswith(b"\0"):
            continue  # a slice: read through the entry of the whole
        name = key.decode("utf-8", "surrogateescape")
        size = place.size
        for part in place.slices:
            size += _slice_place(bundle, name, key, part).size
        entries[name] = Entry(
            name,
            dtypes.NAMES[place.dtype],
            dtypes.NUMPY[place.dtype],
            place.shape,
            size,
            name,
            len(place.slices),
            place,
        )
    aliases: dict[str, str] = {}
    if OBJECT_GRAPH in entries:
        graph = _strings(bundle, entries[OBJECT_GRAPH])
        entries, aliases = resolved(f"{prefix}.index", entries, graph.reshape(-1)[0])
    return Checkpoint(
        prefix,
        "bundle",
        entries,
        lambda entry: read_entry(bundle, entry),
        lambda entry: _check(bundle, entry),
        aliases,
    )


def read_index(prefix: str) -> Bundle:
    """All entries of an index; raises CheckpointError."""
    path = f"{prefix}.index"
    bundle = Bundle(prefix)
    seen_header = False
    for key, value in Table(mapped(path), path).items():
        try:
            if key == b"":
                bundle.shards = _header(path, value)
                seen_header = True
            else:
                bundle.places[key] = _place(path, key, value)
        except WireError as error:
            raise CheckpointError(path, f"entry {shown(key)}: {error}") from None
    if not seen_header:
        raise CheckpointError(path, "is no checkpoint: the header is missing")
    for key, place in bundle.places.items():
        if not 0 <= place.shard < bundle.shards:
            text = f"is in shard {place.shard} of {bundle.shards}"
            raise CheckpointError(path, text, key.decode("utf-8", "surrogateescape"))
    return bundle


def _header(path: str, data: memoryview) -> int:
    shards, oldest = 1, 0
    for tag, kind, value in fields(data):
        if tag == 1:
            shards = number(kind, value)
        elif tag == 2 and number(kind, value) != 0:
            text = "was written on a big-endian machine"
            help = "restore and save it again with TensorFlow on a little-endian machine"
            raise CheckpointError(path, text, help=help)
        elif tag == 3:
            for inner, inner_kind, item in fields(message(kind, value)):
                if inner == 2:
                    oldest = number(inner_kind, item)
    if oldest > VERSION:
        raise CheckpointError(path, f"is of version {oldest} of the format; known is {VERSION}")
    if not 0 < shards <= MOST_SHARDS:
        raise CheckpointError(path, f"says it has {shards} shards")
    return shards


def _place(path: str, key: bytes, data: memoryview) -> Place:
    dtype = shard = offset = size = crc = 0
    sizes: list[int] = []
    slices: list[Slice] = []
    for tag, kind, value in fields(data):
        if tag == 1:
            dtype = number(kind, value)
        elif tag == 2:
            sizes = shape_of(message(kind, value))
        elif tag == 3:
            shard = number(kind, value)
        elif tag == 4:
            offset = signed(number(kind, value))
        elif tag == 5:
            size = signed(number(kind, value))
        elif tag == 6:
            crc = fixed32(kind, value)
        elif tag == 7:
            slices.append(slice_of(message(kind, value)))
    name = key.decode("utf-8", "surrogateescape")
    if dtype not in dtypes.NAMES:
        raise CheckpointError(path, f"has the unknown data type {dtype}", name)
    shape = checked_shape(path, name, sizes)
    if offset < 0 or size < 0:
        raise CheckpointError(path, f"lies at byte {offset}, {size} bytes long", name)
    numpy = dtypes.NUMPY[dtype]
    if (
        numpy is not None
        and not slices
        and size != int(np.prod(shape, dtype=object)) * (numpy.itemsize)
    ):
        text = f"has {size} bytes, which {dtypes.NAMES[dtype]} {list(shape)} has not"
        raise CheckpointError(path, text, name)
    return Place(dtype, shape, shard, offset, size, crc, tuple(slices))


# Values


def read_entry(bundle: Bundle, entry: Entry) -> Array:
    """The value of an entry, its checksum verified."""
    place: Place = entry.place
    if place.slices:
        return _joined(bundle, entry)
    if place.dtype == dtypes.STRING:
        return _strings(bundle, entry)
    return _tensor(bundle, place, entry.name)


def _bytes(bundle: Bundle, place: Place, name: str) -> Octets:
    data = bundle.shard(place.shard, name)
    if place.offset + place.size > len(data):
        text = f"is truncated: {len(data)} bytes, but the value ends at {place.offset + place.size}"
        raise CheckpointError(bundle.shard_path(place.shard), text, name)
    return data[place.offset : place.offset + place.size]


def _tensor(bundle: Bundle, place: Place, name: str) -> Array:
    dtype = dtypes.NUMPY[place.dtype]
    if dtype is None:
        text = f"values of type {dtypes.NAMES[place.dtype]} cannot be read"
        raise CheckpointError(bundle.prefix, text, name)
    data = _bytes(bundle, place, name)
    where = (place.shard, place.offset, place.size)
    if where not in bundle.verified:
        if masked(crc32c(data)) != place.crc:
            path = bundle.shard_path(place.shard)
            raise CheckpointError(path, "the checksum of the value does not match", name)
        bundle.verified.add(where)
    if data.ctypes.data % dtype.itemsize:
        data = data.copy()  # numpy is slow, and torch refuses, where values are not aligned
    return frozen(data.view(dtype).reshape(place.shape))


def _strings(bundle: Bundle, entry: Entry) -> Array:
    """Strings: varint lengths, the checksum of the lengths, then all bytes."""
    place: Place = entry.place
    path = bundle.shard_path(place.shard)
    octets = _bytes(bundle, place, entry.name)
    data = memoryview(octets)
    count = entry.size
    if count > len(data):
        raise CheckpointError(path, f"{count} strings in {len(data)} bytes", entry.name)
    at, lengths = 0, []
    try:
        for _ in range(count):
            length, at = varint(data, at)
            lengths.append(length)
    except WireError as error:
        raise CheckpointError(path, f"broken strings: {error}", entry.name) from None
    crc = crc32c(b"".join(n.to_bytes(4 if n < 1 << 32 else 8, "little") for n in lengths))
    stored = bytes(data[at : at + 4])
    if len(stored) < 4 or masked(crc).to_bytes(4, "little") != stored:
        raise CheckpointError(path, "the checksum of the strings' lengths does not match",
                              entry.name)  # fmt: skip
    at += 4
    if at + sum(lengths) != len(data):
        raise CheckpointError(path, "the strings' lengths do not add up", entry.name)
    if masked(crc32c(octets[at:], crc32c(stored, crc))) != place.crc:
        raise CheckpointError(path, "the checksum of the value does not match", entry.name)
    result = np.empty(count, object)
    for index, length in enumerate(lengths):
        result[index] = bytes(data[at : at + length])
        at += length
    return frozen(result.reshape(place.shape))


def _slice_place(bundle: Bundle, name: str, key: bytes, part: Slice) -> Place:
    found = bundle.places.get(slice_key(key, part))
    if found is None:
        raise CheckpointError(f"{bundle.prefix}.index", f"slice {part} is missing", name)
    return found


def _joined(bundle: Bundle, entry: Entry) -> Array:
    """A partitioned variable, put together; every element must come from exactly one slice."""
    place: Place = entry.place
    path = f"{bundle.prefix}.index"
    if entry.numpy is None:
        raise CheckpointError(path, f"slices of {entry.dtype} cannot be read", entry.name)
    indices = _slice_indices(bundle, entry)
    result = np.empty(place.shape, entry.numpy)
    for part, index in indices:
        found = _slice_place(bundle, entry.name, entry.key.encode("utf-8", "surrogateescape"), part)
        result[index] = _tensor(bundle, found, f"{entry.name}, slice {part}")
    return frozen(result)


def _slice_indices(bundle: Bundle, entry: Entry) -> list[tuple[Slice, tuple[slice, ...]]]:
    place: Place = entry.place
    path = f"{bundle.prefix}.index"
    found = []
    total = 0
    key = entry.key.encode("utf-8", "surrogateescape")
    for part in place.slices:
        try:
            index = part.within(place.shape)
        except WireError as error:
            raise CheckpointError(path, str(error), entry.name) from None
        shape = tuple(one.stop - one.start for one in index)
        one = _slice_place(bundle, entry.name, key, part)
        if one.shape != shape or one.dtype != place.dtype:
            raise CheckpointError(path, f"slice {part} has the shape {list(one.shape)}", entry.name)
        total += int(np.prod(shape, dtype=object))
        found.append((part, index))
    if total != entry.size or overlapping([index for _, index in found]):
        text = f"its {len(found)} slices do not make up the whole"
        raise CheckpointError(path, text, entry.name)
    return found


def _check(bundle: Bundle, entry: Entry) -> None:
    place: Place = entry.place
    if place.slices:
        key = entry.key.encode("utf-8", "surrogateescape")
        for part, _ in _slice_indices(bundle, entry):
            _bytes(bundle, _slice_place(bundle, entry.name, key, part), f"{entry.name}, {part}")
    else:
        _bytes(bundle, place, entry.name)
