"""What the subcommands share of the terminal: colours, progress, diffs, findings."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tf2torch.emit.conversion import Conversion
    from tf2torch.emit.report import FileReport


class Fault(click.ClickException):
    """Input that cannot be used; the command ends with status 2."""

    exit_code = 2


def use_color(choice: str, stream: IO[Any]) -> bool:
    """Whether to write colours to a stream."""
    if choice != "auto":
        return choice == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR")


def write_bytes(data: bytes) -> None:
    """Writes converted source to standard output as it is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def progress(results: Iterable[Conversion], names: Sequence[Path]) -> Iterator[Conversion]:
    """Passes results on; on a terminal, after a second, one line says how far they are."""
    start, shown = time.monotonic(), False
    for number, result in enumerate(results, 1):
        yield result
        if sys.stderr.isatty() and time.monotonic() - start > 1 and number < len(names):
            line = f"{number}/{len(names)} {names[number]}"
            print(f"\r{line[:78]}\x1b[K", end="", file=sys.stderr, flush=True)
            shown = True
    if shown:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def diff_text(conversion: Conversion, color: bool) -> str:
    """A unified diff from a file to its conversion."""
    import difflib

    assert conversion.text is not None
    path = conversion.path
    stem = path.removesuffix(".py")
    lines = difflib.unified_diff(
        conversion.original.splitlines(keepends=True),
        conversion.text.splitlines(keepends=True),
        path,
        f"{stem}_torch.py",
    )
    ended = (
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines
    )
    return "".join(_paint(line) if color else line for line in ended)


def _paint(line: str) -> str:
    if line.startswith(("---", "+++")):
        return click.style(line, bold=True)
    colors = {"+": "green", "-": "red", "@": "cyan"}
    return click.style(line, fg=colors[line[0]]) if line[0] in colors else line


def print_findings(
    files: Sequence[FileReport], form: str, *, quiet: bool, err: bool, color: str
) -> None:
    """Prints findings and the sum, to standard error where standard output carries a product."""
    from tf2torch.diagnostics import Severity
    from tf2torch.emit.report import FORMATS

    if quiet:
        files = [
            replace(f, diagnostics=tuple(d for d in f.diagnostics if d.severity != Severity.NOTE))
            for f in files
        ]
    text = FORMATS[form](files)
    stream = sys.stderr if err else sys.stdout
    if form == "full" and use_color(color, stream):
        text = "".join(_highlight(line) for line in text.splitlines(keepends=True))
        click.echo(text, nl=False, err=err, color=True)
    else:
        click.echo(text, nl=False, err=err, color=False)


def _highlight(line: str) -> str:
    if line.rstrip().endswith("^"):
        return click.style(line, fg="red")
    if line.startswith("  = help:"):
        return click.style(line, fg="cyan")
    place, space, rest = line.partition(" ")
    if ":" in place and place[-1:].isdigit():
        return click.style(place, bold=True) + space + rest
    return line
