"""What is parsed without libcst is what libcst makes of it."""

from __future__ import annotations

import ast
from pathlib import Path

import libcst as cst
import pytest

from tf2torch.cst import plain
from tf2torch.cst.parsing import parse_expression, parse_simple, parse_statements

ROOT = Path(__file__).resolve().parents[2]
EXPRESSIONS = r"""
x
model.fc1.weight
f()()
x.detach().cpu().numpy()
12
0
1_0
1.5
1e-3
.5
1.
True
None.x
"text"
'text'
"with \n"
"a" "b"
b"x"
f"{x}"
f(x, y=1)
f(x,y = 1)
f(x, *a, y=1, **k)
f(x for x in y)
f((x for x in y), z)
f(x, )
(x)
(x + y).sum()
f((x))
x + y * z
x**2
x ** 2
-x
- x
not x
a, b
(a, b)
(a), b
(a, b), (c, d)
(a,)
()
[a, b]
[]
[a, b,]
x[0]
x[-1]
x[0, 1]
x[:1]
x["a"][b]
a if b else c
"cuda" if torch.cuda.is_available() else "cpu"
lambda: 0
[p for p in q]
{"a": 1}
a and b
a < b
é
f(é)
x  # note
""".split("\n")[1:-1]
STATEMENTS = [
    "",
    "x = 1\n",
    "x = y = f(a)\n",
    "x=1\n",
    "x = 1; y = 2\n",
    "a, b = model(x)\n",
    "(a, b) = model(x)\n",
    "self.a[0] = -x\n",
    "return x\n",
    "return (x)\n",
    "return\n",
    "x = (1)\n",
    "x = 1  # note\n",
    "x = 1",
    "x = 1\n\ny = 2\n",
    "x = 1\ny = f(x, z=2)\n",
    "\nx = 1\n",
    "# note\nx = 1\n",
    "x = f(\n    1\n)\n",
    'x = """a\nb"""\n',
    "if x:\n    y = 1\n",
    "with torch.no_grad():\n    pass\n",
    "x += 1\n",
    "x: int = 1\n",
    "import torch\n",
    "é = 1\n",
]


@pytest.mark.parametrize("text", [*EXPRESSIONS, "(a\n + b)"])
def test_expressions(text: str) -> None:
    try:
        expected = cst.parse_expression(text)
    except cst.ParserSyntaxError:
        with pytest.raises(cst.ParserSyntaxError):
            parse_expression(text)
        return
    assert parse_expression(text).deep_equals(expected)


@pytest.mark.parametrize("text", STATEMENTS)
def test_statements(text: str) -> None:
    expected = cst.Module(cst.parse_module(text).body)
    assert cst.Module(parse_statements(text)).deep_equals(expected)


def test_plain_text_does_not_need_libcst() -> None:
    assert parse_simple("model.fc1.weight.item()") is not None
    assert plain.expression("torch.as_tensor(x, dtype=torch.float32, device=device)") is not None
    assert plain.statements("optimizer.zero_grad()\nloss.backward()\n") is not None


@pytest.mark.parametrize("path", sorted(ROOT.glob("examples/*/*_torch.py")), ids=lambda p: p.stem)
def test_lines_of_real_programs(path: Path) -> None:
    source = path.read_text("utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt) and node.lineno == node.end_lineno:
            text = source.splitlines()[node.lineno - 1].strip() + "\n"
            found = plain.statements(text)
            if found is not None:
                expected = cst.Module(cst.parse_module(text).body)
                assert cst.Module(found).deep_equals(expected), text
