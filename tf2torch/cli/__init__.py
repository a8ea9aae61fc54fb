"""The command `tf2torch`."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from tf2torch import __version__
from tf2torch.cli.convert import convert
from tf2torch.cli.rules import rules
from tf2torch.cli.verify import verify
from tf2torch.cli.weights import weights
from tf2torch.diagnostics import ConversionError, Diagnostic


class _Command(click.Group):
    """The group of subcommands; nothing leaves it as a traceback."""

    def main(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> int:
        """Runs the command and exits, or returns the status without `standalone_mode`."""
        status = self._run(args, complete_var, extra)
        if standalone_mode:
            sys.exit(status)
        return status

    def _run(
        self, args: Sequence[str] | None, complete_var: str | None, extra: dict[str, Any]
    ) -> int:
        try:
            result = super().main(args, "tf2torch", complete_var, standalone_mode=False, **extra)
            sys.stdout.flush()
            return result if isinstance(result, int) else 0
        except click.ClickException as error:
            error.show()
            return error.exit_code
        except (click.Abort, KeyboardInterrupt):
            click.echo("interrupted; nothing was written", err=True)
            return 130
        except ConversionError as error:
            return _tell(error.diagnostic())
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of our output has gone
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                return 1
            return _fault(error)
        except Exception as error:
            return _fault(error)


@click.group(cls=_Command, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Convert TensorFlow 1 source to PyTorch source.

    Exit status: 0 all converted, 1 something is left to do or a check failed, 2 bad usage,
    unreadable input or a fault of tf2torch itself.
    """


main.add_command(convert)
main.add_command(rules)
main.add_command(verify)
main.add_command(weights)


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    status: int = main.main(arguments, standalone_mode=False)
    return status


def _fault(error: Exception) -> int:
    """Reports a fault of our own."""
    from tf2torch.pipeline import internal_failure

    return _tell(internal_failure("tf2torch", error).diagnostics[0])


def _tell(finding: Diagnostic) -> int:
    from tf2torch.emit.report import concise_line

    help = f"\n  = help: {finding.help}" if finding.help else ""
    click.echo(concise_line(finding) + help, err=True)
    return 2
