"""What TensorFlow calls the variables of each instance of an opened class.

The class's code is executed once for each instance, with the strings that the instance is made
with; names are counted on from one instance to the next. What one instance would share with
another is told: the conversion gives each instance a model of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import libcst as cst

from tf2torch.analyse.constructions import Construction
from tf2torch.analyse.facts import Variable
from tf2torch.analyse.instance_reads import Read, is_harmless, matches, seen_of
from tf2torch.analyse.naming import Naming
from tf2torch.analyse.templates import Template
from tf2torch.cst.walk import walk
from tf2torch.rulebook.apply import Argument
from tf2torch.rulebook.values import Value

#: A creation of a program, whichever instance is being executed.
Place = tuple[cst.CSTNode, tuple[Any, ...], int]


@dataclass(frozen=True)
class Member:
    """A variable of one of the instances: its name, and that of `index` among those of `place`."""

    instance: int
    name: str
    place: Place
    index: int


@dataclass(eq=False)
class Instance:
    """The instance that an execution is about; of all of them, if it has no strings.

    Attributes:
        strings: arguments of its constructor; None for those that each instance has another of.
        naming: the counters behind the instance before, and behind this one in the end.
        first: how many creations there were before it.
        last: how many there were behind it.
        members: what each collection had then.
        reads: what is read from collections.
        lists: what reads outside of the class give, of all instances.
    """

    strings: dict[str, str | None] = field(default_factory=dict)
    naming: Naming | None = None
    first: int | None = None
    last: int | None = None
    members: Mapping[str, Sequence[Value]] = field(default_factory=dict)
    reads: list[Read] = field(default_factory=list)
    lists: Mapping[cst.CSTNode, Sequence[Member]] = field(default_factory=dict)

    def parameter(self, state: Any, arguments: list[Argument]) -> Value:
        """What a parameter of the constructor is: names are told by it, nothing else."""
        name = arguments[0].value.literal if arguments else None
        if not isinstance(name, str) or name not in self.strings:
            return Value("python")
        text = self.strings[name]
        if text is None:
            text = self.strings[name] = f"?{state.fresh()}?"
        return Value("python", detail=Template(text))

    def passing(self, state: Any, node: cst.BaseExpression) -> None:
        """Heeds the marks around the class's code."""
        if not isinstance(node, cst.SimpleString):
            return
        if node.value.startswith('"<class '):
            self.first = len(state.creations)
            if self.naming is not None:
                state.naming = _copied(self.naming)
        elif node.value == '"<end>"' and self.first is not None:
            self.last = len(state.creations)
            self.naming = _copied(state.naming)
            self.members = {name: tuple(items) for name, items in state.collections.items()}

    def listed(self, state: Any, node: cst.CSTNode) -> list[Value] | None:
        """What a call outside of the class reads, variables of all instances."""
        if node not in self.lists:
            return None
        made = dict(places_of_creations(state))
        variables = [(m.name, made[m.place].variables[m.index]) for m in self.lists[node]]
        return [
            Value("variable", dtype=v.dtype, shape=v.shape, detail=replace(v, name=name))
            for name, v in variables
        ]

    @property
    def is_open(self) -> bool:
        """Whether the class's code is being executed."""
        return self.first is not None and self.last is None


@dataclass(frozen=True, eq=False)
class Instances:
    """Several instances of an opened class.

    Attributes:
        names: for each instance the names of the variables of each creation.
        shared: calls by which instances have something in common, with what that is.
        made: how each of them is made.
        lists: calls outside of the class that list variables of the instances.
    """

    names: tuple[Mapping[Place, tuple[str, ...]], ...] = ()
    shared: Mapping[cst.CSTNode, str] = field(default_factory=dict)
    made: tuple[Construction, ...] = ()
    lists: Mapping[cst.CSTNode, Sequence[Member]] = field(default_factory=dict)

    def member(self, name: str) -> Member | None:
        """The variable of an instance that TensorFlow calls so."""
        for number, names in enumerate(self.names):
            for place, given in names.items():
                if name in given:
                    return Member(number, name, place, given.index(name))
        return None


