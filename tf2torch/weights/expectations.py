"""What a torch parameter may come from: TensorFlow's names of its role, and its layout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

WEIGHT, BIAS, GAMMA, BETA = "weight", "bias", "gamma", "beta"
MEAN, VARIANCE, TABLE, ANY = "mean", "variance", "table", "any"
#: Keras's cells: two kernels; the LSTM's have torch's order of gates, the forget bias among them.
KERAS_KERNEL, KERAS_STATE, KERAS_BIAS = "keras kernel", "keras state", "keras bias"
KERAS = {"kernel": KERAS_KERNEL, "recurrent_kernel": KERAS_STATE, "bias": KERAS_BIAS}
#: Last part of a variable's name, without its number -> role.
NAMES = {
    "kernel": WEIGHT, "weights": WEIGHT, "weight": WEIGHT, "w": WEIGHT, "filter": WEIGHT,
    "filters": WEIGHT, "depthwise_weights": WEIGHT, "depthwise_kernel": WEIGHT,
    "pointwise_kernel": WEIGHT, "pointwise_weights": WEIGHT, "matrix": WEIGHT,
    "bias": BIAS, "biases": BIAS, "b": BIAS,
    "gamma": GAMMA, "scale": GAMMA, "beta": BETA, "offset": BETA,
    "moving_mean": MEAN, "moving_variance": VARIANCE,
    "embedding": TABLE, "embeddings": TABLE, "table": TABLE,
}  # fmt: skip


@dataclass(frozen=True)
class Expected:
    """One way to fill a parameter: roles that fit, and the layout."""

    roles: frozenset[str]
    layout: list[Any]

    def __hash__(self) -> int:
        return hash((self.roles, str(self.layout)))


def _way(layout: Any, *roles: str) -> Expected:
    return Expected(frozenset({*roles, ANY}), layout)


_SAME = ["identity"]


def expected(module: Any) -> dict[str, list[Expected]]:
    """Ways to fill each parameter and buffer of a torch model, by key."""
    from torch import nn

    found: dict[str, list[Expected]] = {}
    tensors = [*module.named_parameters(remove_duplicate=False), *module.named_buffers()]
    owners: Mapping[str, Any] = dict(module.named_modules(remove_duplicate=False))
    beside = _images_beside(nn, owners.values())
    for key, tensor in tensors:
        owner, _, last = key.rpartition(".")
        found[key] = _ways(nn, owners[owner], last, tensor)
        found[key] += _orders(found[key], last, tensor.shape, *beside.get(id(owners[owner]), ()))
    return found


def _images_beside(nn: Any, modules: Iterable[Any]) -> dict[int, tuple[int, int]]:
    """Linear layers -> channels of the image in front of each and behind it; 0 for none."""
    found: dict[int, tuple[int, int]] = {}
    channels, linear = 0, None
    for module in modules:
        if isinstance(module, nn.modules.conv._ConvNd):
            if linear is not None:
                found[id(linear)] = found[id(linear)][0], module.in_channels
            channels, linear = module.out_channels, None
        elif isinstance(module, nn.Linear):
            found[id(module)] = channels, 0
            channels, linear = 0, module
        elif isinstance(module, (nn.RNNBase, nn.Embedding, nn.MultiheadAttention)):
            channels, linear = 0, None
    return found


def _orders(
    ways: list[Expected], last: str, shape: Sequence[int], before: int = 0, after: int = 0
) -> list[Expected]:
    """Ways for an image's values in TensorFlow's order: the model may have kept it, or not."""
    found = []
    roles = ways[0].roles if ways else frozenset[str]()
    if last == "weight" and before and shape[1] > before and shape[1] % before == 0:
        found.append(Expected(roles, ["flatten_nhwc", _image(shape[1], before)]))
    if after and shape[0] > after and shape[0] % after == 0:
        found.append(Expected(roles, ["unflatten_nhwc", _image(shape[0], after)]))
    return found


def _image(size: int, channels: int) -> list[int]:
    """Height, width and channels; only the number of places matters."""
    places = size // channels
    side = isqrt(places)
    return [side, side, channels] if side * side == places else [1, places, channels]


def _ways(nn: Any, owner: Any, last: str, tensor: Any) -> list[Expected]:
    batch = nn.modules.batchnorm._NormBase
    convolution = nn.modules.conv._ConvNd
    transposed = nn.modules.conv._ConvTransposeNd
    if last == "num_batches_tracked":
        return []
    if isinstance(owner, batch) or isinstance(owner, (nn.LayerNorm, nn.GroupNorm)):
        roles = {"weight": GAMMA, "bias": BETA, "running_mean": MEAN, "running_var": VARIANCE}
        return [_way(_SAME, roles.get(last, ANY))]
    if isinstance(owner, nn.LSTM):
        return _lstm(owner, last)
    if isinstance(owner, nn.GRU):
        return _gru(last)
    if isinstance(owner, nn.RNNBase):
        return []
    if last == "bias" and isinstance(owner, (nn.Linear, convolution)):
        return [_way(_SAME, BIAS, BETA)]
    if last == "weight" and isinstance(owner, nn.Linear):
        return [_way(["transpose"], WEIGHT)]
    if last == "weight" and isinstance(owner, convolution):
        return [_convolution(owner, tensor, isinstance(owner, transposed))]
    if last == "weight" and isinstance(owner, nn.Embedding):
        return [_way(_SAME, TABLE, WEIGHT)]
    return [_way(_SAME, *set(NAMES.values()))]


def _convolution(owner: Any, tensor: Any, transposed: bool) -> Expected:
    rank = tensor.dim() - 2
    space = list(range(rank))
    if owner.groups > 1 and owner.groups == owner.in_channels and not transposed:
        steps: list[Any] = ["permute", [rank, rank + 1, *space]]
        if tensor.shape[0] != owner.in_channels:
            steps = [steps, ["reshape", list(tensor.shape)]]
        return _way(steps, WEIGHT)
    # TensorFlow's transposed kernels are [..., out, in], torch's [in, out, ...].
    return _way(["permute", [rank + 1, rank, *space]], WEIGHT)


def _lstm(owner: Any, last: str) -> list[Expected]:
    """Kernels and biases of BasicLSTMCell and LSTMCell, or of Keras's layer."""
    keras = KERAS_KERNEL if last.startswith("weight_ih") else KERAS_STATE
    if last.startswith("bias_ih"):
        options = {"part": "bias", "gates": "ijfo", "forget_bias": 1.0}
        return [_way(["lstm", options], BIAS), Expected(frozenset({KERAS_BIAS}), _SAME)]
    if last.startswith(("weight_ih", "weight_hh")):
        layer = int(last.rsplit("_l", 1)[1].removesuffix("_reverse"))
        state = owner.proj_size or owner.hidden_size
        directions = 2 if owner.bidirectional else 1
        size = owner.input_size if layer == 0 else directions * state
        options = {"part": last[7:9], "input": size, "gates": "ijfo"}
        both = Expected(frozenset({keras}), ["transpose"])
        return [_way(["lstm", options], WEIGHT), both]
    if last.startswith("weight_hr"):
        return [_way(["transpose"], WEIGHT)]
    return []


