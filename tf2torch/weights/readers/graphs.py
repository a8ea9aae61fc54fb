"""Graphs: constants of frozen GraphDefs, variables and optimizers of meta graphs, SavedModels."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod

from tf2torch.weights import dtypes
from tf2torch.weights.checkpoint import Array, Checkpoint, Entry, checked_shape
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.files import mapped
from tf2torch.weights.slices import shape_of
from tf2torch.weights.tensors import tensor_of, type_and_shape
from tf2torch.weights.wire import View, WireError, fields, message, number, text

_READS = ("read", "ReadVariableOp")
_VARIABLES = frozenset({"Variable", "VariableV2", "VarHandleOp", "AutoReloadVariable"})


@dataclass(frozen=True)
class Node:
    """A NodeDef; attributes are AttrValue messages."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: dict[str, View]


@dataclass(frozen=True)
class GraphVariable:
    """A variable of a graph, as it is named in checkpoints."""

    name: str
    dtype: str
    shape: tuple[int, ...] | None
    trainable: bool


@dataclass
class Graph:
    """What a meta graph tells of a checkpoint.

    Attributes:
        full_names: node of a partitioned variable's part -> the whole's name.
    """

    path: str
    full_names: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    variables: dict[str, GraphVariable] = field(default_factory=dict)


def nodes_of(graph: View) -> Iterator[Node]:
    """Nodes of a GraphDef, those of its functions behind the function's name."""
    for tag, kind, value in fields(graph):
        if tag == 1:
            yield _node(message(kind, value))
        elif tag == 2:
            for inner, inner_kind, item in fields(message(kind, value)):
                if inner == 1:
                    yield from _function_nodes(message(inner_kind, item))


def _function_nodes(function: View) -> Iterator[Node]:
    name, found = "", []
    for tag, kind, value in fields(function):
        if tag == 1:
            for inner, inner_kind, item in fields(message(kind, value)):
                if inner == 1:
                    name = text(inner_kind, item)
        elif tag == 3:
            found.append(_node(message(kind, value)))
    for node in found:
        yield Node(f"{name}/{node.name}", node.op, node.inputs, node.attributes)


def _node(data: View) -> Node:
    name = op = ""
    inputs: list[str] = []
    attributes: dict[str, View] = {}
    for tag, kind, value in fields(data):
        if tag == 1:
            name = text(kind, value)
        elif tag == 2:
            op = text(kind, value)
        elif tag == 3:
            inputs.append(text(kind, value))
        elif tag == 5:
            key, item = "", memoryview(b"")
            for inner, inner_kind, part in fields(message(kind, value)):
                if inner == 1:
                    key = text(inner_kind, part)
                elif inner == 2:
                    item = message(inner_kind, part)
            attributes[key] = item
    return Node(name, op, tuple(inputs), attributes)


def attribute(node: Node, name: str, tag: int) -> View | int | None:
    """One field of an attribute's AttrValue, or None."""
    found = None
    for inner, _, value in fields(node.attributes.get(name, memoryview(b""))):
        if inner == tag:
            found = value
    return found


# Files


def open_graph(path: str) -> Checkpoint:
    """Constants of a frozen graph; of a meta graph without a checkpoint, its variables."""
    data = memoryview(mapped(path))
    try:
        kind, graph = _kind_of(data)
        if kind == "saved model":
            return open_saved_model(os.path.dirname(path) or ".")
        if kind == "meta graph" or path.endswith(".meta"):
            return _meta_checkpoint(path, data)
        return _constants(path, graph)
    except WireError as error:
        raise CheckpointError(path, f"is no graph: {error}") from None


def _kind_of(data: View) -> tuple[str, View]:
    """What a .pb or .meta file is, by its fields, and its GraphDef."""
    seen: set[tuple[int, int]] = set()
    second = data
    nodes = 0
    for tag, kind, value in fields(data):
        seen.add((tag, kind))
        nodes += tag == 1
        if tag == 2:
            second = value
    if (1, 0) in seen and (2, 2) in seen:
        return "saved model", data
    if {(3, 2), (5, 2), (7, 2)} & seen and nodes <= 1:
        return "meta graph", second
    return "graph", data


def _constants(path: str, graph: View) -> Checkpoint:
    entries: dict[str, Entry] = {}
    read: set[str] = set()
    for node in nodes_of(graph):
        if node.op != "Const":
            # What was a variable before the graph was frozen is still read by such a node.
            if node.op == "Identity" and node.name.rpartition("/")[2].startswith(_READS):
                read.update(node.inputs)
            continue
        value = attribute(node, "value", 8)
        if not isinstance(value, memoryview):
            raise CheckpointError(path, "is a constant without a value", node.name)
        if node.name in entries:
            raise CheckpointError(path, "comes twice", node.name)
        dtype, sizes = type_and_shape(value)
        if dtype not in dtypes.NAMES:
            raise CheckpointError(path, f"has the unknown data type {dtype}", node.name)
        shape = checked_shape(path, node.name, sizes)
        entries[node.name] = _entry(node.name, dtype, shape, value)
    found = Checkpoint(path, "graph", entries, lambda entry: _constant(path, entry))
    found.constants = frozenset(entries) - read
    return found


def _constant(path: str, entry: Entry) -> Array:
    try:
        return tensor_of(entry.place)
    except WireError as error:
        raise CheckpointError(path, str(error), entry.name) from None


def _entry(name: str, dtype: int, shape: tuple[int, ...], place: object) -> Entry:
    numpy = dtypes.NUMPY[dtype]
    size = prod(shape) * numpy.itemsize if numpy is not None else 0
    return Entry(name, dtypes.NAMES[dtype], numpy, shape, size, name, 0, place)


