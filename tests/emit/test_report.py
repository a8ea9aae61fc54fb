"""Reports, word for word."""

from __future__ import annotations

import json
from html.parser import HTMLParser

from tf2torch import __version__
from tf2torch.diagnostics import Diagnostic, Outcome, Reference, Severity
from tf2torch.emit.report import FORMATS, FileReport, summary

FILES = [
    FileReport(
        "train.py",
        "import tensorflow as tf\n\tx = tf.py_func(f, <a>)\nadam = 1\n",
        (
            Diagnostic("train.py", 3, 1, "adam", Severity.WARNING, "epsilon differs", "--exact"),
            Diagnostic("train.py", 2, 6, "py-func", Severity.ERROR, "runs Python in the graph"),
        ),
        (
            Reference(0, "tf.py_func", 2, 6, Outcome.TODO, "py-func", "runs Python"),
            Reference(1, "tf.Session", 3, 1, Outcome.ABSORBED),
            Reference(2, "tf.nn.relu", 3, 1, Outcome.CONVERTED, "relu"),
        ),
    ),
    FileReport("empty.py"),
    FileReport("gone.py", "", (Diagnostic("gone.py", 0, 0, "load-error", Severity.ERROR, "no"),)),
]


def test_full() -> None:
    assert FORMATS["full"](FILES) == (
        "train.py:2:6 py-func runs Python in the graph\n"
        "  |\n"
        "2 | \tx = tf.py_func(f, <a>)\n"
        "  | \t    ^\n"
        "\n"
        "train.py:3:1 adam warning: epsilon differs\n"
        "  |\n"
        "3 | adam = 1\n"
        "  | ^\n"
        "  = help: --exact\n"
        "\n"
        "gone.py load-error no\n"
        "\n"
        "3 TF references: 1 converted, 1 absorbed, 0 kept, 1 TODO\n"
    )


def test_concise() -> None:
    assert FORMATS["concise"](FILES) == (
        "train.py:2:6 py-func runs Python in the graph\n"
        "train.py:3:1 adam warning: epsilon differs\n"
        "gone.py load-error no\n"
        "3 TF references: 1 converted, 1 absorbed, 0 kept, 1 TODO\n"
    )


def test_github() -> None:
    assert FORMATS["github"](FILES).splitlines() == [
        "::error file=train.py,line=2,col=6,title=py-func::runs Python in the graph",
        "::warning file=train.py,line=3,col=1,title=adam::epsilon differs (--exact)",
        "::error file=gone.py,line=1,col=1,title=load-error::no",
        "3 TF references: 1 converted, 1 absorbed, 0 kept, 1 TODO",
    ]


def test_json() -> None:
    document = json.loads(FORMATS["json"](FILES))
    assert document["version"] == 1
    assert document["tf2torch"] == __version__
    counts = {"references": 3, "converted": 1, "absorbed": 1, "kept": 0, "TODO": 1}
    assert document["summary"] == counts
    first = document["files"][0]
    assert first["findings"][0] == {
        "line": 2,
        "column": 6,
        "rule": "py-func",
        "severity": "error",
        "message": "runs Python in the graph",
        "help": "",
    }
    assert first["references"][0] == {
        "id": 0,
        "symbol": "tf.py_func",
        "line": 2,
        "column": 6,
        "outcome": "TODO",
        "rule": "py-func",
        "note": "runs Python",
    }


def test_sarif() -> None:
    run = json.loads(FORMATS["sarif"](FILES))["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["adam", "load-error", "py-func"]
    assert [(r["ruleId"], r["level"]) for r in run["results"]] == [
        ("py-func", "error"),
        ("adam", "warning"),
        ("load-error", "error"),
    ]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "train.py"}
    assert place["region"] == {"startLine": 2, "startColumn": 6}
    assert "region" not in run["results"][2]["locations"][0]["physicalLocation"]


def test_html_is_one_page_that_loads_nothing() -> None:
    text = FORMATS["html"](FILES)
    opened: list[str] = []
    attributes: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag not in ("meta",):
                opened.append(tag)
            attributes.update(name for name, _ in attrs)

        def handle_endtag(self, tag: str) -> None:
            assert opened.pop() == tag

    Reader().feed(text)
    assert not opened
    assert "src" not in attributes
    assert "http" not in text
    assert "f, &lt;a&gt;)" in text
    assert "3 TF references: 1 converted, 1 absorbed, 0 kept, 1 TODO" in text


def test_the_sum_of_one() -> None:
    assert summary([Reference(0, "tf.x", 1, 1, Outcome.KEPT)]) == (
        "1 TF reference: 0 converted, 0 absorbed, 1 kept, 0 TODO"
    )
