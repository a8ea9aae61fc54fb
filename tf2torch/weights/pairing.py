"""A proposal which variable goes to which parameter, for a torch model written by hand."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tf2torch.weights import inverses, layout
from tf2torch.weights.checkpoint import Checkpoint, Entry
from tf2torch.weights.expectations import ANY, KERAS, NAMES, Expected
from tf2torch.weights.slots import owners_of, slots_of
from tf2torch.weights.sources import BOOKKEEPING, SHADOW

#: Words that say nothing of the place.
_FILLERS = frozenset({"model", "module", "net", "network", "weight", "bias", "kernel"})
Pair = tuple[str, Any, str]  # variable, layout, why
Candidates = Mapping[str, list[tuple[str, Any]]]


@dataclass
class Proposal:
    """Pairs that are certain, and candidates for the rest.

    Attributes:
        pairs: key -> (variable, layout, why).
        open: key -> its candidates.
        left: variables that nothing took.
    """

    pairs: dict[str, Pair] = field(default_factory=dict)
    open: dict[str, list[tuple[str, Any]]] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return not self.open and not self.left


def propose(
    checkpoint: Checkpoint,
    expected: Mapping[str, Sequence[Expected]],
    shapes: Mapping[str, tuple[int, ...]],
) -> Proposal:
    """Pairs by name, order and shape; what could be otherwise stays open."""
    entries = _variables(checkpoint)
    roles = _roles([entry.name for entry in entries])
    candidates: dict[str, list[tuple[str, Any]]] = {}
    for key, ways in expected.items():
        if ways:
            candidates[key] = [
                (entry.name, way.layout)
                for way in ways
                for entry in entries
                if roles[entry.name] in way.roles
                and _fits(entry, way.layout, shapes[key])
                and _same_direction(key, entry.name, expected)
            ]
        elif not key.endswith("num_batches_tracked") and not _second_bias(key, expected):
            candidates[key] = []
    found = Proposal()
    rules = (_only_one, _same_names, _same_scope, _same_numbers, _in_order)
    while True:
        for rule in rules:
            pairs = rule(candidates, found)
            if pairs:
                _accept(pairs, candidates, found)
                break
        else:
            break
    found.open = candidates
    taken = {variable for variable, _, _ in found.pairs.values()}
    found.left = [entry.name for entry in entries if entry.name not in taken]
    return found


def _variables(checkpoint: Checkpoint) -> list[Entry]:
    """Variables without the optimizer's, TensorFlow's own and moving averages."""
    state = slots_of(checkpoint, owners_of(checkpoint)).names() | slots_of(checkpoint, ()).names()
    return [
        entry
        for entry in checkpoint.entries.values()
        if entry.name not in state | BOOKKEEPING | checkpoint.constants
        and entry.numpy is not None
        and entry.name.rpartition("/")[2] != SHADOW
    ]


def _roles(names: Sequence[str]) -> dict[str, str]:
    """Roles by the names' last parts; beside a recurrent kernel all are Keras's."""
    cells = {name.rpartition("/")[0] for name in names if name.endswith("recurrent_kernel")}
    found = {}
    for name in names:
        scope, _, last = name.rpartition("/")
        found[name] = KERAS.get(last, ANY) if scope in cells else _role(name)
    return found


def _role(name: str) -> str:
    last = re.sub(r"_?\d+$", "", name.rpartition("/")[2].lower())
    return NAMES.get(last, NAMES.get(last.rpartition("_")[2], ANY))


def _fits(entry: Entry, steps: Any, shape: tuple[int, ...]) -> bool:
    try:
        return inverses.shape_after(steps, entry.shape) == shape
    except layout.LayoutError:
        return False


def _second_bias(key: str, expected: Mapping[str, Sequence[Expected]]) -> bool:
    """Whether this is the bias of an LSTM that TensorFlow does not have."""
    return "bias_hh" in key and bool(expected.get(key.replace("bias_hh", "bias_ih")))


def _same_direction(key: str, name: str, keys: Container[str]) -> bool:
    """Whether both are of the same direction, where a recurrent layer has two."""
    backward = key.endswith("_reverse")
    if not backward and f"{key}_reverse" not in keys:
        return True
    words = set(re.findall(r"[a-z]+", name.lower()))
    forward, back = words & {"forward", "fw", "fwd"}, words & {"backward", "bw", "bwd"}
    return not (forward if backward else back)


def _accept(
    pairs: Mapping[str, Pair], candidates: dict[str, list[tuple[str, Any]]], found: Proposal
) -> None:
    """Pairs are settled; a variable is no candidate elsewhere, but for the other part of it."""
    for key, pair in pairs.items():
        found.pairs[key] = pair
        candidates.pop(key, None)
    taken = {variable: steps for variable, steps, _ in found.pairs.values()}
    for key in candidates:
        candidates[key] = [
            (name, steps)
            for name, steps in candidates[key]
            if name not in taken or _other_part(steps, taken[name])
        ]


def _other_part(one: Any, other: Any) -> bool:
    """Whether two layouts take different parts of a variable."""
    steps = [layout.steps_of(each)[0] for each in (one, other)]
    recurrent = all(step[0] in ("lstm", "gru") for step in steps)
    return recurrent and steps[0][1] != steps[1][1]


# Rules: each returns pairs that it is sure of


def _only_one(candidates: Candidates, _: Proposal) -> dict[str, Pair]:
    users: dict[str, set[str]] = {}
    for key, rows in candidates.items():
        for name, steps in rows:
            users.setdefault(name + _part(steps), set()).add(key)
    return {
        key: (*rows[0], "the only one of its shape")
        for key, rows in candidates.items()
        if len(rows) == 1 and len(users[rows[0][0] + _part(rows[0][1])]) == 1
    }


def _part(steps: Any) -> str:
    first = layout.steps_of(steps)[0]
    return f"#{first[1].get('part')}" if first[0] in ("lstm", "gru") else ""


def _same_names(candidates: Candidates, _: Proposal) -> dict[str, Pair]:
    return _mutual(candidates, lambda a, b: float(bool(a) and a == b), "the same name")


def _same_numbers(candidates: Candidates, _: Proposal) -> dict[str, Pair]:
    """The most words in common, where the numbers agree and nothing else is as near."""

    def near(a: Sequence[str], b: Sequence[str]) -> float:
        if _numbers(a) != _numbers(b):
            return 0.0
        shared = set(a) & set(b)
        words = [word for word in shared if not word.isdigit()]
        return len(shared) / len(set(a) | set(b)) if words else 0.0

    return _mutual(candidates, near, "the nearest name")


def _mutual(candidates: Candidates, near: Any, why: str) -> dict[str, Pair]:
    """Pairs of which each is the best, and the only best, for the other."""
    rows: dict[str, list[float]] = {}
    columns: dict[str, list[float]] = {}
    scored: list[tuple[float, str, str, Any]] = []
    for key, choices in candidates.items():
        for name, steps in choices:
            score = near(_words(key), _words(name))
            if score > 0:
                scored.append((score, key, name, steps))
                rows.setdefault(key, []).append(score)
                columns.setdefault(name + _part(steps), []).append(score)
    return {
        key: (name, steps, why)
        for score, key, name, steps in scored
        if _alone(score, rows[key]) and _alone(score, columns[name + _part(steps)])
    }


def _alone(score: float, scores: Sequence[float]) -> bool:
    return max(scores) == score and scores.count(score) == 1


def _same_scope(candidates: Candidates, found: Proposal) -> dict[str, Pair]:
    """Once a layer's one parameter is settled, the others come from the same scope."""
    scopes: dict[str, set[str]] = {}
    for key, (name, _, _) in found.pairs.items():
        scopes.setdefault(key.rpartition(".")[0], set()).add(name.rpartition("/")[0])
    result: dict[str, Pair] = {}
    for key, rows in candidates.items():
        owner = scopes.get(key.rpartition(".")[0], set())
        inside = [(n, s) for n, s in rows if n.rpartition("/")[0] in owner and "/" in n]
        if len(owner) == 1 and len(inside) == 1:
            result[key] = (*inside[0], "the same layer")
    names = [(name, _part(steps)) for name, steps, _ in result.values()]
    return {k: p for k, p in result.items() if names.count((p[0], _part(p[1]))) == 1}


