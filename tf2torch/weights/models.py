"""A torch model of the user, named on the command line: what its state dict expects."""

from __future__ import annotations

import ast
import os
import sys
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from tf2torch.weights.errors import CheckpointError


@dataclass(frozen=True)
class Model:
    """Keys and shapes of a model.

    Attributes:
        module: the torch module.
        own: buffers that torch keeps for itself.
        tied: key -> the earlier key that shares its memory.
    """

    name: str
    module: Any
    shapes: dict[str, tuple[int, ...]]
    own: set[str] = field(default_factory=set)
    tied: dict[str, str] = field(default_factory=dict)


def load_model(spec: str) -> Model:
    """The model of `package.module:Class`, or of `package.module:Class(10, depth=2)`.

    Raises CheckpointError.
    """
    module_name, colon, text = spec.partition(":")
    attribute, arguments, options = _call(text)
    if not colon or not attribute:
        raise CheckpointError(spec, "is no model: it must read package.module:Class")
    sys.path.insert(0, os.getcwd())
    try:
        made: Any = import_module(module_name.removesuffix(".py").replace("/", "."))
        for part in attribute.split("."):
            made = getattr(made, part)
    except Exception as error:
        text = f"cannot be imported: {type(error).__name__}: {error}"
        raise CheckpointError(spec, text) from None
    finally:
        sys.path.remove(os.getcwd())
    if isinstance(made, type) or not hasattr(made, "state_dict"):
        try:
            made = made(*arguments, **options)
        except Exception as error:
            text = f"cannot be made: {type(error).__name__}: {error}"
            help = "give what it takes, package.module:Class(10, depth=2), or name a function"
            raise CheckpointError(spec, text, help=help) from None
    return model_of(made, spec)


def _call(text: str) -> tuple[str, list[Any], dict[str, Any]]:
    """Name and arguments of a call of which all arguments are literals."""
    name, parenthesis, _ = text.partition("(")
    if not parenthesis:
        return name, [], {}
    try:
        call = ast.parse(text, mode="eval").body
        if not isinstance(call, ast.Call):
            return "", [], {}
        arguments = [ast.literal_eval(argument) for argument in call.args]
        options = {word.arg or "": ast.literal_eval(word.value) for word in call.keywords}
    except (SyntaxError, ValueError):
        return "", [], {}
    return name, arguments, options


def model_of(module: Any, name: str = "") -> Model:
    """What a torch module expects in its state dict."""
    from torch.nn.parameter import is_lazy

    shapes: dict[str, tuple[int, ...]] = {}
    tied: dict[str, str] = {}
    seen: dict[Any, str] = {}
    for key, tensor in module.state_dict(keep_vars=True).items():
        if not hasattr(tensor, "shape"):
            continue
        if is_lazy(tensor):
            help = "run the model once on an example before its weights are loaded"
            text = "its shape is not known before the first call"
            raise CheckpointError(name or type(module).__name__, text, key, help)
        shapes[key] = tuple(tensor.shape)
        place = (tensor.data_ptr(), tuple(tensor.shape), tuple(tensor.stride()), tensor.device)
        if tensor.numel() and place in seen:
            tied[key] = seen[place]
        seen.setdefault(place, key)
    own = {key for key in shapes if key.rpartition(".")[2] == "num_batches_tracked"}
    return Model(name or type(module).__name__, module, shapes, own, tied)
