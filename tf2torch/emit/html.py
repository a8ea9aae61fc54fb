"""The report as one HTML page that needs no network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from tf2torch.diagnostics import Diagnostic, Outcome, Reference

if TYPE_CHECKING:
    from tf2torch.emit.report import FileReport

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
code, pre { font-family: ui-monospace, monospace; font-size: 13px; }
table { border-collapse: collapse; margin: 1rem 0; width: 100%; }
th, td { border-bottom: 1px solid #8884; padding: .3rem .6rem; text-align: left; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.finding { border-left: 4px solid #888; margin: 1rem 0; padding: .2rem .8rem; }
.error { border-color: #c0392b; } .warning { border-color: #b7950b; }
pre { overflow-x: auto; margin: .4rem 0; }
"""


def page(files: Sequence[FileReport], total: str) -> str:
    """The whole page."""
    body = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>tf2torch: {escape(total)}</title>",
        f"<style>{_STYLE}</style></head><body>",
        f"<h1>tf2torch</h1><p>{escape(total)}</p>",
        _table(files),
        *(_section(number, file) for number, file in enumerate(files)),
        "</body></html>",
    ]
    return "\n".join(body) + "\n"


def _table(files: Sequence[FileReport]) -> str:
    heads = "".join(f'<th class="number">{outcome.value}</th>' for outcome in Outcome)
    rows = []
    for number, file in enumerate(files):
        counts = Counter(reference.outcome for reference in file.references)
        cells = "".join(f'<td class="number">{counts[outcome]}</td>' for outcome in Outcome)
        link = f'<a href="#file-{number}">{escape(file.path)}</a>'
        rows.append(f'<tr><td>{link}</td><td class="number">{counts.total()}</td>{cells}</tr>')
    head = f'<tr><th>file</th><th class="number">references</th>{heads}</tr>'
    return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"


def _section(number: int, file: FileReport) -> str:
    lines = file.text.split("\n")
    parts = [f'<h2 id="file-{number}">{escape(file.path)}</h2>']
    parts += [_finding(finding, lines) for finding in sorted(file.diagnostics)]
    if file.references:
        rows = "".join(_reference(reference) for reference in file.references)
        head = "<tr><th>place</th><th>symbol</th><th>outcome</th><th>rule</th><th>note</th></tr>"
        parts.append(
            f"<details><summary>{len(file.references)} TF references</summary>"
            f"<table><thead>{head}</thead><tbody>{rows}</tbody></table></details>"
        )
    if file.traceback:
        parts.append(f"<pre>{escape(file.traceback)}</pre>")
    return "\n".join(parts)


def _finding(finding: Diagnostic, lines: Sequence[str]) -> str:
    source = lines[finding.line - 1] if 0 < finding.line <= len(lines) else ""
    code = f"<pre>{finding.line} | {escape(source)}</pre>" if source.strip() else ""
    help = f"<div>help: {escape(finding.help)}</div>" if finding.help else ""
    kind = finding.severity.value
    place = f"{finding.line}:{finding.column}" if finding.line else ""
    return (
        f'<div class="finding {kind}"><strong>{kind}</strong> {place} '
        f"<code>{escape(finding.rule)}</code> {escape(finding.message)}{code}{help}</div>"
    )


def _reference(r: Reference) -> str:
    texts = (f"{r.line}:{r.column}", r.symbol, r.outcome.value, r.rule, r.note)
    return "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in texts) + "</tr>"
