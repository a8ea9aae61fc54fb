"""State dicts go back to checkpoints that TensorFlow loads, bit for bit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.weights.test_convert import MAP, Net, checkpoint, values
from tf2torch.cli import run
from tf2torch.weights import convert_checkpoint, load
from tf2torch.weights.reverse import reverse_checkpoint

RESTORE = """
import os, sys, pickle
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
import tensorflow as tf
v1 = tf.compat.v1
folder = sys.argv[1]
found = {}
for name in sys.argv[2:]:
    reader = tf.train.load_checkpoint(f"{folder}/{name}")
    shapes, types = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    with tf.Graph().as_default():
        for key in shapes:  # as a graph restores them: every value through RestoreV2
            v1.get_variable(key, shapes[key], types[key], v1.zeros_initializer(),
                            use_resource=types[key] != tf.qint8)
        with v1.Session() as sess:
            v1.train.Saver().restore(sess, f"{folder}/{name}")
    found[name] = {
        key: (str(types[key].name), shapes[key], reader.get_tensor(key).tobytes()
              if types[key] != tf.string else reader.get_tensor(key).tolist()) for key in shapes
    }
pickle.dump(found, open(f"{folder}/restored.pickle", "wb"))
"""


def same(one: Any, other: Any) -> bool:
    return (
        one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()
    )


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_the_round_trip_is_bit_exact(suffix: str, tmp_path: Path) -> None:
    found = values()
    found["conv/bias"][:3] = [np.nan, -0.0, np.inf]
    found["rnn/bias"][4:8] = [-0.0, 1e-30, -1.0, 1e20]
    path = checkpoint(tmp_path / "model.ckpt", found)
    convert_checkpoint(path, MAP, tmp_path / f"net{suffix}")
    report = reverse_checkpoint(tmp_path / f"net{suffix}", MAP, tmp_path / "back.ckpt")
    assert report.complete
    back = load(tmp_path / "back.ckpt")
    assert set(back) == set(found) - {"global_step"}
    assert all(same(back[name], found[name]) for name in back)
    report = reverse_checkpoint(tmp_path / f"net{suffix}", MAP, tmp_path / "all.ckpt", like=path)
    assert report.complete
    back = load(tmp_path / "all.ckpt")
    assert set(back) == set(found)
    assert all(same(back[name], np.asarray(found[name])) for name in found)


def test_a_trained_module_goes_to_tensorflow(tmp_path: Path) -> None:
    import pickle

    net = Net()
    torch.save(net.state_dict(), tmp_path / "net.pt")
    (tmp_path / "map.json").write_text(json.dumps(MAP))
    more = {
        "global_step": np.array(9, np.int64),
        "half": np.arange(6, dtype=np.float16).reshape(2, 3),
        "flag": np.array([True, False]),
        "other": np.zeros((0, 3), np.float64),
    }
    checkpoint(tmp_path / "like.ckpt", {**values(), **more})
    command = [
        "weights",
        str(tmp_path / "net.pt"),
        "--reverse",
        "--map",
        str(tmp_path / "map.json"),
    ]
    assert run([*command, "-o", str(tmp_path / "plain.ckpt")]) == 0
    like = ["--like", str(tmp_path / "like.ckpt")]
    assert run([*command, "-o", str(tmp_path / "more.ckpt"), *like]) == 0
    names = ["plain.ckpt", "more.ckpt"]
    result = subprocess.run([sys.executable, "-c", RESTORE, str(tmp_path), *names],
                            capture_output=True, text=True)  # fmt: skip
    assert result.returncode == 0, result.stderr[-3000:]
    restored = pickle.loads((tmp_path / "restored.pickle").read_bytes())
    assert set(restored["plain.ckpt"]) == set(values()) - {"global_step"}
    for name in names:
        kernel = net.conv.weight.detach().permute(2, 3, 1, 0).contiguous().numpy()
        assert restored[name]["conv/kernel"] == ("float32", list(kernel.shape), kernel.tobytes())
        assert len(restored[name]["rnn/kernel"][2]) == 10 * 16 * 4
    for key, value in more.items():
        kind, shape, content = restored["more.ckpt"][key]
        assert (kind, shape, content) == (value.dtype.name, list(value.shape), value.tobytes())
    # And once more: what TensorFlow was given makes the same state dict.
    convert_checkpoint(tmp_path / "plain.ckpt", {**MAP}, tmp_path / "again.pt")
    again = torch.load(tmp_path / "again.pt", weights_only=True)
    for key, tensor in net.state_dict().items():
        if "bias" not in key or "lstm" not in key:
            assert key not in again or torch.equal(again[key], tensor), key


def test_what_does_not_fit_is_told(tmp_path: Path) -> None:
    state = Net().state_dict()
    state["extra.weight"] = torch.zeros(2)
    state["out.bias"] = torch.zeros(3)
    del state["conv.bias"]
    torch.save(state, tmp_path / "net.pt")
    like = checkpoint(tmp_path / "like.ckpt", values())
    report = reverse_checkpoint(tmp_path / "net.pt", MAP, tmp_path / "back", like=like)
    rows = {row.name: (row.status, row.detail) for row in report.rows if row.status != "OK"}
    assert rows["extra.weight"] == ("UNEXPECTED", "the map has no variable for it")
    assert rows["conv/bias"] == ("MISSING", "conv.bias is not in the state dict")
    assert rows["out/bias"] == ("MISMATCH", "out.bias is [3], from [2] it is [2]")
    assert not list(tmp_path.glob("back*"))


def test_strings_and_quantized_types_of_the_pattern_stay(tmp_path: Path) -> None:
    from tf2torch.weights.bundle_file import write_bundle
    from tf2torch.weights.streaming import Tensor

    text = np.array([[b"a\0", b""], [b"x" * 300, b"\xff"]], object)
    small = np.arange(4, dtype=np.int8)
    tensor = Tensor("q", small.shape, small.dtype, lambda: small)
    bias = Tensor("out/bias", (2,), np.dtype(np.float32), lambda: np.zeros(2, np.float32))
    write_bundle(tmp_path / "like", [tensor, bias], types={"q": "qint8"}, texts={"names": text})
    torch.save({"out.bias": torch.ones(2)}, tmp_path / "net.pt")
    weights = {"variables": {"out/bias": "out.bias"}}
    assert reverse_checkpoint(tmp_path / "net.pt", weights, tmp_path / "back",
                              like=tmp_path / "like").complete  # fmt: skip
    back = load(tmp_path / "back")
    assert back["names"].tolist() == text.tolist()
    assert back.entries["q"].dtype == "qint8" and back["out/bias"].tolist() == [1, 1]


def test_joined_variables_are_taken_apart(tmp_path: Path) -> None:
    rng = np.random.RandomState(1)
    found = {
        "parts/first": rng.randn(3, 4).astype(np.float32),
        "parts/second": rng.randn(3, 7).astype(np.float32),
        "up/bias": rng.randn(8).astype(np.float32),
        "down/bias": (rng.randn(12) * 1e-4).astype(np.float32),
    }
    lstm = ["lstm", {"part": "bias", "gates": "ijfo", "forget_bias": 1.0}]

    def join(index: int) -> list[Any]:
        return ["concat", {"axis": 0, "index": index, "of": 2}]

    variables = {
        "parts/second": {"key": "table", "layout": [["transpose"], join(1)]},
        "parts/first": {"key": "table", "layout": [["transpose"], join(0)]},
        "up/bias": {"key": "lstm.bias_ih_l0", "layout": [lstm, join(0)]},
        "down/bias": {"key": "lstm.bias_ih_l0", "layout": [lstm, join(1)]},
    }
    weights = {"variables": variables}
    path = checkpoint(tmp_path / "model.ckpt", found)
    assert convert_checkpoint(path, weights, tmp_path / "net.pt").complete
    state = torch.load(tmp_path / "net.pt", weights_only=True)
    assert state["table"].shape == (11, 3) and state["lstm.bias_hh_l0"].shape == (20,)
    report = reverse_checkpoint(tmp_path / "net.pt", weights, tmp_path / "back")
    text = "table: its size is not known (--like)"
    assert any(row.status == "MISMATCH" and text in row.detail for row in report.rows)
    report = reverse_checkpoint(tmp_path / "net.pt", weights, tmp_path / "back", like=path)
    assert report.complete
    back = load(tmp_path / "back")
    assert all(same(back[name], found[name]) for name in found)
    state["table"] = torch.zeros(12, 3)
    torch.save(state, tmp_path / "net.pt")
    report = reverse_checkpoint(tmp_path / "net.pt", weights, tmp_path / "more", like=path)
    assert {row.name for row in report.rows if row.status == "MISMATCH"} == {"parts/second"}


def test_renamed_variables_get_their_names_back(tmp_path: Path) -> None:
    found = {"tower/w": np.ones((2, 3), np.float32), "tower/step": np.array(3)}
    path = checkpoint(tmp_path / "model.ckpt", found)
    weights = {
        "variables": {"w": {"key": "w", "layout": ["transpose"]}, "step": None},
        "rename": [{"from": "^tower/", "to": ""}],
    }
    assert convert_checkpoint(path, weights, tmp_path / "net.pt").complete
    reverse_checkpoint(tmp_path / "net.pt", weights, tmp_path / "back", like=path)
    back = load(tmp_path / "back")
    assert set(back) == set(found) and back["tower/w"].tolist() == found["tower/w"].tolist()
