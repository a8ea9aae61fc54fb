"""Rule files: what is read, and what a mistake is answered with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tf2torch.rulebook.loader import RuleError, builtin_rules_dir, load_rulebook

HEAD = '[[rule]]\nid = "twice"\ntf = ["tf.twice"]\nsignature = "x, name=None"\n'
EMIT = '\n[[rule.emit]]\ntorch = "2 * {x}"\n'
CASE = '\n[[rule.case]]\nx = "float32[2]"\ntf = "tf.twice(x)"\ntorch = "2 * x"\n'


def write(folder: Path, text: str, name: str = "own.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (HEAD.replace("tf =", "tff =") + EMIT, 3, "unknown key 'tff'; did you mean 'tf'?"),
        (HEAD + EMIT.replace("torch", "torh"), 7, "unknown key 'torh'; did you mean 'torch'?"),
        (HEAD + EMIT + CASE.replace("torch", "toch"), 12, "did you mean 'torch'?"),
        (HEAD + EMIT + CASE.replace("float32", "flaot32"), 10, "inputs look like"),
        (HEAD.replace('twice"\n', "twice\n"), 2, "Illegal character"),
        (HEAD + 'kind = "exprs"\n' + EMIT, 5, "unknown kind 'exprs'; did you mean"),
        (HEAD, 1, "needs [[rule.emit]]"),
        (HEAD.replace('id = "twice"\n', "") + EMIT, 1, "needs 'id'"),
        (HEAD.replace("name=None", "name=") + EMIT, 1, "signature does not parse"),
        (HEAD + 'drop = "name"\n' + EMIT, 5, "'drop' must be a list of strings"),
        (HEAD + EMIT.replace("{x}", "{y}"), 6, "no parameter 'y'"),
        (HEAD + EMIT.replace("{x}", "{x} +"), 6, "template does not parse"),
        (HEAD + EMIT + 'when = "rnak(x) == 2"\n', 6, "unknown word 'rnak'"),
        (HEAD + EMIT + 'when = "rank(z) == 2"\n', 6, "no parameter 'z'"),
        (HEAD + 'result = "sam(x)"\n' + EMIT, 1, "unknown function 'sam'"),
        (HEAD + 'alias = { y = "z" }\n' + EMIT, 1, "no parameter 'z'"),
        (HEAD + EMIT + EMIT, 9, "never taken"),
        ('title = "mine"\n' + HEAD + EMIT, 1, "unknown key 'title'"),
        ("# nothing\n", 1, "no [[rule]]"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, line: int, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(RuleError) as caught:
        load_rulebook([tmp_path], builtin=False)
    assert message in caught.value.message
    assert str(caught.value).startswith(f"{path}:{line}: ")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="no such rule folder"):
        load_rulebook([tmp_path / "absent"])


def test_later_rules_win(tmp_path: Path) -> None:
    own = HEAD.replace("twice", "my-mean", 1).replace("tf.twice", "tf.reduce_mean")
    write(tmp_path, own + EMIT)
    book = load_rulebook([tmp_path])
    rule = book.find("tf.reduce_mean")
    assert rule is not None and rule.id == "my-mean"
    assert ("my-mean", "reduce-mean") in book.overrides
    assert load_rulebook().find("tf.reduce_mean").id == "reduce-mean"  # type: ignore[union-attr]


def test_aliases_are_found_without_being_listed() -> None:
    book = load_rulebook()
    assert book.find("tf.compat.v1.reduce_mean") is book.find("tf.reduce_mean")
    assert book.find("tf.python.ops.math_ops.reduce_mean_v1") is book.find("tf.reduce_mean")
    assert book.find("tf.no_such_thing") is None
    assert book.find("Tensor.no_such_thing") is None


def test_places_in_the_file(tmp_path: Path) -> None:
    write(tmp_path, "# a comment\n\n" + HEAD + EMIT + CASE)
    rule = load_rulebook([tmp_path], builtin=False).rules[0]
    assert (rule.line, rule.emits[0].line, rule.cases[0].line) == (3, 8, 11)
    assert rule.cases[0].inputs == (("x", "float32[2]"),)


def test_builtin_rules_are_parsed_when_asked_for() -> None:
    book = load_rulebook()
    assert not any("rule" in vars(entry) for entry in book._entries)
    assert book.find("tf.nn.relu") is not None
    assert sum("rule" in vars(entry) for entry in book._entries) == 1


def test_rules_lie_in_the_checkout() -> None:
    assert (builtin_rules_dir() / "math" / "reduce.toml").is_file()