def places_of_creations(state: Any) -> Iterator[tuple[Place, Any]]:
    """The creations of an execution by their places."""
    seen: dict[tuple[Any, ...], int] = {}
    for creation in state.creations:
        key = (creation.node, creation.path)
        seen[key] = seen.get(key, -1) + 1
        yield (*key, seen[key]), creation


def has_own_graph(node: cst.ClassDef) -> bool:
    """Whether each instance of a class may build its variables in a graph of its own."""
    names = {item.value for item in walk(node) if isinstance(item, cst.Name)}
    return bool(names & {"Graph", "reset_default_graph"})


def general(
    made: Sequence[Construction], lists: Mapping[cst.CSTNode, Sequence[Member]] | None = None
) -> Instance | None:
    """What an execution on behalf of all instances knows of them."""
    if not made:
        return None
    names = set.intersection(*(set(item.strings) for item in made))
    return Instance(dict.fromkeys(names), lists=lists or {})


def find_instances(
    made: Sequence[Construction],
    module: cst.Module,
    state: Any,
    execute: Callable[[Instance], Any],
) -> Instances:
    """The variables of each instance; nothing if that cannot be told."""
    every = dict(places_of_creations(state))
    names: list[Mapping[Place, tuple[str, ...]]] = []
    shared: dict[cst.CSTNode, str] = {}
    before: list[Instance] = []
    owners: list[dict[int, tuple[Place, int]]] = []
    taken: set[str] = set()
    for construction in made:
        instance = Instance(dict(construction.strings), before[-1].naming if before else None)
        found = execute(instance)
        if instance.first is None or instance.last is None:
            return Instances()
        inside = dict(list(places_of_creations(found))[instance.first : instance.last])
        own = {place: tuple(v.name for v in c.variables) for place, c in inside.items()}
        for place, given in own.items():
            common = [name for name in given if name in taken]
            if common:
                shared[place[0]] = f"instances of the class share the variable {common[0]}"
        if before:
            for place in names[0].keys() - own.keys():
                message = "instances of the class share the variable "
                shared[place[0]] = message + ", ".join(names[0][place])
        expected = state.instance.reads if state.instance is not None else []
        for read, all_alike in zip(instance.reads, expected):
            if not read.inside:
                continue
            common = [seen for other in before for seen in seen_of(read, other.members)]
            if common and not is_harmless(module, read):
                shared[read.node] = f"{read.collection} has what another instance has put in"
            elif _origins(read.items, inside) != _origins(all_alike.items, every):
                shared[read.node] = f"{read.collection} has other members in each instance"
        taken |= {name for given in own.values() for name in given}
        names.append(own)
        owners.append(
            {id(v): (place, n) for place, c in inside.items() for n, v in enumerate(c.variables)}
        )
        before.append(instance)
    lists = {}
    for read in before[-1].reads if len(made) > 1 else ():
        if not read.inside and read.collection.endswith("variables"):
            members = [
                Member(number, item.detail.name, *where[id(item.detail)])
                for number, (instance, where) in enumerate(zip(before, owners))
                for item in instance.members.get(read.collection, ())
                if id(item.detail) in where
                if read.prefix is None or matches(read.prefix, item.detail.name)
            ]
            if all(id(item.detail) in owners[-1] for item in read.items):
                lists[read.node] = members
            else:
                shared[read.node] = "a list of variables of instances of a class, and of others"
    return Instances(tuple(names), shared, tuple(made), lists)


def _origins(items: Sequence[Value], creations: Mapping[Place, Any]) -> list[Any]:
    """Where the variables among what a collection has are made."""
    places = {
        id(variable): (place, index)
        for place, creation in creations.items()
        for index, variable in enumerate(creation.variables)
    }
    return [places.get(id(item.detail)) for item in items if isinstance(item.detail, Variable)]


def _copied(naming: Naming) -> Naming:
    return replace(
        naming,
        used=dict(naming.used),
        counts=dict(naming.counts),
        variables=dict(naming.variables),
    )
