"""Initial values and weight map of recurrent modules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tf2torch.analyse.cells import Built, RecurrentCreation
from tf2torch.analyse.sizes import Size
from tf2torch.rewrite import initial
from tf2torch.rewrite.cells import Maker
from tf2torch.rewrite.forms import Form, bare, every_cell, form_of
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, parse
from tf2torch.rulebook.values import Value


def resets(
    writer: Writer, creation: RecurrentCreation, form: Form, scope: Scope
) -> tuple[str, ...]:
    """Statements over ``{}`` that give the module TensorFlow's initial values."""
    texts = []
    maker = Maker(writer, creation.owner, creation.node, form)
    if form.kind != "cells":
        writer.support.add("init_rnn_like_tf")
        leaf = creation.parts[0].cell.leaves()[0]
        bias = ""
        if form.kind == "lstm" and leaf.literal("forget_bias", 1.0) != 1.0:
            bias = f", forget_bias={maker.number(leaf.sizes.get('forget_bias'), 'forget_bias')}"
        texts.append(f"init_rnn_like_tf({{}}{bias})")
    for part, path in _leaves(creation, form):
        for role, value in part.variables.items():
            given: Value | None = value.detail.initial
            if (
                given is None
                or given.literal is None
                or role.endswith("bias")
                and part.cell.kind != "GRUCell"
            ):
                continue
            if any(inner.count is not None for p in creation.parts for inner in every_cell(p.cell)):
                raise Unconvertible(
                    "rnn-initializer",
                    "an initializer for an unknown number of layers",
                    creation.node,
                )
            for key in _targets(form, role, path):
                # The layer's name is filled in later; braces stand for it.
                target = parse(f"LAYER{'' if key.startswith('[') else '.'}{key}")
                written = initial.initializer(
                    writer, given, "glorot_uniform", target, scope, creation.node, None
                )
                if written is not None:
                    text = code(written).replace("{", "{{").replace("}", "}}")
                    texts.append(text.replace("LAYER", "{}"))
    return tuple(texts)


def _targets(form: Form, role: str, path: str) -> list[str]:
    if form.kind == "cells":
        return [f"{path}.{_ATTRIBUTES.get(role, role)}".lstrip(".")]
    if role == "projection/kernel":
        return [f"weight_hr{path}"]
    return [f"weight_ih{path}", f"weight_hh{path}"]


_ATTRIBUTES = {
    "gates/kernel": "gates_kernel",
    "gates/bias": "gates_bias",
    "candidate/kernel": "candidate_kernel",
    "candidate/bias": "candidate_bias",
    "projection/kernel": "projection_kernel",
}


def _leaves(
    creation: RecurrentCreation, form: Form, *, dotted: bool = False
) -> Iterator[tuple[Built, str]]:
    """Leaf cells with their places: ``_l1_reverse``, or ``cells[1]`` (dotted: ``cells.1``)."""
    for number, part in enumerate(creation.parts):
        if form.kind != "cells":
            for layer, leaf in enumerate(_flat(part)):
                yield leaf, f"_l{layer}" + ("_reverse" if number else "")
            continue
        path: tuple[Any, ...] = ()
        if creation.driver.startswith("stack"):
            path = (number % 2, number // 2)
        elif len(creation.parts) > 1:
            path = (number,)
        for leaf, place in _placed(part, path, form):
            if dotted:
                yield leaf, ".".join(str(step) for step in place)
            else:
                text = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in place)
                yield leaf, text.lstrip(".")


def _flat(part: Built) -> list[Built]:
    return [leaf for inner in part.cells for leaf in _flat(inner)] if part.cells else [part]


def _placed(
    part: Built, path: tuple[Any, ...], form: Form
) -> Iterator[tuple[Built, tuple[Any, ...]]]:
    if not part.cells:
        yield part, path
    elif part.cell.kind == "MultiRNNCell":
        for index, inner in enumerate(part.cells):
            yield from _placed(inner, (*path, "cells", index), form)
    else:
        step = ("cell",) if form.wrapped and bare(part.cell) is part.cell else ()
        yield from _placed(part.cells[0], (*path, *step), form)


def weight_entry(
    writer: Writer, creation: RecurrentCreation, name: str, key: str, model: Any
) -> Any:
    """Entry of the weight map for one TensorFlow variable."""
    try:
        form = form_of(writer, creation)
    except Unconvertible:
        return None
    for leaf, path in _leaves(creation, form, dotted=True):
        for role, value in leaf.variables.items():
            if value.detail.name != name:
                continue
            if form.kind == "cells":
                attribute = _ATTRIBUTES.get(role, role)
                layout: list[Any] = ["identity"]
                if leaf.cell.kind == "GRUCell":
                    layout = ["gru", {"part": attribute}]
                full = ".".join(step for step in (key, path, attribute) if step)
                return {"module": model, "key": full, "layout": layout}
            return _torch_rows(leaf, role, f"{key}.", path, form, model)
    return None


def _torch_rows(leaf: Built, role: str, key: str, path: str, form: Form, model: Any) -> Any:
    inputs, state = leaf.inputs.guess, (leaf.cell.output or Size()).guess
    if inputs is None and state is not None:
        inputs = -state  # counted from the end: the rows of the state are the last ones
    if role == "projection/kernel":
        return {"module": model, "key": f"{key}weight_hr{path}", "layout": ["transpose"]}
    if role == "bias":
        layout: list[Any] = ["identity"]
        if form.kind == "lstm":
            bias = leaf.cell.sizes.get("forget_bias", Size(1.0, 1.0)).guess
            layout = ["lstm", {"part": "bias", "gates": "ijfo", "forget_bias": bias}]
        return {"module": model, "key": f"{key}bias_ih{path}", "layout": layout}
    rows = []
    for part in ("ih", "hh"):
        if form.kind == "lstm":
            layout = ["lstm", {"part": part, "input": inputs, "gates": "ijfo"}]
        else:
            ends = {"start": 0, "stop": inputs} if part == "ih" else {"start": inputs, "stop": None}
            layout = [["split", {"axis": 0, **ends}], ["transpose"]]
            if part == "hh" and inputs is not None and state is not None and inputs >= 0:
                layout[0][1]["stop"] = inputs + state
        rows.append({"module": model, "key": f"{key}weight_{part}{path}", "layout": layout})
    return rows
