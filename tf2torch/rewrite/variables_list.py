"""Lists of variables: ``tf.trainable_variables()`` and selections from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tf2torch.plan.units import Unit
from tf2torch.rewrite.statements import Statements, write_statement

if TYPE_CHECKING:
    from tf2torch.rewrite.session import Host


def alias(host: Host, unit: Unit) -> Statements:
    """``theta = [W1, W2]`` -> ``theta = [model.W1, model.W2]``"""
    return write_statement(host.writer, unit.node, host.scope, None)
