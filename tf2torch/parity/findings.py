"""What a comparison has found and measured."""

from __future__ import annotations

from dataclasses import dataclass

END = 1 << 60  # the number of a run behind all others

#: Kinds of findings in the order in which they are told: what came first in the program.
KINDS = ("run", "start", "trace", "value", "gradient", "step", "missing", "output", "variable")

#: Kinds that may be rounding.
NUMBERS = ("value", "gradient", "step", "output", "variable")


@dataclass(frozen=True)
class Finding:
    """One way in which the two programs differ."""

    kind: str  # one of KINDS, or "draw" for a note
    text: str
    original_line: int = 0
    converted_line: int = 0
    run: int = END
    name: str = ""
    #: "meaning" or "rounding", where a computation in double precision has told.
    cause: str = ""
    #: Layers that the line of the conversion calls, and the lines that make them.
    made: tuple[tuple[str, int], ...] = ()
    rules: tuple[str, ...] = ()  # that converted the original's line
    sure: bool = False  # the line needs no further search

    def __str__(self) -> str:
        places = []
        if self.original_line:
            places.append(f"original line {self.original_line}")
        if self.converted_line:
            places.append(f"conversion line {self.converted_line}")
        return f"{self.text}" + (f"\n({', '.join(places)})" if places else "")


@dataclass(frozen=True)
class Measure:
    """One comparison: how far apart the two values were."""

    kind: str  # "value", "gradient", "step" (a variable after a step) or "variable" (at the end)
    name: str
    run: int
    original_line: int
    converted_line: int
    absolute: float
    relative: float  # to the largest element
    agrees: bool
    nth: int = 0  # which update of a variable
