"""Names of the variables in Keras 3's files, which number them: `layers/dense/vars/0`."""

from __future__ import annotations

import json
import re
from typing import Any

#: Kind of layer (its class in snake case), number of variables -> their names in order.
_ROLES: dict[tuple[str, int], tuple[str, ...]] = {
    ("batch_normalization", 4): ("gamma", "beta", "moving_mean", "moving_variance"),
    ("layer_normalization", 2): ("gamma", "beta"),
    ("group_normalization", 2): ("gamma", "beta"),
    ("embedding", 1): ("embeddings",),
    ("separable_conv1d", 3): ("depthwise_kernel", "pointwise_kernel", "bias"),
    ("separable_conv2d", 3): ("depthwise_kernel", "pointwise_kernel", "bias"),
    ("p_re_lu", 1): ("alpha",),
}
for _kind in ("dense", "einsum_dense", "conv1d", "conv2d", "conv3d", "conv1d_transpose",
              "conv2d_transpose", "conv3d_transpose", "depthwise_conv1d",
              "depthwise_conv2d"):  # fmt: skip
    _ROLES[_kind, 2] = ("kernel", "bias")
    _ROLES[_kind, 1] = ("kernel",)
for _kind in ("lstm", "gru", "simple_rnn"):
    _ROLES[f"{_kind}/cell", 3] = ("kernel", "recurrent_kernel", "bias")
    _ROLES[f"{_kind}/cell", 2] = ("kernel", "recurrent_kernel")

#: Layers inside of wrappers: their folder -> where the wrapper's config has them.
_WRAPPED = {"forward_layer": "layer", "backward_layer": "backward_layer", "layer": "layer"}
Config = dict[str, Any]


def snake(name: str) -> str:
    """Keras's own change from `Conv2DTranspose` to `conv2d_transpose`."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _inner(config: Config) -> dict[str, Config]:
    """`dense_1` -> the config of the layer that a model's file calls so."""
    found: dict[str, Config] = {}
    counts: dict[str, int] = {}
    for layer in config.get("config", {}).get("layers", ()):
        kind = snake(layer["class_name"])
        if kind == "input_layer":
            continue
        number = counts.get(kind, 0)
        counts[kind] = number + 1
        found[f"{kind}_{number}" if number else kind] = layer
    return found


def _owner(place: str, file: Any, root: Config) -> tuple[str, str] | None:
    """Name and kind of the layer (or cell) that has the variables at a place; None if unknown."""
    steps = place.strip("/").split("/")
    names: list[str] = []
    config, kind, at = root, "", 0
    while at < len(steps):
        step, folder = steps[at], "/" + "/".join(steps[: at + 2])
        if step == "layers" and at + 1 < len(steps):
            label = steps[at + 1]
            config = _inner(config).get(label, {})
            kind = snake(config.get("class_name", "")) or re.sub(r"_\d+$", "", label)
            name = config.get("config", {}).get("name") or _attribute(file, f"{folder}/vars")
            if not isinstance(name, str):
                return None
            names.append(name)
            at += 2
        elif step in _WRAPPED and names:
            inner = config.get("config", {})
            config = inner.get(_WRAPPED[step]) or inner.get("layer") or {}
            kind = snake(config.get("class_name", ""))
            names.append(step)
            at += 1
        elif step == "cell" and names:
            kind = f"{kind or 'lstm'}/cell"
            names.append(step)
            at += 1
        else:
            return None
    return "/".join(names), kind


def _attribute(file: Any, place: str) -> Any:
    return file[place].attrs.get("name") if place in file else None


def named(places: list[str], file: Any, config: bytes | None) -> dict[str, str]:
    """Path of a dataset -> `layer/kernel`, where the file tells both."""
    groups: dict[str, list[str]] = {}
    for place in places:
        owner, _, number = place.rpartition("/vars/")
        if owner.startswith("/layers/") and number.isdigit():
            groups.setdefault(owner, []).append(place)
    found: dict[str, str] = {}
    try:
        root = json.loads(config or b"{}")
        for owner, members in groups.items():
            name, kind = _owner(owner, file, root) or ("", "")
            roles = _ROLES.get((kind, len(members)), ())
            for place in members:
                index = int(place.rpartition("/")[2])
                if index < len(roles):
                    found[place] = f"{name}/{roles[index]}"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    return found
