"""Converts small programs and runs original and conversion, each framework in one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tf2torch.analyse import analyse
from tf2torch.emit.support import support_text
from tf2torch.load import load
from tf2torch.plan import make_plan
from tf2torch.rewrite import Rewritten, rewrite
from tf2torch.rulebook.loader import load_rulebook

HEAD = "import tensorflow.compat.v1 as tf\ntf.disable_v2_behavior()\n"

#: Runs programs one after the other in fresh namespaces and prints what each of them printed.
RUNNER = """
import contextlib, io, json, os, runpy, sys, traceback
sys.path.insert(0, os.getcwd())
given = json.loads(os.environ["PROGRAM_ARGUMENTS"])
outputs = {}
paths = json.loads(sys.argv[1])
if any("tf_slim" in open(path).read() for path in paths):
    # tf_slim looks for these under the name they had in older releases of tf-keras.
    import importlib
    new, old = "tf_keras.src.legacy_tf_layers", "tf_keras.legacy_tf_layers"
    for part in ("", ".base", ".convolutional", ".core", ".normalization", ".pooling"):
        sys.modules.setdefault(old + part, importlib.import_module(new + part))
    if any("tensorflow.compat.v1" in open(path).read() for path in paths):
        from tensorflow.python.framework import ops, tensor
        ops.Tensor = tensor.Tensor
for path in paths:
    text = io.StringIO()
    if "tensorflow.compat.v1" in sys.modules:
        sys.modules["tensorflow.compat.v1"].reset_default_graph()
    with contextlib.redirect_stdout(text):
        try:
            runpy.run_path(path, run_name="__main__")
        except SystemExit as end:
            if end.code not in (None, 0):
                print("exit", end.code)
        except BaseException:
            traceback.print_exc(file=text)
    outputs[path] = text.getvalue()
sys.__stdout__.write("\\n=== " + json.dumps(outputs) + "\\n")
sys.__stdout__.flush()
os._exit(0)
"""


@dataclass(frozen=True)
class Pair:
    """What both versions of a program printed, and the conversion."""

    original: str
    converted: str
    rewritten: Rewritten


def convert_text(folder: Path, name: str, text: str) -> Rewritten:
    """The conversion of one program."""
    path = folder / f"{name}.py"
    path.write_text(text)
    return rewrite(make_plan(analyse(load(path), load_rulebook(), None)))


def run_both(
    folder: Path, programs: Mapping[str, str], arguments: Mapping[str, list[str]] | None = None
) -> dict[str, Pair]:
    """Converts the programs, runs all originals in one process and all conversions in another."""
    rewritten = {name: convert_text(folder, name, HEAD + text) for name, text in programs.items()}
    support = {item for made in rewritten.values() for item in made.support}
    (folder / "tf1_support.py").write_text(support_text(support))
    for name, made in rewritten.items():
        (folder / f"{name}_torch.py").write_text(made.text)
    given = dict(arguments or {})
    originals = _run(folder, [f"{name}.py" for name in programs], given)
    conversions = _run(folder, [f"{name}_torch.py" for name in programs], given)
    return {
        name: Pair(originals[f"{name}.py"], conversions[f"{name}_torch.py"], made)
        for name, made in rewritten.items()
    }


def _run(folder: Path, paths: list[str], arguments: Mapping[str, list[str]]) -> dict[str, str]:
    environment = {
        **os.environ,
        "TF_USE_LEGACY_KERAS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
        "PROGRAM_ARGUMENTS": json.dumps(arguments),
    }
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, json.dumps(paths)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    line = next((x for x in done.stdout.splitlines() if x.startswith("=== ")), None)
    assert line is not None, done.stdout[-2000:] + done.stderr[-4000:]
    outputs: dict[str, str] = json.loads(line.removeprefix("=== "))
    return outputs
