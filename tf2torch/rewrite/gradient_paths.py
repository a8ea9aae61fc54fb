"""What a program does with gradients between taking and applying them.

TensorFlow keeps the gradient of a table as the rows that were looked up, until code computes with
it otherwise than by clipping; then it becomes dense.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import libcst as cst

from tf2torch.cst.names import names_in
from tf2torch.cst.walk import below
from tf2torch.rewrite.writer import Writer

#: Functions that clip rows as rows.
CLIPS = frozenset(
    "tf.clip_by_value tf.clip_by_norm tf.clip_by_global_norm tf.global_norm".split()
    + ["tf.linalg.global_norm"]
)
_COMPUTING = (cst.BinaryOperation, cst.UnaryOperation)


@dataclass(frozen=True)
class Path:
    """Gradients between the calls that take them and those that apply them.

    Attributes:
        names: names that hold gradients, or pairs of them and variables.
        clips: whether functions that clip are called with them.
        rows: whether nothing else is done, so that rows stay rows.
    """

    names: frozenset[str]
    clips: bool
    rows: bool


def path_of(writer: Writer) -> Path:
    """The path of all gradients that the program takes into its own hands."""
    cache = writer.analysis.state.cache
    if "gradient path" not in cache:
        cache["gradient path"] = _find(writer)
    found: Path = cache["gradient path"]
    return found


def holds_gradient(writer: Writer, node: cst.CSTNode) -> bool:
    """Whether an expression is made of gradients."""
    return bool(names_in(node).loads & path_of(writer).names) or _takes(writer, node)


def _takes(writer: Writer, node: cst.CSTNode) -> bool:
    for call in below(node, cst.Call):
        if writer.analysis.symbols.get(call.func) == "tf.gradients":
            return True
        if isinstance(call.func, cst.Attribute) and call.func.attr.value == "compute_gradients":
            return True
    return False


def _find(writer: Writer) -> Path:
    module = writer.analysis.source.module
    names: set[str] = set()
    size = -1
    while size != len(names):
        size = len(names)
        for targets, value in _bindings(module):
            if names_in(value).loads & names or _takes(writer, value):
                names |= {n.value for target in targets for n in _held(writer, target)}
    clips, rows = False, True
    for call in below(module, cst.Call):
        given = [arg.value for arg in call.args]
        if not any(names_in(value).loads & names or _takes(writer, value) for value in given):
            continue
        symbol = writer.analysis.symbols.get(call.func, "")
        if symbol in CLIPS:
            clips = True
        elif call in writer.analysis.callees or (
            symbol.startswith("tf.") and not symbol.startswith(("tf.summary.", "tf.gradients"))
        ):
            rows = rows and symbol in _HARMLESS
    for node in below(module, *_COMPUTING):
        parts = [getattr(node, name, None) for name in ("left", "right", "expression")]
        if any(part is not None and _is_tensor(writer, part, names) for part in parts):
            rows = False
    return Path(frozenset(names), clips, rows)


#: Functions that take variables, which stand beside the gradients in pairs.
_HARMLESS = frozenset(
    "tf.trainable_variables tf.train.Saver tf.variables_initializer tf.group tf.Session".split()
)


def _bindings(module: cst.Module) -> Iterator[tuple[list[cst.CSTNode], cst.CSTNode]]:
    for node in below(module, cst.Assign, cst.For, cst.CompFor):
        if isinstance(node, cst.Assign):
            yield [item.target for item in node.targets], node.value
        elif isinstance(node, (cst.For, cst.CompFor)):
            yield [node.target], node.iter


def _held(writer: Writer, target: cst.CSTNode) -> Iterable[cst.Name]:
    """Names in a target that may hold gradients: neither operations nor host values."""
    for name in below(target, cst.Name):
        value = writer.value(name)
        single = value.is_tensor and (value.rank == 0 or value.kind == "variable")
        if value.kind not in ("operation", "python") and not single:
            yield name


def _is_tensor(writer: Writer, node: cst.CSTNode, names: set[str]) -> bool:
    base = node
    while isinstance(base, (cst.Subscript, cst.Attribute)):
        base = base.value
    value = writer.value(node)
    return (
        isinstance(base, cst.Name)
        and base.value in names
        and (value.is_tensor or value.kind in ("unknown", "many"))
    )
