"""Proposals for models written by hand: right where they are made, open where they must be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tests.weights.test_convert import checkpoint
from tf2torch.cli import run
from tf2torch.weights import convert_checkpoint, load, load_into
from tf2torch.weights.expectations import expected, expected_of_shapes
from tf2torch.weights.models import model_of
from tf2torch.weights.pairing import Proposal, propose
from tf2torch.weights.proposing import table

RNG = np.random.RandomState(0)


def rand(*shape: int) -> Any:
    return RNG.randn(*shape).astype(np.float32)


def proposed(folder: Path, model: nn.Module, values: dict[str, Any]) -> Proposal:
    found = load(checkpoint(folder / "m", values))
    ways = {k: v for k, v in expected(model).items() if k in model_of(model).shapes}
    return propose(found, ways, model_of(model).shapes)


def pairs(proposal: Proposal) -> dict[str, str]:
    return {key: name for key, (name, _, _) in proposal.pairs.items()}


def layers(names: str, shapes: list[tuple[int, ...]], role: str = "kernel") -> dict[str, Any]:
    found = {}
    for name, shape in zip(names.split(), shapes):
        found[f"{name}/{role}"] = rand(*shape)
        found[f"{name}/bias"] = rand(shape[-1])
    return found


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3),
            nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3),
        )  # fmt: skip
        self.head = nn.Linear(8, 8)


def norm(name: str, size: int = 8) -> dict[str, Any]:
    roles = ("gamma", "beta", "moving_mean", "moving_variance")
    return {f"{name}/{role}": rand(size) for role in roles}


def test_unique_shapes_and_numbered_layers_are_settled(tmp_path: Path) -> None:
    values = {
        **layers("conv2d conv2d_1 conv2d_2 logits", [(3, 3, 3, 8), (3, 3, 8, 8), (3, 3, 8, 8),
                                                     (8, 8)]),
        **norm("batch_normalization"), **norm("batch_normalization_1"),
        "global_step": np.array(3), "logits/kernel/Adam": rand(8, 8),
        "logits/kernel/Adam_1": rand(8, 8), "beta1_power": np.float32(0.5),
    }  # fmt: skip
    found = proposed(tmp_path, Small(), values)
    assert pairs(found) == {
        "features.0.weight": "conv2d/kernel", "features.0.bias": "conv2d/bias",
        "features.3.weight": "conv2d_1/kernel", "features.3.bias": "conv2d_1/bias",
        "features.6.weight": "conv2d_2/kernel", "features.6.bias": "conv2d_2/bias",
        "features.1.weight": "batch_normalization/gamma",
        "features.1.bias": "batch_normalization/beta",
        "features.1.running_mean": "batch_normalization/moving_mean",
        "features.1.running_var": "batch_normalization/moving_variance",
        "features.4.weight": "batch_normalization_1/gamma",
        "features.4.bias": "batch_normalization_1/beta",
        "features.4.running_mean": "batch_normalization_1/moving_mean",
        "features.4.running_var": "batch_normalization_1/moving_variance",
        "head.weight": "logits/kernel", "head.bias": "logits/bias",
    }  # fmt: skip
    assert found.complete


def test_a_square_kernel_takes_the_layout_of_its_layer(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.Embedding(8, 8))
    values = {"fc/kernel": rand(8, 8), "fc/bias": rand(8), "words/embeddings": rand(8, 8)}
    found = proposed(tmp_path, model, values)
    assert found.pairs["0.weight"][:2] == ("fc/kernel", ["transpose"])
    assert found.pairs["1.weight"][:2] == ("words/embeddings", ["identity"])


class Twins(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(4, 4)
        self.key = nn.Linear(4, 4)


def test_what_could_be_two_things_stays_open(tmp_path: Path) -> None:
    found = proposed(tmp_path, Twins(), layers("left right", [(4, 4), (4, 4)]))
    assert not found.pairs
    assert {name for name, _ in found.open["query.weight"]} == {"left/kernel", "right/kernel"}
    found = proposed(tmp_path, Twins(), layers("att/query att/key", [(4, 4), (4, 4)]))
    assert pairs(found)["key.weight"] == "att/key/kernel" and found.complete
    # Numbers that begin elsewhere agree with nothing, and three are not two.
    found = proposed(tmp_path, Twins(), layers("a_1 a_2 a_3", [(4, 4)] * 3))
    assert not found.pairs and len(found.left) == 6


class Bert(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embeddings = nn.ModuleDict({"word_embeddings": nn.Embedding(50, 8)})
        self.encoder = nn.Module()
        self.encoder.layer = nn.ModuleList(self.block() for _ in range(3))

    def block(self) -> nn.Module:
        block = nn.Module()
        block.attention = nn.ModuleDict(
            {
                "self": nn.ModuleDict(
                    {name: nn.Linear(8, 8) for name in ("query", "key", "value")}
                ),
                "output": nn.ModuleDict({"dense": nn.Linear(8, 8), "LayerNorm": nn.LayerNorm(8)}),
            }
        )
        block.intermediate = nn.ModuleDict({"dense": nn.Linear(8, 16)})
        block.output = nn.ModuleDict({"dense": nn.Linear(16, 8), "LayerNorm": nn.LayerNorm(8)})
        return block


def test_a_transformer_is_paired_by_its_names(tmp_path: Path) -> None:
    values: dict[str, Any] = {"bert/embeddings/word_embeddings": rand(50, 8)}
    for n in range(3):
        layer = f"bert/encoder/layer_{n}"
        parts = "attention/self/query attention/self/key attention/self/value"
        names = f"{parts} attention/output/dense intermediate/dense output/dense".split()
        shapes = [(8, 8)] * 4 + [(8, 16), (16, 8)]
        values |= layers(" ".join(f"{layer}/{name}" for name in names), shapes)
        for place in ("attention/output", "output"):
            values |= {f"{layer}/{place}/LayerNorm/{r}": rand(8) for r in ("gamma", "beta")}
    values |= {f"{name}/adam_{s}": value for name, value in [*values.items()] for s in "mv"}
    found = proposed(tmp_path, Bert(), values)
    assert found.complete, (found.open, found.left)
    for key, name in pairs(found).items():
        words = name.removeprefix("bert/").replace("layer_", "layer/").split("/")
        assert key.split(".")[:-1] == words[: len(key.split(".")) - 1]


def test_recurrent_depthwise_and_transposed(tmp_path: Path) -> None:
    model = nn.ModuleDict(
        {
            "lstm": nn.LSTM(5, 3),
            "depthwise": nn.Conv2d(4, 8, 3, groups=4),
            "up": nn.ConvTranspose2d(4, 6, 2),
        }
    )
    values = {
        "rnn/basic_lstm_cell/kernel": rand(8, 12), "rnn/basic_lstm_cell/bias": rand(12),
        "dw/depthwise_weights": rand(3, 3, 4, 2), "dw/biases": rand(8),
        "deconv/kernel": rand(2, 2, 6, 4), "deconv/bias": rand(6),
    }  # fmt: skip
    found = proposed(tmp_path, model, values)
    assert found.complete, (found.open, found.left)
    for name, steps in (("dw/depthwise_weights", [["permute", [2, 3, 0, 1]],
                                                 ["reshape", [8, 1, 3, 3]]]),
                        ("deconv/kernel", ["permute", [3, 2, 0, 1]])):  # fmt: skip
        assert [s for n, s, _ in found.pairs.values() if n == name] == [steps]
    kernel = torch.tensor(values["dw/depthwise_weights"])
    image = torch.randn(1, 4, 5, 5)
    weight = kernel.permute(2, 3, 0, 1).reshape(8, 1, 3, 3)
    got = nn.functional.conv2d(image, weight, groups=4)
    for channel in range(4):
        for multiple in range(2):
            one = kernel[:, :, channel, multiple][None, None]
            wanted = nn.functional.conv2d(image[:, channel : channel + 1], one)
            torch.testing.assert_close(got[:, channel * 2 + multiple], wanted[:, 0])


def test_keras_s_lstm_has_torch_s_gates(tmp_path: Path) -> None:
    values = {
        "lstm/kernel": rand(5, 12), "lstm/recurrent_kernel": rand(3, 12), "lstm/bias": rand(12),
        "out/kernel": rand(3, 12), "out/bias": rand(12),
    }  # fmt: skip
    model = nn.ModuleDict({"lstm": nn.LSTM(5, 3), "out": nn.Linear(3, 12)})
    found = proposed(tmp_path, model, values)
    assert found.complete, (found.open, found.left)
    assert pairs(found) == {
        "lstm.weight_ih_l0": "lstm/kernel", "lstm.weight_hh_l0": "lstm/recurrent_kernel",
        "lstm.bias_ih_l0": "lstm/bias", "out.weight": "out/kernel", "out.bias": "out/bias",
    }  # fmt: skip
    x = rand(1, 5)
    i, f, g, o = np.split(x @ values["lstm/kernel"] + values["lstm/bias"], 4, axis=1)

    def sigmoid(v: Any) -> Any:
        return 1 / (1 + np.exp(-v))

    wanted = sigmoid(o) * np.tanh(sigmoid(i) * np.tanh(g))
    variables = {n: {"key": k, "layout": steps} for k, (n, steps, _) in found.pairs.items()}
    weights = {"module": "ModuleDict", "variables": variables}
    load_into(model, tmp_path / "m", weights)
    got = model["lstm"](torch.tensor(x)[None])[0][0].detach()
    np.testing.assert_allclose(got, wanted, rtol=1e-5)


def test_a_bare_state_dict_leaves_square_kernels_open(tmp_path: Path) -> None:
    found = load(checkpoint(tmp_path / "m", {"a/w": rand(4, 4), "c/kernel": rand(3, 3, 2, 5)}))
    shapes = {"fc.weight": (4, 4), "conv.weight": (5, 2, 3, 3)}
    result = propose(found, expected_of_shapes(shapes), shapes)
    assert result.pairs["conv.weight"][1] == ["permute", [3, 2, 0, 1]]
    assert result.pairs["fc.weight"][1] == ["transpose"]  # w is no embedding's name
    shapes = {"table": (4, 4)}
    found = load(checkpoint(tmp_path / "m", {"a/thing": rand(4, 4)}))
    result = propose(found, expected_of_shapes(shapes), shapes)
    assert not result.pairs and len(result.open["table"]) == 2


def test_the_map_that_is_written_is_the_map(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    path = checkpoint(tmp_path / "m.ckpt", layers("left right", [(4, 4), (4, 4)]))
    (tmp_path / "twins.py").write_text(
        "from torch import nn\nclass Twins(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.query = nn.Linear(4, 4)\n"
        "        self.key = nn.Linear(4, 4)\n"
    )
    monkeypatch.chdir(tmp_path)
    command = ["weights", str(path), "--model", "twins:Twins", "--write-map", "map.toml"]
    assert run([*command, "-o", "net.pt"]) == 1 and not (tmp_path / "net.pt").exists()
    assert "OPEN       query.weight  one of left/kernel, right/kernel" in capsys.readouterr().out
    text = (tmp_path / "map.toml").read_text()
    for key, name in (("query.weight", "left/kernel"), ("query.bias", "left/bias"),
                      ("key.weight", "right/kernel"), ("key.bias", "right/bias")):  # fmt: skip
        line = next(row for row in text.splitlines() if f'"{key}"' in row and f'"{name}"' in row)
        text = text.replace(line, line.removeprefix("# "))
    (tmp_path / "map.toml").write_text(text)
    assert run(["weights", str(path), "--map", "map.toml", "-o", "net.pt"]) == 0
    state = torch.load(tmp_path / "net.pt", weights_only=True)
    np.testing.assert_array_equal(state["key.weight"], load(path)["right/kernel"].T)


def test_a_proposal_converts_like_a_map(tmp_path: Path) -> None:
    values = {**layers("conv2d logits", [(3, 3, 3, 8), (8, 5)])}
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Linear(8, 5))
    found = proposed(tmp_path, model, values)
    made: Callable[..., Any] = convert_checkpoint
    variables = {n: {"key": k, "layout": steps} for k, (n, steps, _) in found.pairs.items()}
    report = made(tmp_path / "m", {"variables": variables}, None, model=model_of(model))
    assert report.complete


def test_the_order_of_a_flattened_image_is_not_guessed(tmp_path: Path) -> None:
    rng = np.random.RandomState(0)
    shapes = {"fc/kernel": (10, 72), "fc/bias": (72,), "conv/kernel": (3, 3, 8, 6),
              "out/kernel": (54, 7), "out/bias": (7,), "last/kernel": (7, 14)}  # fmt: skip
    path = checkpoint(tmp_path / "m", {n: rng.randn(*s).astype("f") for n, s in shapes.items()})
    model = nn.ModuleDict(
        {"fc": nn.Linear(10, 72), "conv": nn.Conv2d(8, 6, 3, bias=False),
         "out": nn.Linear(54, 7), "last": nn.Linear(7, 14, bias=False)}
    )  # fmt: skip
    found = propose(load(path), expected(model), model_of(model).shapes)
    assert set(found.pairs) == {"conv.weight", "out.bias", "last.weight"}
    assert found.open == {
        "fc.weight": [("fc/kernel", ["transpose"]), ("fc/kernel", ["unflatten_nhwc", [3, 3, 8]])],
        "fc.bias": [("fc/bias", ["identity"]), ("fc/bias", ["unflatten_nhwc", [3, 3, 8]])],
        "out.weight": [("out/kernel", ["transpose"]), ("out/kernel", ["flatten_nhwc", [3, 3, 6]])],
    }
    assert "fc/kernel (unflatten_nhwc [3, 3, 8])" in table(found)
    bare = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    found = propose(load(path), expected_of_shapes(bare), bare)
    assert ("out/kernel", ["flatten_nhwc", [3, 3, 6]]) in found.open["out.weight"]
