"""The weight map: where each TensorFlow variable lives in the converted program."""

from __future__ import annotations

import re
from typing import Any

import libcst as cst

from tf2torch.analyse.facts import Creation
from tf2torch.analyse.instance_names import places_of_creations
from tf2torch.analyse.recurrent import RecurrentCreation
from tf2torch.analyse.templates import HOLE, pattern_of
from tf2torch.plan.units import contents
from tf2torch.rewrite import metrics, training
from tf2torch.rewrite.cell_weights import weight_entry
from tf2torch.rewrite.instance_rows import moved_to, rows_of_instances
from tf2torch.rewrite.scoped_instances import scoped_key
from tf2torch.rewrite.slot_names import optimizer_entries
from tf2torch.rewrite.writer import Writer
from tf2torch.rulebook.values import Value

#: The numbers by which TensorFlow makes names unique.
_NUMBER = re.compile(r"_\d+(?=/|$)")


def weight_map(writer: Writer) -> dict[str, Any]:
    """The weight map of `design`: variables, layouts and optimizer slots."""
    variables: dict[str, Any] = {}
    held = _held(writer)
    counters = training.counted_variables(writer)
    uncounted: set[str] = set()
    found = {place for names in writer.analysis.instances.names for place in names}
    for place, creation in places_of_creations(writer.analysis):
        for index, variable in enumerate(creation.variables):
            if variable.name in variables and creation.reused is not None:
                continue
            if place in found:
                entry = _entry(writer, creation, variable, held, counters)
                for name, own in rows_of_instances(writer, place, index, entry):
                    row = _row_name(writer, creation, name, uncounted)
                    if row is not None and not _is_nowhere(own) and creation.reused is None:
                        variables[row] = own
                continue
            name = _row_name(writer, creation, variable.name, uncounted)
            entry = _entry(writer, creation, variable, held, counters)
            if name is not None and not _is_nowhere(entry):
                variables[name] = entry
    variables |= dict.fromkeys(writer.analysis.state.pipeline_variables)
    variables |= _averages(writer, variables)
    variables |= metrics.local_variables(writer)
    return {"version": 1, "variables": variables, "optimizers": optimizer_entries(writer)}


def _is_nowhere(entry: Any) -> bool:
    """Whether a variable is of code that the program never runs: no model holds it."""
    rows = entry if isinstance(entry, list) else [entry]
    return any(row is not None and row["module"] is None for row in rows)


def _row_name(writer: Writer, creation: Creation, name: str, uncounted: set[str]) -> str | None:
    """A variable's name in the map: with `{}` for what differs in each round of a loop.

    None for what another row says already, and for what nobody can tell; `uncounted` are names
    without their numbers that a loop gives as often as it runs.
    """
    opened = writer.analysis.state.open_loops
    rounds = [step[1] for step in creation.path if isinstance(step, tuple) and step[0] in opened]
    plain = _NUMBER.sub("", name)
    if any(rounds):
        return None
    pattern = pattern_of(name)
    if pattern is not None and pattern != name and scoped_key(writer, creation, name) is not None:
        return pattern
    if not rounds and plain not in uncounted and pattern == name:
        return name
    if pattern is not None and pattern != name and pattern.count(HOLE) == len(rounds):
        return pattern
    uncounted.add(plain)
    message = "what TensorFlow calls these variables cannot be told: the weight map lacks them"
    found = (creation.node, "weight-map", "warning", message)
    if found not in writer.findings:
        writer.findings.append(found)
    return None


def held_by(entries: dict[str, Any], model: str | None, holder: str | None) -> dict[str, Any]:
    """The map with the network in the class `holder` in place of `model`."""
    if model == holder:
        return entries

    def moved(entry: Any) -> Any:
        if isinstance(entry, list):
            return [moved(row) for row in entry]
        if isinstance(entry, dict):
            return {**entry, "module": moved_to(entry["module"], model, holder)}
        return entry

    return {**entries, "variables": {n: moved(e) for n, e in entries["variables"].items()}}


def _entry(
    writer: Writer, creation: Creation, variable: Any, held: dict[int, str], counters: set[str]
) -> Any:
    if variable.name in counters:
        return None
    if writer.plan.scoped and (found := scoped_key(writer, creation, variable.name)) is not None:
        return {"module": found[0], "key": found[1], "layout": ["identity"]}
    key = held.get(id(variable))
    if key is not None:
        return {"module": writer.plan.model, "key": key, "layout": ["identity"]}
    key = _key(writer, creation)
    if key is None:
        return None
    if isinstance(creation, RecurrentCreation):
        return weight_entry(writer, creation, variable.name, key, writer.plan.model)
    for row in creation.bound.rule.weights:
        if row.tf == variable.role:
            steps: list[Any] = [_plain(step) for step in row.steps]
            layout = steps[0] if len(steps) == 1 else steps
            return {"module": writer.plan.model, "key": f"{key}.{row.torch}", "layout": layout}
    return {"module": writer.plan.model, "key": key, "layout": ["identity"]}