def _gru(last: str) -> list[Expected]:
    """Keras's layer that resets after the product; TensorFlow's other cells are no nn.GRU."""
    kind, _, part = last.partition("_")
    part = part.split("_")[0]
    role = KERAS_BIAS if kind == "bias" else KERAS_KERNEL if part == "ih" else KERAS_STATE
    options = {"part": f"bias_{part}" if kind == "bias" else part, "gates": "zrh"}
    return [Expected(frozenset({role}), ["gru", options])]


def expected_of_shapes(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, list[Expected]]:
    """Ways for a bare state dict: several where the shape does not tell the layer."""
    found: dict[str, list[Expected]] = {}
    channels = 0
    for key, shape in shapes.items():
        owner, _, last = key.rpartition(".")
        normal = f"{owner}.running_mean" in shapes
        roles = {"running_mean": MEAN, "running_var": VARIANCE}
        if last == "num_batches_tracked":
            found[key] = []
        elif last in roles:
            found[key] = [_way(_SAME, roles[last])]
        elif len(shape) == 1:
            names = {"weight": (GAMMA,), "bias": (BETA,) if normal else (BIAS, BETA)}
            found[key] = [_way(_SAME, *names.get(last, (BIAS, GAMMA, BETA)))]
        elif len(shape) == 2:
            found[key] = [_way(["transpose"], WEIGHT), _way(_SAME, TABLE)]
            found[key] += _orders(found[key], last, shape, channels)
            channels = 0
        elif len(shape) in (3, 4, 5) and last == "weight":
            space = list(range(len(shape) - 2))
            channels = shape[0]
            found[key] = [_way(["permute", [len(shape) - 1, len(shape) - 2, *space]], WEIGHT)]
        else:
            found[key] = [_way(_SAME, *set(NAMES.values()))]
    return found
