"""What every support source must keep to, so that its definitions can be copied one by one."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import ModuleType

import pytest

import tf2torch
from tf2torch.emit.support import available, support_text

SOURCES = sorted((Path(tf2torch.__file__).parent / "support").glob("*.py"))
PUBLIC = sorted(name for name in available() if not name.startswith("_"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_imports_only_torch_numpy_and_the_standard_library(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module]
        for name in names:
            root = name.split(".")[0]
            assert root in {"torch", "numpy"} or root in sys.stdlib_module_names, name


@pytest.mark.parametrize("name", PUBLIC)
def test_each_definition_stands_alone_with_its_documentation(name, monkeypatch):
    text = support_text([name])
    assert "tf2torch" not in text
    module = ModuleType("tf1_support")
    monkeypatch.setitem(sys.modules, "tf1_support", module)  # dataclasses look their module up
    namespace = vars(module)
    exec(compile(text, "tf1_support.py", "exec"), namespace)
    assert namespace[name].__doc__
    known = (
        set(namespace)
        | set(dir(__builtins__))
        | set(__builtins__ if isinstance(__builtins__, dict) else ())
    )
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            known.add(node.id)
        elif isinstance(node, ast.arg):
            known.add(node.arg)
        elif isinstance(node, ast.ExceptHandler | ast.FunctionDef | ast.ClassDef) and node.name:
            known.add(node.name)
    read = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)]
    assert {node.id for node in read} <= known
