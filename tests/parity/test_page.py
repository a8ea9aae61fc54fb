"""The HTML report, opened in a headless browser without a network."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tf2torch.parity.findings import END, Finding, Measure
from tf2torch.parity.page import page
from tf2torch.parity.reports import Report, Site

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND"


def browser() -> str:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    assert found is not None, f"These tests open a page: install one of {', '.join(BROWSERS)}"
    return found


def opened(path: Path, *options: str) -> tuple[str, list[str]]:
    """The elements that a browser makes of a page, and what it says on its console."""
    done = subprocess.run(
        [browser(), "--headless", "--no-sandbox", "--disable-gpu", OFFLINE,
         "--enable-logging=stderr", "--force-color-profile=srgb", *options, path.as_uri()],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, said


@pytest.fixture
def report(tmp_path: Path) -> Report:
    original, converted = tmp_path / "train.py", tmp_path / "train_torch.py"
    original.write_text('x = 1\nif x < 2 & True:\n    print("<b>ü</b>")\n', encoding="utf-8")
    converted.write_text("x = 1\ny = x - 1  # </pre><script>\n", encoding="utf-8")
    measures = [
        Measure("step", f"w{n}", run, 2, 2, 0.1**n, 0.1 ** (n + 9 - run), run < 9, run)
        for n in range(10)
        for run in range(1, 10)
    ]
    measures += [Measure("value", "loss", run, 2, 2, 0.0, 0.0, True) for run in range(1, 10)]
    measures += [Measure("value", "loss", 10, 2, 2, math.inf, math.inf, False)]
    measures += [Measure("variable", "w0", END, 0, 0, 0.5, 0.25, False)]
    return Report(
        original, converted,
        (
            Finding("value", "'loss' differs.\nMismatched elements: 1 / 1", 2, 2, 9, "loss",
                    "meaning", (("self.a", 1),)),
            Finding("variable", "Model.w <0> differs at the end", 3),
        ),
        {"runs": 10, "gradients": 3}, (Finding("draw", "A draw & more"),),
        (Site("train.py", 2, "if x < 2 & True:", 10, True, 10, 0.5, math.inf, False),),
        tuple(measures),
    )  # fmt: skip


def test_a_browser_shows_the_page_and_complains_of_nothing(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(page([report, replace(report, device="cuda")]), encoding="utf-8")
    shown, said = opened(path, "--dump-dom")
    assert said == []
    assert shown.count("<svg") == 4 and shown.count("<polyline") == 2 * (8 + 1)
    marked = re.findall(r'class="mark" id="\w+-(?:cpu|cuda)">(.*?)</span>', shown)
    assert (
        marked == ["2  if x &lt; 2 &amp; True:", "2  y = x - 1  # &lt;/pre&gt;&lt;script&gt;"] * 2
    )
    assert 'print("&lt;b&gt;ü&lt;/b&gt;")' in shown and "Model.w &lt;0&gt; differs" in shown


def test_the_page_has_a_picture(report: Report, tmp_path: Path) -> None:
    path, picture = tmp_path / "report.html", tmp_path / "page.png"
    path.write_text(page([report]), encoding="utf-8")
    _, said = opened(path, f"--screenshot={picture}", "--window-size=1200,1600")
    assert said == []
    data = picture.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) > 20_000  # blank it would have 6 kB


@pytest.mark.parametrize(
    "fault",
    [
        "<script>console.error('wrong')</script>",
        "<script>no_such_function()</script>",
        "<script src='https://example.org/a.js'></script><script>missing</script>",
    ],
)
def test_the_browser_would_complain(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "report.html"
    path.write_text(f"<!doctype html><title>t</title><body>{fault}</body>")
    assert opened(path, "--dump-dom")[1] != []


def test_nothing_is_loaded(report: Report) -> None:
    text = page([report])
    assert "<script" not in text and "http" not in text and "@import" not in text
    places = [part.split('"')[0] for part in text.split('href="')[1:]]
    assert places == ["data:,", "#original-cpu", "#converted-cpu"]
