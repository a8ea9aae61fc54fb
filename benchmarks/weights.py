"""What converting a checkpoint of 1.3 GB costs, against floors measured in the same run.

    python benchmarks/weights.py [--large GB] [--folder DIR]

The checkpoint has the 597 variables of BERT-base with Adam's slots. The floor is reading the file
and writing the output once, in this interpreter. The usual way imports TensorFlow, reads every
tensor and saves them with torch; it runs where TensorFlow is installed. `--large` also streams a
checkpoint of that many gigabytes, in shards. Files go to a temporary folder, removed at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from tf2torch.weights.bundle_file import write_bundle
from tf2torch.weights.files import mapped
from tf2torch.weights.streaming import Tensor
from tf2torch.weights.table import Table, table_bytes
from tf2torch.weights.wire import put

ROOT = Path(__file__).resolve().parents[1]
HIDDEN, INNER, LAYERS, WORDS = 768, 3072, 12, 30522
USUAL = """
import sys, tensorflow as tf, torch
reader = tf.train.load_checkpoint(sys.argv[1])
names = reader.get_variable_to_shape_map()
torch.save({name: torch.tensor(reader.get_tensor(name)) for name in names}, sys.argv[2])
"""
#: Runs a command and prints its wall time and the most anonymous memory that it held.
WATCH = """
import resource, subprocess, sys, time
start = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
most = 0
while child.poll() is None:
    try:
        for line in open(f"/proc/{child.pid}/status"):
            if line.startswith("RssAnon:"):
                most = max(most, int(line.split()[1]))
    except OSError:
        pass
    time.sleep(0.01)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - start, most * 1024, used.ru_utime + used.ru_stime, child.returncode)
