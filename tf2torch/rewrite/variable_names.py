"""Names of variables in the tags of summaries: those of the model's parameters stand for them."""

from __future__ import annotations

import libcst as cst

from tf2torch.cst.memory import remember
from tf2torch.cst.walk import walk
from tf2torch.rewrite.writer import Scope, Writer, code, parse


def in_tag(writer: Writer, node: cst.Attribute, scope: Scope) -> cst.BaseExpression | None:
    """``v.name`` or ``v.op.name`` -> ``parameter_name(model, v)``, in a tag and of any variable.

    None for everything else; a variable that is known has a name that is known.
    """
    from tf2torch.rewrite.expressions import convert

    if node.attr.value != "name" or scope.model is None or node not in _tags(writer):
        return None
    owner = node.value
    if isinstance(owner, cst.Attribute) and owner.attr.value == "op":
        owner = owner.value
    value = writer.value(owner)
    if value.kind != "variable" or value.detail is not None:
        return None
    writer.support.add("parameter_name")
    message = "the tag has the parameter's name in torch, not TensorFlow's name of the variable"
    writer.findings.append((node, "summary-tag", "note", message))
    return parse(f"parameter_name({scope.model}, {code(convert(writer, owner, scope))})")


@remember
def _tags(writer: Writer) -> frozenset[cst.CSTNode]:
    """The code of all tags."""
    return frozenset(
        item
        for uses in writer.analysis.state.uses.values()
        for use in uses
        if use.asked[0] is not None
        for item in walk(use.asked[0])
    )
