"""Checkpoint and weight map to a state dict: planned whole, validated whole, then written."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tf2torch.weights import safetensors_file
from tf2torch.weights.atomic import replacing
from tf2torch.weights.checkpoint import Checkpoint
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.maps import AVERAGES, SCRIPT, WeightMap, map_of, read_map, root_name
from tf2torch.weights.plan import Plan, make_plan
from tf2torch.weights.pt_file import holds, write_pt
from tf2torch.weights.report import Report
from tf2torch.weights.streaming import Progress, Stream

if TYPE_CHECKING:
    from tf2torch.weights.models import Model

FILE = str | os.PathLike[str]
SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")
LARGEST_FILE = 5_000_000_000


def convert_checkpoint(
    checkpoint: FILE | Checkpoint,
    weights: FILE | WeightMap | Mapping[str, Any],
    output: FILE | None = None,
    *,
    module: str | None = None,
    dtype: str | None = None,
    ema: bool = False,
    partial: bool = False,
    force: bool = False,
    model: Model | None = None,
    largest_file: int = LARGEST_FILE,
    progress: Progress | None = None,
) -> Report:
    """Writes a checkpoint as a state dict; without `output` only the report is made.

    Nothing is written unless every row of the report is OK, or `partial`. Where the map has
    several root modules and `module` names none, each gets a file, `NAME.MODULE.safetensors`.
    Raises CheckpointError for files that cannot be read or written.
    """
    checkpoint = as_checkpoint(checkpoint)
    weights = as_map(weights).of_graph(module).with_rounds(checkpoint)
    modules = chosen_modules(weights, module)
    plan = make_plan(
        checkpoint,
        weights,
        modules=modules,
        dtype=dtype,
        ema=ema,
        model=model,
    )
    report = Report(tuple(plan.rows))
    if output is None or not (report.complete or partial):
        return report
    written = write(plan, Path(output), force, largest_file, progress)
    return Report(report.rows, tuple(str(path) for path in written))


def as_map(weights: FILE | WeightMap | Mapping[str, Any]) -> WeightMap:
    if isinstance(weights, WeightMap):
        return weights
    return map_of(weights) if isinstance(weights, Mapping) else read_map(weights)


def as_checkpoint(checkpoint: FILE | Checkpoint) -> Checkpoint:
    from tf2torch.weights.opening import load

    return checkpoint if isinstance(checkpoint, Checkpoint) else load(checkpoint)


def chosen_modules(weights: WeightMap, module: str | None) -> list[str]:
    """Root modules to be written."""
    if not weights.modules:
        text = "gives no parameter a variable: what it is of was not converted"
        help = "--model MODULE:CLASS proposes a map for a module written by hand"
        raise CheckpointError(weights.path, text, help=help)
    if module is not None:
        if module not in weights.modules:
            known = ", ".join(weights.modules)
            raise CheckpointError(weights.path, f"has no module {module}; it has {known}")
        return [module]
    return weights.modules


def files_of(modules: Sequence[str], output: Path) -> dict[str, Path]:
    """The file of each module; a model that is the only one has the name that was given."""
    if output.suffix not in SUFFIXES:
        text = f"the name must end in one of {', '.join(SUFFIXES)}"
        raise CheckpointError(output, text)
    models = [m for m in modules if m != SCRIPT and m.split("#")[0] != AVERAGES]
    found = {}
    for module in modules:
        safe = "".join(c if c.isalnum() or c in "._-" else "-" for c in module)
        alone = len(modules) == 1 or models == [module]
        found[module] = (
            output if alone else output.with_name(f"{output.stem}.{safe}{output.suffix}")
        )
    return found


def write(
    plan: Plan, output: Path, force: bool, largest_file: int, progress: Progress | None
) -> list[Path]:
    """Writes all files of a plan, or none."""
    files = files_of(list(plan.tensors), output)
    total = sum(t.bytes for tensors in plan.tensors.values() for t in tensors)
    stream = Stream(total, progress)
    safe = output.suffix == ".safetensors"
    for tensors in plan.tensors.values():
        for tensor in tensors:
            fits = tensor.dtype.name in safetensors_file.TYPES if safe else holds(tensor.dtype)
            if not fits:
                text = f"{output.suffix} files cannot hold {tensor.dtype.name}"
                raise CheckpointError(output, text, tensor.key)
    parts = {
        module: safetensors_file.parts_of(tensors, largest_file) if safe else [tensors]
        for module, tensors in plan.tensors.items()
    }
    names = {
        module: safetensors_file.file_names(path, len(parts[module])) if safe else [path]
        for module, path in files.items()
    }
    every = [path for group in names.values() for path in group]
    with replacing(every, force=force) as temporary:
        left = iter(temporary)
        for module in names:
            paths = [next(left) for _ in names[module]]
            tied = plan.tied.get(module, {})
            if not safe:
                by_key = {tensor.key: tensor for tensor in parts[module][0]}
                shared = {key: by_key[other] for key, other in tied.items()}
                write_pt(paths[0], by_key | shared, stream)
                continue
            for part, path in zip(parts[module], paths):
                keys = {tensor.key for tensor in part}
                aliases = {key: other for key, other in tied.items() if other in keys}
                safetensors_file.write_file(path, part, aliases, stream)
            if len(paths) > 1:
                text = safetensors_file.index_text(parts[module], names[module])
                paths[-1].write_text(text, encoding="utf-8")
    return every


def load_into(
    module: Any,
    path: FILE | Checkpoint,
    weights: FILE | WeightMap | Mapping[str, Any],
    *,
    name: str | None = None,
    ema: bool = False,
    partial: bool = False,
) -> Report:
    """Loads a checkpoint into a torch module, on whatever device it is.

    `name` is the module's name in the map, by default that of its class. Nothing is changed
    unless every row of the report is OK, or `partial`; raises CheckpointError otherwise.
    """
    import torch

    from tf2torch.weights.models import model_of
    from tf2torch.weights.report import report_text
    from tf2torch.weights.tensors_torch import as_tensor

    weights = as_map(weights)
    checkpoint = as_checkpoint(path)
    name = root_name(module, weights, name)
    weights = weights.of_graph(name).with_rounds(checkpoint)
    plan = make_plan(checkpoint, weights, modules=[name], ema=ema, model=model_of(module, name))
    report = Report(tuple(plan.rows))
    if not (report.complete or partial):
        raise CheckpointError(checkpoint.path, f"was not loaded:\n{report_text(report)}")
    for source in plan.taken:
        checkpoint[source]  # a broken value is found before the first parameter changes
    places = module.state_dict(keep_vars=True)
    with torch.no_grad():
        for tensor in plan.tensors[name]:
            places[tensor.key].copy_(as_tensor(tensor.value()))
    return report
