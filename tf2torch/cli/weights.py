"""`tf2torch weights`: checkpoints to state dicts, and what is in them."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tf2torch.cli.terminal import Fault

if TYPE_CHECKING:
    from tf2torch.weights.models import Model
    from tf2torch.weights.report import Report

DTYPES = ("float32", "float64", "float16", "bfloat16")


@click.command(short_help="Turn a TensorFlow checkpoint into a state dict, or list it.")
@click.argument("checkpoint", type=click.Path())
@click.option(
    "--map",
    "map_path",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="The weight map: NAME_torch.weights.json of convert, or TOML.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File to write: .safetensors or .pt.",
)
@click.option("--dtype", type=click.Choice(DTYPES), help="Type of the floating-point tensors.")
@click.option("--ema", is_flag=True, help="Moving averages in place of the variables.")
@click.option("--module", metavar="NAME", help="Only this root module of the map.")
@click.option("--step", type=int, metavar="N", help="The checkpoint of this step in a folder.")
@click.option("--dry-run", is_flag=True, help="Report what would be written; write nothing.")
@click.option("--partial", is_flag=True, help="Write what is complete, whatever else is not.")
@click.option("--check", metavar="MODULE:CLASS", help="Hold it against this model's state dict.")
@click.option(
    "--model",
    metavar="MODULE:CLASS",
    help="Without a map: propose one for this model, or for a state dict (a file).",
)
@click.option(
    "--write-map",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --model: write the proposal, to be settled by hand (.toml).",
)
@click.option(
    "--optimizer",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --check: write the optimizer's state dict and the schedule's position (.pt); "
    "with --reverse: read them.",
)
@click.option("--reverse", is_flag=True, help="From a state dict back to a checkpoint, -o PREFIX.")
@click.option(
    "--like",
    metavar="CKPT",
    type=click.Path(),
    help="With --reverse: a checkpoint to take all else from.",
)
@click.option(
    "--max-shard-size",
    metavar="GB",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    help="Larger safetensors output is split, with an index.",
)
@click.option("--force", is_flag=True, help="Overwrite outputs that exist.")
@click.option("--list", "listing", is_flag=True, help="List the variables; needs no map.")
@click.option("--only", metavar="GLOB", multiple=True, help="With --list: names that match.")
@click.option("--stats", is_flag=True, help="With --list: read the values, print statistics.")
@click.option("--json", "as_json", is_flag=True, help="The list or the report as JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Report what is OK too.")
def weights(checkpoint: str, **options: Any) -> int:
    """Turn a TensorFlow checkpoint into a state dict for the converted program.

    CHECKPOINT is the prefix of a checkpoint, a folder (its latest), a SavedModel, a frozen graph
    (.pb) or a Keras file. TensorFlow is not needed. Nothing is written unless every parameter gets
    its variable and no variable is left over, or --partial; then the exit status is 1.
    """
    from tf2torch.weights.errors import CheckpointError

    try:
        return _run(checkpoint, options)
    except CheckpointError as error:
        help = f"\n  = help: {error.help}" if error.help else ""
        raise Fault(f"{error}{help}") from None


def _run(path: str, options: dict[str, Any]) -> int:
    from tf2torch.weights.opening import load

    if not options["listing"]:
        for name in ("only", "stats"):
            if options[name]:
                raise click.UsageError(f"--{name} goes with --list")
        return _convert(path, options)
    from tf2torch.weights import listing

    found = load(path, options["step"])
    entries = listing.chosen(found, options["only"])
    show = listing.list_json if options["as_json"] else listing.list_text
    click.echo(show(found, entries, options["stats"]), nl=False)
    return 0 if entries or not options["only"] else 1


def _convert(path: str, options: dict[str, Any]) -> int:
    from tf2torch.weights.convert import convert_checkpoint
    from tf2torch.weights.opening import load

    if options["like"] and not options["reverse"]:
        raise click.UsageError("--like goes with --reverse")
    if options["model"]:
        if options["map_path"]:
            raise click.UsageError("--model proposes a map; --check holds one against a model")
        return _propose(path, options)
    if options["write_map"]:
        raise click.UsageError("--write-map goes with --model")
    if options["map_path"] is None:
        raise click.UsageError(
            "give --map FILE, the weight map that convert wrote, --model or --list"
        )
    output = None if options["dry_run"] else options["output"]
    if options["optimizer"] and not options["check"]:
        raise click.UsageError("--optimizer needs --check: state goes by the parameters' order")
    state_alone = options["optimizer"] and not options["reverse"]
    if output is None and not options["dry_run"] and not state_alone:
        raise click.UsageError("give -o FILE, or --dry-run")
    if options["reverse"]:
        return _reverse(path, options, output)
    model = None
    if options["check"]:
        from tf2torch.weights.models import load_model

        model = load_model(options["check"])
    report = convert_checkpoint(
        load(path, options["step"]),
        options["map_path"],
        output,
        module=options["module"],
        dtype=options["dtype"],
        ema=options["ema"],
        partial=options["partial"],
        force=options["force"],
        model=model,
        largest_file=int(options["max_shard_size"] * 1e9),
        progress=bar() if sys.stderr.isatty() else None,
    )
    status = tell(report, options, output)
    if (
        model is not None
        and options["optimizer"]
        and not options["dry_run"]
        and not (status and not options["partial"])
    ):
        status = max(status, _optimizer(path, options, model))
    return status


def _propose(path: str, options: dict[str, Any]) -> int:
    from tf2torch.weights.convert import convert_checkpoint
    from tf2torch.weights.maps import map_of, toml_of
    from tf2torch.weights.opening import load
    from tf2torch.weights.proposing import map_text, proposal_for, table

    found = load(path, options["step"])
    module, proposal = proposal_for(found, options["model"])
    text = map_text(proposal, module, found.path)
    if options["write_map"]:
        from tf2torch.weights.atomic import replacing

        with replacing([options["write_map"]], force=options["force"]) as temporary:
            temporary[0].write_text(text, encoding="utf-8")
        click.echo(f"wrote {options['write_map']}", err=True)
    if options["output"] and not options["dry_run"] and (proposal.complete or options["partial"]):
        weights = map_of(toml_of(text), options["model"])
        report = convert_checkpoint(
            found,
            weights,
            options["output"],
            dtype=options["dtype"],
            ema=options["ema"],
            partial=options["partial"],
            force=options["force"],
            largest_file=int(options["max_shard_size"] * 1e9),
        )
        return tell(report, options, options["output"])
    click.echo(table(proposal, verbose=options["verbose"]), nl=False)
    return 0 if proposal.complete else 1


def _optimizer(path: str, options: dict[str, Any], model: Model) -> int:
    from tf2torch.weights.convert import as_map
    from tf2torch.weights.opening import load
    from tf2torch.weights.resume import write_optimizer

    report = write_optimizer(
        load(path, options["step"]),
        as_map(options["map_path"]),
        model,
        options["optimizer"],
        module=options["module"],
        force=options["force"],
        partial=options["partial"],
    )
    for name in report.written:
        click.echo(f"wrote {name}", err=True)
    return 0 if report.complete else 1


def _reverse(path: str, options: dict[str, Any], output: Path | None) -> int:
    from tf2torch.weights.reverse import reverse_checkpoint

    model = None
    if options["optimizer"]:
        from tf2torch.weights.models import load_model

        if not options["like"]:
            raise click.UsageError("--reverse --optimizer needs --like: a checkpoint with slots")
        model = load_model(options["check"])
    report = reverse_checkpoint(
        path,
        options["map_path"],
        output,
        module=options["module"],
        like=options["like"],
        optimizer=options["optimizer"],
        model=model,
        partial=options["partial"],
        force=options["force"],
        progress=bar() if sys.stderr.isatty() else None,
    )
    return tell(report, options, output)


def tell(report: Report, options: dict[str, Any], output: Path | None) -> int:
    """Prints the report; the exit status is 1 if anything is not OK."""
    from tf2torch.weights.report import report_json, report_text

    text = report_json(report) if options["as_json"] else report_text(
        report, verbose=options["verbose"]
    )  # fmt: skip
    click.echo(text, nl=False)
    for name in report.written:
        click.echo(f"wrote {name}", err=True)
    if output is not None and not report.written:
        click.echo("nothing was written; --partial writes what is complete", err=True)
    return 0 if report.complete else 1


def bar() -> Any:
    """A progress bar on standard error, for work of more than a second."""
    start = time.monotonic()

    def show(done: int, total: int) -> None:
        if time.monotonic() - start < 1:
            return
        share = done / max(total, 1)
        line = f"{'#' * int(40 * share):<40} {share:4.0%}  {done / 1e9:.1f} of {total / 1e9:.1f} GB"
        end = "\r\x1b[K" if done >= total else ""
        print(f"\r{line}{end}", end="", file=sys.stderr, flush=True)

    return show
