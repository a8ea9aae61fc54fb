"""Every case of every rule, in both frameworks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tf2torch.rulebook.case_runner import check_text, run_case
from tf2torch.rulebook.loader import (
    RuleError,
    builtin_rules_dir,
    check_directory,
    load_rulebook,
    rule_files,
)
from tf2torch.rulebook.model import Case, Rule

FILES = rule_files(builtin_rules_dir())
BOOK = load_rulebook()


def rules() -> list[Rule]:
    """Rules of the files that are sound; the others fail `test_file_is_sound`."""
    found: list[Rule] = []
    for path in FILES:
        try:
            found += [entry.rule for entry in check_directory(path)]
        except RuleError:
            continue
    return found


RULES = rules()
CASES = [
    pytest.param(rule, case, id=f"{rule.id}[{number}]")
    for rule in RULES
    for number, case in enumerate(rule.cases)
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_file_is_sound(path: Path) -> None:
    check_directory(path)


@pytest.mark.parametrize(("rule", "case"), CASES)
def test_case(rule: Rule, case: Case) -> None:
    outcome = run_case(BOOK, rule, case)
    place = f"{rule.path}:{case.line}"
    if case.xfail is not None:
        assert outcome.problems, f"{place}: agrees now; drop its xfail ({case.xfail})"
        return
    assert not outcome.problems, "\n".join([place, *outcome.problems])


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.id) for rule in RULES])
def test_every_emit_is_taken_by_a_case(rule: Rule) -> None:
    taken = {index for case in rule.cases for index in check_text(BOOK, rule, case)[0].emits}
    missed = [emit for index, emit in enumerate(rule.emits) if index not in taken]
    assert not missed, "\n".join(f"{rule.path}:{emit.line}: no case takes this" for emit in missed)


def test_no_symbol_has_two_rules() -> None:
    assert not BOOK.overrides


def test_ids_are_unique() -> None:
    ids = [rule.id for rule in RULES]
    assert len(ids) == len(set(ids))
