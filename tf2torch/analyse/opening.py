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

from tf2torch.analyse.inlining import Origins, arguments_of
from tf2torch.analyse.instances import instances_of
from tf2torch.analyse.methods import (
    Method,
    bound,
    builders,
    decorator_names,
    extra_attributes,
    local_names,
    methods_of,
    parameters,
    plain_names,
    tensorflow_names,
)
from tf2torch.analyse.sections import INSTANCE, Cannot, Namer, Opener, kept_argument, marker
from tf2torch.cst.walk import walk

#: Names that converted code uses itself.
_TAKEN = frozenset("model device torch F nn np optimizer scheduler writer main self".split())


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
    try:
        return _open(module, users[0], tensorflow, origins)
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
        place = _place(module, node, methods, instances, sections, makes)
    around = place.bound if place is not None else set()
    attributes = _attributes(module, node, methods, sections, instances, around)
    names = {attribute: name for name, attribute in attributes.items()}
    bound_names = _bound_at_module(module) | around
    taken = bound_names | attributes.keys() | _TAKEN | {node.name.value}
    running = [m for m in methods.values() if m.runs and m.name not in sections]
    taken |= {name for method in running for name in method.locals}
    kept = _kept_arguments(methods) & attributes.keys()
    hidden = bound_names | _TAKEN | attributes.keys()
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
        item: opener.outside(item, instances.get(_title(item)), node.name.value)
        for item in module.body
        if item is not node
    }
    functions = list(defined.values())
    if place is not None:
        return _inside(module, node, place, rest, [*functions, *region], origins), opened
    body = _placed(module, node, functions, region)
    return module.with_changes(body=[rest.get(item, item) for item in body]), opened


@dataclass(frozen=True, eq=False)
class Place:
    """Where the only instance of a class is made.

    Attributes:
        function: the function around the statement, None for the module.
        name: what the instance is called there.
        given: the constructor's arguments.
    """

    function: cst.FunctionDef | None
    name: str
    given: Mapping[str, cst.BaseExpression]
    bound: set[str]


def _place(
    module: cst.Module,
    node: cst.ClassDef,
    methods: Mapping[str, Method],
    instances: Mapping[str | None, str],
    sections: Sequence[str],
    makes: frozenset[str],
) -> Place:
    """Where a class without session code is used: graph and session become code of that place."""
    if not instances or len(sections) > 1 or "__init__" not in makes:
        raise Cannot("no session in the class")
    title, name = next(iter(instances.items()))
    function = next((f for f in module.body if _title(f) == title), None) if title else None
    if function is not None:
        for other in module.body:
            if _title(other) in instances and other is not function:
                if Method(other, instances[_title(other)], tuple(walk(other.body))).loads:  # type: ignore[arg-type]
                    raise Cannot("another function uses the instance")
    call = next(
        item
        for item in walk(function or module)
        if isinstance(item, cst.Call)
        and isinstance(item.func, cst.Name)
        and item.func.value == node.name.value
    )
    definition = methods["__init__"].node
    params = definition.params.with_changes(params=definition.params.params[1:])
    given = arguments_of(call, definition.with_changes(params=params))
    if given is None or definition.params.star_kwarg is not None:
        raise Cannot("the constructor's arguments are not told one by one")
    scope = [function] if function is not None else [n for n in module.body if _title(n) is None]
    bound_here = {n for item in scope if item is not node for n in plain_names(item)}
    assert function is None or isinstance(function, cst.FunctionDef)
    return Place(function, name, given, bound_here)


def _inside(
    module: cst.Module,
    node: cst.ClassDef,
    place: Place,
    rest: Mapping[Any, Any],
    region: list[Any],
    origins: Origins,
) -> cst.Module:
    """The module with the region in front of the statement that makes the instance."""
    title = node.name.value

    def makes(item: cst.CSTNode) -> bool:
        small = item.body[0] if isinstance(item, cst.SimpleStatementLine) else None
        value = small.value if isinstance(small, cst.Assign) else None
        return (
            isinstance(value, cst.Call)
            and isinstance(value.func, cst.Name)
            and value.func.value == title
        )

    def block(body: Sequence[Any]) -> list[Any] | None:
        for index, item in enumerate(body):
            if makes(item):
                target = cst.AssignTarget(cst.Name(INSTANCE))
                small = item.body[0].with_changes(targets=[target])
                made = item.with_changes(body=[small])
                origins[small], origins[made] = item.body[0], item
                return [*body[:index], *region, made, *body[index + 1 :]]
            if isinstance(item, cst.With):
                inner = block(item.body.body)
                if inner is not None:
                    new = item.with_changes(body=item.body.with_changes(body=inner))
                    origins[new] = origins.get(item, item)
                    return [*body[:index], new, *body[index + 1 :]]
        return None

    body = [rest[item] for item in module.body if item is not node]
    if place.function is None:
        body = _without_guard(body)
        made = block(body)
        if made is None:
            raise Cannot("the instance is made under a condition")
        return module.with_changes(body=made)
    changed = rest[place.function]
    inner = block(changed.body.body)
    if inner is None:
        raise Cannot("the instance is made under a condition")
    new = changed.with_changes(body=changed.body.with_changes(body=inner))
    origins[new] = origins.get(changed, changed)
    return module.with_changes(body=[new if item is changed else item for item in body])


