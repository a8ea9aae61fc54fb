"""Give the conversion the clock readings of the original, as it gets its random draws.

Only what the program itself reads is kept and given back, on the main thread: the frameworks and
the standard library go by the real clock.
"""

import ast
import datetime
import os
import sys
import sysconfig
import threading
import time
import timeit
from typing import Any, Callable, Dict, List, Optional

Number = float
NOW = "__tf2torch_now__"
CLOCKS = (
    "time", "time_ns", "perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns",
    "process_time", "process_time_ns", "clock",
)  # fmt: skip
#: Functions that read the clock where they get no time, with the place of that argument.
TELLING = {"localtime": 0, "gmtime": 0, "ctime": 0, "asctime": 0, "strftime": 1}
TODAY = ("now", "utcnow", "today")
MOST = 1000000  # readings of one clock that are kept
OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep
LIBRARIES = tuple({sysconfig.get_paths()[key] + os.sep for key in ("stdlib", "purelib")})
FOREIGN = ("%ssite-packages%s" % (os.sep, os.sep), "%sdist-packages%s" % (os.sep, os.sep))


class Clock:
    """Keeps the readings of a program's clocks, or gives back those of another."""

    def __init__(self, script: str, known: Optional[Dict[str, List[Number]]] = None) -> None:
        self._folder = os.path.dirname(os.path.abspath(script)) + os.sep
        self._known = known
        self._given: Dict[str, int] = {}
        self._last: Dict[str, Any] = {}
        self._thread = threading.current_thread()
        self._real = {name: getattr(time, name) for name in CLOCKS if hasattr(time, name)}
        self._telling = {name: getattr(time, name) for name in TELLING}
        self._timer = timeit.default_timer
        self._files: Dict[str, bool] = {}
        self.readings: Dict[str, List[Number]] = {}

    def install(self) -> None:
        for name in self._real:
            setattr(time, name, self._reading(name))
        for name in self._telling:
            setattr(time, name, self._told(name))
        timeit.default_timer = time.perf_counter

    def remove(self) -> None:
        for functions in (self._real, self._telling):
            for name, function in functions.items():
                setattr(time, name, function)
        timeit.default_timer = self._timer

    def _reading(self, name: str) -> Callable[[], Number]:
        def read() -> Number:
            return self._read(name) if self._asked() else self._real[name]()

        read.__name__ = name
        return read

    def _told(self, name: str) -> Callable[..., Any]:
        function, place = self._telling[name], TELLING[name]

        def tell(*given: Any) -> Any:
            if len(given) != place or not self._asked():
                return function(*given)
            moment = self._read("time")
            if name in ("strftime", "asctime"):
                moment = self._telling["localtime"](moment)
            return function(*(given + (moment,)))

        tell.__name__ = name
        return tell

    def now(self, kind: Any, method: str, *given: Any, **options: Any) -> Any:
        """`datetime.datetime.now()` and the like; any other object's method of that name."""
        if kind not in (datetime.datetime, datetime.date) or not self._asked():
            return getattr(kind, method)(*given, **options)
        moment = self._read("time")
        if method == "utcnow":
            return kind.utcfromtimestamp(moment)
        return kind.fromtimestamp(moment, *given, **options)

    def _asked(self) -> bool:
        """Whether it is the program that reads the clock, on its main thread."""
        file = sys._getframe(2).f_code.co_filename
        if file not in self._files:
            self._files[file] = file.startswith(self._folder) and not (
                file.startswith((OWN,) + LIBRARIES)
                or any(part in file for part in FOREIGN)
                or os.path.basename(file) == "tf1_support.py"  # stands for what TensorFlow does
            )
        return self._files[file] and threading.current_thread() is self._thread

    def _read(self, name: str) -> Number:
        real = self._real[name]()
        if self._known is None:
            kept = self.readings.setdefault(name, [])
            if len(kept) < MOST:
                kept.append(real)
            return real
        # `time.clock` has gone with Python 3.8.
        known = self._known.get(name) or self._known.get("clock", [])
        place = self._given.get(name, 0)
        if place < len(known):
            self._given[name] = place + 1
            self._last[name] = known[place], real
            return known[place]
        # The program reads more often than the original has: the clock goes on from there.
        value, then = self._last.get(name, (real, real))
        return value + (real - then)


class Readings(ast.NodeTransformer):
    """Calls of methods such as `datetime.now`, whose types cannot be patched, ask the clock."""

    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        if not (isinstance(node.func, ast.Attribute) and node.func.attr in TODAY):
            return node
        call = ast.parse("%s(%r)" % (NOW, node.func.attr), mode="eval").body
        for part in ast.walk(call):
            ast.copy_location(part, node)
        assert isinstance(call, ast.Call)
        call.args = [node.func.value] + call.args + node.args
        call.keywords = node.keywords
        return call
