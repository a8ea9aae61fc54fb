"""Feeds: dictionaries of placeholders become tensors with the names of the placeholders."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from tf2torch.cst.memory import remember
from tf2torch.cst.names import names_in
from tf2torch.diagnostics import Outcome
from tf2torch.plan.sites import Feed, Site, feed_items
from tf2torch.plan.units import Unit, contents
from tf2torch.rewrite import sources
from tf2torch.rewrite.arguments import argument
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.host import Host
from tf2torch.rewrite.statements import write_statement
from tf2torch.rewrite.suites import Statements
from tf2torch.rewrite.writer import Unconvertible, Writer, code, lines
from tf2torch.rulebook.values import Value

TORCH_INTS = {
    "int32": "int64",
    "uint8": "uint8",
    "int64": "int64",
    "int16": "int16",
    "int8": "int8",
}


def feed_dictionary(host: Host, small: cst.BaseSmallStatement) -> Statements | None:
    """``feed = {x: batch}`` -> ``x = torch.as_tensor(batch)``: the dictionary is not needed."""
    if not isinstance(small, cst.Assign) or len(small.targets) != 1:
        return None
    target = small.targets[0].target
    if not isinstance(target, cst.Name) or not isinstance(small.value, cst.Dict):
        return None
    if not any(site.feed_name == target.value for site, _ in host.writer.plan.sites.values()):
        return None
    feeds = feed_items(host.writer.analysis, small.value)
    if feeds is None:
        return None
    if any(s.kept and s.feed_name == target.value for s, _ in host.writer.plan.sites.values()):
        host.writer.settle(small, Outcome.CONVERTED, "feed")
        return _kept_dictionary(host, small, feeds)
    written: Statements = []
    for feed in feeds:
        written += feed_statements(host, feed)
    written += _unfed(host, small.value, {feed.name for feed in feeds})
    host.writer.settle(small, Outcome.CONVERTED, "feed")
    return written


def _kept_dictionary(host: Host, small: cst.Assign, feeds: Sequence[Feed]) -> Statements:
    """``test = {x: data}`` -> ``test = {"x": torch.as_tensor(data)}``"""
    assert isinstance(small.value, cst.Dict)
    texts: dict[str, str] = {}
    for feed in feeds:
        if feed.placeholder.detail in host.scope.modes:
            continue
        host.live.pop(feed.name, None)
        made = feed_statements(host, feed)
        host.live.pop(feed.name, None)
        line = made[-1] if made else None
        value: cst.BaseExpression = cst.Name(feed.name)
        if isinstance(line, cst.SimpleStatementLine) and isinstance(line.body[0], cst.Assign):
            value = line.body[0].value
        texts[feed.name] = code(value)
    before = _unfed(host, small.value, {feed.name for feed in feeds})
    for line in before:
        if isinstance(line, cst.SimpleStatementLine) and isinstance(line.body[0], cst.Assign):
            name = code(line.body[0].targets[0].target)
            texts[name] = name
    items = ", ".join(f'"{name}": {text}' for name, text in texts.items())
    target = code(small.targets[0].target)
    return [*before, *lines(f"{target} = {{{items}}}\n")]


def _unfed(host: Host, dictionary: cst.Dict, fed: set[str]) -> Statements:
    """What another dictionary of the same name feeds, and this one leaves as the graph has it."""
    written: Statements = []
    plan = host.writer.plan
    for site, _ in plan.sites.values():
        if dictionary not in site.dictionaries:
            continue
        for feed in site.feeds or ():
            if feed.name in fed:
                continue
            fed = fed | {feed.name}
            unit = plan.graph.definition(feed.name, len(plan.graph.units) + 1)
            if unit is None or unit.kind == "placeholder":
                if (
                    unit is not None
                    and host.writer.analysis.symbols.get(getattr(unit.value, "func", cst.Name("_")))
                    == "tf.placeholder_with_default"
                ):
                    written += lines(f"{feed.name} = {default_text(host, unit, site)}\n")
                continue
            closure = plan.graph.closure({feed.name}, fed - {feed.name}, unit.index + 1)
            for needed in closure:
                if needed.kind == "graph":
                    written += write_statement(host.writer, needed.node, host.scope, None)
    return written


def feed_statements(
    host: Host, feed: Feed, fetched: Sequence[cst.BaseExpression] = ()
) -> Statements:
    """``{x: batch}`` -> ``x = torch.as_tensor(batch, dtype=torch.float32, device=device)``"""
    if feed.placeholder.detail in host.scope.modes:
        return []
    value = host.writer.value(feed.value)
    if sources.fed_iterator(host.writer, feed) is not None:
        return []  # the run draws from the iterator that the handle stands for
    text = code(convert(host.writer, feed.value, host.scope))
    if "::-1" in text and text.endswith("]"):
        text += ".copy()"  # torch takes no array with negative strides
    if is_number(host, feed, value, fetched) or feed.placeholder.dtype == "string":
        return lines(f"{feed.name} = {text}\n") if text != feed.name else []
    if feed.placeholder.kind in ("sequence", "many"):
        host.writer.support.add("state_from_numpy")
        host.live.pop(feed.name, None)
        return lines(f"{feed.name} = state_from_numpy({text}, device)\n")
    dtype = f", dtype={feed_dtype(feed.placeholder)}"
    if feed.placeholder.kind == "tensor" and feed.placeholder.dtype is None:
        dtype = ""
    made = f"torch.as_tensor({text}{dtype}, device=device)"
    if feed.placeholder.detail in _differentiated(host.writer):
        made += ".requires_grad_()"
    if host.live.get(feed.name) == text:
        return []
    host.live[feed.name] = text
    return lines(f"{feed.name} = {made}\n")


@remember
def _differentiated(writer: Writer) -> set[object]:
    """Identities of placeholders that gradients are taken with respect to."""
    found: set[object] = set()
    for node in writer.analysis.values:
        if type(node) is cst.Call and writer.analysis.symbols.get(node.func) == "tf.gradients":
            if len(node.args) > 1:
                for leaf in contents(writer.value(node.args[1].value)):
                    if leaf.kind == "placeholder":
                        found.add(leaf.detail)
    return found


def feed_dtype(placeholder: Value) -> str:
    dtype = placeholder.dtype or "float32"
    dtype = {"float": "float32", "int": "int32", "double": "float64"}.get(dtype, dtype)
    return f"torch.{TORCH_INTS.get(dtype, dtype)}"


def is_number(
    host: Host, feed: Feed, value: Value, fetched: Sequence[cst.BaseExpression] = ()
) -> bool:
    """Whether a fed value can stay a Python number, in what is fetched too."""
    if feed.placeholder.detail in host.scalars:
        return True
    literal = value.literal
    if not isinstance(literal, (int, float)) or feed.placeholder.rank not in (0, None):
        return False
    return _meets_tensors(host.writer, feed.name, fetched)


def _meets_tensors(writer: Writer, name: str, fetched: Sequence[cst.BaseExpression]) -> bool:
    """Whether code that reads a placeholder computes with tensors, so that a number will do."""
    graph = writer.plan.graph
    readers = [(unit.names.loads, unit.index) for unit in graph.units if unit.kind == "graph"]
    end = len(graph.units) + 1
    computed = (node for node in fetched if not isinstance(node, cst.Name))
    readers += [(names_in(node).loads, end) for node in computed]
    for loads, index in readers:
        if name not in loads:
            continue
        others = (graph.definition(used, index) for used in loads - {name})
        if not any(
            other is not None
            and (
                other.kind in ("graph", "param")
                or (other.value is not None and writer.value(other.value).rank)
            )
            for other in others
        ):
            return False
    return True


def default_text(host: Host, unit: Unit, site: Site) -> str:
    """Text of a placeholder that is not fed: its default."""
    assert isinstance(unit.value, cst.Call)
    symbol = host.writer.analysis.symbols.get(unit.value.func)
    if symbol == "tf.placeholder_with_default":
        default = argument(unit.value, 0, "input")
        assert default is not None
        return code(convert(host.writer, default, host.scope))
    name = unit.targets[0].value  # type: ignore[attr-defined]
    raise Unconvertible("feed", f"the placeholder {name!r} is needed but not fed", site.run.node)
