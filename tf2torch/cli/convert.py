"""`tf2torch convert`: TF1 source files and folders to PyTorch."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tf2torch.cli.terminal import Fault, diff_text, print_findings, progress, use_color, write_bytes
from tf2torch.config import ConfigError, Options, Settings, find_settings

if TYPE_CHECKING:
    from tf2torch.emit.conversion import Conversion
    from tf2torch.emit.writer import Output

#: Files that are converted.
SOURCES = (".py", ".ipynb")
FORMATS = ("full", "concise", "json", "github", "sarif")


@dataclass(frozen=True)
class Inputs:
    """What is to be converted: standard input, single files, or one folder."""

    files: tuple[Path, ...]
    folder: Path | None = None
    others: tuple[Path, ...] = ()  # files of the folder that are no Python source
    stdin: bool = False


@click.command(short_help="Convert TF1 source files or a folder.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, allow_dash=True))
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="File or folder to write; required for a folder.",
)
@click.option("--diff", is_flag=True, help="Print the changes as a diff; write nothing.")
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing; exit 1 if TODOs would be left or an output is out of date.",
)
@click.option("--plan", is_flag=True, help="Print the plan of the conversion; write nothing.")
@click.option(
    "--report",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a report: .html, .json, .sarif or .txt.",
)
@click.option("--force", is_flag=True, help="Overwrite outputs that exist.")
@click.option(
    "--exact",
    is_flag=True,
    default=None,
    help="Same arithmetic in every bit, where the idiomatic form is only close.",
)
@click.option(
    "--rules",
    metavar="DIR",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Rules of your own; may be given more than once.",
)
@click.option(
    "-j",
    "--jobs",
    metavar="N",
    type=click.IntRange(min=0),
    default=1,
    help="Processes to use; 0 for one a core.",
)
@click.option(
    "--output-format",
    type=click.Choice(FORMATS),
    default="full",
    show_default=True,
    help="How findings are printed.",
)
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colours; auto respects NO_COLOR.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print no notes and no names of written files.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 even if TODOs are left.")
def convert(
    paths: tuple[str, ...],
    output: Path | None,
    diff: bool,
    check: bool,
    plan: bool,
    report: Path | None,
    force: bool,
    exact: bool | None,
    rules: tuple[Path, ...],
    jobs: int,
    output_format: str,
    color: str,
    quiet: bool,
    exit_zero: bool,
) -> int:
    """Convert TF1 source to PyTorch source.

    NAME.py becomes NAME_torch.py beside it, with its weight map NAME_torch.weights.json, and
    NAME.ipynb becomes NAME_torch.ipynb. A folder needs -o OUT: files keep their names and places,
    files without TensorFlow are copied. With - the source is read from standard input and the
    conversion goes to standard output.

    Findings go to standard output, or to standard error where that carries source, a diff or a
    plan.
    """
    settings = _settings(paths)
    inputs = _inputs(paths, output, settings)
    options = Options(exact=settings.exact if exact is None else exact)
    report_format = _report_format(report)
    conversions = _convert(inputs, (*settings.rules, *rules), options, jobs or os.cpu_count() or 1)

    product = plan or diff or (inputs.stdin and output is None and not check)
    stale: list[Output] = []
    if plan:
        _print_plans(conversions)
    elif diff:
        _print_diffs(conversions, use_color(color, sys.stdout))
    elif inputs.stdin and output is None and not check:
        write_bytes(conversions[0].data if not conversions[0].failed else b"")
    elif not check:
        _write(_outputs(inputs, conversions, output, force), force, quiet)
    if check:
        stale = _stale(inputs, conversions, output)
    files = [report for conversion in conversions for report in conversion.reports()]
    if report is not None:
        from tf2torch.emit.report import FORMATS as WRITERS
        from tf2torch.emit.writer import Output, write_all

        write_all([Output(report, WRITERS[report_format](files).encode(), replace=True)])
    print_findings(files, output_format, quiet=quiet, err=product, color=color)
    if any(conversion.failed for conversion in conversions):
        return 2
    left = not all(conversion.complete for conversion in conversions)
    return 0 if exit_zero else int(left or bool(stale))


def _settings(paths: Sequence[str]) -> Settings:
    first = Path.cwd() if paths[0] == "-" else Path(paths[0])
    try:
        return find_settings(first if first.is_dir() else first.parent)
    except ConfigError as error:
        raise Fault(str(error)) from None


def _report_format(report: Path | None) -> str:
    from tf2torch.emit.report import SUFFIXES

    if report is None:
        return ""
    if report.suffix not in SUFFIXES:
        raise click.UsageError(f"--report: the name must end in one of {', '.join(SUFFIXES)}")
    return SUFFIXES[report.suffix]


def _inputs(paths: Sequence[str], output: Path | None, settings: Settings) -> Inputs:
    if "-" in paths:
        if len(paths) > 1:
            raise click.UsageError("- (standard input) stands alone")
        return Inputs((Path("<stdin>"),), stdin=True)
    files = [Path(path) for path in dict.fromkeys(paths)]
    folders = [path for path in files if path.is_dir()]
    if not folders:
        if output is not None and output.suffix in SOURCES and len(files) > 1:
            raise click.UsageError("-o names one file, but there are several to convert")
        return Inputs(tuple(files))
    if len(files) > 1:
        raise click.UsageError("a folder is converted alone")
    if output is None:
        raise click.UsageError("a folder needs -o OUT, the folder to write")
    if output.resolve() == folders[0].resolve():
        raise click.UsageError("-o OUT is the folder itself; its files would be replaced")
    from tf2torch.emit.outputs import walk

    found = list(walk(folders[0], out=output, exclude=settings.exclude))
    source = tuple(path for path in found if path.suffix in SOURCES)
    others = tuple(path for path in found if path.suffix not in SOURCES)
    return Inputs(source, folders[0], others)


def _convert(
    inputs: Inputs, rules: Sequence[Path], options: Options, jobs: int
) -> list[Conversion]:
    from tf2torch import pipeline
    from tf2torch.rulebook.loader import RuleError

    try:
        if inputs.stdin:
            data = sys.stdin.buffer.read()
            return [pipeline.convert_bytes(data, pipeline.read_rulebook(rules), options)]
        files = [(path, str(path)) for path in inputs.files]
        if inputs.folder is not None:
            from tf2torch.project import convert_folder

            results = convert_folder(inputs.folder, files, rules, options, jobs)
        else:
            results = pipeline.convert_all(files, rules, options, jobs)
        return list(progress(results, inputs.files))
    except RuleError as error:
        raise Fault(str(error)) from None


def _outputs(
    inputs: Inputs, conversions: Sequence[Conversion], output: Path | None, force: bool
) -> list[Output]:
    """All files to be written; raises WriteError."""
    from tf2torch.emit import outputs

    if inputs.folder is not None:
        assert output is not None
        pairs = [p for p in zip(inputs.files, conversions, strict=True) if not p[1].failed]
        result = outputs.folder_outputs(inputs.folder, output, pairs, list(_small(inputs.others)))
        names = {name for conversion in conversions for name in conversion.support}
        return [*result, *outputs.support_output(output, names, force=force)]
    result = []
    support: dict[Path, set[str]] = {}
    for path, conversion in zip(inputs.files, conversions, strict=True):
        source = Path("stdin.py") if inputs.stdin else path
        written = outputs.file_outputs(conversion, source, output)
        result += written
        for item in written[:1]:
            support.setdefault(item.path.parent, set()).update(conversion.support)
    for folder, wanted in support.items():
        result += outputs.support_output(folder, wanted, force=force)
    return result


def _small(paths: Sequence[Path]) -> Iterator[Path]:
    """Files of a folder that are copied; large ones are data and stay."""
    from tf2torch.emit.outputs import LARGEST_COPY

    for path in paths:
        if path.stat().st_size > LARGEST_COPY:
            click.echo(f"not copied, over 100 MiB: {path}", err=True)
        else:
            yield path


def _write(outputs: Sequence[Output], force: bool, quiet: bool) -> None:
    from tf2torch.emit.writer import write_all

    written = write_all(outputs, force=force)
    if quiet:
        return
    for path in written[:10]:
        click.echo(f"wrote {path}", err=True)
    if len(written) > 10:
        click.echo(f"wrote {len(written) - 10} more files", err=True)


def _stale(inputs: Inputs, conversions: Sequence[Conversion], output: Path | None) -> list[Output]:
    """Outputs that are missing or differ from what would be written."""
    from tf2torch.emit.writer import changed

    stale = changed(_outputs(inputs, conversions, output, True))
    for item in stale:
        click.echo(f"would write {item.path}", err=True)
    return stale


def _print_plans(conversions: Sequence[Conversion]) -> None:
    for conversion in conversions:
        if conversion.plan:
            click.echo(f"{conversion.path}\n{conversion.plan.rstrip()}\n")


def _print_diffs(conversions: Sequence[Conversion], color: bool) -> None:
    for conversion in conversions:
        if conversion.text is not None:
            click.echo(diff_text(conversion, color), nl=False, color=color)
