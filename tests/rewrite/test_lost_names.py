"""Statements that read a name which the conversion dropped are marked, and only those."""

from __future__ import annotations

from pathlib import Path

from tests.rewrite.both import HEAD, convert_text

LOOP = """
x = tf.placeholder(tf.float32, [])
a = x * 2
with tf.Session() as sess:
    for z in [a, x + 1] * 2:
        print(sess.run(z, {x: 3.0}))
    print("done")
"""

KEPT = """
from os.path import *


def where():
    global place
    place = join("a", "b")
    return [name for name in (place, __name__) if name], lambda k: k + len(place)


x = tf.placeholder(tf.float32, [])
with tf.Session() as sess:
    names, count = where()
    print(names, count(1), sess.run(x * 2, {x: 3.0}), place, exists(place), undefined_before)
"""


def test_a_name_that_got_lost_is_a_todo(tmp_path: Path) -> None:
    made = convert_text(tmp_path, "loop", HEAD + LOOP)
    assert "    # TODO(tf2torch: lost-name) 'a' did not survive the conversion\n" in made.text
    assert """raise NotImplementedError("'a' did not survive the conversion")""" in made.text
    assert '    print("done")\n' in made.text
    found = [d for d in made.diagnostics if d.rule == "lost-name"]
    assert [d.severity.value for d in found] == ["error"]


def test_names_that_the_source_binds_elsewhere_stay(tmp_path: Path) -> None:
    made = convert_text(tmp_path, "kept", HEAD + KEPT)
    assert "TODO" not in made.text
    assert "exists(place), undefined_before)" in made.text
