"""The output under construction."""

from __future__ import annotations

from dataclasses import dataclass, field

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
    #: Units that wait for what the model's constructor takes, and the names that are still to come.
    waiting: list[Unit] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)
    done: set[int] = field(default_factory=set)