def _averages(writer: Writer, variables: dict[str, Any]) -> dict[str, Any]:
    """Where the shadows of tf.train.ExponentialMovingAverage live."""
    found: dict[str, Any] = {}
    numbers: dict[int, int] = {}
    for value in list(writer.analysis.values.values()):
        if (
            value.kind != "operation"
            or value.detail is None
            or value.detail.type != "AverageUpdate"
        ):
            continue
        record = value.detail
        average = record["average"].detail
        number = numbers.setdefault(id(average), len(numbers))
        module = "ExponentialMovingAverage" + (f"#{number}" if number else "")
        suffix = average["call"].text(3, "name") or "ExponentialMovingAverage"
        given = record["targets"]
        targets = writer.analysis.state.collections.get("trainable_variables", [])
        if given is not None and given.value.literal is not None:
            targets = contents(given.value)
        for target in targets:
            entry = variables.get(target.detail.name) if target.kind == "variable" else None
            if isinstance(entry, dict):
                key = entry["key"].replace(".", "_")
                name = f"{target.detail.name}/{suffix}"
                found[name] = {"module": module, "key": key, "layout": entry["layout"]}
    return found


def variable_keys(writer: Writer) -> dict[str, list[str]]:
    """Keys of the model's parameters that hold each variable, by TensorFlow name."""
    held = _held(writer)
    counters = training.counted_variables(writer)
    entries: dict[str, Any] = {}
    for creation in writer.analysis.creations:
        for variable in creation.variables:
            if variable.name not in entries or creation.reused is None:
                entries[variable.name] = _entry(writer, creation, variable, held, counters)
    found: dict[str, list[str]] = {}
    for name, entry in (entries | metrics.local_variables(writer)).items():
        rows = entry if isinstance(entry, list) else [entry] if entry is not None else []
        averages = any(str(row["module"]).startswith("ExponentialMovingAverage") for row in rows)
        if not averages:
            found[name] = [row["key"] for row in rows]
    return found


def _plain(step: Any) -> Any:
    if isinstance(step, tuple):
        return [_plain(item) for item in step]
    return step


def _key(writer: Writer, creation: Creation) -> str | None:
    """Attribute path of what a call made: through the modules of the calls around it."""
    plan = writer.plan
    slots: Any = plan.slots
    parts: list[str] = []
    rounds: dict[cst.CSTNode, int] = {}
    made_by: Any = None
    for step in (*creation.path, creation.node):
        if isinstance(step, tuple):
            rounds[step[0]] = step[1]
            continue
        slot = slots.get(step)
        if slot is not None:
            parts += [slot.attribute] if slot.attribute else []
            opened = writer.analysis.state.open_loops
            parts += [
                HOLE if loop.body in opened else str(rounds.get(loop.body, 0))
                for loop in slot.loops
            ]
            made_by = slots
        function = writer.analysis.callees.get(step)
        called = function.node if function is not None else None
        if isinstance(called, cst.FunctionDef) and called in plan.function_slots:
            slots = plan.function_slots[called]
        elif (
            slot is None
            and step is creation.node
            and creation.symbol in ("tf.Variable", "tf.get_variable")
        ):
            attribute = _assigned(writer, creation)
            if attribute is None:
                return None
            if not parts or parts[-1] != attribute or slots is not made_by:
                parts.append(attribute)
    return ".".join(parts) or None


def _assigned(writer: Writer, creation: Creation) -> str | None:
    for units in writer.plan.function_units.values():
        for unit in units:
            made = unit.value is creation.node or unit.value in creation.path
            if made and unit.targets and isinstance(unit.targets[0], cst.Name):
                return unit.targets[0].value
    return None


def _held(writer: Writer) -> dict[int, str]:
    """Keys of variables that root names hold, alone or in dicts and lists."""
    found: dict[int, str] = {}

    def walk(value: Value, key: str) -> None:
        if value.kind == "variable" and value.detail is not None:
            found.setdefault(id(value.detail), key)
        elif value.kind == "sequence":
            for index, item in enumerate(value.detail):
                walk(item, f"{key}.{index}")
        elif value.kind == "mapping":
            for name, item in value.detail:
                walk(item, f"{key}.{name}")

    for unit in writer.plan.graph.units:
        if unit.kind != "param":
            continue
        for target in unit.targets:
            _walk_target(writer, target, walk)
    return found


def _walk_target(writer: Writer, target: cst.BaseExpression, walk: Any) -> None:
    if isinstance(target, cst.Name):
        walk(writer.value(target), target.value)
    elif isinstance(target, (cst.Tuple, cst.List)):
        for element in target.elements:
            _walk_target(writer, element.value, walk)
