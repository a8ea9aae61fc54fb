"""`tf2torch verify`: run a program and its conversion, and say whether their numbers agree."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tf2torch.cli.convert import convert
from tf2torch.cli.terminal import Fault, use_color

if TYPE_CHECKING:
    from tf2torch.parity import Report

DEVICES = {"cpu": ("cpu",), "cuda": ("cuda",), "all": ("cpu", "cuda")}
SOURCE = click.Path(exists=True, dir_okay=False, path_type=Path)


class _Verify(click.Command):
    """What stands behind `--` belongs to the programs, also where CONVERTED is left out."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else len(args)
        rest = super().parse_args(ctx, args[:at])
        ctx.params["arguments"] = tuple(args[at + 1 :])
        return rest


@click.command(
    cls=_Verify,
    short_help="Prove that a conversion computes the same.",
)
@click.argument("original", type=SOURCE)
@click.argument("converted", type=SOURCE, required=False)
@click.option(
    "--tf-python",
    metavar="PATH",
    default=sys.executable,
    help="Python with TensorFlow to run the original in, if not this one.",
)
@click.option("--float64", "double", is_flag=True, help="Run both in double precision.")
@click.option(
    "--device",
    type=click.Choice(list(DEVICES)),
    default="cpu",
    show_default=True,
    help="Where the conversion runs.",
)
@click.option("--trace-lines", is_flag=True, help="Name the first line that differs.")
@click.option("--bisect", is_flag=True, help="Name the first step and variable that differ.")
@click.option(
    "--report",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a report: .html or .json.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How the verdict is printed.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=float,
    default=600,
    show_default=True,
    help="How long each program may run.",
)
@click.option(
    "--limit-mb",
    metavar="N",
    type=int,
    default=2048,
    show_default=True,
    help="How large the record may become.",
)
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colours; auto respects NO_COLOR.",
)
def verify(
    original: Path,
    converted: Path | None,
    arguments: tuple[str, ...],
    tf_python: str,
    double: bool,
    device: str,
    trace_lines: bool,
    bisect: bool,
    report: Path | None,
    form: str,
    timeout: float,
    limit_mb: int,
    color: str,
) -> int:
    """Run ORIGINAL and CONVERTED from the same initial values and random draws, and compare.

    What stands behind -- goes to both programs as their arguments.

    Every fetched value, gradient, variable and printed line is compared, step after step. Without
    CONVERTED the original is converted into a temporary folder. Adam's epsilon is added where
    TensorFlow adds it, so that this known difference hides no other.

    Exit status: 0 they agree, 1 they differ, 2 one of them could not be run.
    """
    from tf2torch.parity.mapping import map_path
    from tf2torch.parity.programs import Options
    from tf2torch.parity.search import search

    if report is not None and report.suffix not in (".html", ".json"):
        raise click.UsageError("--report: the name must end in .html or .json")
    if shutil.which(tf_python) is None:
        raise click.UsageError(f"--tf-python: {tf_python} is no program")
    options = Options(
        arguments, exact=True, tf_python=tf_python, double=double, timeout=timeout,
        limit_mb=limit_mb,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="tf2torch-verify-") as scratch:
        target = converted or _converted(original, Path(scratch))
        if not (weights := map_path(original, target)).exists():
            raise Fault(f"{weights} is not there: it is the weight map")
        reports = search(original, target, options, DEVICES[device], trace_lines, bisect)
        if trace_lines:
            reports = [_with_rules(found) for found in reports]
        for found in reports:
            _print(found, form, color)
        if report is not None:
            _write(report, reports)
    return max(0 if found else 1 if found.ran else 2 for found in reports)


def _converted(original: Path, folder: Path) -> Path:
    """Converts into a folder and returns the conversion."""
    target = folder / f"{original.stem}_torch.py"
    command = [sys.executable, "-m", "tf2torch", convert.name or "", str(original)]
    done = subprocess.run([*command, "-o", str(target), "-q"], capture_output=True, text=True)
    if not target.exists():
        raise Fault(f"{original} could not be converted:\n{done.stdout}{done.stderr}".rstrip())
    if done.returncode:
        click.echo(f"the conversion has TODOs left:\n{done.stdout.rstrip()}", err=True)
    return target


def _with_rules(report: Report) -> Report:
    """The first difference with the rules that converted its line."""
    line = report.findings[0].original_line if report.findings else 0
    if not line:
        return report
    from tf2torch import pipeline

    conversion = pipeline.convert_path(report.original, pipeline.read_rulebook())
    rules = {r.rule for r in conversion.references if r.line == line and r.rule}
    first = replace(report.findings[0], rules=tuple(sorted(rules)))
    return replace(report, findings=(first, *report.findings[1:]))


def _print(report: Report, form: str, color: str) -> None:
    from tf2torch.parity.reports import as_dict, terminal

    if form == "json":
        click.echo(json.dumps(as_dict(report), indent=2))
        return
    lines = terminal(report).splitlines()
    if use_color(color, sys.stdout):
        last = {True: "green", False: "red"}[bool(report)]
        lines = [click.style(x, fg="red") if x.startswith("FAILED") else x for x in lines]
        lines[-1] = click.style(lines[-1], fg=last, bold=True)
    click.echo("\n".join(lines), color=True)


def _write(path: Path, reports: list[Report]) -> None:
    from tf2torch.parity.page import page
    from tf2torch.parity.reports import as_dict

    if path.suffix == ".json":
        text = json.dumps([as_dict(report) for report in reports], indent=2) + "\n"
    else:
        text = page(reports)
    path.write_text(text, encoding="utf-8")
