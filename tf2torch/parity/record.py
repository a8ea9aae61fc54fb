"""Run a TensorFlow 1 program unchanged and record its variables, runs, random draws and output.

This file stands alone: Python 3.6 or later, TensorFlow 1.12 to 1.15 or 2.x, and numpy are all
it needs, so that it can be handed to an old interpreter:

    python record.py SCRIPT OUTDIR [--limit-mb N] [--float64] [-- SCRIPT ARGUMENTS]

OUTDIR receives `events.jsonl` (one event a line), `values.bin` (arrays, one after the other in
numpy's own format) and `stdout.txt`. No op is added to the program's graph: what is not fetched
by the program is read by fetching existing tensors in the same run, or, inside loops and
branches, by the runtime's debug watches.
"""
# The annotations keep to what Python 3.6 can evaluate.
# ruff: noqa: UP006, UP031, UP035, UP045

import ast
import contextlib
import io
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import traceback
import types
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

import numpy as np

RANDOM_OPS = {
    "RandomUniform": "uniform",
    "RandomStandardNormal": "normal",
    "TruncatedNormal": "truncated_normal",
    "ParameterizedTruncatedNormal": "truncated_normal",
    "RandomUniformInt": "integers",
    "RandomShuffle": "shuffle",
    "RandomGamma": "gamma",
    "RandomPoisson": "poisson",
    "RandomPoissonV2": "poisson",
    "Multinomial": "multinomial",
    "StatelessRandomUniform": "uniform",
    "StatelessRandomUniformV2": "uniform",
    "StatelessRandomNormal": "normal",
    "StatelessRandomNormalV2": "normal",
    "StatelessTruncatedNormal": "truncated_normal",
    "StatelessTruncatedNormalV2": "truncated_normal",
    "UniformCandidateSampler": "candidates",
    "LogUniformCandidateSampler": "candidates",
    "LearnedUnigramCandidateSampler": "candidates",
    "ThreadUnsafeUnigramCandidateSampler": "candidates",
    "FixedUnigramCandidateSampler": "candidates",
    "AllCandidateSampler": "candidates",
}
DATA_OPS = (
    "IteratorGetNext",
    "IteratorGetNextSync",
    "OneShotIteratorGetNext",
    "QueueDequeue",
    "QueueDequeueV2",
    "QueueDequeueMany",
    "QueueDequeueManyV2",
    "QueueDequeueUpTo",
    "QueueDequeueUpToV2",
)
ASSIGN_OPS = ("Assign", "AssignVariableOp")
UPDATE_PREFIXES = ("Apply", "ResourceApply", "SparseApply", "ResourceSparseApply")


class LimitReached(Exception):
    """The record has grown past its size limit."""


# --- Writing ---------------------------------------------------------------------------------


class Writer:
    """Streams events and arrays to a folder."""

    def __init__(self, folder: str, limit: int = 2 << 30) -> None:
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.limit = limit
        self._events = open(os.path.join(folder, "events.jsonl"), "w", encoding="utf-8")
        self._values = open(os.path.join(folder, "values.bin"), "wb")

    def event(self, kind: str, **fields: Any) -> None:
        self._events.write(json.dumps(dict(fields, kind=kind)) + "\n")

    def value(self, value: Any) -> Any:
        """Stores the arrays of a nested value and returns its structure with references."""
        if isinstance(value, dict):
            return {"dict": [[str(key), self.value(value[key])] for key in value]}
        if isinstance(value, (list, tuple)) and not _plain_numbers(value):
            return {"list": [self.value(item) for item in value]}
        if value is None or isinstance(value, (str, bytes)):
            return {"text": None if value is None else repr(value)[:200]}
        try:
            array = np.asarray(value)
        except Exception:  # an object numpy cannot hold has no value to compare
            return {"text": repr(type(value))}
        if array.dtype.kind not in "biufc":
            return {"text": str(array.dtype)}
        offset = self._values.tell()
        if offset + array.nbytes > self.limit:
            raise LimitReached(
                "the record has reached its limit of %d MB; record fewer steps or raise --limit-mb"
                % (self.limit >> 20)
            )
        np.lib.format.write_array(self._values, np.array(array, order="C"), allow_pickle=False)
        return {"at": offset}

    def close(self) -> None:
        self._events.close()
        self._values.close()


