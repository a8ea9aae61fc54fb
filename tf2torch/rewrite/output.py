"""The output under construction."""

from __future__ import annotations

from dataclasses import dataclass, field

import libcst as cst

from tf2torch.plan.units import Unit
from tf2torch.rewrite.suites import Statements


@dataclass(eq=False)
class Program:
    """The output under construction.

    Attributes:
        module: statements that stay at module level.
        main: statements of the main function (or of the root function).
    """

    module: Statements = field(default_factory=list)
    main: Statements = field(default_factory=list)
    made_model: bool = False
    #: Whether the script itself calls the root function, and what it does around that.
    called: bool = False
    guarded: Statements = field(default_factory=list)
    #: Whether the guard of the script calls the root function, and what comes before all of it.
    guard_calls: bool = False
    first: Statements = field(default_factory=list)
    #: Units that wait for what the model's constructor takes, and the names that are still to come.
    waiting: list[Unit] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)
    done: set[int] = field(default_factory=set)
    #: Comments above a statement that is left out, which are about the code behind it.
    heading: list[cst.EmptyLine] = field(default_factory=list)

    def with_heading(self, written: Statements) -> Statements:
        """Statements, the first of them with the comments that wait for one."""
        if not written or not self.heading:
            return written
        first = written[0]
        own = list(first.leading_lines)  # type: ignore[attr-defined]
        blank = cst.EmptyLine(indent=False)
        if all(line.comment is None for line in own):
            own = []
        above = [blank, *self.heading, *own]
        self.heading.clear()
        return [first.with_changes(leading_lines=above), *written[1:]]
