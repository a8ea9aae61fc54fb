"""Hyperparameters: what TensorFlow 1.15's HParams gave and raised for the same calls."""

from __future__ import annotations

import pytest

from tf2torch.support.hparams import HParams


@pytest.fixture
def hparams() -> HParams:
    return HParams(a=1, b=0.5, c="x", d=[1, 2], e=True)


@pytest.mark.parametrize(
    ("call", "changed"),
    [
        (lambda h: h.parse("a=3,d=[4,5,6],c=yy"), {"a": 3, "d": [4, 5, 6], "c": "yy"}),
        (lambda h: h.parse("e=0"), {"e": False}),
        (lambda h: h.override_from_dict({"b": 2}), {"b": 2.0}),
        (lambda h: h.parse_json('{"a": 4}'), {"a": 4}),
    ],
)
def test_values_change_and_keep_their_types(hparams, call, changed):
    expected = {**hparams.values(), **changed}
    assert call(hparams).values() == expected
    types = {name: type(value) for name, value in hparams.values().items()}
    assert types == {"a": int, "b": float, "c": str, "d": list, "e": bool}


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (
            lambda h: h.set_hparam("a", 2.5),
            "Could not cast hparam 'a' of type '<class 'int'>' from",
        ),
        (
            lambda h: h.set_hparam("a", "7"),
            "Could not cast hparam 'a' of type '<class 'int'>' from",
        ),
        (
            lambda h: h.set_hparam("e", "false"),
            "Could not cast hparam 'e' of type '<class 'bool'>'",
        ),
        (lambda h: h.add_hparam("a", 1), "Hyperparameter name is reserved: a"),
        (lambda h: h.parse("zz=3"), "Unknown hyperparameter type for zz"),
        (lambda h: h.parse("a"), "Malformed hyperparameter value: a"),
        (lambda h: h.parse("a=1.5"), "Could not parse hparam 'a' of type 'int' with value '1.5'"),
        (lambda h: h.set_hparam("d", 3), "Must pass a list for multi-valued parameter: d."),
        (lambda h: h.set_hparam("a", [1]), "Must not pass a list for single-valued parameter: a"),
    ],
)
def test_values_of_another_kind_are_refused(hparams, call, error):
    before = hparams.values()
    with pytest.raises(ValueError) as raised:
        call(hparams)
    assert str(raised.value).startswith(error)
    assert hparams.values() == before


def test_what_there_is_can_be_asked(hparams):
    assert hparams.to_json() == '{"a": 1, "b": 0.5, "c": "x", "d": [1, 2], "e": true}'
    assert (hparams.a, hparams.get("q", 5), "a" in hparams, "q" in hparams) == (1, 5, True, False)
    with pytest.raises(KeyError):
        hparams.set_hparam("zz", 1)
