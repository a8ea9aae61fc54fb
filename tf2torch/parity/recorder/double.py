"""Run a program's graph in double precision: each run happens in a copy of the graph.

The copy has every float32 tensor as float64. An op that has no kernel for doubles stays in single
precision between two casts, and is named in the record; batch normalization is computed by numpy.
The program's own graph is left alone, and so are the values that its Python code sees.
"""

import threading
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

import numpy as np

from .doubled_ops import BATCH_NORM, LEAKY_RELU, batch_norm, leaky_relu, read_checkpoint
from .doubled_types import DOUBLE, FLOAT, has_double_kernel, types_of
from .graphs import flat_fetches

STRING = 7
#: Ops that hold data as it is stored, or whose bytes have a meaning.
STORED = ("Queue", "Dataset", "Iterator", "Table", "Parse", "Decode", "Bitcast", "Summary",
          "Example", "Save", "Restore", "Lookup", "Sampler")  # fmt: skip


class Doubles:
    """Copies of graphs, and the sessions that run them."""

    def __init__(self, tf: Any, note: Callable[..., None]) -> None:
        self._tf = tf
        self._note = note
        self._exact: Dict[bytes, Any] = {}
        self._copies: Dict[int, Any] = {}
        self._done: Dict[int, Set[str]] = {}
        self._sessions: Dict[int, Any] = {}
        self._kernels: Dict[str, bool] = {}
        self._keep: List[Any] = []
        self._lock = threading.RLock()

    # Constants: a literal 0.1 shall be the double 0.1

    def watch_constants(self) -> Callable[[], None]:
        from tensorflow.python.framework import tensor_util

        original = tensor_util.make_tensor_proto

        def make_tensor_proto(values: Any, dtype: Any = None, shape: Any = None, *args: Any,
                              **options: Any) -> Any:  # fmt: skip
            proto = original(values, dtype, shape, *args, **options)
            if proto.dtype == FLOAT:
                try:
                    exact = np.asarray(values, np.float64)
                    single = np.asarray(values).dtype == np.float32
                except Exception:
                    return proto
                if not single and exact.size:
                    self._exact[proto.SerializeToString()] = exact
            return proto

        tensor_util.make_tensor_proto = make_tensor_proto

        def restore() -> None:
            tensor_util.make_tensor_proto = original

        return restore

    def _constant(self, proto: Any) -> Any:
        from tensorflow.python.framework import tensor_util

        single = tensor_util.MakeNdarray(proto)
        exact = self._exact.get(proto.SerializeToString())
        if exact is None:
            # The shortest decimal of a single is what somebody wrote.
            exact = np.array([float(str(x)) for x in single.reshape(-1)] if single.size < 64
                             else single, np.float64)  # fmt: skip
        if exact.size != single.size:
            exact = np.broadcast_to(exact, single.shape)
        return tensor_util.make_tensor_proto(exact.reshape(single.shape), dtype=DOUBLE)

    # Graphs

    def _copy(self, graph: Any) -> Any:
        """The copy of a graph, with the ops that have come since it was last asked for."""
        key = id(graph)
        if key not in self._copies:
            self._copies[key], self._done[key] = self._tf.Graph(), set()
            self._keep.append(graph)
        copy, done = self._copies[key], self._done[key]
        ops = [op for op in graph.get_operations() if op.name not in done]
        if ops:
            definition = self._tf.GraphDef()
            whole = graph.as_graph_def()
            definition.versions.CopyFrom(whole.versions)
            definition.library.CopyFrom(whole.library)
            functions = {function.signature.name for function in whole.library.function}
            nodes = {node.name: node for node in whole.node}
            inner = {op.name: op for op in ops}
            for op in ops:
                self._add(definition, nodes[op.name], op, functions)
            known = {}
            for node in definition.node:
                for name in node.input:
                    base = name.lstrip("^").split(":")[0]
                    if base in done and base not in inner:
                        element = copy.get_operation_by_name(base)
                        if name.startswith("^"):
                            known[name] = element
                        else:
                            known[name] = element.outputs[int((name.split(":") + ["0"])[1])]
            with copy.as_default():
                self._tf.import_graph_def(definition, name="", input_map=known)
            done.update(inner)
        return copy

    def _add(self, definition: Any, node: Any, op: Any, functions: Set[str]) -> None:
        """A node in double precision, or in single precision between casts."""
        made = definition.node.add()
        made.CopyFrom(node)
        for key in [key for key in made.attr if key in ("_output_shapes", "_class")]:
            del made.attr[key]  # a node of an earlier copy cannot be named as a neighbour
        if op.type in BATCH_NORM:
            self._by_numpy(made, op, batch_norm(op))
            return
        if op.type in LEAKY_RELU:
            self._by_numpy(made, op, leaky_relu(op))
            return
        if op.type == "RestoreV2" and FLOAT in made.attr["dtypes"].list.type:
            types = [DOUBLE if t == FLOAT else t for t in made.attr["dtypes"].list.type]
            self._by_numpy(made, op, read_checkpoint, [STRING] * 3, types)
            return
        if op.type == "SaveV2":
            stored = made.attr["dtypes"].list.type
            stored[:] = [DOUBLE if t == FLOAT else t for t in stored]
            return
        if self._doubles(op, functions):
            for attribute in made.attr.values():
                if attribute.type == FLOAT:
                    attribute.type = DOUBLE
                if attribute.HasField("tensor") and attribute.tensor.dtype == FLOAT:
                    attribute.tensor.CopyFrom(self._constant(attribute.tensor))
        self._cast(definition, made, op)

    def _by_numpy(self, node: Any, op: Any, function: Callable[..., Any],
                  inputs: Optional[List[int]] = None,
                  outputs: Optional[List[int]] = None) -> None:  # fmt: skip
        from tensorflow.python.ops import script_ops

        def widened(tensors: Any) -> List[int]:
            types = [tensor.dtype.base_dtype.as_datatype_enum for tensor in tensors]
            return [DOUBLE if t == FLOAT else t for t in types]

        token = script_ops._py_funcs.insert(function)
        self._keep.append(function)
        node.op = "PyFunc"
        node.attr.clear()
        node.attr["token"].s = token.encode() if isinstance(token, str) else token
        node.attr["Tin"].list.type.extend(inputs or widened(op.inputs))
        node.attr["Tout"].list.type.extend(outputs or widened(op.outputs))

    def _cast(self, definition: Any, node: Any, op: Any) -> None:
        """Casts around what stays in single precision."""
        inputs, outputs = types_of(node, op)
        singles = [slot for slot, kind in enumerate(outputs) if kind == FLOAT]
        if not singles and FLOAT not in inputs:
            return
        if singles and not op.type.startswith("TensorArray"):
            self._note(op.type)
        wide = [tensor.dtype.base_dtype.as_datatype_enum == FLOAT for tensor in op.inputs]
        for slot, kind in enumerate(inputs):
            if kind == FLOAT and wide[slot]:
                cast = definition.node.add()
                cast.name = "%s/to_single_%d" % (node.name, slot)
                cast.op = "Cast"
                cast.input.append(node.input[slot])
                cast.attr["SrcT"].type, cast.attr["DstT"].type = DOUBLE, FLOAT
                node.input[slot] = cast.name
        if singles:
            original = definition.node.add()
            original.CopyFrom(node)
            original.name = node.name + "/in_single"
            node.op = "IdentityN"
            del node.input[:]
            node.attr.clear()
            for slot, kind in enumerate(outputs):
                name = "%s:%d" % (original.name, slot)
                if kind == FLOAT:
                    cast = definition.node.add()
                    cast.name = "%s/to_double_%d" % (node.name, slot)
                    cast.op = "Cast"
                    cast.input.append(name)
                    cast.attr["SrcT"].type, cast.attr["DstT"].type = FLOAT, DOUBLE
                    name = cast.name
                node.input.append(name)
                node.attr["T"].list.type.append(DOUBLE if kind == FLOAT else kind)

    def _doubles(self, op: Any, functions: Set[str]) -> bool:
        """Whether an op can compute with doubles."""
        if op.type in functions or any(part in op.type for part in STORED):
            return False
        if op.type not in self._kernels:
            self._kernels[op.type] = has_double_kernel(op.type)
        return self._kernels[op.type]

    # Runs

    def counterparts(self, session: Any) -> Tuple[Any, Any]:
        """The copy of a session's graph as it is now, and the session that runs it."""
        with self._lock:  # queue runners have threads of their own
            copy = self._copy(session.graph)
            if id(session) not in self._sessions:
                config = getattr(session, "_config", None)
                self._sessions[id(session)] = self._tf.Session(graph=copy, config=config)
            return copy, self._sessions[id(session)]

    def make_callable(self, original: Callable[..., Any], session: Any, fetches: Any,
                      *args: Any, **options: Any) -> Any:  # fmt: skip
        """The same as `Session.make_callable`, which queue runners use for their one op."""
        copy, there = self.counterparts(session)
        elements = flat_fetches(session.graph, fetches)
        if len(elements) != 1:
            return original(session, fetches, *args, **options)
        return original(there, counterpart(copy, elements[0]), *args, **options)

    def run(self, original: Callable[..., Any], session: Any, fetches: Any, feed_dict: Any,
            options: Any, run_metadata: Any) -> Any:  # fmt: skip
        """The same as `Session.run`, in the copy of its graph."""
        copy, there = self.counterparts(session)
        feeds = None
        if feed_dict is not None:
            feeds = {}
            for key, value in feed_dict.items():
                keys, values = flat_fetches(session.graph, key), [value]
                if len(keys) > 1:
                    values = flat_values(value)
                for element, item in zip(keys, values):
                    feeds[copy.get_tensor_by_name(element.name)] = item
        elements = flat_fetches(session.graph, fetches)
        found = original(there, [counterpart(copy, e) for e in elements], feeds, options,
                         run_metadata)  # fmt: skip
        return rebuilt(self._tf, session.graph, fetches, iter(found))


