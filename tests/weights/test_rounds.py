"""Rows of a weight map that stand for the rounds of a loop."""

from __future__ import annotations

from tf2torch.weights.maps import map_of
from tf2torch.weights.rounds import expanded, numbered_key


def test_rounds_are_counted_by_size_of_their_numbers() -> None:
    rows = {"h{}/w": "blocks.{}.w", "top/w": "top.w"}
    names = [f"h{n}/w" for n in (10, 2, 0, 1)] + ["top/w", "h1/w/Adam"]
    found = expanded(rows, names, numbered_key)
    assert found == {
        "h10/w": "blocks.3.w",
        "h2/w": "blocks.2.w",
        "h0/w": "blocks.0.w",
        "h1/w": "blocks.1.w",
        "top/w": "top.w",
    }


def test_rounds_in_the_order_of_the_program() -> None:
    found = expanded({"conv-{}/W": "W.{}"}, ["conv-5/W", "conv-3/W"], numbered_key, in_order=True)
    assert found == {"conv-5/W": "W.0", "conv-3/W": "W.1"}


def test_a_key_with_the_text_of_the_name() -> None:
    rows = {"h{}/b{}/w": "net.h{=}.b.{}.w"}
    found = expanded(rows, ["h7/bx/w", "h7/by/w"], numbered_key)
    assert found == {"h7/bx/w": "net.h7.b.0.w", "h7/by/w": "net.h7.b.1.w"}


def test_loops_in_loops() -> None:
    names = ["b0/u0/w", "b0/u1/w", "b1/u1/w"]
    found = expanded({"b{}/u{}/w": "b.{}.u.{}.w"}, names, numbered_key)
    assert found == {"b0/u0/w": "b.0.u.0.w", "b0/u1/w": "b.0.u.1.w", "b1/u1/w": "b.1.u.0.w"}


def test_a_row_of_its_own_is_no_round() -> None:
    found = expanded({"h{}/w": "h.{}.w", "h9/w": "last.w"}, ["h0/w", "h9/w"], numbered_key)
    assert found == {"h0/w": "h.0.w", "h9/w": "last.w"}


def test_a_map_with_rounds() -> None:
    row = {"module": "Model", "key": "h.{}.weight", "layout": ["transpose"]}
    weights = map_of({"version": 1, "variables": {"h{}/kernel": row}})
    found = weights.with_rounds(["h0/kernel", "h1/kernel"]).variables
    assert {name: targets[0].key for name, targets in found.items()} == {
        "h0/kernel": "h.0.weight",
        "h1/kernel": "h.1.weight",
    }
