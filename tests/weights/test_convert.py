"""From checkpoint and map to a state dict: the plan, the report, the files."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, load_model
from torch import nn

from tf2torch.cli import run
from tf2torch.weights import convert_checkpoint, load, load_into
from tf2torch.weights.bundle_file import write_bundle
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.models import load_model as named_model
from tf2torch.weights.models import model_of
from tf2torch.weights.streaming import Tensor

RNG = np.random.RandomState(0)
Arrays = dict[str, Any]


def checkpoint(path: Path, values: Arrays) -> Path:
    """A V2 checkpoint of these values."""
    tensors = [
        Tensor(name, np.shape(v), np.asarray(v).dtype, lambda v=v: np.asarray(v))
        for name, v in values.items()
    ]
    write_bundle(path, tensors, force=True)
    return path


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 5)
        self.norm = nn.BatchNorm2d(8)
        self.lstm = nn.LSTM(6, 4)
        self.out = nn.Linear(32, 2)


def values() -> Arrays:
    def rand(*shape: int) -> Any:
        return RNG.randn(*shape).astype(np.float32)

    return {
        "conv/kernel": rand(5, 5, 3, 8), "conv/bias": rand(8),
        "norm/gamma": rand(8), "norm/beta": rand(8),
        "norm/moving_mean": rand(8), "norm/moving_variance": rand(8) ** 2,
        "rnn/kernel": rand(10, 16), "rnn/bias": rand(16),
        "out/kernel": rand(32, 2), "out/bias": rand(2),
        "global_step": np.array(7, np.int64),
    }  # fmt: skip


def entry(key: str, *layout: Any) -> Arrays:
    return {"module": "Net", "key": key, "layout": list(layout) or ["identity"]}


MAP: Arrays = {
    "version": 1,
    "variables": {
        "conv/kernel": entry("conv.weight", "permute", [3, 2, 0, 1]),
        "conv/bias": entry("conv.bias"),
        "norm/gamma": entry("norm.weight"),
        "norm/beta": entry("norm.bias"),
        "norm/moving_mean": entry("norm.running_mean"),
        "norm/moving_variance": entry("norm.running_var"),
        "rnn/kernel": [
            entry("lstm.weight_ih_l0", "lstm", {"part": "ih", "input": 6, "gates": "ijfo"}),
            entry("lstm.weight_hh_l0", "lstm", {"part": "hh", "input": 6, "gates": "ijfo"}),
        ],
        "rnn/bias": entry(
            "lstm.bias_ih_l0", "lstm", {"part": "bias", "gates": "ijfo", "forget_bias": 1.0}
        ),
        "out/kernel": entry("out.weight", "flatten_nhwc", [2, 2, 8]),
        "out/bias": entry("out.bias"),
        "global_step": None,
    },
    "optimizers": [],
}


@pytest.fixture
def given(tmp_path: Path) -> tuple[Path, Arrays]:
    found = values()
    (tmp_path / "map.json").write_text(json.dumps(MAP))
    return checkpoint(tmp_path / "model.ckpt", found), found


def statuses(report: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in report.rows:
        found.setdefault(row.status, []).append(row.name)
    return found


@pytest.mark.parametrize("name", ["net.safetensors", "net.pt"])
def test_a_state_dict_loads_strictly(name: str, given: Any, tmp_path: Path) -> None:
    path, found = given
    report = convert_checkpoint(path, MAP, tmp_path / name)
    assert report.complete and report.written == (str(tmp_path / name),)
    state = (
        load_file(tmp_path / name)
        if name.endswith("s")
        else torch.load(tmp_path / name, weights_only=True)
    )
    net = Net()
    net.load_state_dict(state, strict=True)
    kernel = found["conv/kernel"].transpose(3, 2, 0, 1)
    np.testing.assert_array_equal(net.conv.weight.detach(), kernel)
    rows = found["out/kernel"].reshape(2, 2, 8, 2).transpose(3, 2, 0, 1).reshape(2, 32)
    np.testing.assert_array_equal(net.out.weight.detach(), rows)
    i, j, f, o = np.split(found["rnn/bias"], 4)
    whole = net.lstm.bias_ih_l0.double() + net.lstm.bias_hh_l0.double()
    wanted = np.concatenate([i, f.astype(np.float64) + 1, j, o])
    np.testing.assert_allclose(whole.detach(), wanted, rtol=1e-14)
    assert net.lstm.bias_hh_l0.abs().max() < 3e-7


def test_load_into_is_the_same_and_does_all_or_nothing(given: Any, tmp_path: Path) -> None:
    path, found = given
    convert_checkpoint(path, MAP, tmp_path / "net.pt")
    net, other = Net(), Net()
    other.load_state_dict(torch.load(tmp_path / "net.pt", weights_only=True))
    load_into(net, path, MAP)
    for key, tensor in other.state_dict().items():
        torch.testing.assert_close(net.state_dict()[key], tensor, rtol=0, atol=0)
    before = {key: tensor.clone() for key, tensor in net.state_dict().items()}
    del found["out/bias"]
    found["conv/bias"] += 1
    checkpoint(path, found)
    with pytest.raises(CheckpointError, match=r"MISSING +out.bias +from out/bias"):
        load_into(net, path, MAP)
    for key, tensor in before.items():
        assert torch.equal(net.state_dict()[key], tensor)


def broken(given: Any, change: Callable[[Arrays, Arrays], None]) -> tuple[Path, Arrays]:
    path, found = given
    changed = json.loads(json.dumps(MAP))
    change(found, changed)
    return checkpoint(path, found), changed


def test_missing_and_unexpected_are_told_and_nothing_is_written(given: Any, tmp_path: Path) -> None:
    def change(found: Arrays, _: Arrays) -> None:
        found["out/offset"] = found.pop("out/bias")

    path, changed = broken(given, change)
    report = convert_checkpoint(path, changed, tmp_path / "net.pt")
    assert statuses(report)["MISSING"] == ["out.bias"]
    assert statuses(report)["UNEXPECTED"] == ["out/offset"]
    assert report.written == () and not (tmp_path / "net.pt").exists()
    report = convert_checkpoint(path, changed, tmp_path / "net.pt", partial=True)
    assert "out.bias" not in torch.load(tmp_path / "net.pt", weights_only=True)


def test_mismatches_are_told(given: Any, tmp_path: Path) -> None:
    def change(found: Arrays, weights: Arrays) -> None:
        found["out/kernel"] = found["out/kernel"][:, :1]
        weights["variables"]["conv/kernel"]["layout"] = ["flatten_nhwc", [7, 7, 7]]

    path, changed = broken(given, change)
    report = convert_checkpoint(path, changed, None, model=model_of(Net()))
    rows = {row.name: row for row in report.rows}
    assert rows["out.weight"].detail == "is [2, 32], from out/kernel [32, 1] it is [1, 32]"
    assert rows["conv.weight"].status == "MISMATCH"
    assert "'flatten_nhwc' does not fit" in rows["conv.weight"].detail


def test_a_model_knows_what_the_map_forgot(given: Any) -> None:
    path, _ = given
    changed = json.loads(json.dumps(MAP))
    del changed["variables"]["out/bias"]
    changed["variables"]["conv/bias"]["key"] = "conv.offset"
    rows = statuses(convert_checkpoint(path, changed, None, model=model_of(Net())))
    assert set(rows["MISSING"]) == {"out.bias", "conv.bias"}
    assert set(rows["UNEXPECTED"]) == {"conv.offset", "out/bias"}


def test_renames_and_ignored_names_of_a_toml_map(given: Any, tmp_path: Path) -> None:
    path, found = given
    renamed = {f"tower_0/{name}": value for name, value in found.items()}
    renamed["tower_0/out/kernel/Adam_extra"] = np.zeros(3)
    checkpoint(path, renamed)
    (tmp_path / "map.toml").write_text(
        'module = "Net"\nignore = ["*/Adam_*", "never/*"]\n'
        "[[rename]]\nfrom = '^tower_(\\d+)/'\nto = ''\n"
        "[[rename]]\nfrom = '^nothing'\nto = ''\n[variables]\n"
        + "".join(f'"{n}" = {toml(e)}\n' for n, e in MAP["variables"].items())
    )
    report = convert_checkpoint(path, tmp_path / "map.toml", tmp_path / "net.pt", partial=True)
    assert statuses(report).keys() == {"OK", "UNUSED RULE"}
    assert statuses(report)["UNUSED RULE"] == ["^nothing", "never/*"]
    Net().load_state_dict(torch.load(tmp_path / "net.pt", weights_only=True))


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(v) for v in value) + "]"
    return "false" if value is None else json.dumps(value)


def test_two_names_that_become_one_are_refused(given: Any) -> None:
    path, found = given
    checkpoint(path, {**found, "a/out/bias": found["out/bias"]})
    with pytest.raises(CheckpointError, match="two variables are renamed to out/bias"):
        convert_checkpoint(path, {**MAP, "rename": [{"from": "^a/", "to": ""}]})


def test_moving_averages_take_the_variables_place(given: Any, tmp_path: Path) -> None:
    path, found = given
    average = found["out/bias"] + 5
    checkpoint(path, {**found, "scope/out/bias/ExponentialMovingAverage": average})
    assert convert_checkpoint(path, MAP).complete
    convert_checkpoint(path, MAP, tmp_path / "plain.pt")
    convert_checkpoint(path, MAP, tmp_path / "ema.pt", ema=True)
    plain, ema = (torch.load(tmp_path / f"{n}.pt", weights_only=True) for n in ("plain", "ema"))
    np.testing.assert_array_equal(plain["out.bias"], found["out/bias"])
    np.testing.assert_array_equal(ema["out.bias"], average)
    np.testing.assert_array_equal(ema["conv.bias"], found["conv/bias"])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_dtype_changes_floats_alone(dtype: str, given: Any, tmp_path: Path) -> None:
    path, found = given
    changed = json.loads(json.dumps(MAP))
    changed["variables"]["global_step"] = entry("steps")
    convert_checkpoint(path, changed, tmp_path / "net.safetensors", dtype=dtype)
    state = load_file(tmp_path / "net.safetensors")
    assert state["steps"].dtype == torch.int64
    wanted = torch.tensor(found["out/bias"]).to(getattr(torch, dtype))
    assert torch.equal(state["out.bias"], wanted)


def test_every_root_module_gets_a_file(given: Any, tmp_path: Path) -> None:
    path, found = given
    changed = json.loads(json.dumps(MAP))
    changed["variables"]["out/bias"].update(module="script", key="weights['out']")
    report = convert_checkpoint(path, changed, tmp_path / "net.pt")
    assert report.written == (str(tmp_path / "net.pt"), str(tmp_path / "net.script.pt"))
    script = torch.load(tmp_path / "net.script.pt", weights_only=True)
    np.testing.assert_array_equal(script["weights['out']"], found["out/bias"])
    report = convert_checkpoint(path, changed, tmp_path / "b.pt", module="script")
    assert report.complete and report.written == (str(tmp_path / "b.pt"),)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, 8)
        self.out = nn.Linear(8, 50, bias=False)
        self.out.weight = self.embed.weight


def test_tied_weights_are_written_once(tmp_path: Path) -> None:
    table = RNG.randn(50, 8).astype(np.float32)
    path = checkpoint(tmp_path / "m", {"table": table})
    weights = {"variables": {"table": [entry("embed.weight"), entry("out.weight")]}}
    weights["variables"]["table"] = {"module": "Tied", "key": "embed.weight"}
    for name in ("tied.pt", "tied.safetensors"):
        assert convert_checkpoint(path, weights, tmp_path / name, model=model_of(Tied())).complete
        assert (tmp_path / name).stat().st_size < table.nbytes + 2000
    model = Tied()
    model.load_state_dict(torch.load(tmp_path / "tied.pt", weights_only=True), strict=True)
    np.testing.assert_array_equal(model.out.weight.detach(), table)
    model = Tied()
    load_model(model, str(tmp_path / "tied.safetensors"), strict=True)
    np.testing.assert_array_equal(model.embed.weight.detach(), table)


def test_the_other_name_of_a_tied_weight_will_do(tmp_path: Path) -> None:
    table = RNG.randn(50, 8).astype(np.float32)
    path = checkpoint(tmp_path / "m", {"table": table})
    weights = {"variables": {"table": {"module": "Tied", "key": "out.weight"}}}
    convert_checkpoint(path, weights, tmp_path / "tied.pt", model=model_of(Tied()))
    model = Tied()
    model.load_state_dict(torch.load(tmp_path / "tied.pt", weights_only=True), strict=True)
    np.testing.assert_array_equal(model.embed.weight.detach(), table)


def test_a_model_is_held_against_its_own_module(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "m", {"table": np.zeros((50, 8), np.float32), "x": np.zeros(3)})
    variables = {"table": {"module": "Tied", "key": "embed.weight"},
                 "x": {"module": "Other", "key": "x"}}  # fmt: skip
    report = convert_checkpoint(path, {"variables": variables}, None, model=model_of(Tied()))
    assert report.complete and {row.name for row in report.rows} >= {"embed.weight", "x"}
    with pytest.raises(CheckpointError, match="which of Tied, Other is it"):
        convert_checkpoint(path, {"variables": variables}, None, model=model_of(Net()))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"rename": [{"from": "(", "to": ""}]}, "rename"),
        ({"rename": [{"from": "a", "to": "\\7"}]}, "invalid group reference"),
        ({"rename": [{"to": "x"}]}, "rename"),
        ({"version": 3}, "is of version 3"),
        ({"variables": []}, "it has no variables"),
        ({"variables": {"a": {"layout": ["identity"]}}}, "a: has a target without a key"),
        ({"variables": {"a": {"key": "a", "layout": ["rotate"]}}}, "unknown layout step 'rotate'"),
        ({"variables": {"a": {"key": "a", "layout": 5}}}, "a: has the layout 5"),
        ({"variables": {"a": 5}}, "a: is no target: 5"),
    ],
)
def test_broken_maps_are_told(change: Arrays, told: str, tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "m", {"a": np.zeros(3)})
    with pytest.raises(CheckpointError, match=told):
        convert_checkpoint(path, {"variables": {"a": "a"}, **change})


@pytest.mark.parametrize(
    "layout",
    [
        ["permute", "abc"], ["permute", [0, 0]], ["reshape", 5], ["split", {"axis": 9}],
        ["split", {"axis": "x", "start": 0, "stop": 1}], ["lstm", {"part": "ih"}],
        ["lstm", {"part": "bias", "gates": "xyz"}], ["concat", {"axis": 0}], ["flatten_nhwc"],
        ["unflatten_nhwc", [7, 1, 1]], ["concat", {"axis": 0, "index": 1, "of": 2}],
    ],
)  # fmt: skip
def test_layouts_that_do_not_fit_are_mismatches(layout: Any, tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "m", {"a": np.zeros((3, 5))})
    report = convert_checkpoint(path, {"variables": {"a": {"key": "a", "layout": layout}}})
    assert statuses(report) == {"MISMATCH": ["a"]}


def test_large_output_is_sharded_with_an_index(given: Any, tmp_path: Path) -> None:
    path, _ = given
    report = convert_checkpoint(path, MAP, tmp_path / "net.safetensors", largest_file=1000)
    index = json.loads((tmp_path / "net.safetensors.index.json").read_text())
    files = sorted({*index["weight_map"].values()})
    assert len(files) > 2 and files[0] == f"net-00001-of-{len(files):05d}.safetensors"
    assert len(report.written) == len(files) + 1
    state = {k: v for name in files for k, v in load_file(tmp_path / name).items()}
    Net().load_state_dict(state, strict=True)
    assert index["metadata"]["total_size"] == sum(t.nbytes for t in state.values())


# The command


def command(*arguments: object) -> int:
    return run(["weights", *map(str, arguments)])


def test_files_that_belong_together_come_together(
    given: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    replace, count = os.replace, [0]

    def refuses_the_second(source: Any, target: Any) -> None:
        count[0] += 1
        if count[0] == 2:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuses_the_second)
    with pytest.raises(CheckpointError, match="nothing was written"):
        convert_checkpoint(given[0], MAP, tmp_path / "out" / "net.safetensors", largest_file=1500)
    assert count[0] == 2 and not (tmp_path / "out").exists()


def test_a_map_without_parameters_is_told(given: Any, tmp_path: Path) -> None:
    empty = {"variables": dict.fromkeys(MAP["variables"])}
    with pytest.raises(CheckpointError, match="gives no parameter a variable"):
        convert_checkpoint(given[0], empty, tmp_path / "net.pt")


def test_the_command_converts_and_reports(given: Any, tmp_path: Path, capsys: Any) -> None:
    path, _ = given
    weights = ["--map", tmp_path / "map.json"]
    assert command(path, *weights, "--dry-run") == 0
    assert capsys.readouterr().out == "13 OK\n"
    assert command(path, *weights, "-o", tmp_path / "out" / "net.pt") == 0
    assert "net.pt" in capsys.readouterr().err
    assert command(path, *weights, "-o", tmp_path / "out" / "net.pt") == 2
    assert "exists; nothing was written" in capsys.readouterr().err
    assert command(path, *weights, "-o", tmp_path / "out" / "net.pt", "--force") == 0
    assert command(path, *weights, "-o", tmp_path / "net.onnx") == 2
    assert command(path, *weights) == 2
    assert command(tmp_path / "nothing", *weights, "--dry-run") == 2
    assert command(path, *weights, "--dry-run", "--json") == 0


def test_the_table_folds_numbers(tmp_path: Path, capsys: Any) -> None:
    variables = {f"layer_{n}/w": f"layers.{n}.w" for n in range(12)}
    path = checkpoint(tmp_path / "m", {name: np.zeros(3) for name in [*variables][:9]})
    (tmp_path / "map.json").write_text(json.dumps({"variables": variables}))
    assert command(path, "--map", tmp_path / "map.json", "--dry-run") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "MISSING      layers.{9...11}.w (3)  from layer_{9...11}/w"
    assert lines[-1] == "9 OK, 3 MISSING"


def test_check_imports_the_user_s_model(given: Any, tmp_path: Path, monkeypatch: Any) -> None:
    path, _ = given
    (tmp_path / "user_net.py").write_text(
        "from torch import nn\nclass Net(nn.Module):\n    def __init__(self, n):\n"
        "        super().__init__()\n        self.out = nn.Linear(32, n)\n"
        "def small():\n    return Net(2)\n"
    )
    monkeypatch.chdir(tmp_path)
    weights = ["--map", "map.json", "--dry-run"]
    assert command(path, *weights, "--check", "user_net:small") == 1
    assert command(path, *weights, "--check", "user_net:Net") == 2
    assert command(path, *weights, "--check", "user_net:Net(2)") == 1
    assert named_model("user_net:Net(n=3)").shapes["out.bias"] == (3,)
    assert command(path, *weights, "--check", "user_net:Net(__import__('os'))") == 2
    assert command(path, *weights, "--check", "user_net:Missing") == 2
    assert command(path, *weights, "--check", "no_such_file:Net") == 2
    assert named_model("user_net:small").shapes == {"out.weight": (2, 32), "out.bias": (2,)}


def test_lists(given: Any, capsys: Any) -> None:
    path, found = given
    assert command(path, "--list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["conv/bias", "float32", "[8]", "32", "B"]
    assert lines[-1].startswith("11 variables")
    assert command(path, "--list", "--only", "conv/*", "--json", "--stats") == 0
    rows = json.loads(capsys.readouterr().out)["variables"]
    assert [row["name"] for row in rows] == ["conv/bias", "conv/kernel"]
    assert rows[0]["statistics"]["mean"] == pytest.approx(found["conv/bias"].mean(), rel=1e-6)
    assert rows[1]["statistics"]["deviation"] == pytest.approx(found["conv/kernel"].std(), rel=1e-6)
    assert command(path, "--list", "--only", "nothing") == 1


def test_neither_torch_nor_tensorflow_is_imported(given: Any, tmp_path: Path) -> None:
    path, _ = given
    program = (
        "import sys; from tf2torch.cli import run\n"
        f"assert run(['weights', {str(path)!r}, '--map', {str(tmp_path / 'map.json')!r},"
        f" '-o', {str(tmp_path / 'net.safetensors')!r}]) == 0\n"
        f"assert run(['weights', {str(path)!r}, '--map', {str(tmp_path / 'map.json')!r},"
        f" '-o', {str(tmp_path / 'net.pt')!r}]) == 0\n"
        "assert not {'torch', 'tensorflow', 'h5py', 'libcst'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    large = np.zeros((3000, 3000), np.float32)
    names = [f"w{n}" for n in range(20)]
    path = checkpoint(tmp_path / "m", dict.fromkeys(names, large))
    variables = {n: {"key": n, "layout": ["transpose"]} for n in names}
    (tmp_path / "map.json").write_text(json.dumps({"variables": variables}))
    (tmp_path / "out").mkdir()
    command = [sys.executable, "-m", "tf2torch", "weights", str(path)]
    command += ["--map", str(tmp_path / "map.json"), "-o", str(tmp_path / "out" / "net.pt")]
    # A shell's background jobs ignore interrupts, and what they start does too.
    heeding = functools.partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    child = subprocess.Popen(command, stderr=subprocess.PIPE, preexec_fn=heeding)
    while child.poll() is None and not os.listdir(tmp_path / "out"):
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=60)
    assert child.returncode == 130, told
    assert os.listdir(tmp_path / "out") == []
    assert load(path)["w3"].shape == (3000, 3000)


def test_constants_of_a_frozen_graph_are_not_left_over(tmp_path: Path) -> None:
    from tf2torch.weights.wire import put

    def node(name: str, op: str, *inputs: str, value: bytes = b"") -> bytes:
        found = put(1, name.encode()) + put(2, op.encode())
        found += b"".join(put(3, text.encode()) for text in inputs)
        attribute = put(5, put(1, b"value") + put(2, put(8, value))) if value else b""
        return put(1, found + attribute)

    def constant(*numbers: float) -> bytes:
        data = np.array(numbers, np.float32).tobytes()
        return put(1, 1) + put(2, put(2, put(1, len(numbers)))) + put(4, data)

    nodes = [
        node("out/bias", "Const", value=constant(1, 2)),
        node("out/bias/read", "Identity", "out/bias"),
        node("shape", "Const", value=constant(3)),
        node("lost", "Const", value=constant(4)),
        node("lost/read", "Identity", "lost"),
    ]
    (tmp_path / "frozen.pb").write_bytes(b"".join(nodes))
    weights = {"variables": {"out/bias": "out.bias"}}
    report = convert_checkpoint(tmp_path / "frozen.pb", weights, tmp_path / "net.pt")
    assert statuses(report) == {"OK": ["out.bias", "shape"], "UNEXPECTED": ["lost"]}


def test_memory_does_not_grow_with_the_checkpoint(tmp_path: Path) -> None:
    table = RNG.randn(1600, 1600).astype(np.float32)  # 10 MB
    names = [f"w{n}" for n in range(12)]
    path = checkpoint(tmp_path / "m", dict.fromkeys(names, table))
    variables = {n: {"key": n, "layout": ["transpose"]} for n in names}
    (tmp_path / "map.json").write_text(json.dumps({"variables": variables}))
    command = [sys.executable, "-m", "tf2torch", "weights", str(path)]
    command += ["--map", str(tmp_path / "map.json"), "-o", str(tmp_path / "net.safetensors")]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    most = 0
    while child.poll() is None:
        for line in Path(f"/proc/{child.pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                most = max(most, int(line.split()[1]) * 1024)
        time.sleep(0.005)
    assert child.returncode == 0
    assert 0 < most <= 3 * table.nbytes + 50e6  # all of it is 123 MB
