"""Gives placeholders names of their own, which the arguments of the model have then.

def inputs():                                      a = tf.placeholder(tf.float32)
    return tf.placeholder(tf.float32), ...  ->     b = ...
a, b = inputs()

given = {"x": tf.placeholder(tf.float32)}   ->     x = tf.placeholder(tf.float32)
                                                   given = {"x": x}
"""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterator, Sequence
from itertools import chain, count
from typing import Any

import libcst as cst

from tf2torch.analyse.assigning import inline_made
from tf2torch.analyse.inlining import Origins, called_names, is_plain, returned
from tf2torch.cst.walk import below, transform

_MAKERS = frozenset({"placeholder", "placeholder_with_default"})


def name_placeholders(module: cst.Module, origins: Origins) -> cst.Module:
    """The program with a statement for each placeholder that stands in a list or dictionary."""
    if not any(node.value in _MAKERS for node in below(module, cst.Name)):
        return module
    for function in [node for node in module.body if isinstance(node, cst.FunctionDef)]:
        if _only_makes(function):
            module = inline_made(module, function, origins)
    taken = {node.value for node in below(module, cst.Name)}

    def change(node: cst.CSTNode) -> cst.CSTNode:
        if not isinstance(node, (cst.Module, cst.IndentedBlock)):
            return node
        body = [new for item in node.body for new in _written_out(item, taken, origins)]
        if len(body) == len(node.body):
            return node
        new = node.with_changes(body=body)
        origins.setdefault(new, origins.get(node, node))
        return new

    made = transform(module, change)
    assert isinstance(made, cst.Module)
    return made


def _only_makes(function: cst.FunctionDef) -> bool:
    """Whether a function makes placeholders, returns them and does nothing else."""
    return (
        is_plain(function)
        and bool(called_names(function))
        and called_names(function) <= _MAKERS
        and len(below(function.body, cst.Return)) == 1
        and returned(function) is not None
        and not below(function.body, cst.If, cst.For, cst.While, cst.With, cst.Try)
    )


def _is_placeholder(node: cst.BaseExpression) -> bool:
    func = node.func if isinstance(node, cst.Call) else None
    name = func.attr if isinstance(func, cst.Attribute) else func
    return isinstance(name, cst.Name) and name.value in _MAKERS


def _written_out(line: Any, taken: set[str], origins: Origins) -> Sequence[cst.CSTNode]:
    small = line.body[0] if isinstance(line, cst.SimpleStatementLine) else None
    if not isinstance(small, cst.Assign) or len(line.body) != 1:
        return [line]
    target = small.targets[0].target
    if len(small.targets) != 1 or not isinstance(target, cst.Name):
        return [line]
    parts = dict(_parts(small.value))
    if not parts:
        return [line]
    names: dict[cst.CSTNode, cst.Name] = {}
    written: list[cst.CSTNode] = []
    for node, label in parts.items():
        name = _free(label, target.value, taken)
        names[node] = cst.Name(name)
        assign = cst.Assign([cst.AssignTarget(cst.Name(name))], node)  # type: ignore[arg-type]
        made = cst.SimpleStatementLine([assign])
        origins[assign], origins[made] = origins.get(small, small), origins.get(line, line)
        written.append(made)
    value = transform(small.value, lambda item: names.get(item, item))
    rest = small.with_changes(value=value)
    last = line.with_changes(body=[rest], leading_lines=[])
    origins[value] = origins.get(small.value, small.value)
    origins[rest], origins[last] = origins.get(small, small), origins.get(line, line)
    written[0] = written[0].with_changes(leading_lines=line.leading_lines)
    origins[written[0]] = origins.get(line, line)
    return [*written, last]


def _parts(value: cst.BaseExpression) -> Iterator[tuple[cst.CSTNode, str]]:
    """Placeholders in a list or dictionary, with what they are called there."""
    if isinstance(value, cst.Dict):
        for element in value.elements:
            if isinstance(element, cst.DictElement) and _is_placeholder(element.value):
                key = element.key
                yield element.value, str(key.raw_value) if isinstance(key, cst.SimpleString) else ""
    elif isinstance(value, (cst.List, cst.Tuple)):
        for index, item in enumerate(value.elements):
            if _is_placeholder(item.value):
                yield item.value, str(index)
    elif isinstance(value, cst.Call) and isinstance(value.func, cst.Name):
        for argument in value.args if value.func.value == "dict" else ():
            if argument.keyword is not None and _is_placeholder(argument.value):
                yield argument.value, argument.keyword.value


def _free(label: str, holder: str, taken: set[str]) -> str:
    """``x`` for the key, or else with the name of what holds it."""
    wanted = [label] if label.isidentifier() else []
    wanted += [f"{holder}_{label}"] if f"{holder}_{label}".isidentifier() else []
    for name in chain(wanted, (f"{holder}_{number}" for number in count())):
        if name not in taken and not hasattr(builtins, name) and not keyword.iskeyword(name):
            taken.add(name)
            return name
    raise AssertionError(holder)
