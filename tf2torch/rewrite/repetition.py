"""Refuses layers that are made several times where the output could only hold one of them."""

from __future__ import annotations

import libcst as cst

from tf2torch.cst.forms import dotted_name
from tf2torch.cst.names import bound, plain_names
from tf2torch.cst.walk import walk
from tf2torch.plan.slots import Slot
from tf2torch.rewrite.writer import Unconvertible, Writer


def require_countable(writer: Writer, node: cst.Call, slot: Slot) -> None:
    """Checks that the rounds in which a call makes variables are those of its slot's loops.

    A layer in a comprehension or a `while` loop, or in a `for` loop whose number of rounds is not
    known, would otherwise become one module that all rounds share.
    """
    loops = {loop.body for loop in slot.loops}
    for loop in slot.loops:
        if loop.body in writer.analysis.state.open_loops and not _is_repeatable(writer, loop.iter):
            message = "a loop over layers whose iterable may give its items only once"
            raise Unconvertible("repeated-layer", message, node)
    seen: dict[tuple[object, ...], tuple[str, ...]] = {}
    for creation in writer.analysis.creations_at(node):
        steps = (*creation.path, creation.node)
        if creation.reused is not None:
            continue
        # Rounds between the function (or program) that holds the call and the call itself.
        place = steps.index(node)
        before = steps[:place]
        inner = [step for step in _since_last_call(before) if isinstance(step, tuple)]
        strange = [step for step in inner if step[0] not in loops]
        if strange:
            raise Unconvertible(
                "repeated-layer", "layers made in a comprehension or in an outer loop", node
            )
        if {step[0] for step in inner} != loops:
            raise Unconvertible(
                "repeated-layer", "a loop over layers whose number of rounds is not known", node
            )
        key = (before, creation.node, steps[place + 1 :])
        names = tuple(variable.name for variable in creation.variables)
        if seen.setdefault(key, names) != names:
            raise Unconvertible(
                "repeated-layer", "layers made in a loop that is not counted, such as while", node
            )


#: Calls that give the same items each time they are made.
_REPEATABLE = frozenset(
    "range enumerate len list tuple sorted set dict zip reversed int min max abs sum round str"
    " items keys values split copy as_list get_shape".split()
)
#: What gives its items once.
_ONCE = frozenset("map zip filter iter reversed enumerate open next".split())


def _is_repeatable(writer: Writer, iterable: cst.BaseExpression) -> bool:
    """Whether an iterable can be gone through in the constructor and in each run."""
    for node in walk(iterable):
        if isinstance(node, (cst.GeneratorExp, cst.Await, cst.Yield)):
            return False
        if isinstance(node, cst.Call):
            name = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
            if not isinstance(name, cst.Name) or name.value not in _REPEATABLE:
                return False
    names = set(plain_names(iterable))
    return not names & _given_once(writer)


def _given_once(writer: Writer) -> frozenset[str]:
    """Names that stand for iterators, and parameters that get some."""
    cache = writer.analysis.state.cache
    if "given once" not in cache:
        found: set[str] = set()
        for node in walk(writer.analysis.source.module):
            if isinstance(node, cst.Assign) and _gives_once(node.value):
                found |= {t.value for t in bound(node.targets) if isinstance(t, cst.Name)}
            elif isinstance(node, cst.Call):
                found |= _parameters_given_once(writer, node)
        cache["given once"] = frozenset(found)
    return cache["given once"]


def _parameters_given_once(writer: Writer, node: cst.Call) -> set[str]:
    function = writer.analysis.callees.get(node)
    found: set[str] = set()
    for index, argument in enumerate(node.args):
        if not _gives_once(argument.value):
            continue
        if argument.keyword is not None:
            found.add(argument.keyword.value)
        elif function is not None and index < len(function.node.params.params):
            found.add(function.node.params.params[index].name.value)
    return found


def _gives_once(node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.GeneratorExp):
        return True
    return isinstance(node, cst.Call) and dotted_name(node.func) in _ONCE


def _since_last_call(steps: tuple[object, ...]) -> list[object]:
    """The part of a path behind its last call."""
    found: list[object] = []
    for step in reversed(steps):
        if isinstance(step, cst.Call):
            break
        found.append(step)
    return found