def _in_order(candidates: Candidates, _: Proposal) -> dict[str, Pair]:
    """As many of one shape on both sides, and both counted by one number in their names."""
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for key, rows in candidates.items():
        groups.setdefault(tuple((name, str(steps)) for name, steps in rows), []).append(key)
    for choices, keys in groups.items():
        names = [name for name, _ in choices]
        elsewhere = {name for key in candidates if key not in keys for name, _ in candidates[key]}
        others = elsewhere & set(names)
        if len(keys) != len(set(names)) or len(names) != len(set(names)) or others:
            continue
        ordered = _counted(keys), _counted(names)
        if ordered[0] and ordered[1]:
            steps = dict(candidates[keys[0]])
            return {k: (n, steps[n], "the same order") for k, n in zip(*ordered)}
    return {}


def _counted(names: Sequence[str]) -> list[str]:
    """Names in the order of the one number in which they differ; empty if they differ more."""
    split = [re.split(r"(\d+)", name) for name in names]
    if len({len(parts) for parts in split}) > 1:
        return _with_first(names)
    different = [i for i in range(len(split[0])) if len({parts[i] for parts in split}) > 1]
    if len(different) != 1 or not split[0][different[0]].isdigit():
        return []
    return [n for _, n in sorted((int(p[different[0]]), n) for p, n in zip(split, names))]


def _with_first(names: Sequence[str]) -> list[str]:
    """`conv2d`, `conv2d_1`, ...: TensorFlow's first has no number."""
    shortest = min(names, key=len)
    head, slash, tail = shortest.rpartition("/")
    numbered = {shortest: 0}
    for name in names:
        match = re.fullmatch(rf"{re.escape(head)}_(\d+){slash}{re.escape(tail)}", name)
        if match:
            numbered[name] = int(match.group(1))
    return sorted(names, key=numbered.__getitem__) if len(numbered) == len(names) else []


@cache
def _words(name: str) -> tuple[str, ...]:
    """Words and numbers of a layer's name, without what its variable is called."""
    separator = "/" if "/" in name else "."
    parts = name.split(separator)
    parts = parts[:-1] if len(parts) > 1 else parts
    spaced = re.sub(r"([a-z])([A-Z])", r"\1_\2", "/".join(parts)).lower()
    words = re.findall(r"[a-z]+|\d+", spaced)
    return tuple(word for word in words if word not in _FILLERS)


def _numbers(words: Sequence[str]) -> list[int]:
    return [int(word) for word in words if word.isdigit()]
