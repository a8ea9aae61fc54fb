"""Training goes on in torch where TensorFlow left it."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.weights.test_convert import checkpoint
from tf2torch.cli import run
from tf2torch.support import optimizers as support
from tf2torch.weights import load, load_into, load_optimizer
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.models import model_of
from tf2torch.weights.reverse import reverse_checkpoint
from tf2torch.weights.slots import slots_of

SAVED = 11
MAP: dict[str, Any] = {
    "version": 1,
    "variables": {
        "a/kernel": {"module": "Net", "key": "a.weight", "layout": ["transpose"]},
        "a/bias": {"module": "Net", "key": "a.bias", "layout": ["identity"]},
        "b/kernel": {"module": "Net", "key": "b.weight", "layout": ["transpose"]},
        "global_step": None,
    },
}


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(6, 5).double()
        self.b = nn.Linear(5, 3, bias=False).double()

    def forward(self, x: Any) -> Any:
        return self.b(torch.tanh(self.a(x)))


Made = Callable[[Any], Any]
RATE, BETAS, EPSILON = 0.0625, (0.5, 0.5), 2.0**-27
OPTIMIZERS: dict[str, Made] = {
    "adam": lambda p: support.TFAdam(p, RATE, BETAS, EPSILON),
    "momentum": lambda p: torch.optim.SGD(p, RATE, momentum=0.875),
    "nesterov": lambda p: torch.optim.SGD(p, RATE, momentum=0.75, nesterov=True),
    "rmsprop": lambda p: support.TFRMSProp(p, RATE, 0.75, 0.5, EPSILON),
    "centered": lambda p: support.TFRMSProp(p, RATE, 0.75, 0.5, EPSILON, centered=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, RATE, initial_accumulator_value=0.25, eps=0),
    "adadelta": lambda p: torch.optim.Adadelta(p, RATE, 0.875, EPSILON),
    "ftrl": lambda p: support.TFFtrl(p, RATE, l1=2.0**-12),
    "schedule": lambda p: support.TFAdam(p, RATE, BETAS, EPSILON),
    "named": lambda p: support.TFAdam(p, RATE, BETAS, EPSILON),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("trained")
    script = Path(__file__).with_name("training_side.py")
    result = subprocess.run(
        [sys.executable, str(script), str(made)], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return made


@pytest.fixture(scope="module")
def trained(folder: Path) -> dict[str, Any]:
    return pickle.loads((folder / "training.pickle").read_bytes())


def go_on(net: nn.Module, optimizer: Any, scheduler: Any, trained: dict[str, Any]) -> list[float]:
    losses = []
    for x, y in zip(trained["x"][SAVED:], trained["y"][SAVED:]):
        loss = ((net(torch.tensor(x)) - torch.tensor(y)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("resource", [False, True])
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_losses_and_variables_go_on_as_in_tensorflow(
    kind: str, resource: bool, folder: Path, trained: dict[str, Any]
) -> None:
    checkpoint = folder / f"{kind}-{resource}" / "model"
    net = Net()
    optimizer = OPTIMIZERS[kind](net.parameters())
    scheduler = None
    if kind == "schedule":
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.75 ** (step / 4))
    assert load_into(net, checkpoint, MAP).complete
    report = load_optimizer(optimizer, net, checkpoint, MAP, scheduler=scheduler)
    assert report.complete and len(report.rows) == 3
    wanted = trained[f"{kind}-{resource}"]
    losses = go_on(net, optimizer, scheduler, trained)
    # A schedule is computed in float32.
    tolerance = 1e-6 if kind == "schedule" else 1e-12
    np.testing.assert_allclose(losses, wanted["losses"][SAVED:], rtol=tolerance)
    for name, value in (("a/kernel", net.a.weight.T), ("a/bias", net.a.bias),
                        ("b/kernel", net.b.weight.T)):  # fmt: skip
        np.testing.assert_allclose(value.detach(), wanted[name], rtol=10 * tolerance, atol=1e-13)


def test_a_fresh_optimizer_would_have_failed(folder: Path, trained: dict[str, Any]) -> None:
    net = Net()
    load_into(net, folder / "adam-False" / "model", MAP)
    losses = go_on(net, OPTIMIZERS["adam"](net.parameters()), None, trained)
    assert abs(losses[-1] / trained["adam-False"]["losses"][-1] - 1) > 1e-3


def test_without_the_graph_names_tell_the_slots(
    folder: Path, tmp_path: Path, trained: dict[str, Any]
) -> None:
    for file in (folder / "adam-True").glob("model*"):
        if file.suffix != ".meta":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    net = Net()
    optimizer = OPTIMIZERS["adam"](net.parameters())
    load_into(net, tmp_path / "model", MAP)
    load_optimizer(optimizer, net, tmp_path / "model", MAP)
    losses = go_on(net, optimizer, None, trained)
    np.testing.assert_allclose(losses, trained["adam-True"]["losses"][SAVED:], rtol=1e-12)


def test_the_wrong_optimizer_is_refused(folder: Path) -> None:
    net = Net()
    with pytest.raises(CheckpointError, match="no slot for exp_avg, exp_avg_sq"):
        load_optimizer(OPTIMIZERS["adam"](net.parameters()), net,
                       folder / "momentum-False" / "model", MAP)  # fmt: skip
    with pytest.raises(CheckpointError, match="state for LBFGS is not known"):
        load_optimizer(torch.optim.LBFGS(net.parameters()), net,
                       folder / "momentum-False" / "model", MAP)  # fmt: skip


def as_bytes(found: Any) -> dict[str, tuple[str, bytes]]:
    return {name: (value.dtype.name, value.tobytes()) for name, value in found.items()}


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_state_goes_back_to_tensorflow_s_slots(kind: str, folder: Path, tmp_path: Path,
                                               trained: dict[str, Any]) -> None:  # fmt: skip
    checkpoint = folder / f"{kind}-False" / "model"
    net = Net()
    optimizer = OPTIMIZERS[kind](net.parameters())
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: 0.75 ** (step / 4) if kind == "schedule" else 1.0
    )
    load_into(net, checkpoint, MAP)
    load_optimizer(optimizer, net, checkpoint, MAP, scheduler=scheduler)

    def back(name: str) -> Any:
        torch.save(net.state_dict(), tmp_path / "net.pt")
        tree = {"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}
        report = reverse_checkpoint(tmp_path / "net.pt", MAP, tmp_path / name, like=checkpoint,
                                    optimizer=tree, model=model_of(net))  # fmt: skip
        assert report.complete
        return load(tmp_path / name)

    assert as_bytes(back("same")) == as_bytes(load(checkpoint))
    go_on(net, optimizer, scheduler, trained)
    found, wanted = back("trained"), load(folder / f"{kind}-False" / "end")
    assert set(found) == set(wanted) and int(found["global_step"]) == int(wanted["global_step"])
    tolerance = 1e-5 if kind == "schedule" else 1e-11
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=tolerance, atol=1e-13, err_msg=name)
        if "power" in name:
            assert found[name].tobytes() == value.tobytes()


def test_the_command_writes_slots(folder: Path, tmp_path: Path, monkeypatch: Any) -> None:
    checkpoint = folder / "adam-True" / "model"
    net = Net()
    optimizer = OPTIMIZERS["adam"](net.parameters())
    load_into(net, checkpoint, MAP)
    load_optimizer(optimizer, net, checkpoint, MAP)
    torch.save(net.state_dict(), tmp_path / "net.pt")
    for state in optimizer.state.values():
        state["exp_avg"] *= 2
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    (tmp_path / "map.json").write_text(json.dumps(MAP))
    (tmp_path / "slotted.py").write_text(
        "from torch import nn\nclass Net(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.a = nn.Linear(6, 5)\n"
        "        self.b = nn.Linear(5, 3, bias=False)\n"
    )
    monkeypatch.chdir(tmp_path)
    command = ["weights", "net.pt", "--reverse", "--map", "map.json", "-o", "back",
               "--optimizer", "optimizer.pt", "--check", "slotted:Net"]  # fmt: skip
    assert run(command) == 2  # needs a checkpoint with slots
    assert run([*command, "--like", str(checkpoint)]) == 0
    before, after = load(checkpoint), load(tmp_path / "back")
    np.testing.assert_array_equal(after["a/kernel/Adam"], 2 * before["a/kernel/Adam"])
    np.testing.assert_array_equal(after["b/kernel/Adam_1"], before["b/kernel/Adam_1"])
    assert after["beta1_power"] == before["beta1_power"]


def test_state_that_does_not_fit_is_told(folder: Path, tmp_path: Path) -> None:
    checkpoint = folder / "adam-False" / "model"
    net = Net()
    torch.save(net.state_dict(), tmp_path / "net.pt")

    def back(tree: Any) -> Any:
        return reverse_checkpoint(tmp_path / "net.pt", MAP, tmp_path / "back", like=checkpoint,
                                  optimizer=tree, model=model_of(net))  # fmt: skip

    momentum = OPTIMIZERS["momentum"](net.parameters())
    go_on(net, momentum, None, {"x": np.ones([12, 1, 6]), "y": np.ones([12, 1, 3])})
    report = back(momentum.state_dict())
    assert ("MISSING", "a/kernel/Adam") in {(row.status, row.name) for row in report.rows}
    with pytest.raises(CheckpointError, match="has 1 parameters, the model has 3"):
        back(torch.optim.Adam([net.a.weight]).state_dict())
    (tmp_path / "no.pt").write_bytes(b"no")
    with pytest.raises(CheckpointError, match="is no optimizer state"):
        back(tmp_path / "no.pt")
    assert not list(tmp_path.glob("back*"))


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        ("adam", lambda p: torch.optim.Adam(p)),
        ("nesterov", lambda p: torch.optim.SGD(p, 1.0)),
        ("centered", lambda p: support.TFRMSProp(p, 1.0)),
        ("adagrad", lambda p: torch.optim.Adagrad(p)),
        ("ftrl", lambda p: support.TFFtrl(p, 1.0)),
    ],
)
def test_the_command_writes_a_state_dict_that_resumes(
    kind: str, made: Made, folder: Path, tmp_path: Path, monkeypatch: Any,
    trained: dict[str, Any],
) -> None:  # fmt: skip
    torch_class = type(made([nn.Parameter(torch.zeros(1))]))
    name = torch_class.__name__
    full = name if name.startswith("TF") else f"torch.optim.{name}"
    (tmp_path / f"net_{kind}.py").write_text(
        "import torch\nfrom torch import nn\nclass Net(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.a = nn.Linear(6, 5).double()\n"
        "        self.b = nn.Linear(5, 3, bias=False).double()\n"
    )
    (tmp_path / "tf1_support.py").write_text(Path(support.__file__).read_text())
    weights = {**MAP, "optimizers": [{"tf": kind, "torch": full, "slots": {"{}/x": "y"}}]}
    (tmp_path / "map.json").write_text(json.dumps(weights))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "tf1_support", raising=False)
    checkpoint = folder / f"{kind}-False" / "model"
    arguments = ["weights", str(checkpoint), "--map", "map.json", "-o", "net.pt"]
    assert run([*arguments, "--check", f"net_{kind}:Net", "--optimizer", "optimizer.pt"]) == 0
    saved = torch.load(tmp_path / "optimizer.pt", weights_only=True)
    assert saved["scheduler"] == {"last_epoch": SAVED, "_step_count": SAVED + 1}
    net = Net()
    net.load_state_dict(torch.load(tmp_path / "net.pt", weights_only=True))
    optimizer = made(net.parameters())
    optimizer.load_state_dict(saved["optimizer"])
    losses = go_on(net, optimizer, None, trained)
    # torch's Adam adds epsilon after the bias correction.
    tolerance = 1e-5 if kind == "adam" else 1e-12
    np.testing.assert_allclose(losses, trained[f"{kind}-False"]["losses"][SAVED:], rtol=tolerance)


def test_slots_of_keras_are_known_by_their_names(tmp_path: Path) -> None:
    shape = {"c/kernel": (2, 3), "c/bias": (3,), "global_step": ()}
    names = {
        "training/Adam/c/kernel/m": ("c/kernel", "m"), "Adam/m/c/bias": ("c/bias", "m"),
        "adam_2/c_kernel_velocity": ("c/kernel", "v"), "RMSprop/c/bias/rms": ("c/bias", "rms"),
        "sgd/c_kernel_momentum": ("c/kernel", "momentum"),
    }  # fmt: skip
    other = ["inner/c/bias", "inner/c/bias/m", "decoder/v/c/kernel", "x/c_bias_momentum"]
    values = {name: np.zeros(size, np.float32) for name, size in shape.items()}
    values |= {name: np.zeros(shape[owner], np.float32) for name, (owner, _) in names.items()}
    values |= dict.fromkeys(other, np.zeros(3, np.float32))
    values |= dict.fromkeys(["training/Adam/iter", "Adam/beta_1", "optimizer/vars/0"], np.zeros(()))
    found = load(checkpoint(tmp_path / "model", values))
    slots = slots_of(found, ["c/kernel", "c/bias"])
    assert not slots.names() & {*shape, *other} - {"global_step"}
    assert set(values) - slots.names() == {*other, "c/kernel", "c/bias"}
    for name, (owner, label) in names.items():
        assert slots.of[owner][label] in names, name


def test_rmsprop_of_keras_resumes_in_torch_s(tmp_path: Path) -> None:
    values = {"a/kernel": np.ones((6, 5)), "a/bias": np.ones(5), "b/kernel": np.ones((5, 3)),
              "RMSprop/iter": np.array(7)}  # fmt: skip
    values |= {
        f"RMSprop/{name}/rms": v * 4 for name, v in values.items() if "/" in name and v.size > 1
    }
    path = checkpoint(tmp_path / "model", values)
    net = Net()
    optimizer = torch.optim.RMSprop(net.parameters(), 0.1, 0.9)
    assert load_optimizer(optimizer, net, path, MAP).complete
    state = optimizer.state[net.a.weight]
    assert state["step"] == 7 and torch.equal(state["square_avg"], torch.full((5, 6), 4.0).double())
    optimizer = torch.optim.RMSprop(net.parameters(), 0.1, 0.9, momentum=0.5)
    with pytest.raises(CheckpointError, match="momentum holds the learning rate"):
        load_optimizer(optimizer, net, path, MAP)
