"""Every reader finds what TensorFlow's own readers find, without TensorFlow."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tf2torch.weights import load, load_into
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.expectations import expected as expected_ways
from tf2torch.weights.listing import list_json
from tf2torch.weights.maps import toml_of
from tf2torch.weights.models import model_of
from tf2torch.weights.pairing import propose
from tf2torch.weights.proposing import map_text

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("written")
    command = [sys.executable, str(HERE / "tensorflow_side.py"), str(made)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr[-3000:]
    return made


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, Any]:
    return pickle.loads((folder / "expected.pickle").read_bytes())


def same(value: np.ndarray, wanted: tuple[str, tuple[int, ...], Any]) -> bool:
    name, shape, content = wanted
    if name == "object":
        return value.shape == shape and value.reshape(-1).tolist() == content
    return value.shape == tuple(shape) and value.tobytes() == content


@pytest.mark.parametrize(
    "name",
    [
        "model.ckpt-3", "model.ckpt-7", "sharded/model", "v1/model", "v1/sharded-?????-of-00004",
        "saved1/variables/variables", "saved2/variables/variables", "objects/ckpt-1", "frozen.pb",
    ],
)  # fmt: skip
def test_values_are_bit_equal(name: str, folder: Path, expected: dict[str, Any]) -> None:
    wanted = expected[str(folder / name)]
    found = load(folder / name.replace("-?????-of-00004", ""))
    assert {entry.key for entry in found.entries.values()} == set(wanted)
    different = [key for key, value in wanted.items() if not same(found[key], value)]
    assert not different
    for key in wanted:
        entry = found.entry(key)
        assert entry.shape == tuple(wanted[key][1])
        if wanted[key][0] != "object":
            assert entry.bytes == len(wanted[key][2])


def test_many_shards_are_really_there(folder: Path) -> None:
    assert len(list(folder.glob("sharded/model.data-*-of-00003"))) == 3
    assert len(list(folder.glob("v1/sharded-*"))) == 4


@pytest.mark.parametrize(
    "name",
    [
        "keras2.h5", "keras2.weights.h5", "keras2.keras",
        "keras3.h5", "keras3.weights.h5", "keras3.keras",
    ],
)  # fmt: skip
def test_keras_files_hold_the_model_s_weights(
    name: str, folder: Path, expected: dict[str, Any]
) -> None:
    found = load(folder / name)
    roles = "conv/kernel conv/bias norm/gamma norm/beta norm/moving_mean norm/moving_variance"
    if name == "keras2.weights.h5":  # says neither the layers' names nor their order
        norm = [f"batch_normalization/vars/{number}" for number in range(4)]
        names = ["conv2d/vars/0", "conv2d/vars/1", *norm, "dense/vars/0", "dense/vars/1"]
    else:
        names = f"{roles} dense/kernel dense/bias".split()
    for label, value in zip(names, expected["keras"][str(folder / name)], strict=True):
        key = label if label in found else next(k for k in found if k.endswith(f"/{label}"))
        np.testing.assert_array_equal(found[key], value)


class Nested(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(3, 5)
        self.dense_1 = nn.Linear(5, 3)
        self.both = nn.LSTM(3, 2, bidirectional=True, batch_first=True)
        self.last = nn.GRU(4, 3, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.both(self.dense_1(self.dense(x)))[0])[1][0]


@pytest.mark.parametrize("name", ["keras2_nested", "keras3_nested"])
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_models_inside_of_models_and_wrapped_layers(
    name: str, suffix: str, folder: Path, expected: dict[str, Any]
) -> None:
    """Optimizer state is told apart; what is proposed for nn.LSTM and nn.GRU computes the same."""
    *values, x, wanted = expected["keras"][str(folder / f"{name}{suffix}")]
    found = load(folder / f"{name}{suffix}")
    have = [value.tobytes() for value in found.values()]
    assert all(value.tobytes() in have for value in values)
    net = Nested()
    model = model_of(net)
    proposal = propose(found, expected_ways(net), model.shapes)
    assert proposal.complete, proposal
    assert load_into(net, found, toml_of(map_text(proposal, "Nested", "keras"))).complete
    got = net(torch.tensor(x, dtype=torch.float32)).detach().numpy()
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


def test_object_graphs_give_the_names_of_the_program(folder: Path) -> None:
    found = load(folder / "objects")
    names = {"sequential/hidden/kernel", "sequential/hidden/bias", "kernel", "Adam/kernel/m"}
    assert names <= set(found.entries)
    assert not any("VARIABLE_VALUE" in name for name in found.entries)
    np.testing.assert_array_equal(found["kernel"], found["layer/kernel/.ATTRIBUTES/VARIABLE_VALUE"])


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (".", "model.ckpt-7"),
        ("checkpoint", "model.ckpt-7"),
        ("model.ckpt-3.index", "model.ckpt-3"),
        ("model.ckpt-3.meta", "model.ckpt-3"),
        ("model.ckpt-3.data-00000-of-00001", "model.ckpt-3"),
        ("saved1", "saved1/variables/variables"),
        ("saved2/saved_model.pb", "saved2/variables/variables"),
        ("saved1/variables", "saved1/variables/variables"),
        ("v1", "v1/model"),
    ],
)
def test_every_way_to_name_a_checkpoint(given: str, meant: str, folder: Path) -> None:
    if given == "v1":
        (folder / "v1" / "checkpoint").write_text('model_checkpoint_path: "/gone/v1/model"\n')
    assert load(folder / given).path == str(folder / meant)


def test_a_copied_folder_is_read_itself(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    state = f'model_checkpoint_path: "{folder}/model.ckpt-7"\n'
    (copy / "checkpoint").write_text(state)
    assert load(copy).path == str(copy / "model.ckpt-7")


def test_steps(folder: Path) -> None:
    assert load(folder, step=3).path.endswith("model.ckpt-3")
    assert load(folder / "model.ckpt", step=3).path.endswith("model.ckpt-3")
    with pytest.raises(CheckpointError, match="no checkpoint of step 5; there are 3, 7"):
        load(folder, step=5)
    with pytest.raises(CheckpointError, match="no such checkpoint") as caught:
        load(folder / "model.ckpt")
    assert "model.ckpt-7?" in caught.value.help


def test_values_are_views_of_the_mapped_file(folder: Path) -> None:
    value = load(folder / "model.ckpt-7")["on0/w/large"]
    assert not value.flags.writeable and not value.flags.owndata


def test_meta_graphs_tell_shapes_and_what_is_trained(folder: Path, tmp_path: Path) -> None:
    from tf2torch.weights.readers.graphs import graph_beside

    graph = graph_beside(load(folder / "model.ckpt-7"))
    assert graph is not None
    assert graph.variables["on1/w/large"].shape == (300, 200)
    assert graph.variables["on1/w/large"].trainable
    assert set(graph.variables) == set(load(folder / "model.ckpt-7"))
    alone = tmp_path / "alone.meta"
    alone.write_bytes((folder / "model.ckpt-7.meta").read_bytes())
    listed = load(alone)
    assert listed.entries["on0/scalar"].dtype == "float32"
    with pytest.raises(CheckpointError, match="holds no values"):
        listed["on0/scalar"]


FIXTURES = HERE / "fixtures"


@pytest.mark.parametrize("name", ["plane.ckpt", "v1.ckpt", "v2.ckpt", "estimator.ckpt-4"])
def test_checkpoints_of_tensorflow_1_15(name: str) -> None:
    with np.load(FIXTURES / "expected.npz") as file:
        wanted = {k.partition(":")[2]: file[k] for k in file if k.startswith(f"{name}:")}
    found = load(FIXTURES / name)
    assert set(found) == set(wanted) and len(wanted) > 5
    for key, value in wanted.items():
        assert found[key].dtype == value.dtype and found[key].tobytes() == value.tobytes()
        assert found.entries[key].shape == value.shape
    if name[0] == "v":
        assert found.entries["table"].slices == 3


def test_optimizer_state_is_known_by_its_names(folder: Path) -> None:
    from tf2torch.weights.slots import slots_of

    found = load(FIXTURES / "estimator.ckpt-4")
    slots = slots_of(found, [name for name in found if "Adagrad" not in name])
    assert slots.of["dnn/logits/bias"] == {"accum": "dnn/logits/bias/t_0/Adagrad"}
    assert len(slots.of) == 6 and slots.step == "global_step"
    listed = {row["name"]: row for row in json.loads(list_json(found, [*found.entries.values()],
                                                              False))["variables"]}  # fmt: skip
    row = listed["dnn/logits/bias/t_0/Adagrad"]
    assert (row["variable"], row["slot"]) == ("dnn/logits/bias", "accum")
    assert "slot" not in listed["dnn/logits/bias"]
    found = load(folder / "objects")
    slots = slots_of(found, ["kernel", "bias"])
    assert slots.of["kernel"] == {"m": "Adam/kernel/m", "v": "Adam/kernel/v"}
    assert slots.step == "Adam/iter"
