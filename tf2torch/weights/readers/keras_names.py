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

_PLACE = re.compile(r"^(.*?layers/)([a-z0-9_]+)((?:/cell)?)/vars/(\d+)$")


def snake(name: str) -> str:
    """Keras's own change from `Conv2DTranspose` to `conv2d_transpose`."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def layer_names(config: bytes | None) -> dict[str, str]:
    """`dense_1` -> the layer's name, for the layers of a model's config.json."""
    try:
        layers = json.loads(config or b"{}")["config"]["layers"]
        found: dict[str, str] = {}
        counts: dict[str, int] = {}
        for layer in layers:
            kind = snake(layer["class_name"])
            if kind == "input_layer":
                continue
            number = counts.get(kind, 0)
            counts[kind] = number + 1
            found[f"{kind}_{number}" if number else kind] = str(layer["config"]["name"])
        return found
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}


def named(places: list[str], file: Any, config: bytes | None) -> dict[str, str]:
    """Path of a dataset -> `layer/kernel`, where the file tells both."""
    known = layer_names(config)
    groups: dict[str, list[tuple[str, re.Match[str]]]] = {}
    for place in places:
        match = _PLACE.match(place)
        if match:
            groups.setdefault(place.rpartition("/")[0], []).append((place, match))
    found: dict[str, str] = {}
    for group, rows in groups.items():
        prefix, label, cell = rows[0][1].groups()[:3]
        if prefix != "/layers/":
            continue  # layers of models inside of models: the path says more
        kind = re.sub(r"_\d+$", "", label)
        roles = _ROLES.get((kind + cell, len(rows)))
        owner = group if not cell else f"/layers/{label}/vars"
        name = file[owner].attrs.get("name") if owner in file else None
        name = name if isinstance(name, str) and not cell else known.get(label, name)
        if roles is None or not isinstance(name, str):
            continue
        for place, match in rows:
            if int(match.group(4)) < len(roles):
                found[place] = f"{name}{cell}/{roles[int(match.group(4))]}"
    return found
