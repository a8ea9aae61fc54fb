"""The plan as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tf2torch.plan import Plan


def describe(plan: Plan) -> str:
    """What ``--plan`` prints: modules, methods, functions, runs."""
    lines: list[str] = []
    where = f"function {plan.root.function.name.value}" if plan.root.function else "module"
    lines.append(f"root: {where}")
    if plan.model is not None:
        lines.append(f"class {plan.model}(nn.Module)")
        for name in plan.attributes:
            lines.append(f"  variable {name}")
        for slot in plan.slots.values():
            lines.append(f"  {slot.kind} {slot.attribute}" + (" (in a loop)" if slot.loops else ""))
        for block in plan.blocks:
            lines.append(
                f"  method {block.name}({', '.join(block.inputs)}) -> {', '.join(block.outputs)}"
                f"  [{len(block.units)} statements]"
            )
    for role in plan.roles.values():
        extra = f", with {', '.join(role.extra)}" if role.extra else ""
        lines.append(f"function {role.node.name.value}: {role.kind} {role.name}{extra}")
    for site, needed in plan.sites.values():
        fed = ", ".join(feed.name for feed in site.feeds or ()) or "nothing"
        lines.append(f"run: feeds {fed}, needs {len(needed)} statements")
    return "\n".join(lines) + "\n"
