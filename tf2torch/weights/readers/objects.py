"""Object graphs of TF2 checkpoints: what their keys are called in the program."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from tf2torch.weights.checkpoint import Entry
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.wire import WireError, fields, message, number, text

OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"


@dataclass(frozen=True)
class Attribute:
    """A saved value of an object: the variable's own name, and the key it is stored under."""

    full_name: str
    key: str


def attributes(data: bytes) -> list[Attribute]:
    """Every saved value of a TrackableObjectGraph."""
    found = []
    for tag, kind, node in fields(memoryview(data)):
        if tag != 1:
            continue
        for inner, inner_kind, item in fields(message(kind, node)):
            if inner == 2:
                names = {2: "", 3: ""}
                for field, field_kind, value in fields(message(inner_kind, item)):
                    if field in names:
                        names[field] = text(field_kind, value)
                found.append(Attribute(names[2], names[3]))
    return found


def slot_variables(data: bytes) -> dict[str, dict[str, str]]:
    """Key of each variable -> {slot: key of the slot variable}."""
    keys: dict[int, str] = {}
    rows: list[tuple[int, str, int]] = []
    index = 0
    for tag, kind, node in fields(memoryview(data)):
        if tag != 1:
            continue
        for inner, inner_kind, item in fields(message(kind, node)):
            if inner == 2:
                for field, field_kind, value in fields(message(inner_kind, item)):
                    if field == 3:
                        keys[index] = text(field_kind, value)
            elif inner == 3:
                original = slot = 0
                name = ""
                for field, field_kind, value in fields(message(inner_kind, item)):
                    if field == 1:
                        original = number(field_kind, value)
                    elif field == 2:
                        name = text(field_kind, value)
                    elif field == 3:
                        slot = number(field_kind, value)
                rows.append((original, name, slot))
        index += 1
    found: dict[str, dict[str, str]] = {}
    for original, name, slot in rows:
        if original in keys and slot in keys:
            found.setdefault(keys[original], {})[name] = keys[slot]
    return found


def resolved(
    path: str, entries: dict[str, Entry], graph: bytes
) -> tuple[dict[str, Entry], dict[str, str]]:
    """Entries under their variables' names, and the keys as aliases.

    A name that several variables have says nothing, and neither has one that is another's key:
    there the path of attributes stays.
    """
    try:
        named = {a.key: a.full_name for a in attributes(graph) if a.key in entries}
        slots = slot_variables(graph)
    except WireError as error:
        raise CheckpointError(path, f"broken object graph: {error}", OBJECT_GRAPH) from None
    slot_keys = {key for slot in slots.values() for key in slot.values()}
    counts = Counter(name for name in named.values() if name)
    found: dict[str, Entry] = {}
    aliases: dict[str, str] = {}
    for key, entry in entries.items():
        name = named.get(key, "")
        if not name or counts[name] > 1 or name in entries or key in slot_keys and "/" not in name:
            name = key.removesuffix(SUFFIX)
        if name in found:
            name = key
        found[name] = replace(entry, name=name)
        if name != key:
            aliases[key] = name
    return found, aliases
