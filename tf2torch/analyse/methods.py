"""What the methods of a class do as far as their text tells: build graph, run sessions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import libcst as cst

from tf2torch.cst.forms import dotted_name
from tf2torch.cst.names import bound, local_names, own_nodes, plain_names
from tf2torch.cst.walk import walk

#: TensorFlow calls that host code makes around a graph; they build none.
_HOST_CALLS = frozenset(
    "Session InteractiveSession ConfigProto GPUOptions global_variables_initializer"
    " initialize_all_variables local_variables_initializer tables_initializer FileWriter"
    " SummaryWriter Summary Value Saver viterbi_decode latest_checkpoint get_checkpoint_state"
    " set_random_seed"
    " reset_default_graph get_default_session Exists exists MakeDirs makedirs mkdir isdir"
    " ListDirectory listdir Glob glob Open GFile remove info warn warning error debug fatal"
    " set_verbosity Coordinator start_queue_runners OutOfRangeError".split()
)


_STEPS = frozenset({"minimize", "apply_gradients", "compute_gradients"})


_RUNS = frozenset({"run", "eval"})


@dataclass(frozen=True, eq=False)
class Method:
    """One method of a class and what its text says.

    Attributes:
        this: name of its first parameter, None for a static method.
    """

    node: cst.FunctionDef
    this: str | None
    nodes: tuple[cst.CSTNode, ...] = field(repr=False)

    @property
    def name(self) -> str:
        return self.node.name.value

    def attribute(self, node: cst.CSTNode) -> str | None:
        """``self.x`` -> ``x``; None for any other node."""
        if (
            self.this is not None
            and isinstance(node, cst.Attribute)
            and isinstance(node.value, cst.Name)
            and node.value.value == self.this
        ):
            return node.attr.value
        return None

    @cached_property
    def loads(self) -> tuple[str, ...]:
        """Attributes of the instance that it mentions, once for each mention."""
        found = (self.attribute(node) for node in self.nodes)
        return tuple(name for name in found if name is not None)

    @cached_property
    def calls(self) -> tuple[str, ...]:
        """Attributes of the instance that it calls, once for each call."""
        found = (self.attribute(node.func) for node in self.nodes if isinstance(node, cst.Call))
        return tuple(name for name in found if name is not None)

    @cached_property
    def stores(self) -> frozenset[str]:
        """Attributes of the instance that it binds."""
        found = (self.attribute(target) for target in bound(self.nodes))
        return frozenset(name for name in found if name is not None)

    @property
    def mentioned(self) -> tuple[str, ...]:
        """Attributes of the instance that it reads or binds."""
        return tuple(dict.fromkeys((*self.loads, *self.stores)))

    @cached_property
    def locals(self) -> frozenset[str]:
        """Names that it binds, its parameters among them."""
        return local_names(self.node)

    @cached_property
    def runs(self) -> bool:
        """Whether it runs a session."""
        return any(
            isinstance(node, cst.Call)
            and isinstance(node.func, cst.Attribute)
            and node.func.attr.value in _RUNS
            for node in self.nodes
        )

    @property
    def is_property(self) -> bool:
        """Whether it is read like an attribute."""
        return decorator_names(self.node) == ["property"]

    def returns(self) -> list[cst.Return]:
        """Its return statements, not those of functions inside."""
        return [node for node in own_nodes(self.node.body) if isinstance(node, cst.Return)]


def methods_of(node: cst.ClassDef) -> list[Method]:
    """The methods of a class in order."""
    found = []
    for item in node.body.body:
        if isinstance(item, cst.FunctionDef):
            static = "staticmethod" in decorator_names(item)
            params = [*item.params.posonly_params, *item.params.params]
            this = params[0].name.value if params and not static else None
            found.append(Method(item, this, tuple(walk(item.body))))
    return found


def decorator_names(node: cst.FunctionDef) -> list[str]:
    """Last names of the decorators of a function."""
    names = []
    for decorator in node.decorators:
        item: cst.CSTNode = decorator.decorator
        item = item.func if isinstance(item, cst.Call) else item
        if isinstance(item, cst.Attribute):
            names.append(item.attr.value)
        else:
            names.append(item.value if isinstance(item, cst.Name) else "")
    return names


def tensorflow_names(module: cst.Module) -> frozenset[str]:
    """Names that imports bind to TensorFlow or parts of it, and names for those."""
    found: set[str] = set()
    for node in module.body:
        if not isinstance(node, cst.SimpleStatementLine):
            continue
        for small in node.body:
            if isinstance(small, cst.Import):
                for alias in small.names:
                    if dotted_name(alias.name).partition(".")[0] in ("tensorflow", "tf_slim"):
                        name = alias.asname.name if alias.asname is not None else alias.name
                        found.add(dotted_name(name).partition(".")[0])
            elif isinstance(small, cst.ImportFrom) and not isinstance(small.names, cst.ImportStar):
                if dotted_name(small.module).partition(".")[0] in ("tensorflow", "tf_slim"):
                    for alias in small.names:
                        name = alias.asname.name if alias.asname is not None else alias.name
                        found.add(dotted_name(name))
            elif isinstance(small, cst.Assign) and isinstance(small.value, cst.Attribute):
                if dotted_name(small.value).partition(".")[0] in found:
                    found |= {
                        t.target.value for t in small.targets if isinstance(t.target, cst.Name)
                    }
    return frozenset(found)


def graph_calls(nodes: Iterable[cst.CSTNode], tensorflow: frozenset[str]) -> bool:
    """Whether code calls TensorFlow to build graph, or makes a training step."""
    for node in nodes:
        if not isinstance(node, cst.Call):
            continue
        func = node.func
        if isinstance(func, cst.Attribute) and func.attr.value in _STEPS:
            return True
        dotted = dotted_name(func)
        if dotted.partition(".")[0] in tensorflow and dotted.rpartition(".")[2] not in _HOST_CALLS:
            return True
    return False


def builders(
    methods: Iterable[Method], functions: Iterable[cst.FunctionDef], tensorflow: frozenset[str]
) -> frozenset[str]:
    """Names of the methods and module-level functions that build graph, or call what does."""
    bodies: dict[str, tuple[cst.CSTNode, ...]] = {m.name: m.nodes for m in methods}
    calls: dict[str, set[str]] = {}
    for function in functions:
        bodies.setdefault(function.name.value, tuple(walk(function.body)))
    for name, nodes in bodies.items():
        mentioned = set(plain_names(nodes[0]))
        # An attribute may have a method's name: it is the method where it is called.
        called = (n.func for n in nodes if isinstance(n, cst.Call))
        mentioned |= {func.attr.value for func in called if isinstance(func, cst.Attribute)}
        calls[name] = mentioned & bodies.keys()
    found = {name for name, nodes in bodies.items() if graph_calls(nodes, tensorflow)}
    while True:
        more = {name for name, used in calls.items() if used & found} - found
        if not more:
            return frozenset(found)
        found |= more
