"""Sources of every encoding, line end and Python version load, or fail with a place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tf2torch.diagnostics import LoadError
from tf2torch.load import load, load_text
from tf2torch.load.source import load_bytes


def convert2(text: str) -> str:
    return load_text(text, "m.py").text


PYTHON3 = [
    pytest.param("", id="an empty file"),
    pytest.param("# only a comment", id="no newline at the end"),
    pytest.param("x = 1\n\n\n", id="blank lines at the end"),
    pytest.param("if x:\n\ty = 1\n\tif y:\n\t\tz = 2\n", id="tabs alone"),
    pytest.param("def f(a, *, b: int = 1) -> int:  # note\n    return a/b\n", id="annotations"),
    pytest.param("x = f'{a!r:>{w}}'\n", id="f-strings"),
    pytest.param("print('a', end='')\nprint ('b', 2)\n", id="print calls with spaces"),
    pytest.param(
        "try:\n    xrange\nexcept NameError:\n    xrange = range\nxrange(3)\n",
        id="a name of Python 2 that the file defines",
    ),
    pytest.param(
        "from six.moves import xrange\nfor i in xrange(3): pass\n", id="a name that six supplies"
    ),
    pytest.param(
        "try:\n    import cPickle as pickle\nexcept ImportError:\n    import pickle\n",
        id="an import with a fallback",
    ),
    pytest.param("for k, v in six.iteritems(d): pass\n", id="six.iteritems"),
    pytest.param("x = 1 \\\n    + 2\n", id="continuation lines"),
    pytest.param("\x0c\nx = 1\n", id="a form feed"),
    pytest.param("x = '\\d'\n", id="an invalid escape"),
]


@pytest.mark.parametrize("text", PYTHON3)
def test_python3_is_left_alone(text: str) -> None:
    source = load_text(text, "m.py")
    assert source.text == text
    assert source.module.code == text
    assert source.notes == ()


PYTHON2 = [
    pytest.param("print 'a', b  # say\n", "print('a', b)  # say\n", id="print statement"),
    pytest.param("print 'a',\n", "print('a', end=' ')\n", id="print with a trailing comma"),
    pytest.param("print >>f, 'a'\n", "print('a', file=f)\n", id="print to a file"),
    pytest.param("print\n", "print()\n", id="print of nothing"),
    pytest.param(
        "for i in xrange(3):\n    pass\n", "for i in range(3):\n    pass\n", id="xrange alone"
    ),
    pytest.param(
        "try:\n    f()\nexcept IOError, e:\n    pass\n",
        "try:\n    f()\nexcept IOError as e:\n    pass\n",
        id="except with a comma",
    ),
    pytest.param("raise ValueError, 'no'\n", "raise ValueError('no')\n", id="raise with a comma"),
    pytest.param("if d.has_key(1): pass\n", "if 1 in d: pass\n", id="has_key"),
    pytest.param(
        "for k, v in d.iteritems(): pass\n", "for k, v in d.items(): pass\n", id="iteritems"
    ),
    pytest.param("x = `y`\n", "x = repr(y)\n", id="backticks"),
    pytest.param("x = unicode(s)\n", "x = str(s)\n", id="unicode"),
    pytest.param("x = raw_input('> ')\n", "x = input('> ')\n", id="raw_input"),
    pytest.param(
        "x = 0777 + 10L\nif x <> 1: pass\n", "x = 0o777 + 10\nif x != 1: pass\n", id="numbers"
    ),
    pytest.param("import cPickle as p\n", "import pickle as p\n", id="a renamed module"),
    pytest.param("exec 'x = 1'\n", "exec('x = 1')\n", id="exec statement"),
    pytest.param("print 'a'", "print('a')", id="no newline at the end"),
    pytest.param(
        "print '%d' % f(lambda (a, b): a)\n",
        "print('%d' % f(lambda a_b: a_b[0]))\n",
        id="tuple parameters",
    ),
]


@pytest.mark.parametrize(("text", "expected"), PYTHON2)
def test_python2_becomes_python3(text: str, expected: str) -> None:
    source = load_text(text, "m.py")
    assert source.text == expected
    assert [note.rule for note in source.notes] == ["python2"]


def test_integer_division_of_python2_is_noted_not_changed() -> None:
    source = load_text("print n / 2\nm = n / 2.0 + float(n) / 3\n", "m.py")
    assert source.text == "print(n / 2)\nm = n / 2.0 + float(n) / 3\n"
    assert [(n.rule, n.line) for n in source.notes] == [("python2", 1), ("division", 1)]


def test_division_is_not_noted_under_the_future_import() -> None:
    source = load_text("from __future__ import division\nprint n / 2\n", "m.py")
    assert [n.rule for n in source.notes] == ["python2"]


ENCODED = [
    pytest.param("x = 'é'\n".encode(), "utf-8", id="utf-8"),
    pytest.param(b"\xef\xbb\xbfx = '\xc3\xa9'\n", "utf-8-sig", id="a byte order mark"),
    pytest.param(b"# -*- coding: latin-1 -*-\nx = '\xe9'\n", "latin-1", id="a declaration"),
    pytest.param(
        b"#!/bin/python\n# vim: set fileencoding=cp1252 :\nx = '\xe9'\n", "cp1252", id="vim"
    ),
    pytest.param("# coding=gbk\nx = 'é'\n".encode("gbk"), "gbk", id="a double byte encoding"),
]


@pytest.mark.parametrize(("data", "encoding"), ENCODED)
def test_encodings(data: bytes, encoding: str) -> None:
    source = load_bytes(data, "m.py")
    assert source.encoding == encoding
    assert "x = 'é'" in source.text
    assert source.text.encode(encoding) == data


def test_latin1_without_a_declaration_is_read_and_noted() -> None:
    source = load_bytes(b"# caf\xe9\n", "m.py")
    assert (source.text, source.encoding) == ("# café\n", "utf-8")
    assert [note.rule for note in source.notes] == ["encoding"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_are_remembered(newline: str, tmp_path: Path) -> None:
    path = tmp_path / "m.py"
    path.write_bytes(newline.join(["x = '''a", "b'''", ""]).encode())
    source = load(path)
    assert source.text == "x = '''a\nb'''\n"
    assert source.newline == newline


def test_tabs_mixed_with_spaces_are_read_as_python2_reads_them() -> None:
    text = 'if x:\n        a = """\n\ttext"""\n\tb = "\'"  # \'\'\'\n'
    source = load_text(text, "m.py")
    assert source.text == 'if x:\n        a = """\n\ttext"""\n        b = "\'"  # \'\'\'\n'
    assert [note.rule for note in source.notes] == ["tabs"]


ERRORS = [
    pytest.param(b"x = (1,\n", (1, 5, "'(' was never closed"), id="an open bracket"),
    pytest.param(b"x = 1\ny = = 2\n", (2, 5, "invalid syntax"), id="a doubled operator"),
    pytest.param(b"print 'a'\nx = = 2\n", (2, 5, "invalid syntax"), id="an error in Python 2"),
    pytest.param(b"x = 1\ny = '\0'\n", (2, 6, "source contains a null byte"), id="a null byte"),
    pytest.param(b"# coding: nonsense\n", (1, 1, "unknown encoding: nonsense"), id="no such codec"),
    pytest.param(b"# coding: hex\n", (1, 1, "unknown encoding: hex"), id="a codec not of text"),
    pytest.param(
        b"# coding: utf-8\nx='\xe9'\n", (2, 4, "byte 0xe9 is not valid utf-8"), id="a lie"
    ),
    pytest.param(
        b"x = " + b"(" * 20000 + b"1" + b")" * 20000,
        (1, 205, "too many nested parentheses"),
        id="deep nesting",
    ),
    pytest.param(
        b"x = " + b"-" * 20000 + b"1",
        (1, 1, "expressions are nested too deeply to parse"),
        id="deep nesting without brackets",
    ),
]


@pytest.mark.parametrize(("data", "expected"), ERRORS)
def test_errors_name_the_place(data: bytes, expected: tuple[int, int, str]) -> None:
    with pytest.raises(LoadError) as caught:
        load_bytes(data, "m.py")
    error = caught.value
    assert (error.path, error.line, error.column, error.message) == ("m.py", *expected)


def test_a_missing_file_is_an_error_without_a_place(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="No such file or directory"):
        load(tmp_path / "none.py")


def test_a_long_file_loads() -> None:
    text = "x = [1, 2, 3]\n" * 20000
    assert load_text(text, "m.py").module.code == text
