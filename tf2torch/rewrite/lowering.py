"""One `Session.run` as model calls, a training step or an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import libcst as cst

from tf2torch.analyse.facts import Obj
from tf2torch.cst.names import names_in
from tf2torch.plan.blocks import Block
from tf2torch.plan.sites import Leaf, Site, needed_names, operation_names
from tf2torch.plan.units import Unit, calls_in
from tf2torch.rewrite import (
    counting,
    metrics,
    operations,
    rates,
    recording,
    sources,
    starting,
    statistics,
)
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.feeds import default_text, feed_statements, is_number
from tf2torch.rewrite.fetched import fetched_value
from tf2torch.rewrite.host import Host
from tf2torch.rewrite.statements import write_statement
from tf2torch.rewrite.steps import step_statements
from tf2torch.rewrite.suites import Statements
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, lines, parse
from tf2torch.rulebook.values import UNKNOWN


def lower(
    host: Host, site: Site, needed: Sequence[Unit], target: cst.BaseExpression | None = None
) -> tuple[Statements, dict[int, str]]:
    """Statements that do what a run does, and the text of each fetched host value.

    `target` is what the program assigns the run to.
    """
    host = host.of_run(site.run.node)
    writer, plan = host.writer, host.writer.plan
    if site.feeds is None:
        raise Unconvertible("feed-dict", "the feed dictionary could not be followed", site.run.node)
    leaves = site.tree.leaves()
    for leaf in leaves:
        if leaf.value.kind in ("unknown", "python"):
            raise Unconvertible(
                "fetch", f"what {writer.text(leaf.node)!r} fetches is not known", leaf.node
            )
    late = operations.late_units(writer, needed)
    steps = [s for s in operations.steps(writer, leaves, late) if not metrics.only_updates(s)]
    live = [
        leaf for leaf in leaves if leaf.record is None or leaf.record.type not in ("Init", "NoOp")
    ]
    live = live or (leaves if steps else [])
    before = [*starting.restart(host, site), *metrics.resets(host, site, leaves)]
    if not live:
        return before, {}
    names = dict(host.scope.names)
    for unit in needed:
        if unit.kind == "source":
            before += sources.draw(host, unit, host.scope, site)
    read = [leaf.node for leaf in leaves if leaf.record is None]
    before += _feeds(host, site, names, read)
    before += sources.start_iterators(host, leaves, needed, site)
    starts = ("IteratorInit", "IteratorHandle")
    live = [leaf for leaf in live if leaf.record is None or leaf.record.type not in starts]
    if not live:
        return before, {}
    fed = {feed.name for feed in site.feeds}
    for unit in needed:
        if unit.kind == "placeholder":
            name = unit.targets[0].value  # type: ignore[attr-defined]
            if name not in fed:
                names[name] = default_text(host, unit, site)
    before += _numbers(host, names, needed, leaves, steps)
    numbers_scope = host.scope.inside(names=dict(names), layouts={}, phase="number")
    for name, primary in plan.counters.names.items():
        names[name] = f"torch.as_tensor({primary}, device=device)"
    scope = host.scope.inside(names=names, layouts={})
    units = [u for u in needed if u.kind == "graph"]
    mode = _mode(host, site, needed)
    computed, assigned = _computed(
        host, site, units, late, leaves, bool(steps), scope, numbers_scope
    )
    results: dict[int, str] = {}
    made_here = {name for unit in needed for name in unit.names.stores}
    for leaf in leaves:
        if metrics.metric_of(writer, leaf.value) is not None:
            continue
        if host.scope.unread and leaf.value.kind in ("sequence", "many"):
            if isinstance(leaf.node, cst.Name) and leaf.node.value not in made_here:
                message = f"what {leaf.node.value} does is not known"
                raise Unconvertible("fetch", message, leaf.node)
            continue
        if leaf.record is None and not operations.only_operations(leaf.value):
            tracked = bool(steps) or _uses_gradients(writer, units)
            tracked = tracked or not computed and bool(writer.analysis.creations)
            results[id(leaf)] = fetched_value(host, leaf, scope, numbers_scope, tracked=tracked)
    managers: list[str] = []
    if recording.is_recorded(writer, site):
        made, managers = recording.record(host, site, needed, scope, target, results)
        computed += made
    counted, read_now = metrics.updates(host, leaves, scope)
    computed += counted
    results |= read_now
    computed = statistics.frozen(host, site, needed, computed, mode)
    if managers and (steps or _uses_gradients(writer, units)):
        computed = [_inside(managers, computed)]
    if steps:
        before += mode
        before += computed
        before += step_statements(host, steps, scope, numbers_scope)
        before += assigned
        for unit in late:
            counted = _counted(writer, unit, numbers_scope)
            before += counted or write_statement(writer, unit.node, scope, None)
        return before, results
    if computed and not _uses_gradients(writer, units):
        if writer.analysis.creations:  # without variables nothing has gradients
            managers.insert(0, "torch.no_grad()")
        computed = [_inside(managers, computed)] if managers else computed
    return [*before, *mode, *computed], results


def _feeds(
    host: Host, site: Site, names: dict[str, str], read: Sequence[cst.BaseExpression]
) -> Statements:
    """What a run is fed, as statements; numbers that are known go into `names` instead."""
    written = _fetched_feed(host, site)
    for feed in site.feeds or ():
        value = host.writer.value(feed.value)
        if site.kept and feed.placeholder.detail not in host.scope.modes:
            host.live.pop(feed.name, None)
            written += lines(f'{feed.name} = {site.feed_name}["{feed.name}"]\n')
        elif site.feed_name is None:
            if is_number(host, feed, value, read) and value.literal is not UNKNOWN:
                names[feed.name] = code(convert(host.writer, feed.value, host.scope))
            else:
                written += feed_statements(host, feed, read)
    return written


def _computed(
    host: Host,
    site: Site,
    units: Sequence[Unit],
    late: Sequence[Unit],
    leaves: Sequence[Leaf],
    stepped: bool,
    scope: Scope,
    numbers_scope: Scope,
) -> tuple[Statements, Statements]:
    """Calls of the model and the code around them; apart from that, assignments beside a step."""
    writer = host.writer
    computed: Statements = []
    assigned: Statements = []  # beside a train op: must not come between its halves
    pending = _blocks(writer.plan.blocks, units)
    inside = {u.index for b in pending for u in b.units}
    for unit in units:
        if unit in late:
            continue
        while pending and _ready(pending[0], unit):
            computed += _call_block(host, pending.pop(0), scope.names, site)
        if unit.index not in inside:
            counted = _counted(writer, unit, numbers_scope)
            done = counted or write_statement(writer, unit.node, scope, None)
            if stepped and operations.assigns(done) and not _is_read(unit, units, leaves):
                assigned += done
            else:
                computed += done
    for rest in pending:
        computed += _call_block(host, rest, scope.names, site)
    for leaf in leaves:
        set_here = isinstance(leaf.node, cst.Call) and leaf.record is None
        change = counting.assignment(writer, leaf.node, numbers_scope) if set_here else None
        computed += [] if change is None else change[1]
    return computed, assigned


def _is_read(unit: Unit, units: Sequence[Unit], leaves: Sequence[Leaf]) -> bool:
    """Whether other code of the run, or what its train ops minimize, reads what a unit gives."""
    read = {name for other in units if other is not unit for name in other.names.loads}
    for leaf in leaves:
        if leaf.record is not None and leaf.record.type in ("Train", "Apply"):
            read |= needed_names(leaf)
    return bool(unit.names.stores & read)


def _counted(writer: Writer, unit: Unit, scope: Scope) -> Statements:
    """A unit that sets a step counter."""
    found = counting.assignment(writer, unit.value, scope) if unit.value is not None else None
    return [] if found is None else found[1]


def _fetched_feed(host: Host, site: Site) -> Statements:
    """``feed = batch(step)``: a dictionary that is an expression of its own, evaluated once."""
    expression = site.run.feeds
    if site.source is None or expression is None or isinstance(expression, cst.Name):
        return []
    host.live.clear()
    written = convert(host.writer, expression, host.scope.inside(keys=True))
    return lines(f"{site.source} = {code(written)}\n")


def _numbers(
    host: Host,
    names: dict[str, str],
    needed: Sequence[Unit],
    leaves: Sequence[Leaf],
    steps: Sequence[Obj],
) -> Statements:
    """What a run needs of single numbers, such as the rate of its step.

    A rate that a scheduler sets is only there if something else reads it too.
    """
    writer = host.writer
    available = [unit for unit in needed if unit.kind == "number"]
    if not available:
        return []
    read: set[str] = set()
    for leaf in leaves:
        if leaf.record is None:
            read |= names_in(leaf.node).loads
        elif leaf.record.type not in operations.STEPS:
            read |= needed_names(leaf)
    for record in steps:
        read |= operation_names(record, rates=False)
        made = host.optimizers.get(id(record))
        if made is not None and made.rate is not None:
            read |= names_in(made.rate).loads
    read |= {n for unit in needed if unit.kind in ("graph", "source") for n in unit.names.loads}
    written: Statements = []
    for name in sorted(read & writer.plan.numbers.names):
        by_scheduler = _current_rate(host, name)
        if by_scheduler is not None:
            written += by_scheduler
            read = read - {name}
    wanted = {unit.index for unit in rates.units_of(writer, read)}
    scope = host.scope.inside(names=names, layouts={}, phase="number")
    for unit in available:
        if unit.index in wanted:
            written += write_statement(writer, unit.node, scope, None)
    return written


def _current_rate(host: Host, name: str) -> Statements | None:
    """The learning rate of this step, read before the scheduler moves on."""
    for optimizer in host.optimizers.values():
        rate = optimizer.scheduled
        if isinstance(rate, cst.Name) and rate.value == name:
            return lines(f'{name} = {optimizer.name}.param_groups[0]["lr"]\n')
    return None


def _ready(candidate: Block, unit: Unit) -> bool:
    return candidate.units[-1].index < unit.index or unit in candidate.units


def _blocks(blocks: Sequence[Block], units: Sequence[Unit]) -> list[Block]:
    indices = {unit.index for unit in units}
    return [b for b in blocks if any(unit.index in indices for unit in b.units)]


def _call_block(host: Host, made: Block, names: Mapping[str, str], site: Site) -> Statements:
    """``logits = model(images)``"""
    modes = host.scope.modes
    arguments: list[str] = []
    named = False
    for name in made.inputs:
        unit = host.writer.plan.placeholders.get(name)
        if (
            unit is not None
            and unit.value is not None
            and host.writer.value(unit.value).detail in modes
        ):
            continue
        text = names.get(name, name)
        # A bare number says too little, and what follows a keyword needs one too.
        named = named or (text != name and _is_literal(text))
        arguments.append(f"{name}={text}" if named else text)
    model = host.writer.plan.instance
    callee = model if made.name == "forward" else f"{model}.{made.name}"
    call = f"{callee}({', '.join(arguments)})"
    if not made.outputs:
        return lines(f"{call}\n")
    return lines(f"{', '.join(made.outputs)} = {call}\n")


def _is_literal(text: str) -> bool:
    return text[:1].isdigit() or text in ("True", "False", "None") or text[:1] in "-'\""


def _mode(host: Host, site: Site, needed: Sequence[Unit]) -> Statements:
    """``model.train()`` or ``model.eval()``, from the fed training flag."""
    modes, model = host.scope.modes, host.writer.plan.instance
    if not modes:
        return []
    for feed in site.feeds or ():
        if feed.placeholder.detail in modes:
            literal = host.writer.value(feed.value).literal
            if literal is True:
                return lines(f"{model}.train()\n")
            if literal is False:
                return lines(f"{model}.eval()\n")
            return lines(f"{model}.train({code(convert(host.writer, feed.value, host.scope))})\n")
    for unit in needed:
        if unit.kind == "placeholder" and unit.value is not None:
            if host.writer.value(unit.value).detail in modes:
                text = default_text(host, unit, site)
                return lines(f"{model}.eval()\n" if text == "False" else f"{model}.train({text})\n")
    return []


def _inside(managers: Sequence[str], body: Statements) -> cst.BaseStatement:
    """``with torch.no_grad(): body``"""
    items = []
    for manager in managers:
        text, _, name = manager.partition(" as ")
        asname = cst.AsName(cst.Name(name)) if name else None
        items.append(cst.WithItem(parse(text), asname))
    return cst.With(items, cst.IndentedBlock(body))


def _uses_gradients(writer: Writer, units: Sequence[Unit]) -> bool:
    for unit in units:
        for call in calls_in(unit.node):
            symbol = writer.analysis.symbols.get(call.func, "")
            if symbol in ("tf.gradients", "tf.hessians"):
                return True
            if isinstance(call.func, cst.Attribute) and call.func.attr.value == "compute_gradients":
                return True
    return False
