"""What analysis learns: frozen records that the plan reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from tf2torch.rulebook.apply import Bound
from tf2torch.rulebook.values import Shape, Value


@dataclass(frozen=True, eq=False)
class Obj:
    """A TensorFlow object that is no tensor: optimizer, session, saver, scope, train op ..."""

    type: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    node: cst.CSTNode | None = None

    def __getitem__(self, name: str) -> Any:
        return self.fields.get(name)


@dataclass(frozen=True, eq=False)
class Function:
    """A function, method or lambda of the program, with the frame it closes over."""

    node: cst.FunctionDef | cst.Lambda
    frame: Any
    owner: Any = None

    @property
    def name(self) -> str:
        return self.node.name.value if isinstance(self.node, cst.FunctionDef) else "<lambda>"


@dataclass(frozen=True, eq=False)
class Variable:
    """One variable of the graph.

    Attributes:
        name: full TensorFlow name, without ``:0``.
        role: name within its layer (``kernel``), or the last part of `name`.
        initial: the call node or value that gives the initial value, if the source has one.
    """

    name: str
    role: str
    shape: Shape | None
    dtype: str | None
    trainable: bool
    creation: Creation
    initial: Value | None = None
    collections: tuple[str, ...] = ()


@dataclass(eq=False)
class Creation:
    """One execution of a call that creates variables.

    Attributes:
        node: the call in the source.
        path: call nodes of program functions and loop counters on the way to `node`.
        symbol: canonical TensorFlow name, such as ``tf.layers.dense``.
        bound: the call's arguments.
        scope: variable scope of the layer (``conv1``), or of the variable.
        reused: the creation that made the variables first, if this call reuses them.
    """

    node: cst.Call
    path: tuple[Any, ...]
    symbol: str
    bound: Bound
    scope: str
    variables: tuple[Variable, ...] = ()
    reused: Creation | None = None


@dataclass(frozen=True, eq=False)
class Run:
    """One `Session.run` or `.eval()` in the source."""

    node: cst.Call
    fetches: cst.BaseExpression
    feeds: cst.BaseExpression | None
    value: Value
    feed_value: Value | None
