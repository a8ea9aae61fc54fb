"""The devices of the torch side: what they need, and that their singles are singles."""

from __future__ import annotations


class NoDevice(RuntimeError):
    """A device that is not there."""


def missing(device: str) -> str:
    """Why a device cannot be used, or nothing."""
    if device == "cpu":
        return ""
    try:
        prepare(device)
    except NoDevice as error:
        return str(error)
    return ""


def prepare(device: str) -> None:
    """Makes a device ready to compute what another computes; says so if it is not there."""
    import torch

    if not device.startswith("cuda"):
        return
    if not torch.cuda.is_available():
        built = torch.version.cuda
        why = "no GPU is visible" if built else f"torch {torch.__version__} is built without CUDA"
        raise NoDevice(f"There is no device {device}: {why}")
    # TensorFloat-32 keeps 10 bits of a float32: rounding that hides what is looked for.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