def _without_guard(body: Sequence[Any]) -> list[Any]:
    """Module code with what stands under ``if __name__ == "__main__"`` put behind it."""
    done: list[Any] = []
    for item in body:
        if isinstance(item, cst.If) and "__name__" in set(plain_names(item.test)):
            done += item.body.body
        else:
            done.append(item)
    return done


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


def _bound_at_module(module: cst.Module) -> set[str]:
    made = cst.FunctionDef(cst.Name("module"), cst.Parameters(), cst.IndentedBlock(module.body))
    return set(local_names(made))


def _attributes(
    module: cst.Module,
    node: cst.ClassDef,
    methods: Mapping[str, Method],
    sections: Sequence[str],
    instances: Mapping[str | None, str],
    around: set[str],
) -> dict[str, str]:
    """A module-level name for every attribute; none means something else where it is used."""
    taken = _bound_at_module(module) | around | _TAKEN | {node.name.value}
    for method in methods.values():
        if method.name not in sections:
            taken |= method.locals if method.runs else method.locals & set(method.mentioned)
    for item in module.body:
        if isinstance(item, cst.FunctionDef) and item.name.value in instances:
            made = Method(item, instances[item.name.value], tuple(walk(item.body)))
            taken |= made.locals if made.runs else made.locals & set(made.mentioned)
    wanted = [name for method in methods.values() for name in method.mentioned]
    stored = {name for method in methods.values() for name in method.stores}
    found: dict[str, str] = {}
    for attribute in dict.fromkeys(wanted):
        if attribute in methods and attribute not in stored:
            continue
        name = attribute
        while name in taken or name in found or (name != attribute and name in wanted):
            name += "_"
        found[name] = attribute
    return found


def _kept_arguments(methods: Mapping[str, Method]) -> frozenset[str]:
    """Attributes that are an argument of the constructor and nothing else: ``self.x = x``."""
    made = methods["__init__"]
    lines = [item for item in made.node.body.body if isinstance(item, cst.SimpleStatementLine)]
    found = {name for item in lines if (name := kept_argument(item.body[0], made)) is not None}
    again: dict[str, int] = {}
    for method in methods.values():
        for target in bound(method.nodes):
            name = method.attribute(target)
            if name is None and method is made and isinstance(target, cst.Name):
                name = target.value
            if name is not None:
                again[name] = again.get(name, 0) + 1
    return frozenset(n for n in found if again[n] == 1 and n in parameters(made.node))


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


def _title(node: cst.CSTNode) -> str | None:
    return node.name.value if isinstance(node, cst.FunctionDef) else None


def _placed(
    module: cst.Module,
    node: cst.ClassDef,
    defined: list[cst.FunctionDef],
    region: list[Any],
) -> list[Any]:
    """The module's statements with the region in front of the first that may make an instance."""
    body = list(module.body)
    start = body.index(node)
    programs = {
        item.name.value for item in body if isinstance(item, (cst.FunctionDef, cst.ClassDef))
    }
    end = len(body)
    for index in range(start + 1, len(body)):
        item = body[index]
        if isinstance(item, (cst.FunctionDef, cst.ClassDef)):
            continue
        if isinstance(item, cst.If) and "__name__" in set(plain_names(item.test)):
            end = index
            break
        called = (n.func for n in walk(item) if isinstance(n, cst.Call))
        if any(isinstance(func, cst.Name) and func.value in programs for func in called):
            end = index
            break
    later = [item for item in body[end:] if isinstance(item, (cst.FunctionDef, cst.ClassDef))]
    rest = [item for item in body[end:] if item not in later]
    before = [*body[:start], *defined, *body[start + 1 : end], *later]
    return [*before, *region, *rest]
