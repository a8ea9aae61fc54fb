"""Moving statistics of batch normalization: updated only where the program runs its update ops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import libcst as cst

from tf2torch.plan.sites import Site
from tf2torch.plan.units import Unit, calls_in
from tf2torch.rewrite.variables_list import key_text
from tf2torch.rewrite.weights import variable_keys
from tf2torch.rewrite.writer import Writer, code, lines
from tf2torch.rulebook.values import Value

if TYPE_CHECKING:
    from tf2torch.rewrite.host import Host

Statements = list[cst.BaseStatement]


def _text(statements: Statements) -> str:
    return code(
        cst.Module(cast("list[cst.SimpleStatementLine | cst.BaseCompoundStatement]", statements))
    )


def frozen(
    host: Host, site: Site, needed: Sequence[Unit], computed: Statements, mode: Statements
) -> Statements:
    """Wraps the forward pass of a training-mode run that TensorFlow runs without all update ops.

    torch updates a layer's moving statistics whenever it runs in training mode; TensorFlow when
    the op in ``UPDATE_OPS`` is run, as a dependency of the train op or by itself.
    """
    writer = host.writer
    collections = writer.analysis.state.collections
    every = [*collections.get("update_ops", ()), *collections.get("layer_updates", ())]
    if not every or "eval()" in _text(mode) or not computed:
        return computed
    if not mode and not _trains(writer, needed):
        return computed
    done: set[str] = set()
    for leaf in site.tree.leaves():
        _collect(leaf.value, done)
    scopes = [op.detail["scope"] for op in every]
    missing = [scope for scope in dict.fromkeys(scopes) if scope not in done]
    if not missing:
        return computed
    writer.support.add("frozen_statistics")
    modules = ", ".join(_modules(writer, missing, [s for s in scopes if s in done]))
    made = lines(f"with frozen_statistics({modules}):\n    pass\n")[0]
    assert isinstance(made, cst.With)
    return [made.with_changes(body=cst.IndentedBlock(computed))]


def _trains(writer: Writer, needed: Sequence[Unit]) -> bool:
    """Whether a layer that is run trains by itself, whatever the mode of the model is."""
    calls = {call for unit in needed for call in calls_in(unit.node)}
    for creation in writer.analysis.creations:
        flag = creation.bound.values.get(creation.bound.rule.training or "")
        if flag is None or flag.is_tensor or flag.literal is False:
            continue
        moving = any(variable.role == "moving_mean" for variable in creation.variables)
        if moving and calls.intersection(step for step in (*creation.path, creation.node)):
            return True
    return False


def _collect(value: Value, done: set[str], depth: int = 0) -> None:
    """Scopes of the update ops that running `value` runs."""
    if depth > 8:
        return
    if value.kind == "sequence":
        for item in value.detail:
            _collect(item, done, depth + 1)
    record = value.detail
    if value.kind not in ("operation", "object"):
        return
    if record.type == "UpdateOp":
        done.add(record["scope"])
    for item in record["items"] or ():
        _collect(item, done, depth + 1)
    for item in record["control"] or ():
        _collect(item, done, depth + 1)
    for member in record["members"] or ():
        _collect(getattr(member, "value", member), done, depth + 1)


def _modules(writer: Writer, missing: list[str], updated: list[str]) -> list[str]:
    """The fewest modules that hold all layers in `missing` and none in `updated`."""
    keys = variable_keys(writer)
    wanted = [_layer(keys, scope) for scope in missing]
    kept = [_layer(keys, scope) for scope in updated]
    if not kept:
        return [writer.plan.instance]
    found: list[str] = []
    for path in wanted:
        parts = path.split(".")
        for length in range(1, len(parts) + 1):
            prefix = ".".join(parts[:length])
            if not any(other == prefix or other.startswith(prefix + ".") for other in kept):
                text = key_text(writer.plan.instance, prefix)
                if text not in found:
                    found.append(text)
                break
    return found


def _layer(keys: dict[str, list[str]], scope: str) -> str:
    held = keys.get(f"{scope}/moving_mean") or [""]
    return held[0].rpartition(".")[0]