"""


def shapes() -> dict[str, tuple[int, ...]]:
    """Variables of BERT-base."""
    found: dict[str, tuple[int, ...]] = {
        "bert/embeddings/word_embeddings": (WORDS, HIDDEN),
        "bert/embeddings/position_embeddings": (512, HIDDEN),
        "bert/embeddings/token_type_embeddings": (2, HIDDEN),
        "bert/embeddings/LayerNorm/gamma": (HIDDEN,),
        "bert/embeddings/LayerNorm/beta": (HIDDEN,),
        "bert/pooler/dense/kernel": (HIDDEN, HIDDEN),
        "bert/pooler/dense/bias": (HIDDEN,),
    }
    for n in range(LAYERS):
        layer = f"bert/encoder/layer_{n}"
        parts = {f"attention/self/{p}": (HIDDEN, HIDDEN) for p in ("query", "key", "value")}
        parts |= {"attention/output/dense": (HIDDEN, HIDDEN), "output/dense": (INNER, HIDDEN)}
        parts["intermediate/dense"] = (HIDDEN, INNER)
        for part, shape in parts.items():
            found[f"{layer}/{part}/kernel"] = shape
            found[f"{layer}/{part}/bias"] = shape[1:]
        for part in ("attention/output", "output"):
            found[f"{layer}/{part}/LayerNorm/gamma"] = (HIDDEN,)
            found[f"{layer}/{part}/LayerNorm/beta"] = (HIDDEN,)
    return found


def write_bert(prefix: Path) -> None:
    """The checkpoint, with random values."""
    noise = np.random.RandomState(0).standard_normal(WORDS * HIDDEN).astype(np.float32)
    tensors = [Tensor("global_step", (), np.dtype(np.int64), lambda: np.array(1000))]
    for name, shape in shapes().items():
        for slot in ("", "/adam_m", "/adam_v"):
            size = int(np.prod(shape))
            value = noise[:size].reshape(shape)
            tensors.append(Tensor(name + slot, shape, value.dtype, lambda v=value: v))
    write_bundle(prefix, tensors)


def bert_map() -> dict[str, Any]:
    """A weight map of a torch model: slots are mapped too, so that all bytes are converted."""
    variables = {}
    for name in shapes():
        for slot in ("", "/adam_m", "/adam_v"):
            key = name.replace("/", ".").replace("kernel", "weight") + slot.replace("/", ".")
            layout = ["transpose"] if name.endswith("kernel") else ["identity"]
            variables[name + slot] = {"module": "Bert", "key": key, "layout": layout}
    return {"version": 1, "variables": {**variables, "global_step": None}, "optimizers": []}


def watched(*command: str) -> tuple[float, int, float]:
    """Seconds, anonymous bytes and processor seconds of a command."""
    result = subprocess.run([sys.executable, "-c", WATCH, *command], cwd=ROOT,
                            capture_output=True, text=True)  # fmt: skip
    seconds, memory, work, status = result.stdout.split()
    assert status == "0", result.stderr
    return float(seconds), int(memory), float(work)


def best(*command: str, times: int = 3) -> tuple[float, int, float]:
    """The least time, the most memory and the least work of several runs."""
    seconds, memory, work = zip(*(watched(*command) for _ in range(times)))
    return min(seconds), max(memory), min(work)


def floor(source: Path, target: Path) -> tuple[float, float]:
    """Seconds and processor seconds for reading the file and writing as many bytes: one thread,
    the better of small and large pieces."""
    return min(copied(source, target, 1, step) for step in (256 << 10, 4 << 20))


def copied(source: Path, target: Path, threads: int, step: int) -> tuple[float, float]:
    start, work = time.perf_counter(), time.process_time()
    size = source.stat().st_size
    with open(source, "rb", buffering=0) as read, open(target, "wb", buffering=0) as write:
        write.truncate(size)

        def copy(first: int) -> None:
            piece = bytearray(step)
            for at in range(first * step, size, threads * step):
                count = os.preadv(read.fileno(), [piece], at)
                os.pwrite(write.fileno(), memoryview(piece)[:count], at)

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(copy, range(threads)))
    seconds, work = time.perf_counter() - start, time.process_time() - work
    target.unlink()
    return seconds, work


def row(label: str, text: str, limit: str = "") -> None:
    print(f"{label:<46}{text:>24}  {limit}", flush=True)


def bert(folder: Path) -> None:
    prefix = folder / "bert" / "model.ckpt"
    write_bert(prefix)
    data = prefix.with_name("model.ckpt.data-00000-of-00001")
    (folder / "map.json").write_text(json.dumps(bert_map()))
    largest = WORDS * HIDDEN * 4
    row("checkpoint", f"{data.stat().st_size / 1e9:.2f} GB, {len(bert_map()['variables'])} vars")
    tool = [sys.executable, "-m", "tf2torch", "weights"]
    start, _, start_work = best(*tool, str(prefix), "--list", "--only", "global_step")
    row("start-up (list one variable)", f"{start:.2f} s")
    for suffix in (".safetensors", ".pt"):
        output = folder / f"out{suffix}"
        command = [*tool, str(prefix), "--map", str(folder / "map.json"), "-o", str(output)]
        floors, runs, pairs = [], [], []
        for _ in range(5):
            floors.append(floor(data, folder / "floor"))
            pairs.append(copied(data, folder / "floor", 2, 256 << 10)[0])
            runs.append(watched(*command))
            output.unlink()
        base, base_work = (min(column) for column in zip(*floors))
        own, work = min(run[0] for run in runs), min(run[2] for run in runs)
        memory = max(run[1] for run in runs)
        row("read and write once (floor)", f"{base:.2f} s")
        row(f"to {suffix}, process start included", f"{own:.2f} s")
        row("  start-up aside, against the floor", f"{(own - start) / base:.2f} x", "limit 1.5")
        row("  against copying in two threads", f"{(own - start) / min(pairs):.2f} x")
        used = f"{work - start_work:.2f} s of {base_work:.2f} s"
        row("  processor time, of the floor's", used)
        limit = 3 * largest + 150e6
        row("  anonymous memory", f"{memory / 1e6:.0f} MB", f"limit {limit / 1e6:.0f} MB")
    try:
        usual, held, _ = watched(sys.executable, "-c", USUAL, str(prefix), str(folder / "usual.pt"))
    except (AssertionError, ValueError):
        print("TensorFlow is not installed: the usual way was not measured")
        return
    row("the usual way, TensorFlow and torch.save", f"{usual:.2f} s, {held / 1e6:.0f} MB")
    row("  times slower than tf2torch to .pt", f"{usual / own:.1f} x", "at least 8")


def merge(prefixes: list[Path], target: Path) -> None:
    """Checkpoints of one shard each as one checkpoint of many."""
    rows = {b"": put(1, len(prefixes)) + put(3, put(1, 1))}
    for number, prefix in enumerate(prefixes):
        index = f"{prefix}.index"
        for key, value in Table(mapped(index), index).items():
            if key:
                rows[key] = bytes(value) + put(3, number)
        os.remove(index)
        data = f"{prefix}.data-00000-of-00001"
        os.rename(data, f"{target}.data-{number:05d}-of-{len(prefixes):05d}")
    Path(f"{target}.index").write_bytes(table_bytes(sorted(rows.items())))


def large(folder: Path, size: int) -> None:
    """A checkpoint of 20 shards, streamed in the same memory; every second table is transposed."""
    (folder / "shards").mkdir()
    shape = (WORDS, HIDDEN)
    value = np.random.RandomState(0).standard_normal(shape).astype(np.float32)
    count = round(size * 1e9 / value.nbytes)
    prefixes = []
    for shard in range(20):
        names = [f"table_{n}" for n in range(shard, count, 20)]
        tensors = [Tensor(name, shape, value.dtype, lambda: value) for name in names]
        prefixes.append(folder / "shards" / f"part{shard}")
        write_bundle(prefixes[-1], tensors)
    merge(prefixes, folder / "shards" / "model.ckpt")
    variables = {
        f"table_{n}": {"key": f"tables.{n}", "layout": ["transpose"] if n % 2 else ["identity"]}
        for n in range(count)
    }
    (folder / "large.json").write_text(json.dumps({"version": 1, "variables": variables}))
    tool = [sys.executable, "-m", "tf2torch", "weights", str(folder / "shards" / "model.ckpt")]
    output = ["--map", str(folder / "large.json"), "-o", str(folder / "large.safetensors")]
    seconds, memory, _ = watched(*tool, *output)
    row(f"{size} GB in 20 shards", f"{seconds:.1f} s, {memory / 1e6:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", type=int, default=0, metavar="GB")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    try:
        bert(folder)
        if options.large:
            large(folder, options.large)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
