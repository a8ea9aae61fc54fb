"""Run a converted program from the recorded initial values, with the recorded random draws.

    python -m tf2torch.parity.replay CONVERTED.py RECORD OUTDIR [OPTIONS] [-- ARGUMENTS]

`--exact` gives Adam TensorFlow's epsilon, `--float64` computes in double precision, `--jitter`
changes the initial values in their last digits, `--trace RUNS` keeps what every torch call
returns. OUTDIR receives the same files as the recorder's.
"""

from __future__ import annotations

import ast
import importlib
import os
import sys
from pathlib import Path
from typing import Any

import torch

from tf2torch.parity.crossings import SEEN, Crossings, wanted
from tf2torch.parity.devices import NoDevice, prepare
from tf2torch.parity.draws import Draws
from tf2torch.parity.instrument import BIND, NATIVE, Instrument, host_names
from tf2torch.parity.loading import Loader
from tf2torch.parity.mapping import graphs_of, read_for, with_rounds
from tf2torch.parity.optimizing import Steps, tensorflow_adam
from tf2torch.parity.order import Order
from tf2torch.parity.pairs import same_scope, sequences
from tf2torch.parity.patches import Patches, caller_line, patch_support
from tf2torch.parity.precision import use_double_precision
from tf2torch.parity.recorder import probes
from tf2torch.parity.recorder.clock import Clock
from tf2torch.parity.recorder.running import execute, program_line
from tf2torch.parity.recorder.writing import Tee, Writer
from tf2torch.parity.records import Event, Record
from tf2torch.parity.tracing import Tracing

#: Relative change of the initial values: some ten times the precision of singles, and of doubles.
JITTER, FINE_JITTER = 1e-6, 1e-14


class Replayer:
    """Listens to the probes of the converted program."""

    def __init__(self, writer: Writer, record: Record, drawn: Draws, tracing: Tracing) -> None:
        self._writer = writer
        self._drawn = drawn
        self._known = sequences(record)
        self._turns = {name: by_scope(events) for name, events in self._known.items()}
        self._seen: dict[tuple[str, int], int] = {}
        self._host: set[str] = set()
        self._traced = {event["name"].split("[")[0] for event in record.of("trace")}
        self._tracing = tracing

    def expect(self, assigned: set[str]) -> None:
        """Only names that the conversion assigns can tell how far it has come."""
        self._host = assigned
        known = [events for name, events in self._known.items() if name in assigned]
        self._drawn.name_runs(event["run"] for events in known for event in events)

    def probe(self, line: int, scope: str, fetched: bool, names: tuple[str, ...],
              values: tuple[Any, ...]) -> None:  # fmt: skip
        for name, value in zip(names, values):
            if name in self._traced and holds_tensor(value):
                self._tracing.note(name, value, line)
            if name not in self._known:
                continue
            tensor = holds_tensor(value)
            plain = to_numpy(value) if tensor else value
            if not probes.numeric(plain):
                continue
            event = {"name": name, "scope": scope, "line": line, "tensor": tensor}
            event["fetched"] = fetched
            self._writer.event("assign", value=self._writer.value(plain), **event)
            if tensor or (name in self._host and not fetched):
                continue
            # Each function has its own turns: one may train, and the other evaluate.
            for number, runs in enumerate(self._turns[name]):
                if not same_scope([event], runs[0], strict=True):
                    continue
                count = self._seen.get((name, number), 0)
                self._seen[name, number] = count + 1
                if count < len(runs):
                    self._drawn.finish(runs[count]["run"])


def by_scope(events: list[Event]) -> list[list[Event]]:
    """The assignments of each function."""
    scopes = dict.fromkeys(event["scope"] for event in events)
    return [[event for event in events if event["scope"] == scope] for scope in scopes]


