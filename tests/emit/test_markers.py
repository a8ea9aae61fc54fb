"""TODO markers in the files written are in the report, and nothing says 0 TODO beside one."""

from __future__ import annotations

from tf2torch.diagnostics import Diagnostic, Outcome, Reference, Severity
from tf2torch.emit.conversion import Conversion
from tf2torch.emit.markers import with_markers_told

MARK = "# TODO(tf2torch: loop) it has no end\nraise NotImplementedError('it has no end')\n"


def test_a_marker_that_nothing_tells_of_is_an_error() -> None:
    found = with_markers_told([Conversion("a.py", text=f"x = 1\n{MARK}{MARK}")])[0]
    assert not found.complete
    note = found.diagnostics[0]
    assert (note.rule, note.message, note.help) == ("loop", "it has no end", "line 2 of the output")
    assert with_markers_told([found]) == [found]


def test_a_marker_may_be_told_in_another_file() -> None:
    reference = Reference(1, "tf.x", 1, 1, Outcome.TODO, "loop", "it has no end")
    there = Conversion("b.py", references=(reference,))
    here = Conversion("a.py", text=MARK)
    assert with_markers_told([here, there]) == [here, there]
    told = Diagnostic("a.py", 3, 1, "loop", Severity.ERROR, "it has no end")
    assert with_markers_told([Conversion("a.py", text=MARK, diagnostics=(told,))])[
        0
    ].diagnostics == (told,)


def test_a_marker_of_the_source_is_its_own() -> None:
    here = Conversion("a.py", source=MARK, text=MARK)
    assert with_markers_told([here]) == [here]
