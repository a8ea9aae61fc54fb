"""The weight map's text, and the one map of a folder."""

from __future__ import annotations

import json

from tf2torch.emit.weight_map import map_text, merge_maps


def target(module: str, key: str) -> dict[str, object]:
    return {"module": module, "key": key, "layout": ["identity"]}


def one(module: str, name: str = "w", **more: object) -> dict[str, object]:
    return {"variables": {name: target(module, name), **more}, "optimizers": [{"tf": "Adam"}]}


def test_one_variable_a_line() -> None:
    text = map_text({"variables": {"a": target("M", "a"), "step": None}, "optimizers": []})
    assert text == (
        '{"version": 1,\n "variables": {\n'
        '  "a": {"module": "M", "key": "a", "layout": ["identity"]},\n'
        '  "step": null},\n "optimizers": []}\n'
    )
    assert json.loads(map_text({})) == {"version": 1, "variables": {}, "optimizers": []}


def test_classes_of_one_name_in_two_files_are_told_apart() -> None:
    merged = merge_maps([("a", one("Model", "x")), ("sub.b", one("Model#1", "y"))])
    assert merged["variables"]["x"]["module"] == "a.Model"
    assert merged["variables"]["y"]["module"] == "sub.b.Model#1"
    assert merged["optimizers"] == [{"tf": "Adam"}]


def test_a_class_of_one_file_keeps_its_name() -> None:
    merged = merge_maps([("a", one("Generator", "x")), ("b", one("Critic", "y"))])
    assert [t["module"] for t in merged["variables"].values()] == ["Generator", "Critic"]


def test_a_variable_of_two_programs_goes_to_both() -> None:
    merged = merge_maps([("a", one("A", step=None)), ("b", one("B", step=None))])
    assert [t["module"] for t in merged["variables"]["w"]] == ["A", "B"]
    assert merged["variables"]["step"] is None
