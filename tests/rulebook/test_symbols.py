"""The frozen list of TensorFlow 1.15, and what the rulebook knows of it."""

from __future__ import annotations

import pytest

from tf2torch.rulebook import symbols
from tf2torch.rulebook.loader import load_rulebook
from tf2torch.rulebook.model import Parameter, Rule, parse_signature

BOOK = load_rulebook()
#: How many public symbols neither rule nor pass deals with; may only fall.
UNKNOWN_AT_MOST = 4484
#: Those outside contrib, raw_ops, keras and estimator, which programs meet most.
UNKNOWN_CORE_AT_MOST = 742


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tf.math.reduce_mean", "tf.reduce_mean"),
        ("tf.compat.v1.nn.relu", "tf.nn.relu"),
        ("tf.compat.v1.math.reduce_mean", "tf.reduce_mean"),
        ("tf.contrib.slim.conv2d", "tf.contrib.layers.conv2d"),
        ("tf.contrib.rnn.BasicLSTMCell", "tf.nn.rnn_cell.BasicLSTMCell"),
        ("tf.python.ops.rnn_cell.BasicLSTMCell", "tf.nn.rnn_cell.BasicLSTMCell"),
        ("tf.dtypes.double", "tf.float64"),
        ("tf.app.flags.DEFINE_string", "tf.flags.DEFINE_string"),
        ("tf.nn.tanh", "tf.tanh"),
        ("tf.no_such_thing", None),
        ("np.mean", None),
    ],
)
def test_canonical(name: str, expected: str | None) -> None:
    assert symbols.canonical(name) == expected


def test_signatures_are_those_of_1_15() -> None:
    assert symbols.signature("tf.nn.softmax_cross_entropy_with_logits") == (
        "_sentinel=None, labels=None, logits=None, dim=-1, name=None, axis=None"
    )
    assert symbols.signature("tf.train.AdamOptimizer") == (
        "learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-08, use_locking=False, name='Adam'"
    )
    assert symbols.signature("tf.float32") is None


def test_states() -> None:
    assert symbols.state("tf.reduce_mean") == "rule"
    assert symbols.state("tf.placeholder") == "pass"
    assert symbols.state("tf.nn.embedding_lookup_sparse") == "refused"
    assert symbols.state("tf.contrib.bayesflow.monte_carlo.expectation") == "unknown"


def test_every_canonical_name_stands_for_itself() -> None:
    names = symbols.all_symbols()
    assert len(names) > 5000
    assert all(symbols.canonical(name) == name for name in names[::97])


def test_unknown_symbols_only_become_fewer() -> None:
    unknown = [name for name in symbols.all_symbols() if symbols.state(name, BOOK) == "unknown"]
    core = [
        name
        for name in unknown
        if name.split(".")[1] not in ("contrib", "raw_ops", "keras", "estimator", "compat")
    ]
    assert len(unknown) <= UNKNOWN_AT_MOST
    assert len(core) <= UNKNOWN_CORE_AT_MOST, "\n".join(core)


SIGNED = [
    pytest.param(rule, name, id=name)
    for rule in BOOK.rules
    if rule.kind not in ("remove", "refuse", "value", "method")
    for name in rule.tf
    if symbols.signature(name) is not None
]


@pytest.mark.parametrize(("rule", "name"), SIGNED)
def test_rule_binds_as_tensorflow_does(rule: Rule, name: str) -> None:
    text = symbols.signature(name)
    assert text is not None
    theirs = [p for p in parse_signature(text.replace("...", "Ellipsis")) if not p.star]
    ours = list(rule.parameters)
    by_name = {p.name: p for p in ours}
    for i, parameter in enumerate(theirs):
        meaning = rule.alias.get(parameter.name, parameter.name)
        if parameter.name in rule.drop:
            continue
        assert parameter.name in by_name or parameter.name in rule.alias, (
            f"{rule.path}:{rule.line}: the signature lacks {parameter.name!r}"
        )
        if not parameter.keyword_only and not any(p.star for p in ours[: i + 1]):
            at_place = ours[i].name if i < len(ours) else ""
            assert rule.alias.get(at_place, at_place) == meaning, (
                f"{rule.path}:{rule.line}: parameter {i} is {parameter.name!r} in {name}"
            )
        own = by_name.get(parameter.name)
        assert own is None or _same_default(own, parameter), (
            f"{rule.path}:{rule.line}: {parameter.name} is {own.default_text}, "
            f"{parameter.default_text} in {name}"
        )


def _same_default(own: Parameter, theirs: Parameter) -> bool:
    if theirs.default_text in (None, "Ellipsis"):
        return True
    return own.default_text == theirs.default_text or own.default == theirs.default


def test_passes_are_public_symbols() -> None:
    assert not {name for name in symbols.PASSES if symbols.canonical(name) != name}