def _plain_numbers(value: Any) -> bool:
    return bool(value) and all(isinstance(item, (bool, int, float)) for item in value)


class Tee(io.TextIOBase):
    """A text stream that keeps a copy of what passes through it."""

    def __init__(self, stream: Any, copy: Any) -> None:
        self._stream, self._copy = stream, copy

    def write(self, text: str) -> int:
        self._copy.write(text)
        self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        self._stream.flush()
        self._copy.flush()

    def fileno(self) -> int:
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    def isatty(self) -> bool:
        return False


# --- Probes: what is assigned to which name --------------------------------------------------

PROBE = "__tf2torch_probe__"


def target_texts(target: ast.AST) -> List[str]:
    """The assigned names of one target, as source text: `a`, `self.a`, `a['k']`."""
    if isinstance(target, (ast.Tuple, ast.List)):
        return [text for item in target.elts for text in target_texts(item)]
    if isinstance(target, ast.Starred):
        return target_texts(target.value)
    text = _path(target)
    return [text] if text and text != "_" else []


def _path(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = _path(node.value)
        return base + "." + node.attr if base else ""
    return ""


def calls_in(node: ast.AST) -> Iterator[ast.Call]:
    return (item for item in ast.walk(node) if isinstance(item, ast.Call))


def fetches(node: ast.AST) -> bool:
    """Whether the expression itself runs the graph."""
    return any(
        isinstance(call.func, ast.Attribute) and call.func.attr in ("run", "eval")
        for call in calls_in(node)
    )


class Instrument(ast.NodeTransformer):
    """Adds a probe behind every assignment whose value may have been computed."""

    def __init__(self) -> None:
        self._scope: List[str] = []

    def _inside(self, node: Any) -> Any:
        self._scope.append(node.name)
        self.generic_visit(node)
        self._scope.pop()
        return node

    visit_FunctionDef = _inside
    visit_AsyncFunctionDef = _inside
    visit_ClassDef = _inside

    def visit_Assign(self, node: ast.Assign) -> Any:
        if isinstance(node.value, (ast.Constant, ast.Lambda)):
            return node
        names = [text for target in node.targets for text in target_texts(target)]
        return [node] + self.probes(node, names)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is None or isinstance(node.value, ast.Constant):
            return node
        return [node] + self.probes(node, target_texts(node.target))

    def probes(self, node: Any, names: List[str]) -> List[ast.stmt]:
        if not names:
            return []
        source = "%s(%d, %r, %r, %r, (%s,))" % (
            PROBE,
            node.lineno,
            ".".join(self._scope),
            fetches(node.value),
            tuple(names),
            ", ".join(names),
        )
        statements = ast.parse(source).body
        for statement in statements:
            for part in ast.walk(statement):
                ast.copy_location(part, node)
        return statements


# --- Reading a graph -------------------------------------------------------------------------


def flat_fetches(graph: Any, value: Any) -> List[Any]:
    """The graph elements (tensors and operations) of a nested fetch."""
    if value is None:
        return []
    if isinstance(value, dict):
        return [item for key in value for item in flat_fetches(graph, value[key])]
    if hasattr(value, "indices") and hasattr(value, "values") and hasattr(value, "op"):
        parts = [value.values, value.indices, getattr(value, "dense_shape", None)]
        return [item for part in parts for item in flat_fetches(graph, part)]
    if isinstance(value, (list, tuple)):
        return [item for part in value for item in flat_fetches(graph, part)]
    return [graph.as_graph_element(value, allow_tensor=True, allow_operation=True)]


def operation(element: Any) -> Any:
    return element.op if hasattr(element, "op") and hasattr(element, "dtype") else element


def closure(roots: Iterable[Any], fed: Iterable[Any]) -> List[Any]:
    """Every operation that a run executes, in the order of their creation."""
    fed_names = {tensor.name for tensor in fed}
    seen: Dict[str, Any] = {}
    stack = [operation(root) for root in roots if getattr(root, "name", None) not in fed_names]
    while stack:
        op = stack.pop()
        if op.name in seen:
            continue
        seen[op.name] = op
        stack.extend(tensor.op for tensor in op.inputs if tensor.name not in fed_names)
        stack.extend(op.control_inputs)
    return sorted(seen.values(), key=lambda op: op._id)


def in_control_flow(op: Any) -> bool:
    context = op._get_control_flow_context()
    return context is not None and type(context).__name__ in ("CondContext", "WhileContext")


def dropout_rate(op: Any) -> Optional[Any]:
    """The tensor that a uniform draw is compared with to make a dropout mask, if it is one."""
    frontier = [op.outputs[0]]
    for _ in range(3):
        consumers = [user for tensor in frontier for user in tensor.consumers()]
        for user in consumers:
            if user.type == "GreaterEqual" and user.inputs[0] in frontier_refs(frontier):
                return user.inputs[1]
        moved = [u for u in consumers if u.type in ("Mul", "Add", "AddV2", "Sub", "Identity")]
        frontier = [user.outputs[0] for user in moved]
    return None


def frontier_refs(tensors: List[Any]) -> "RefList":
    return RefList(tensors)


class RefList:
    """Membership by identity; tensors may overload equality."""

    def __init__(self, items: List[Any]) -> None:
        self._names = {item.name for item in items}

    def __contains__(self, item: Any) -> bool:
        return item.name in self._names


def initialises_only(op: Any, variables: Dict[str, Any], limit: int = 200) -> bool:
    """Whether a draw does nothing but give a variable its initial value."""
    initializers = {v.initializer.name for v in variables.values() if v.initializer is not None}
    stack, seen, found = list(op.outputs), set(), False
    while stack:
        for user in stack.pop().consumers():
            if user.name in seen:
                continue
            seen.add(user.name)
            if user.name in initializers:
                found = True
                continue
            if len(seen) > limit:
                return False
            stack.extend(user.outputs)
            if not user.outputs:
                return False
    return found


class Plan:
    """What a run of given fetches and feeds executes; worked out once for each combination."""

    def __init__(self, ops: List[Any], variables: Dict[str, Any]) -> None:
        names = {op.name for op in ops}
        self.initialised = [
            name
            for name, variable in variables.items()
            if variable.initializer is not None and variable.initializer.name in names
        ]
        by_op = {}
        for name, variable in variables.items():
            handle = getattr(variable, "handle", None)
            by_op[(handle.op if handle is not None else variable.op).name] = name
        written = [(op, by_op.get(op.inputs[0].op.name)) for op in ops if op.inputs]
        restored = [
            name
            for op, name in written
            if name is not None and op.type in ASSIGN_OPS and _restores(op.inputs[1])
        ]
        self.initialised += [name for name in restored if name not in self.initialised]
        self.trains = any(op.type.startswith(UPDATE_PREFIXES) for op in ops)
        drawn = [op for op in ops if op.type in RANDOM_OPS and not initialises_only(op, variables)]
        self.draws = [op for op in drawn if not in_control_flow(op)]
        self.inner_draws = [op for op in drawn if in_control_flow(op)]
        self.rates = {op.name: dropout_rate(op) for op in drawn if op.type == "RandomUniform"}
        self.data = [op for op in ops if op.type in DATA_OPS and not in_control_flow(op)]


def _restores(tensor: Any) -> bool:
    for _ in range(4):
        if tensor.op.type in ("RestoreV2", "Restore", "RestoreSlice"):
            return True
        if not tensor.op.inputs:
            return False
        tensor = tensor.op.inputs[0]
    return False


# --- Recording -------------------------------------------------------------------------------


class Recorder:
    """Stands between the program and Session.run, and listens to the probes."""

    def __init__(self, tf: Any, script: str, writer: Writer) -> None:
        self.tf = tf
        self.writer = writer
        self.folder = os.path.dirname(os.path.abspath(script))
        self.script = os.path.abspath(script)
        self.runs = 0
        self._plans: Dict[Any, Plan] = {}
        self._busy = False
        self._recent: Dict[int, Any] = {}
        self._known: Dict[int, List[str]] = {}
        self._sessions: List[Any] = []
        self._thread = threading.current_thread()
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
        extra = self._extra_fetches(plan)
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
        self.writer.event(
            "run", id=number, file=file, line=line, train=plan.trains, init=bool(plan.initialised),
            value=store(result), feeds=self._feeds(feed_dict),
        )  # fmt: skip
        for op in plan.draws:
            self._draw(number, op, found["draw:" + op.name], found.get("rate:" + op.name),
                       found.get("source:" + op.name))  # fmt: skip
        if watch is not None:
            for op, values, rate in watch.values():
                self._draw(number, op, values, rate, None)
        for op in plan.data:
            self.writer.event(
                "data", run=number, op=op.name, source=op.inputs[0].op.name,
                many=not op.type.rstrip("V2").endswith("QueueDequeue"),
                value=store(found["data:" + op.name]),
            )  # fmt: skip
        if session not in self._sessions:
            self._sessions.append(session)
        if plan.initialised:
            known = self._known.setdefault(id(graph), [])
            known += [name for name in plan.initialised if name not in known]
            self._variables(original, session, "init", number, plan.initialised)
        self._remember(result)
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
            self._plans[key] = Plan(closure(elements, fed), self._all_variables(graph))
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
            rate = plan.rates.get(op.name)
            if rate is not None and not in_control_flow(rate.op):
                extra["rate:" + op.name] = rate
        for op in plan.data:
            extra["data:" + op.name] = list(op.outputs)
        return extra

    def _draw(self, run: int, op: Any, values: Any, rate: Any, source: Any) -> None:
        # A mask that drops nothing is no draw: its counterpart may not even call dropout.
        if rate is not None and float(np.max(rate)) <= 0:
            return
        self.writer.event(
            "draw", run=run, op=op.name, type=RANDOM_OPS[op.type],
            rate=None if rate is None else float(np.max(rate)), shape=list(np.shape(values[0])),
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
                   names: Iterable[str]) -> None:  # fmt: skip
        variables = self._all_variables(session.graph)
        trained = session.graph.get_collection("trainable_variables")
        wanted = [name for name in names if name in variables]
        values = original(session, [variables[name] for name in wanted], None, None, None)
        self.writer.event(
            "variables", when=when, run=run,
            value={name: self.writer.value(value) for name, value in zip(wanted, values)},
            trainable=[variable.name.split(":")[0] for variable in trained],
        )  # fmt: skip

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
        shutil.rmtree(self._scratch, ignore_errors=True)

    # Names

    def _remember(self, result: Any) -> None:
        self._recent = {}
        stack = [result]
        while stack:
            item = stack.pop()
            self._recent[id(item)] = item
            if isinstance(item, dict):
                stack.extend(item.values())
            elif isinstance(item, (list, tuple)):
                stack.extend(item)

    def probe(self, line: int, scope: str, fetched: bool, names: Tuple[str, ...],
              values: Tuple[Any, ...]) -> None:  # fmt: skip
        for name, value in zip(names, values):
            known = id(value) in self._recent and value is not None
            if (fetched or known) and _numeric(value):
                self.writer.event(
                    "assign", name=name, scope=scope, line=line, run=self.runs,
                    value=self.writer.value(value),
                )  # fmt: skip

    def _place(self) -> Tuple[str, int]:
        frame: Any = sys._getframe(1)
        while frame:
            name = os.path.abspath(frame.f_code.co_filename)
            if name == self.script or (
                name.startswith(self.folder + os.sep) and name != os.path.abspath(__file__)
            ):
                return os.path.relpath(name, self.folder), frame.f_lineno
            frame = frame.f_back
        return "", 0


def _numeric(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return len(value) > 0 and all(_numeric(item) for item in value if item is not None)
    if isinstance(value, dict):
        return len(value) > 0 and all(_numeric(item) for item in value.values())
    if isinstance(value, (bool, int, float, np.generic)):
        return np.asarray(value).dtype.kind in "biufc"
    return isinstance(value, np.ndarray) and value.dtype.kind in "biufc"


class Watch:
    """Reads the draws inside loops and branches through the runtime's debug watches."""

    def __init__(self, tf: Any, plan: Plan, options: Any, scratch: str) -> None:
        self._plan = plan
        # One folder for all runs of a plan: with other options the runtime would build it anew.
        self._folder = os.path.join(scratch, str(id(plan)))
        os.makedirs(self._folder, exist_ok=True)
        self.options = tf.RunOptions()
        if options is not None:
            self.options.CopyFrom(options)
        for op in plan.inner_draws:
            self._add(op.name, range(len(op.outputs)))
            rate = plan.rates.get(op.name)
            if rate is not None:
                self._add(rate.op.name, [rate.value_index])

    def _add(self, node: str, slots: Iterable[int]) -> None:
        for slot in slots:
            watch = self.options.debug_options.debug_tensor_watch_opts.add()
            watch.node_name, watch.output_slot = node, slot
            watch.debug_ops.append("DebugIdentity")
            watch.debug_urls.append("file://" + self._folder)

    def _dumps(self, node: str, slot: int) -> List[Any]:
        from tensorflow.python.debug.lib import debug_data

        found = []
        *scope, last = node.split("/")
        prefix = "%s_%d_DebugIdentity_" % (last, slot)
        # <folder>/<device>/<scope of the node>/<node>_<slot>_DebugIdentity_<time>
        for device in sorted(os.listdir(self._folder)):
            folder = os.path.join(self._folder, device, *scope)
            for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
                if name.startswith(prefix):
                    stamp = int(name[len(prefix) :].split("_")[0])
                    value = debug_data.load_tensor_from_event_file(os.path.join(folder, name))
                    found.append((stamp, np.asarray(value)))
        return [value for _, value in sorted(found, key=lambda pair: pair[0])]

    def values(self) -> Iterator[Tuple[Any, List[Any], Any]]:
        for op in self._plan.inner_draws:
            slots = [self._dumps(op.name, slot) for slot in range(len(op.outputs))]
            rate = self._plan.rates.get(op.name)
            rates = self._dumps(rate.op.name, rate.value_index) if rate is not None else []
            for number, values in enumerate(zip(*slots)):
                yield op, list(values), rates[min(number, len(rates) - 1)] if rates else None
        for device in os.listdir(self._folder):
            path = os.path.join(self._folder, device)
            if os.path.isdir(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.remove(path)


# --- The old world that a program may expect -------------------------------------------------


def supply_numpy_names() -> None:
    """Names that numpy had when the program was written."""
    for kind in (int, float, bool, object, str, complex):
        if kind.__name__ not in np.__dict__:
            setattr(np, kind.__name__, kind)
    for name, value in (
        ("Inf", np.inf),
        ("NaN", np.nan),
        ("float_", np.float64),
        ("product", np.prod),
    ):
        if name not in np.__dict__:
            setattr(np, name, value)


def load_tensorflow() -> Any:
    """TensorFlow 1, or the part of TensorFlow 2 that behaves like it, under its old name."""
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow

    if not tensorflow.__version__.startswith("2."):
        return tensorflow
    import tensorflow.compat.v1 as tf

    tf.disable_v2_behavior()
    tf.logging.set_verbosity(tf.logging.ERROR)
    module = types.ModuleType("tensorflow")
    module.__dict__.update(
        (name, getattr(tf, name)) for name in dir(tf) if not name.startswith("__")
    )
    module.__dict__.update(
        __path__=tensorflow.__path__, __file__=tensorflow.__file__, __spec__=tensorflow.__spec__,
        __version__=tensorflow.__version__, compat=tf.compat, keras=tf.keras,
    )  # fmt: skip
    module.estimator = getattr(tf, "estimator", None)  # type: ignore[attr-defined]
    sys.modules["tensorflow"] = module
    for name in ("nn", "layers", "train", "data", "keras", "flags", "app"):
        sys.modules.setdefault("tensorflow." + name, getattr(tf, name))
    return tf


def supply_tutorials(tf: Any) -> None:
    """`tensorflow.examples.tutorials.mnist`, where TensorFlow no longer has it."""
    try:
        from tensorflow.examples.tutorials.mnist import input_data

        # What the reader itself prints is no output of the program.
        input_data.read_data_sets.__globals__["print"] = lambda *values, **options: None
        return
    except ImportError:
        pass
    names = [
        "tensorflow.examples",
        "tensorflow.examples.tutorials",
        "tensorflow.examples.tutorials.mnist",
    ]
    modules = [types.ModuleType(name) for name in names]
    for name, module in zip(names, modules):
        module.__path__ = []
        sys.modules[name] = module
    reader = types.ModuleType(names[-1] + ".input_data")
    reader.read_data_sets = read_data_sets  # type: ignore[attr-defined]
    sys.modules[reader.__name__] = reader
    modules[2].input_data = reader  # type: ignore[attr-defined]
    modules[1].mnist, modules[0].tutorials = modules[2], modules[1]  # type: ignore[attr-defined]
    sys.modules["tensorflow"].examples = modules[0]  # type: ignore[attr-defined]


class DataSet:
    """Images and labels in batches, in the order of TensorFlow's tutorials."""

    def __init__(self, images: Any, labels: Any, reshape: bool, seed: Any = None) -> None:
        if seed is not None:
            np.random.seed(seed)
        if reshape:
            images = images.reshape(images.shape[0], -1)
        self.images = images.astype(np.float32) * np.float32(1.0 / 255.0)
        self.labels = labels
        self.num_examples = len(images)
        self.epochs_completed = 0
        self._index = 0

    def next_batch(
        self, batch_size: int, fake_data: bool = False, shuffle: bool = True
    ) -> Tuple[Any, Any]:
        start = self._index
        if self.epochs_completed == 0 and start == 0 and shuffle:
            self._shuffle()
        if start + batch_size <= self.num_examples:
            self._index += batch_size
            return self.images[start : self._index], self.labels[start : self._index]
        self.epochs_completed += 1
        rest = self.images[start:], self.labels[start:]
        if shuffle:
            self._shuffle()
        self._index = batch_size - len(rest[0])
        more = self.images[: self._index], self.labels[: self._index]
        return np.concatenate([rest[0], more[0]]), np.concatenate([rest[1], more[1]])

    def _shuffle(self) -> None:
        order = np.arange(self.num_examples)
        np.random.shuffle(order)
        self.images, self.labels = self.images[order], self.labels[order]


def read_data_sets(
    train_dir: str,
    fake_data: bool = False,
    one_hot: bool = False,
    dtype: Any = None,
    reshape: bool = True,
    validation_size: int = 5000,
    seed: Any = None,
    **_: Any,
) -> Any:
    """Train, validation and test sets from the four files of MNIST in a folder."""
    import gzip
    import struct

    def read(name: str) -> Any:
        path = os.path.join(train_dir, name)
        opener = gzip.open if os.path.exists(path + ".gz") else open
        with opener(path + ".gz" if opener is gzip.open else path, "rb") as stream:
            data = stream.read()
        sizes = struct.unpack_from(">%dI" % data[3], data, 4)
        return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(sizes)

    def labels(name: str) -> Any:
        values = read(name)
        return np.eye(10)[values] if one_hot else values

    images, classes = read("train-images-idx3-ubyte")[..., None], labels("train-labels-idx1-ubyte")
    test = read("t10k-images-idx3-ubyte")[..., None], labels("t10k-labels-idx1-ubyte")
    return types.SimpleNamespace(
        train=DataSet(images[validation_size:], classes[validation_size:], reshape, seed),
        validation=DataSet(images[:validation_size], classes[:validation_size], reshape, seed),
        test=DataSet(test[0], test[1], reshape, seed),
    )


# --- Running ---------------------------------------------------------------------------------


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
        print(__doc__, file=sys.stderr)
        return 2
    return record(own[0], own[1], rest, limit << 20)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
