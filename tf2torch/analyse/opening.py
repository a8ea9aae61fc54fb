"""Opens a class that builds a graph and runs it: its code becomes code of the module.

Analysis, plan and rewrite know one graph, built by statements of one scope. A class that builds a
graph in its constructor and in methods called from there is such a scope under another notation:
attributes are the names, methods the functions. `open_class` writes it as module code; what the
rewrite makes of that goes back into a class (`tf2torch.rewrite.closing`).

    class Net:                                     "<class Net>"
        def __init__(self, size):                  "<section __init__>"
            self.x = tf.placeholder(...)           size = __parameter__("size")
            self.y = f(self.x, size)       ->      x = tf.placeholder(...)
        def run(self, data):                       y = f(x, size)
            return self.sess.run(self.y, ...)      "<end>"
                                                   def run(data):
                                                       return sess.run(y, ...)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from tf2torch.analyse.attributes import (
    TAKEN,
    attribute_names,
    bound_at_module,
    extra_attributes,
    kept_arguments,
)
from tf2torch.analyse.handed_sessions import without_handed_sessions
from tf2torch.analyse.inlining import Origins
from tf2torch.analyse.instances import instances_of
from tf2torch.analyse.methods import Method, builders, decorator_names, methods_of, tensorflow_names
from tf2torch.analyse.placing import given_names, inside, place_of, placed, title_of
from tf2torch.analyse.sections import Cannot, Namer, Opener, marker
from tf2torch.cst.names import bound, plain_names
from tf2torch.cst.walk import walk


@dataclass(frozen=True, eq=False)
class Section:
    """A method whose statements became module code.

    Attributes:
        method: the method of the source.
        locals: its local names by what they are called in the module.
    """

    method: cst.FunctionDef
    locals: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class OpenedClass:
    """What it takes to close an opened class again.

    Attributes:
        node: the class in the source.
        attributes: attributes of instances by the names they have in the module.
        sections: the methods that became module code, in that order.
        functions: methods that became functions, by the names these have in the module.
        instances: name of the instance in each function of the module, and at module level (None).
        sessions: parameters that only hand on a session, by method.
        kept: attributes that share the name of the constructor's argument that they keep.
        is_model: whether it runs no session: it becomes an nn.Module itself.
        home: the function that makes the instance of a model, None for the module.
    """

    node: cst.ClassDef
    attributes: Mapping[str, str]
    sections: tuple[Section, ...]
    functions: Mapping[str, cst.FunctionDef]
    instances: Mapping[str | None, str]
    sessions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    is_model: bool = False
    home: str | None = None

    @property
    def names(self) -> frozenset[str]:
        """Module-level names of attributes and of locals of the sections."""
        return frozenset(self.attributes) | {n for part in self.sections for n in part.locals}


def open_class(module: cst.Module, origins: Origins) -> tuple[cst.Module, OpenedClass | None]:
    """The module with its model class opened, if it has one class that can be."""
    tensorflow = tensorflow_names(module)
    if not tensorflow:
        return module, None
    classes = [node for node in module.body if isinstance(node, cst.ClassDef)]
    users = [node for node in classes if tensorflow & set(plain_names(node))]
    if len(users) != 1 or not _is_plain(users[0], classes):
        return module, None
    source, node = module, users[0]
    if not instances_of(module, node):
        source, node = without_handed_sessions(module, node, origins)
    try:
        return _open(source, node, tensorflow, origins)
    except Cannot:
        return module, None


def _is_plain(node: cst.ClassDef, classes: Sequence[cst.ClassDef]) -> bool:
    """Whether a class inherits from nothing, and nothing from it."""
    bases = [base.value for base in node.bases]
    if any(not isinstance(base, cst.Name) or base.value != "object" for base in bases):
        return False
    name = node.name.value
    heirs = (base.value for other in classes for base in other.bases)
    return (
        not node.decorators
        and not node.keywords
        and not any(isinstance(base, cst.Name) and base.value == name for base in heirs)
    )


def _open(
    module: cst.Module, node: cst.ClassDef, tensorflow: frozenset[str], origins: Origins
) -> tuple[cst.Module, OpenedClass]:
    methods = {method.name: method for method in methods_of(node)}
    functions = [item for item in module.body if isinstance(item, cst.FunctionDef)]
    makes = builders(methods.values(), functions, tensorflow)
    if "__init__" not in methods:
        raise Cannot("no constructor")
    _check(methods)
    instances = instances_of(module, node)
    inlined, sections = _divide(module, methods, makes, instances)
    place = None
    if not any(method.runs for method in methods.values()):
        place = place_of(module, node, methods, instances, sections, makes)
    around = place.bound if place is not None else set()
    attributes = attribute_names(module, node, methods, sections, instances, around)
    names = {attribute: name for name, attribute in attributes.items()}
    bound_names = bound_at_module(module) | around
    taken = bound_names | attributes.keys() | TAKEN | {node.name.value}
    running = [m for m in methods.values() if m.runs and m.name not in sections]
    taken |= {name for method in running for name in method.locals}
    kept = kept_arguments(methods) & attributes.keys()
    hidden = bound_names | TAKEN | attributes.keys()
    titles = {
        name: f"{name}_method" if name in hidden else name
        for name in methods
        if name not in inlined and name not in sections
    }
    extras = extra_attributes(methods, attributes, titles, makes, tensorflow)
    opener = Opener(Namer(names, titles, methods, inlined, taken, extras, kept, origins))
    region: list[Any] = [
        marker(f"<class {node.name.value}>"),
        *opener.class_attributes(node),
    ]
    done = []
    for name in sections:
        given = place.given if place is not None else None
        if place is None and name == "__init__":
            given = given_names(module, node, methods, instances)
        statements, renamed = opener.section(methods[name], given)
        region += [marker(f"<section {name}>"), *statements]
        done.append(Section(methods[name].node, renamed))
    region.append(marker("<end>"))
    if any(methods[name].is_property and name in makes for name in methods):
        raise Cannot("a property that builds graph")
    if titles.keys() & names.keys():
        raise Cannot("an attribute hides a method")
    made = {titles[name]: methods[name].node for name in titles}
    defined = {methods[name]: opener.function(methods[name], titles[name]) for name in titles}
    home = place.function.name.value if place is not None and place.function is not None else None
    opened = OpenedClass(
        node,
        attributes,
        tuple(done),
        made,
        instances,
        opener.sessions,
        kept,
        place is not None,
        home,
    )
    rest = {
        item: opener.outside(item, instances.get(title_of(item)), node.name.value)
        for item in module.body
        if item is not node
    }
    functions = list(defined.values())
    if place is not None:
        return inside(module, node, place, rest, [*functions, *region], origins), opened
    body = placed(module, node, functions, region)
    return module.with_changes(body=[rest.get(item, item) for item in body]), opened


def _check(methods: Mapping[str, Method]) -> None:
    """Refuses what reaches into instances other than by ``self.name``."""
    for method in methods.values():
        kinds = set(decorator_names(method.node)) - {"staticmethod", "property"}
        if kinds or "yield" in {type(n).__name__.lower() for n in method.nodes}:
            raise Cannot("a decorated method")
        for item in method.nodes:
            if isinstance(item, cst.Call) and isinstance(item.func, cst.Name):
                if item.func.value in ("setattr", "vars", "locals", "delattr"):
                    raise Cannot(item.func.value)
            elif method.attribute(item) in ("__dict__", "__class__"):
                raise Cannot("__dict__")
        if method.this is not None and method.this in {
            target.value for target in bound(method.nodes) if isinstance(target, cst.Name)
        }:
            raise Cannot("self is bound anew")


def _divide(
    module: cst.Module,
    methods: Mapping[str, Method],
    makes: frozenset[str],
    instances: Mapping[str | None, str],
) -> tuple[frozenset[str], tuple[str, ...]]:
    """Methods to put where they are called, and those that become sections, in order."""
    uses: dict[str, int] = {}
    stored = {name for method in methods.values() for name in method.stores}
    for method in methods.values():
        # An attribute that hides the method of its name can only be told by not being called.
        for name in (
            *(n for n in method.loads if n not in stored),
            *(n for n in method.calls if n in stored),
        ):
            uses[name] = uses.get(name, 0) + 1
    binds = {name for name in methods if name in makes and _changes_graph(methods[name])}
    inlined = {name for name in binds if name != "__init__" and uses.get(name, 0) == 1}
    several = {name for name in binds if uses.get(name, 0) > 1 and methods[name].stores}
    if several:
        raise Cannot(f"{sorted(several)[0]} is called more than once")
    outer = binds - inlined - {"__init__"}
    order = [name for name in _called_outside(module, instances) if name in outer]
    order += [name for name in methods if name in outer and name not in order]
    for name in (*inlined, *outer, "__init__"):
        returns = methods[name].returns()
        if len(returns) > 1 or (returns and not _ends_with(methods[name].node, returns[0])):
            raise Cannot(f"{name} returns early")
    return frozenset(inlined), ("__init__", *dict.fromkeys(order))


def _changes_graph(method: Method) -> bool:
    """Whether a method leaves more behind than what it returns."""
    return bool(method.stores) or method.runs or not method.returns()


def _ends_with(function: cst.FunctionDef, node: cst.Return) -> bool:
    last: Any = function.body.body[-1]
    while isinstance(last, cst.With):
        last = last.body.body[-1]
    return isinstance(last, cst.SimpleStatementLine) and last.body[-1] is node


def _called_outside(module: cst.Module, instances: Mapping[str | None, str]) -> Iterator[str]:
    """Methods that the rest of the module calls on an instance, in the order of the text."""
    names = set(instances.values())
    for item in module.body:
        if isinstance(item, cst.ClassDef):
            continue
        for node in walk(item):
            if isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name):
                if node.value.value in names:
                    yield node.attr.value