def flat_values(value: Any) -> List[Any]:
    if isinstance(value, dict):
        return [item for key in value for item in flat_values(value[key])]
    if isinstance(value, (list, tuple)):
        return [item for part in value for item in flat_values(part)]
    return [value]


def counterpart(copy: Any, element: Any) -> Any:
    if ":" in element.name:
        return copy.get_tensor_by_name(element.name)
    return copy.get_operation_by_name(element.name)


def rebuilt(tf: Any, graph: Any, fetches: Any, found: Any) -> Any:
    """The values of the flat fetches in the structure that was asked for."""
    if fetches is None:
        return None
    if isinstance(fetches, dict):
        pairs = [(key, rebuilt(tf, graph, fetches[key], found)) for key in fetches]
        return type(fetches)(pairs)
    if hasattr(fetches, "indices") and hasattr(fetches, "values") and hasattr(fetches, "op"):
        values, indices = next(found), next(found)
        shape = next(found) if getattr(fetches, "dense_shape", None) is not None else None
        if type(fetches).__name__ == "SparseTensor":
            return tf.SparseTensorValue(indices, values, shape)
        from tensorflow.python.framework.ops import IndexedSlicesValue

        return IndexedSlicesValue(values, indices, shape)
    if isinstance(fetches, (list, tuple)):
        parts = [rebuilt(tf, graph, part, found) for part in fetches]
        return type(fetches)(*parts) if hasattr(fetches, "_fields") else type(fetches)(parts)
    return next(found)