def open_saved_model(folder: str) -> Checkpoint:
    """The variables of a SavedModel; without variables, the constants of its graph."""
    path = os.path.join(folder, "saved_model.pb")
    prefix = os.path.join(folder, "variables", "variables")
    if os.path.isfile(f"{prefix}.index"):
        from tf2torch.weights.readers.bundle import open_bundle

        found = open_bundle(prefix)
        found.kind = "saved model"
        return found
    data = memoryview(mapped(path))
    try:
        for tag, kind, value in fields(data):
            if tag == 2:
                for inner, inner_kind, item in fields(message(kind, value)):
                    if inner == 2:
                        return _constants(path, message(inner_kind, item))
    except WireError as error:
        raise CheckpointError(path, f"is no SavedModel: {error}") from None
    raise CheckpointError(path, "has neither variables nor a graph")


def _meta_checkpoint(path: str, data: View) -> Checkpoint:
    graph = meta_graph(path, data)
    entries = {
        v.name: _entry(v.name, _number(v.dtype), v.shape or (), None)
        for v in graph.variables.values()
    }

    def read(entry: Entry) -> Array:
        raise CheckpointError(path, "a meta graph holds no values", entry.name)

    found = Checkpoint(path, "meta graph", entries, read, read)
    found.graph = graph
    return found


def _number(name: str) -> int:
    return next(number for number, known in dtypes.NAMES.items() if known == name)


# Meta graphs


def graph_beside(checkpoint: Checkpoint) -> Graph | None:
    """The meta graph that belongs to a checkpoint, parsed once; None without one."""
    if checkpoint.graph is None:
        folder = os.path.dirname(os.path.dirname(checkpoint.path))
        for path in (f"{checkpoint.path}.meta", os.path.join(folder, "saved_model.pb")):
            beside = path.endswith(".meta") or checkpoint.kind == "saved model"
            if beside and os.path.isfile(path):
                checkpoint.graph = read_meta_graph(path)
                break
    return checkpoint.graph if isinstance(checkpoint.graph, Graph) else None


def read_meta_graph(path: str) -> Graph:
    """The graph in a .meta file or a saved_model.pb; raises CheckpointError."""
    data = memoryview(mapped(path))
    try:
        if _kind_of(data)[0] == "saved model":
            for tag, kind, value in fields(data):
                if tag == 2:
                    return meta_graph(path, message(kind, value))
        return meta_graph(path, data)
    except WireError as error:
        raise CheckpointError(path, f"is no meta graph: {error}") from None


def meta_graph(path: str, data: View) -> Graph:
    """A MetaGraphDef."""
    graph = Graph(path)
    trainable: set[str] = set()
    for tag, kind, value in fields(data):
        if tag == 2:
            graph.nodes.update((node.name, node) for node in nodes_of(message(kind, value)))
        elif tag == 4:
            _read_collection(message(kind, value), trainable, graph.full_names)
    for node in graph.nodes.values():
        if node.op in _VARIABLES:
            variable = _graph_variable(node, node.name in trainable)
            name = graph.full_names.get(node.name, variable.name)
            if name != variable.name:  # a part of a partitioned variable; its shape is a part's
                variable = GraphVariable(name, variable.dtype, None, variable.trainable)
            graph.variables.setdefault(name, variable)
    return graph


def _graph_variable(node: Node, trainable: bool) -> GraphVariable:
    dtype = attribute(node, "dtype", 6)
    shape = attribute(node, "shape", 7)
    sizes: tuple[int, ...] | None = None
    if isinstance(shape, memoryview):
        try:
            known = shape_of(shape)
            sizes = tuple(known) if all(size >= 0 for size in known) else None
        except WireError:
            sizes = None
    name = dtypes.NAMES.get(dtype if isinstance(dtype, int) else 0, "string")
    return GraphVariable(node.name, name, sizes, trainable)


def _read_collection(data: View, trainable: set[str], full_names: dict[str, str]) -> None:
    name, value = "", memoryview(b"")
    for tag, kind, item in fields(data):
        if tag == 1:
            name = text(kind, item)
        elif tag == 2:
            value = message(kind, item)
    if name not in ("variables", "trainable_variables", "model_variables"):
        return
    for tag, kind, item in fields(value):
        if tag != 2:  # bytes_list
            continue
        for inner, inner_kind, definition in fields(message(kind, item)):
            if inner == 1:
                variable, full = _variable_def(message(inner_kind, definition))
                if name == "trainable_variables":
                    trainable.add(variable)
                if full:
                    full_names[variable] = full


def _variable_def(data: View) -> tuple[str, str]:
    name = full = ""
    for tag, kind, value in fields(data):
        if tag == 1:
            name = text(kind, value).removesuffix(":0")
        elif tag == 4:
            for inner, inner_kind, item in fields(message(kind, value)):
                if inner == 1:
                    full = text(inner_kind, item)
    return name, full


def scalar_of(graph: Graph, name: str) -> float | None:
    """The value of a constant scalar that an input names, through identities; or None."""
    for _ in range(8):
        node = graph.nodes.get(name.split(":")[0].lstrip("^"))
        if node is None:
            return None
        if node.op == "Const":
            value = attribute(node, "value", 8)
            try:
                found = tensor_of(value) if isinstance(value, memoryview) else None
            except WireError:
                return None
            return float(found) if found is not None and found.size == 1 else None
        if node.op not in ("Identity", "Cast") or not node.inputs:
            return None
        name = node.inputs[0]
    return None


def number_attribute(node: Node, name: str) -> int:
    """A boolean or integer attribute; 0 where it is not given."""
    for tag in (5, 3):
        found = attribute(node, name, tag)
        if isinstance(found, int):
            return number(0, found)
    return 0
