"""Run a program under the recorder."""

import ast
import contextlib
import os
import random
import sys
import traceback
import types
from typing import Any, Callable, Dict, Iterator, List, Optional

import numpy as np

from .legacy import load_tensorflow, supply_numpy_names, supply_tutorials
from .probes import PROBE, Instrument
from .recording import Recorder
from .writing import Tee, Writer

USAGE = "usage: recorder SCRIPT OUTDIR [--limit-mb N] [-- SCRIPT ARGUMENTS]"


@contextlib.contextmanager
def patched_sessions(recorder: Recorder) -> Iterator[Callable[..., Any]]:
    from tensorflow.python.client import session as sessions

    base = sessions.BaseSession
    run, close = base.run, base.close

    def recorded_run(self: Any, fetches: Any, feed_dict: Any = None, options: Any = None,
                     run_metadata: Any = None) -> Any:  # fmt: skip
        return recorder.run(run, self, fetches, feed_dict, options, run_metadata)

    def recorded_close(self: Any) -> None:
        recorder.closing(run, self)
        close(self)

    def recorded_exit(original: Callable[..., Any]) -> Callable[..., Any]:
        def leave(self: Any, kind: Any, value: Any, trace: Any) -> Any:
            recorder.closing(run, self)
            return original(self, kind, value, trace)

        return leave

    leave = sessions.Session.__exit__
    base.run, base.close, sessions.Session.__exit__ = (
        recorded_run,
        recorded_close,
        recorded_exit(leave),
    )
    try:
        yield run
    finally:
        base.run, base.close, sessions.Session.__exit__ = run, close, leave


def fix_seeds() -> None:
    """Python's and numpy's generators start alike on both sides, also where the clock is asked."""
    random.seed(0)
    np.random.seed(0)
    seed, random_seed = np.random.seed, random.seed
    np.random.seed = lambda value=None: None if value is None else seed(value)  # type: ignore
    random.seed = lambda a=None, version=2: None if a is None else random_seed(a, version)


def execute(script: str, arguments: List[str], namespace: Dict[str, Any],
            transform: Callable[[ast.Module], ast.Module]) -> Optional[BaseException]:  # fmt: skip
    """Runs a program as the main one and returns what ended it early, if anything."""
    with open(script, "rb") as stream:
        tree = transform(ast.parse(stream.read(), script))
    code = compile(ast.fix_missing_locations(tree), script, "exec", dont_inherit=True)
    module = types.ModuleType("__main__")
    module.__dict__.update(namespace, __file__=script, __builtins__=__builtins__)
    sys.modules["__main__"] = module
    sys.argv = [script] + arguments
    sys.path[0] = os.path.dirname(script)
    fix_seeds()
    try:
        exec(code, module.__dict__)
    except SystemExit as stop:
        return None if stop.code in (None, 0) else stop
    except (Exception, KeyboardInterrupt) as error:
        traceback.print_exc()
        return error
    return None


def record(script: str, folder: str, arguments: List[str], limit: int = 2 << 30) -> int:
    """Records one program; returns 0 if it ran to its end."""
    script = os.path.abspath(script)
    writer = Writer(folder, limit)
    supply_numpy_names()
    tf = load_tensorflow()
    supply_tutorials(tf)
    recorder = Recorder(tf, script, writer)
    copy = open(os.path.join(folder, "stdout.txt"), "w", encoding="utf-8")
    stdout, sys.stdout = sys.stdout, Tee(sys.stdout, copy)
    try:
        with patched_sessions(recorder) as run:
            error = execute(script, arguments, {PROBE: recorder.probe}, Instrument().visit)
            recorder.close_all(run)
    finally:
        sys.stdout = stdout
        copy.close()
    writer.event("end", error=None if error is None else "%s: %s" % (type(error).__name__, error))
    writer.close()
    return 0 if error is None else 1


def main(arguments: List[str]) -> int:
    own, rest = arguments, []
    if "--" in arguments:
        own, rest = arguments[: arguments.index("--")], arguments[arguments.index("--") + 1 :]
    limit = 2048
    if "--limit-mb" in own:
        at = own.index("--limit-mb")
        limit, own = int(own[at + 1]), own[:at] + own[at + 2 :]
    if len(own) != 2:
        print(USAGE, file=sys.stderr)
        return 2
    return record(own[0], own[1], rest, limit << 20)
