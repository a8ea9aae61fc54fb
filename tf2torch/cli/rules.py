"""`tf2torch rules`: the rulebook, shown, and the user's own rules, checked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tf2torch.cli.terminal import Fault

if TYPE_CHECKING:
    from tf2torch.rulebook.loader import Rulebook
    from tf2torch.rulebook.model import Case, Rule

_RULES = click.option(
    "--rules",
    "directories",
    metavar="DIR",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Rules of your own; may be given more than once.",
)


@click.group()
def rules() -> None:
    """Show the rulebook, or check rules of your own."""


@rules.command("list")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@_RULES
def list_rules(form: str, directories: tuple[Path, ...]) -> None:
    """List every rule with the symbols it converts."""
    book = _load(directories)
    chosen = sorted(book.rules, key=lambda rule: rule.id)
    if form == "json":
        records = [_record(rule) for rule in chosen]
        click.echo(json.dumps(records, indent=2, ensure_ascii=False))
        return
    width = max((len(rule.id) for rule in chosen), default=0)
    for rule in chosen:
        click.echo(f"{rule.id:<{width}}  {rule.kind:<6}  {', '.join(rule.tf)}")
    symbols = sum(len(rule.tf) for rule in chosen)
    click.echo(f"{len(chosen)} rules for {symbols} symbols", err=True)


@rules.command("show")
@click.argument("name")
@_RULES
def show(name: str, directories: tuple[Path, ...]) -> None:
    """Show one rule, by its id or by a symbol such as tf.reduce_mean."""
    book = _load(directories)
    rule = book.by_id(name) or book.find(name)
    if rule is None:
        import difflib

        known = [*(r.id for r in book.rules), *book.symbols]
        close = difflib.get_close_matches(name, known, 3)
        hint = f"; did you mean {', '.join(close)}?" if close else ""
        raise Fault(f"no rule is called or converts {name}{hint}")
    click.echo(_page(rule))


@rules.command("check")
@click.argument("directory", type=click.Path(exists=True, path_type=Path))
@click.option("--text", is_flag=True, help="Compare the converted text only; needs no TensorFlow.")
def check(directory: Path, text: bool) -> int:
    """Run the cases of the rules in DIRECTORY.

    Each case is converted, its text compared, and both sides run in TensorFlow and in PyTorch:
    values and gradients, float32 and float64. Cases are code: check rules that you trust.
    """
    book = _load((directory,))
    root = directory.resolve()
    own = [r for r in book.rules if r.path.resolve() == root or root in r.path.resolve().parents]
    cases = [(rule, case) for rule in own for case in rule.cases]
    if not text:
        _require_tensorflow()
    failures = 0
    for rule, case in cases:
        problems = _problems(book, rule, case, text)
        failures += bool(problems)
        for problem in problems:
            click.echo(f"{rule.path}:{case.line} {rule.id} {problem}")
    uncovered = [f"{r.path}:{r.line} {r.id} has no case" for r in own if _needs_case(r)]
    for line in uncovered:
        click.echo(line)
    click.echo(f"{len(own)} rules, {len(cases)} cases: {failures} failed, {len(uncovered)} missing")
    return int(bool(failures or uncovered))


def _needs_case(rule: Rule) -> bool:
    return rule.kind in ("expr", "layer", "method") and not rule.cases


def _problems(book: Rulebook, rule: Rule, case: Case, text: bool) -> Sequence[str]:
    from tf2torch.rulebook.case_runner import check_text, run_case

    outcome = check_text(book, rule, case)[0] if text else run_case(book, rule, case)
    if case.xfail is None:
        return outcome.problems
    return () if outcome.problems else (f"agrees now; drop its xfail ({case.xfail})",)


def _require_tensorflow() -> None:
    from importlib.util import find_spec

    if find_spec("tensorflow") is None:
        raise Fault(
            "cases run in TensorFlow too: pip install 'tf2torch[tensorflow]', or compare text "
            "only with --text"
        )


def _load(directories: Sequence[Path]) -> Rulebook:
    from tf2torch.rulebook.loader import RuleError, load_rulebook

    try:
        book = load_rulebook(directories)
        assert book.rules is not None  # parsed here, so that a fault is told with its place
        return book
    except RuleError as error:
        raise Fault(str(error)) from None


def _record(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "kind": rule.kind,
        "tf": list(rule.tf),
        "signature": rule.signature,
        "summary": rule.summary,
        "docs": rule.docs.strip(),
        "reason": rule.reason or "",
        "torch": [
            {"when": emit.when or "", "templates": list(emit.templates), "note": emit.note or ""}
            for emit in rule.emits
        ],
        "weights": [{"tf": row.tf, "torch": row.torch} for row in rule.weights],
        "cases": len(rule.cases),
    }


def _page(rule: Rule) -> str:
    """A rule as a page of text."""
    lines = [f"{rule.id} ({rule.kind})", ""]
    lines += [f"  {name}({rule.signature})" if rule.signature else f"  {name}" for name in rule.tf]
    for paragraph in (rule.summary, rule.docs.strip(), rule.reason or ""):
        if paragraph:
            lines += ["", paragraph]
    if rule.value:
        lines += ["", f"as a value: {rule.value}"]
    for emit in rule.emits:
        lines += ["", f"when {emit.when}:" if emit.when else "otherwise:"]
        lines += [f"  {template}" for template in emit.templates]
        lines += [f"  ({label})" for label in (emit.note, emit.assume) if label]
    if rule.weights:
        lines += ["", "weights:"]
        lines += [f"  {row.tf} -> {row.torch}  {_steps(row.steps)}" for row in rule.weights]
    for case in rule.cases:
        lines += ["", f"  {case.tf}", f"  -> {case.forward or case.torch or case.refuse or ''}"]
    return "\n".join([*lines, "", f"{rule.path}:{rule.line}"])


def _steps(steps: Sequence[Any]) -> str:
    return ", ".join(" ".join(str(part) for part in step) for step in steps)
