"""Stand between a program and Session.run."""

import os
import shutil
import sys
import tempfile
import threading
from functools import partial
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Set, Tuple

import numpy as np

from .fetched import Fetched
from .graphs import RANDOM_OPS, Plan, closure, flat_fetches, in_control_flow, is_drawn, line_of
from .probes import numeric
from .several import Several
from .tracing import Tracing
from .updates import Updates
from .watch import Watch, loops_around
from .writing import Writer

OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep  # may lie in the program's folder


class Recorder:
    """Stands between the program and Session.run, and listens to the probes."""

    def __init__(self, tf: Any, script: str, writer: Writer,
                 steps: Optional[Tuple[int, int]] = None, trace: str = "") -> None:  # fmt: skip
        self.tf = tf
        self.writer = writer
        self.folder = os.path.dirname(os.path.abspath(script))
        self.script = os.path.abspath(script)
        self.runs = 0
        self._plans: Dict[Any, Plan] = {}
        self._busy = False
        self._fetched = Fetched()
        self._known: Dict[int, List[str]] = {}
        self._made: Set[str] = set()
        self._sessions: List[Any] = []
        self._thread = threading.current_thread()
        self.graphs = Several()
        self.updates = Updates(writer, steps)
        self.tracing = Tracing(writer, trace)
        self._scratch = tempfile.mkdtemp(prefix="tf2torch-watch-")

    # The program's runs

    def run(self, original: Callable[..., Any], session: Any, fetches: Any, feed_dict: Any,
            options: Any, run_metadata: Any) -> Any:  # fmt: skip
        if self._busy or threading.current_thread() is not self._thread:
            return original(session, fetches, feed_dict, options, run_metadata)
        self._busy = True
        try:
            return self._recorded(original, session, fetches, feed_dict, options, run_metadata)
        finally:
            self._busy = False

    def _recorded(self, original: Callable[..., Any], session: Any, fetches: Any, feed_dict: Any,
                  options: Any, run_metadata: Any) -> Any:  # fmt: skip
        graph = session.graph
        try:
            plan = self._plan(graph, fetches, feed_dict)
        except Exception:  # a fetch or feed that is wrong: the program shall see its own error
            return original(session, fetches, feed_dict, options, run_metadata)
        self.runs += 1
        number, (file, line) = self.runs, self._place()
        due = self.updates.due(plan)
        extra = self._extra_fetches(plan)
        extra.update(self.updates.extra(due))
        fed = {tensor.name for key in (feed_dict or {}) for tensor in flat_fetches(graph, key)}
        traced = self.tracing.due(number, graph, plan.ops, fed)
        extra.update(self.tracing.extra(traced))
        watch = Watch(self.tf, plan, options, self._scratch) if plan.inner_draws else None
        if watch is not None:
            options = watch.options
        try:
            if extra:
                both = original(
                    session, {"main": fetches, "extra": extra}, feed_dict, options, run_metadata
                )
                result, found = both["main"], both["extra"]
            else:
                result, found = original(session, fetches, feed_dict, options, run_metadata), {}
        except Exception as error:
            for op in plan.data:
                self.writer.event("data_end", run=number, op=op.name, error=type(error).__name__)
            raise
        store = self.writer.value
        stored = store(result)
        self.writer.event(
            "run", id=number, file=file, line=line, train=plan.trains, init=bool(plan.initialised),
            value=stored, feeds=self._feeds(feed_dict), updates=self.updates.group(plan),
        )  # fmt: skip
        shapes = {op: np.shape(found["draw:" + other.name][0]) for op, other in plan.left_out}
        for op, values, rate in self._in_order(plan, found, watch):
            source = found.get("source:" + op.name)
            self._draw(number, op, values, rate, source, shapes.get(op))
        for op in plan.data:
            self.writer.event(
                "data", run=number, op=op.name, source=op.inputs[0].op.name,
                many=not op.type.rstrip("V2").endswith("QueueDequeue"),
                value=store(found["data:" + op.name]),
            )  # fmt: skip
        if session not in self._sessions:
            self._sessions.append(session)
        self.tracing.store(number, traced, plan.ops, found)
        if plan.updates:
            self.updates.store(number, plan, due, found, partial(self._read, original, session))
        if plan.initialised:
            known = self._known.setdefault(id(graph), [])
            known += [name for name in plan.initialised if name not in known]
            self._variables(original, session, "init", number, plan.initialised, plan.restored)
        self._fetched.remember(fetches, result, stored)
        return result

    def _plan(self, graph: Any, fetches: Any, feed_dict: Any) -> Plan:
        elements = flat_fetches(graph, fetches)
        fed = [e for key in (feed_dict or {}) for e in flat_fetches(graph, key)]
        key = (
            id(graph),
            graph.version,
            tuple(e.name for e in elements),
            tuple(e.name for e in fed),
        )
        if key not in self._plans:
            variables = self._all_variables(graph)
            prefix = self.graphs.prefix(graph) if variables else ""
            self._made.update(prefix + name for name in variables)
            plan = Plan(closure(elements, fed), variables, self.script, prefix)
            self._plans[key] = plan
            if plan.unordered:
                names = [prefix + name for name in plan.unordered]
                self.writer.event("unordered", names=names)
            for kind in plan.unknown:
                self.writer.event("unrecordable", type=kind, line=self._place()[1])
        return self._plans[key]

    @staticmethod
    def _all_variables(graph: Any) -> Dict[str, Any]:
        found: Dict[str, Any] = {}
        for collection in ("variables", "local_variables", "trainable_variables"):
            for variable in graph.get_collection(collection):
                if hasattr(variable, "initializer") and hasattr(variable, "op"):
                    found.setdefault(variable.name.split(":")[0], variable)
        return found

    @staticmethod
    def _extra_fetches(plan: Plan) -> Dict[str, Any]:
        extra: Dict[str, Any] = {}
        for op in plan.draws:
            extra["draw:" + op.name] = list(op.outputs)
            if op.type == "RandomShuffle":
                extra["source:" + op.name] = op.inputs[0]
        for name, rate in plan.rates.items():
            if rate is not None and not in_control_flow(rate.op) and name not in plan.known_rates:
                extra["rate:" + name] = rate
        for op in plan.data:
            extra["data:" + op.name] = list(op.outputs)
        return extra

    @staticmethod
    def _in_order(plan: Plan, found: Dict[str, Any],
                  watch: Optional[Watch]) -> Iterator[Tuple[Any, List[Any], Any]]:  # fmt: skip
        """The draws of a run, with their values and rates, in the order of the program's text."""
        rates = {op: found.get("rate:" + op, plan.known_rates.get(op)) for op in plan.rates}
        rows: List[Any] = [
            ((op._id,), op, found["draw:" + op.name], rates.get(op.name)) for op in plan.draws
        ]
        rows += [((op._id,), op, [], plan.known_rates.get(op.name)) for op, _ in plan.left_out]
        if watch is not None:
            rows += watch.values(rates)
        for _, op, values, rate in sorted(rows, key=lambda row: row[0]):
            yield op, values, rate

    def _draw(self, run: int, op: Any, values: Any, rate: Any, source: Any,
              left_out: Optional[Tuple[int, ...]]) -> None:  # fmt: skip
        """Writes a draw; `left_out` is the shape of one that the run did not compute."""
        # A mask that drops nothing is no draw: its counterpart may not even call dropout.
        if rate is not None and float(np.max(rate)) <= 0:
            return
        self.writer.event(
            "draw", run=run, op=op.name, type=RANDOM_OPS[op.type],
            rate=None if rate is None else float(np.max(rate)),
            shape=list(np.shape(values[0]) if left_out is None else left_out),
            left_out=left_out is not None,
            looped=bool(loops_around(op)),
            value=[self.writer.value(value) for value in values],
            source=None if source is None else self.writer.value(source),
        )  # fmt: skip

    def _feeds(self, feed_dict: Any) -> List[Any]:
        feeds = []
        for key, value in (feed_dict or {}).items():
            name = getattr(key, "name", None)
            feeds.append(
                [name if isinstance(name, str) else str(key)[:80], self.writer.value(value)]
            )
        return feeds

    def _variables(self, original: Callable[..., Any], session: Any, when: str, run: int,
                   names: Iterable[str], restored: Sequence[str] = ()) -> None:  # fmt: skip
        variables = self._all_variables(session.graph)
        trained = session.graph.get_collection("trainable_variables")
        values = self._read(original, session, names)
        graph = self.graphs.prefix(session.graph)
        self.writer.event(
            "variables", when=when, run=run,
            value={graph + name: self.writer.value(value) for name, value in values.items()},
            trainable=[graph + variable.name.split(":")[0] for variable in trained],
            lines={graph + n: line_of(variables[n].op, self.script) for n in values},
            drawn=[graph + n for n in values if when == "init"
                   and (n in restored or is_drawn(variables[n]))],
            restored=[graph + n for n in values if n in restored],
        )  # fmt: skip

    def _read(self, original: Callable[..., Any], session: Any,
              names: Iterable[str]) -> Dict[str, Any]:  # fmt: skip
        """The present values of variables."""
        variables = self._all_variables(session.graph)
        wanted = {name: variables[name] for name in names if name in variables}
        values = original(session, list(wanted.values()), None, None, None) if wanted else []
        return dict(zip(wanted, values))

    def closing(self, original: Callable[..., Any], session: Any) -> None:
        """Keeps the last values of the variables of a session that is about to close."""
        if session not in self._sessions:
            return
        self._sessions.remove(session)
        busy, self._busy = self._busy, True
        try:
            known = self._known.get(id(session.graph), [])
            if known:
                self._variables(original, session, "final", self.runs, known)
        except Exception as error:  # the program's own closing must go on
            self.writer.event("note", text="final values not read: %s" % str(error)[:200])
        finally:
            self._busy = busy

    def close_all(self, original: Callable[..., Any]) -> None:
        for session in list(self._sessions):
            if not session._closed:
                self.closing(original, session)
        self.writer.event("updates", counts=self.updates.counts)
        self.writer.event("made", names=sorted(self._made))
        shutil.rmtree(self._scratch, ignore_errors=True)

    def single(self, kind: str) -> None:
        """An op stays in single precision though the program runs in double."""
        self.writer.event("single", type=kind)

    # Names

    def probe(self, line: int, scope: str, fetched: bool, names: Tuple[str, ...],
              values: Tuple[Any, ...]) -> None:  # fmt: skip
        for name, value in zip(names, values):
            self.tracing.note(name, scope, line, value)
            self._fetched.name(name, value)
            if (fetched or value in self._fetched) and numeric(value):
                self.writer.event(
                    "assign", name=name, scope=scope, line=line, run=self.runs,
                    value=self.writer.value(value), labels=self._fetched.labels(value),
                )  # fmt: skip

    def use(self, line: int, scope: str, sink: str, place: int, named: bool, value: Any) -> Any:
        """A fetched value goes where no name tells what it is."""
        if value in self._fetched and not (named and numeric(value)):
            self.writer.event(
                "use", run=self.runs, line=line, scope=scope, sink=sink, place=place,
                value=self._fetched.stored(value) or self.writer.value(value),
                labels=self._fetched.labels(value),
            )  # fmt: skip
        return value

    def store(self, line: int, scope: str, sink: str, part: str, sure: bool, value: Any) -> Any:
        """A statement stores, returns or decides by something made of fetched values."""
        if sure or self._fetched.within(value):
            stored = self._fetched.stored(value) or self.writer.value(value)
            self.writer.event(
                "store", run=self.runs, line=line, scope=scope, sink=sink, part=part, sure=sure,
                value=stored,
            )  # fmt: skip
        return value

    def _place(self) -> Tuple[str, int]:
        frame: Any = sys._getframe(1)
        while frame:
            name = os.path.abspath(frame.f_code.co_filename)
            if name == self.script or (
                name.startswith(self.folder + os.sep) and not name.startswith(OWN)
            ):
                return os.path.relpath(name, self.folder), frame.f_lineno
            frame = frame.f_back
        return "", 0