def assigned_names(tree: ast.Module) -> set[str]:
    """Every name that the program gives a value."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            found.update(text for target in node.targets for text in probes.target_texts(target))
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
            found.update(probes.target_texts(node.target))
    return found


def holds_tensor(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(holds_tensor(item) for item in value)
    if isinstance(value, dict):
        return any(holds_tensor(item) for item in value.values())
    return isinstance(value, torch.Tensor)


def to_numpy(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [to_numpy(item) for item in value]
    if isinstance(value, dict):
        return {key: to_numpy(item) for key, item in value.items()}
    if isinstance(value, torch.Tensor):
        if value.dtype == torch.bfloat16:
            value = value.float()
        return value.detach().cpu().numpy().copy()
    return value


def replay(
    converted: str,
    record: str,
    folder: str,
    arguments: list[str],
    exact: bool = False,
    double: bool = False,
    jitter: bool = False,
    trace: str = "",
    device: str = "cpu",
    weights: str = "",
) -> int:
    """Replays one program; returns 0 if it ran to its end."""
    prepare(device)
    path = Path(converted).resolve()
    mapped = Path(weights) if weights else path.with_suffix(".weights.json")
    weight_map = read_for(path, mapped)
    known = Record(Path(record), graphs_of(weight_map))
    weight_map = with_rounds(weight_map, known.first_values)
    writer = Writer(folder)
    drawn = Draws(known, caller_line(str(path)))
    # An op of the original that has no doubles has rounded like singles.
    fine = double and not any(known.of("single"))
    loader = Loader(weight_map, known, drawn, (FINE_JITTER if fine else JITTER) if jitter else 0.0)
    order = Order(known)
    Patches(drawn).install()
    loader.watch_classes()
    order.install()
    line = caller_line(str(path))
    steps = Steps(writer, known, loader, line)
    steps.install()
    drawn.mapped = frozenset(name for parts in loader.entries.values() for name, _ in parts)
    steps.stepped = drawn.step
    tracing = Tracing(writer, trace, line, lambda: drawn.finished)
    tracing.stepping = lambda: steps.stepping
    tracing.install()
    if exact:
        tensorflow_adam()
    if double:
        use_double_precision()
    torch.manual_seed(0)
    switch = drawn.native()

    def native(on: bool) -> None:
        nonlocal switch
        if on:
            switch = drawn.native()
            switch.__enter__()
        else:
            switch.__exit__(None, None, None)

    if (path.parent / "tf1_support.py").exists():
        sys.path.insert(0, str(path.parent))
        support = importlib.import_module("tf1_support")
        patch_support(drawn, support)
        order.install_support(support)
        del sys.path[0]
    replayer = Replayer(writer, known, drawn, tracing)
    instrument = Instrument(loader.roots())

    def transform(tree: ast.Module) -> ast.Module:
        instrument.names = host_names(tree)
        replayer.expect(instrument.names)
        kept = wanted(known, assigned_names(tree))
        if kept is not None:
            crossings = Crossings(writer, str(path), kept)
            crossings.install()
            namespace[SEEN] = crossings.seen
            tree = crossings.instrument(tree)
        return instrument.visit(tree)

    namespace: dict[str, Any] = {
        probes.PROBE: replayer.probe,
        BIND: loader.bind,
        NATIVE: native,
    }
    clock = Clock(str(path), known.readings)
    with open(os.path.join(folder, "stdout.txt"), "w", encoding="utf-8") as copy:
        tee = Tee(sys.stdout, copy, lambda: program_line(str(path)))
        stdout, sys.stdout = sys.stdout, tee
        try:
            error = execute(str(path), arguments, namespace, transform, clock)
        finally:
            sys.stdout = stdout
    steps.flush()
    for parameter in steps.unmapped.values():
        module, key = loader.name_of(parameter)
        text = "is trained, and no variable of the weight map is its counterpart"
        loader.findings.append({"module": module, "key": key, "text": text})
    if device != "cpu" and error is None and not loader.uses(device):
        raise NoDevice(f"The conversion has no parameter on {device}")
    finish(writer, known, loader, drawn, order)
    writer.event("printed", lines=tee.lines)
    writer.event("end", error=None if error is None else f"{type(error).__name__}: {error}")
    writer.close()
    return 0 if error is None else 1


def finish(writer: Writer, known: Record, loader: Loader, drawn: Draws, order: Order) -> None:
    for finding in loader.findings:
        writer.event("loading", **finding)
    for module, key in sorted(loader.entries):
        value = loader.final(module, key)
        if value is None and known.made.isdisjoint(n for n, _ in loader.entries[module, key]):
            continue  # of a branch that neither program takes
        if (module, key) not in loader.loaded or value is None:
            writer.event("loading", module=module, key=key, text="was never made by the program")
        else:
            writer.event("final", module=module, key=key, value=writer.value(value))
    for missing in drawn.missing:
        writer.event("draw_missing", **missing)
    for draw in drawn.unused():
        writer.event("draw_unused", type=draw.type, run=draw.run, shape=list(draw.shape))
    if order.failures:
        writer.event("order_missing", count=order.failures)


def main(arguments: list[str]) -> int:
    own, rest = arguments, []
    if "--" in arguments:
        own, rest = arguments[: arguments.index("--")], arguments[arguments.index("--") + 1 :]
    exact, double = "--exact" in own, "--float64" in own
    jitter = "--jitter" in own
    values = {"--trace": "", "--device": "cpu", "--weights": ""}
    for name in values:
        if name in own:
            at = own.index(name)
            values[name], own = own[at + 1], own[:at] + own[at + 2 :]
    own = [item for item in own if not item.startswith("--")]
    if len(own) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    trace, device, weights = values["--trace"], values["--device"], values["--weights"]
    try:
        return replay(own[0], own[1], own[2], rest, exact, double, jitter, trace, device, weights)
    except NoDevice as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
