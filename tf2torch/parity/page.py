"""The report as one HTML page that needs no network and no script."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from tf2torch.parity.findings import END, Finding
from tf2torch.parity.plots import curves, plot
from tf2torch.parity.reports import CAUSES, Report, further, verdict

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem; }
code, pre { font-family: ui-monospace, monospace; font-size: 13px; }
table { border-collapse: collapse; margin: 1rem 0; width: 100%; }
th, td { border-bottom: 1px solid #8884; padding: .3rem .6rem; text-align: left; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.verdict { font-size: 1.1rem; padding: .4rem .8rem; border-left: 6px solid; }
.agree { border-color: #1e8449; } .differ { border-color: #c0392b; }
.finding { border-left: 4px solid #c0392b; margin: 1rem 0; padding: .2rem .8rem; }
.sources { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
.sources pre { overflow: auto; max-height: 70vh; margin: 0; border: 1px solid #8884; }
.sources span { display: block; padding: 0 .4rem; white-space: pre; }
.sources span.mark { background: #c0392b44; font-weight: bold; }
svg { width: 100%; max-width: 44rem; font-size: 11px; } svg text { fill: currentColor; }
.grid { stroke: #8884; } .legend span { margin-right: 1rem; }
"""

PLOTS = (
    ("Error of each variable after its updates", "step"),
    ("Error of each gradient", "gradient"),
    ("Error of each fetched value", "value"),
)


def page(reports: Sequence[Report]) -> str:
    """The whole page; one section for each device."""
    names = f"{reports[0].original.name} and {reports[0].converted.name}"
    body = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        '<link rel="icon" href="data:,">',
        f"<title>tf2torch verify: {escape(names)}</title>",
        f"<style>{STYLE}</style></head><body>",
        f"<h1>{escape(names)}</h1>",
        *(_section(report) for report in reports),
        "</body></html>",
    ]
    return "\n".join(body) + "\n"


def _section(report: Report) -> str:
    state = "agree" if report else "differ"
    parts = [f'<p class="verdict {state}">{escape(verdict(report))}</p>']
    parts += [_finding(report, finding, marked=True) for finding in report.findings[:1]]
    if len(report.findings) > 1:
        rest = "".join(_finding(report, finding) for finding in report.findings[1:])
        parts.append(
            f"<details><summary>{further(len(report.findings) - 1)}</summary>{rest}</details>"
        )
    parts += [f"<p>Note: {escape(str(note))}</p>" for note in report.notes]
    parts.append(_sites(report))
    parts += [plot(title, curves(report.measures, kind)) for title, kind in PLOTS]
    parts.append(_variables(report))
    first = report.findings[0] if report.findings else Finding("", "")
    parts.append(
        "<h2>Source</h2><div class=sources>"
        + _source(report.original, first.original_line, f"original-{report.device}")
        + _source(report.converted, first.converted_line, f"converted-{report.device}")
        + "</div>"
    )
    return "\n".join(part for part in parts if part)


def _finding(report: Report, finding: Finding, marked: bool = False) -> str:
    title, *rest = finding.text.splitlines() or [""]
    found = []
    for path, line, side in (
        (report.original, finding.original_line, "original"),
        (report.converted, finding.converted_line, "converted"),
    ):
        place = f"<code>{escape(path.name)}:{line}</code>"
        link = f'<a href="#{side}-{report.device}">{place}</a>'
        found += [link if marked else place] if line else []
    places = " ".join(found)
    details = f"<pre>{escape(chr(10).join(rest))}</pre>" if rest else ""
    cause = f"<p>{escape(CAUSES[finding.cause])}</p>" if finding.cause else ""
    return f'<div class="finding"><strong>{escape(title)}</strong> {places}{details}{cause}</div>'


def _sites(report: Report) -> str:
    if not report.sites:
        return ""
    rows = []
    for site in report.sites:
        state = "" if not site.compared else "agree" if site.agrees else "<b>differ</b>"
        errors = numbers(site.absolute, site.relative) if site.compared else "<td></td><td></td>"
        rows.append(
            f'<tr><td>{escape(site.file)}:{site.line}</td><td class="number">{site.runs}</td>'
            f'<td class="number">{site.compared or ""}</td>{errors}<td>{state}</td>'
            f"<td><code>{escape(site.text)}</code></td></tr>"
        )
    return _table("Runs", ["line", "#runs", "#values", "#max abs", "#max rel", "", "source"], rows)


def _variables(report: Report) -> str:
    rows = [
        f"<tr><td>{escape(m.name)}</td>{numbers(m.absolute, m.relative)}"
        f"<td>{'agree' if m.agrees else '<b>differ</b>'}</td></tr>"
        for m in report.measures
        if m.kind == "variable" and m.run == END
    ]
    heads = ["variable", "#max abs", "#max rel", ""]
    return _table("Variables at the end", heads, rows) if rows else ""


def numbers(*values: float) -> str:
    return "".join(f'<td class="number">{value:.1e}</td>' for value in values)


def _table(title: str, heads: Sequence[str], rows: Sequence[str]) -> str:
    cells = "".join(
        f'<th class="number">{head[1:]}</th>' if head.startswith("#") else f"<th>{head}</th>"
        for head in heads
    )
    body = "".join(rows)
    return f"<h2>{title}</h2><table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"


def _source(path: Path, marked: int, name: str) -> str:
    """A file with numbered lines, one of them marked."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    width = len(str(len(lines)))
    rows = "".join(
        f"<span{f' class=mark id={name}' if number == marked else ''}>"
        f"{str(number).rjust(width)}  {escape(line)}</span>"
        for number, line in enumerate(lines, 1)
    )
    return f"<div><h3>{escape(path.name)}</h3><pre>{rows}</pre></div>"
