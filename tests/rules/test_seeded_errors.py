"""Deliberately wrong rules, whose text agrees with their cases: the numbers alone must tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from tf2torch.rulebook.case_runner import run_case
from tf2torch.rulebook.loader import load_rulebook

CONV = """
[[rule]]
id = "conv"
kind = "layer"
tf = ["tf.layers.conv2d"]
signature = "inputs, filters, kernel_size, strides=(1, 1), padding='valid', name=None"
layout = "image"
[[rule.emit]]
init = "nn.Conv2d({channels(inputs)}, {filters}, {kernel_size}, stride={strides?})"
forward = "{self}(F.pad({inputs}, PADS))"
[[rule.weight]]
tf = "kernel"
torch = "weight"
axes = "AXES"
[[rule.weight]]
tf = "bias"
torch = "bias"
[[rule.case]]
x = "float32[2, 7, 8, 4]"
tf = "tf.layers.conv2d(x, 4, 3, 2, padding='same', name='c')"
init = "nn.Conv2d(4, 4, 3, stride=2)"
forward = "self.c(F.pad(x, PADS))"
"""
EXPR = """
[[rule]]
id = "wrong"
tf = ["SYMBOL"]
signature = "SIGNATURE"
[[rule.emit]]
torch = "TEMPLATE"
[[rule.case]]
INPUTS
tf = "CALL"
torch = "TEXT"
"""


def conv(pads: str, axes: str) -> str:
    return CONV.replace("PADS", pads).replace("AXES", axes)


def expr(symbol: str, signature: str, template: str, inputs: str, call: str, text: str) -> str:
    words = ("SYMBOL", "SIGNATURE", "TEMPLATE", "INPUTS", "CALL", "TEXT")
    result = EXPR
    for word, value in zip(words, (symbol, signature, template, inputs, call, text), strict=True):
        result = result.replace(word, value)
    return result


X = 'x = "float32[3, 4]"'
MEAN = ("tf.reduce_mean", "t, axis=None, keepdims=None")
SOFTMAX = ("tf.nn.softmax", "logits, axis=None, name=None")
WRONG = {
    "swapped padding": (conv("(1, 0, 1, 1)", "HWIO -> OIHW"), "result: differs"),
    "swapped channels": (conv("(0, 1, 1, 1)", "HWIO -> IOHW"), "result: differs"),
    "swapped height and width": (conv("(0, 1, 1, 1)", "HWIO -> OIWH"), "result: differs"),
    "floor for truncation": (
        expr(
            *MEAN,
            "torch.floor(torch.mean({t}.double(), dim={axis?})).long()",
            'x = "int32[5, 3] in -9..9"',
            "tf.reduce_mean(x, 0)",
            "torch.floor(torch.mean(x.double(), dim=0)).long()",
        ),
        "result: differs",
    ),
    "wrong axis": (
        expr(*SOFTMAX, "F.softmax({logits}, dim=0)", X, "tf.nn.softmax(x)", "F.softmax(x, dim=0)"),
        "result: differs",
    ),
    "a gradient that stops": (
        expr(
            "tf.square",
            "x, name=None",
            "{x} * {x}.detach()",
            X,
            "tf.square(x)",
            "x * x.detach()",
        ),
        "gradient of x",
    ),
    "a constant below single precision": (
        expr(
            "tf.log",
            "x, name=None",
            "torch.log({x} + 1e-9)",
            'x = "positive[5]"',
            "tf.log(x)",
            "torch.log(x + 1e-9)",
        ),
        "float64: result",
    ),
    "a lost axis": (
        expr(*MEAN, "torch.mean({t}, dim=0)", X, "tf.reduce_mean(x, 1)", "torch.mean(x, dim=0)"),
        "shape",
    ),
    "another dtype": (
        expr(
            "tf.exp", "x, name=None", "torch.exp({x}).half()", X, "tf.exp(x)", "torch.exp(x).half()"
        ),
        "float16 in PyTorch",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_numbers_tell(name: str, tmp_path: Path) -> None:
    source, problem = WRONG[name]
    (tmp_path / "wrong.toml").write_text(source, encoding="utf-8")
    book = load_rulebook([tmp_path], builtin=False)
    outcome = run_case(book, book.rules[0], book.rules[0].cases[0])
    assert any(problem in found for found in outcome.problems), outcome.problems


def test_the_right_convolution_passes(tmp_path: Path) -> None:
    (tmp_path / "right.toml").write_text(conv("(0, 1, 1, 1)", "HWIO -> OIHW"), encoding="utf-8")
    book = load_rulebook([tmp_path], builtin=False)
    assert not run_case(book, book.rules[0], book.rules[0].cases[0]).problems
