"""Lists of variables of several instances of a class."""

from __future__ import annotations

import libcst as cst

from tf2torch.analyse.instance_names import places_of_creations
from tf2torch.cst.walk import walk
from tf2torch.rewrite.variables_list import as_registered, key_text
from tf2torch.rewrite.weights import variable_keys
from tf2torch.rewrite.writer import Unconvertible, Writer
from tf2torch.rulebook.values import Value


def list_of_instances(writer: Writer, value: Value, node: cst.CSTNode) -> str | None:
    """``list(main_net.model.parameters())``: variables of instances that have names.

    None for a list of other variables.
    """
    instances = writer.analysis.instances
    if node not in instances.lists:
        found = [call for call in walk(node) if call in instances.lists]
        if not found:
            return None
    places = dict(places_of_creations(writer.analysis))
    keys = variable_keys(writer)
    wanted: list[tuple[str, str]] = []
    for item in value.detail:
        member = instances.member(item.detail.name)
        holder = instances.made[member.instance].holder if member is not None else None
        if member is None or holder is None:
            message = f"what holds {item.detail.name} has no name"
            raise Unconvertible("variable-list", message, node)
        own = places[member.place].variables[member.index]
        wanted += [(f"{holder}.{writer.plan.instance}", key) for key in keys.get(own.name, ())]
    models = {model for model, _ in wanted}
    names = writer.analysis.state.collections.get("trainable_variables", [])
    every = [key for v in names for key in keys.get(v.detail.name, ())]
    if len(models) == 1 and [key for _, key in wanted] == as_registered(every):
        return f"list({models.pop()}.parameters())"
    return f"[{', '.join(key_text(model, key) for model, key in wanted)}]"
