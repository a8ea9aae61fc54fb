"""The list of symbols that Python passes handle is the one that the stages go by."""

from __future__ import annotations

from pathlib import Path

import tf2torch
from tf2torch.analyse import primitives
from tf2torch.rewrite import control
from tf2torch.rulebook import symbols

ROOT = Path(tf2torch.__file__).parent
#: Arguments that go with the scope that they stand in.
ARGUMENTS = {"tf.AUTO_REUSE"}


def test_what_a_pass_handles_is_listed() -> None:
    handled = {name for name in (*primitives.HANDLERS, *control.SPECIAL) if symbols.canonical(name)}
    assert not sorted(name for name in handled if symbols.state(name) == "unknown")


def test_what_is_listed_is_handled() -> None:
    """By name, wherever it is: some passes look for a symbol without any table."""
    stages = ("analyse", "plan", "rewrite")
    text = "\n".join(p.read_text("utf-8") for stage in stages for p in (ROOT / stage).glob("*.py"))
    known = {symbols.canonical(name) or name for name in (*primitives.HANDLERS, *control.SPECIAL)}
    lost = {
        name for name in symbols.PASSES - known - ARGUMENTS if name.rpartition(".")[2] not in text
    }
    assert not sorted(lost)
