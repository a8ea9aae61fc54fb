"""Run a program under the recorder."""

import ast
import contextlib
import os
import random
import sys
import traceback
import types
from functools import partial
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import numpy as np

from .clock import NOW, Clock, Readings
from .double import Doubles
from .legacy import load_tensorflow, supply_numpy_names, supply_tutorials
from .probes import PROBE, Instrument
from .recording import Recorder
from .uses import STORE, USE, Uses
from .watch import sequential_loops
from .writing import LimitReached, Tee, Writer

USAGE = """usage: recorder SCRIPT OUTDIR [OPTIONS] [-- SCRIPT ARGUMENTS]

--limit-mb N  the most that the record may take on disk
--steps A-B   keep every one of these updates of a variable
--trace RUNS  keep the tensors behind assigned names, of all runs or of one, by its number
--float64     compute in double precision
"""


class Settings:
    """What is recorded, and how."""

    def __init__(self) -> None:
        self.limit = 2 << 30
        self.steps: Optional[Tuple[int, int]] = None
        self.trace = ""
        self.double = False


@contextlib.contextmanager
def patched_sessions(
    recorder: Recorder, doubles: Optional[Doubles] = None
) -> Iterator[Callable[..., Any]]:
    from tensorflow.python.client import session as sessions

    base = sessions.BaseSession
    plain, close = base.run, base.close
    run = plain if doubles is None else partial(doubles.run, plain)
    restore = None if doubles is None else doubles.watch_constants()
    make = base.make_callable
    if doubles is not None:
        base.make_callable = lambda *given, **options: doubles.make_callable(
            make, *given, **options
        )

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
        base.run, base.close, sessions.Session.__exit__ = plain, close, leave
        base.make_callable = make
        if restore is not None:
            restore()


def fix_seeds() -> None:
    """Python's and numpy's generators start alike on both sides, also where the clock is asked."""
    random.seed(0)
    np.random.seed(0)
    seed, random_seed = np.random.seed, random.seed
    np.random.seed = lambda value=None: None if value is None else seed(value)  # type: ignore
    random.seed = lambda a=None, version=2: None if a is None else random_seed(a, version)


def program_line(script: str) -> int:
    """The line of a program that is running; 0 if none is."""
    frame: Any = sys._getframe(1)
    while frame:
        if frame.f_code.co_filename == script:
            return int(frame.f_lineno)
        frame = frame.f_back
    return 0


def execute(script: str, arguments: List[str], namespace: Dict[str, Any],
            transform: Callable[[ast.Module], ast.Module],
            clock: Optional[Clock] = None) -> Optional[BaseException]:  # fmt: skip
    """Runs a program as the main one and returns what ended it early, if anything."""
    with open(script, "rb") as stream:
        tree = transform(ast.parse(stream.read(), script))
    clock = clock or Clock(script)
    tree = Readings().visit(tree)
    code = compile(ast.fix_missing_locations(tree), script, "exec", dont_inherit=True)
    module = types.ModuleType("__main__")
    module.__dict__.update(namespace, __file__=script, __builtins__=__builtins__)
    module.__dict__[NOW] = clock.now
    sys.modules["__main__"] = module
    sys.argv = [script] + arguments
    sys.path[0] = os.path.dirname(script)
    fix_seeds()
    os._exit = sys.exit  # type: ignore[assignment]  # the record would lose its end
    clock.install()
    try:
        exec(code, module.__dict__)
    except SystemExit as stop:
        if stop.code in (None, 0):
            return None
        print("SystemExit: %r" % (stop.code,), file=sys.stderr)
        return stop
    except LimitReached as error:
        print(error, file=sys.stderr)
        return error
    except (Exception, KeyboardInterrupt) as error:
        traceback.print_exc()
        return error
    finally:
        clock.remove()
    return None


def record(
    script: str, folder: str, arguments: List[str], settings: Optional[Settings] = None
) -> int:
    """Records one program; returns 0 if it ran to its end."""
    script = os.path.abspath(script)
    settings = settings or Settings()
    writer = Writer(folder, settings.limit)
    supply_numpy_names()
    tf = load_tensorflow()
    supply_tutorials(tf)
    recorder = Recorder(tf, script, writer, settings.steps, settings.trace)
    copy = open(os.path.join(folder, "stdout.txt"), "w", encoding="utf-8")
    doubles = Doubles(tf, recorder.single) if settings.double else None
    clock = Clock(script)
    tee = Tee(sys.stdout, copy, lambda: program_line(script))
    stdout, sys.stdout = sys.stdout, tee
    try:
        sessions = patched_sessions(recorder, doubles)
        with sequential_loops(), recorder.graphs.watched(), sessions as run:
            namespace = {PROBE: recorder.probe, USE: recorder.use, STORE: recorder.store}

            def transform(tree: ast.Module) -> Any:
                return Instrument().visit(Uses().visit(tree))

            error = execute(script, arguments, namespace, transform, clock)
            recorder.close_all(run)
    finally:
        sys.stdout = stdout
        copy.close()
    writer.event("printed", lines=tee.lines)
    writer.event("clock", readings=clock.readings, hashing=sys.hash_info.algorithm)
    writer.event("end", error=None if error is None else "%s: %s" % (type(error).__name__, error))
    writer.close()
    return 0 if error is None else 1


def main(arguments: List[str]) -> int:
    own, rest = arguments, []
    if "--" in arguments:
        own, rest = arguments[: arguments.index("--")], arguments[arguments.index("--") + 1 :]
    settings = Settings()
    places = []
    given = iter(own)
    for item in given:
        if item == "--limit-mb":
            settings.limit = int(next(given)) << 20
        elif item == "--steps":
            first, _, last = next(given).partition("-")
            settings.steps = (int(first), int(last or first))
        elif item == "--trace":
            settings.trace = next(given)
        elif item == "--float64":
            settings.double = True
        else:
            places.append(item)
    if len(places) != 2:
        print(USAGE, file=sys.stderr)
        return 2
    return record(places[0], places[1], rest, settings)
