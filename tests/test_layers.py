"""Imports run one way, and starting up imports little."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "tf2torch"
#: Each layer may import those after it.
ORDER = (
    "cli project pipeline emit rewrite plan analyse load rulebook cst diagnostics".split(),
    "cli weights rulebook diagnostics".split(),
    "cli parity weights diagnostics".split(),
)
#: Leaves without imports of their own, for every layer.
COMMON = {"config", "__init__"}
MODULES = sorted(p.relative_to(PACKAGE).as_posix() for p in PACKAGE.rglob("*.py"))


def layer(module: str) -> str:
    return module.removesuffix(".py").split("/")[0].split(".")[0]


def imported(path: Path) -> list[tuple[int, str]]:
    """Layers of this package that a file imports anywhere, functions included."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                assert node.level == 1, f"{path}:{node.lineno} imports from above its folder"
                base = ".".join(["tf2torch", *path.relative_to(PACKAGE).parts[:-1]])
            names = [f"{base}.{a.name}" if base == "tf2torch" else base for a in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "tf2torch":
                found.append((node.lineno, parts[1] if len(parts) > 1 else "__init__"))
    return found


def allowed(source: str, target: str) -> bool:
    if target in COMMON or target.startswith("__") or source == target:
        return True
    return any(
        source in order and target in order and order.index(source) < order.index(target)
        for order in ORDER
    )


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_one_way(module: str) -> None:
    source = layer(module)
    if source == "__main__":
        source = "cli"
    wrong = [
        f"tf2torch/{module}:{line} imports {target}"
        for line, target in imported(PACKAGE / module)
        if not allowed(source, target)
    ]
    assert not wrong, "\n".join(wrong)


def test_support_imports_nothing_of_tf2torch_but_itself() -> None:
    for path in (PACKAGE / "support").glob("*.py"):
        assert {target for _, target in imported(path)} <= {"support"}, path


def modules_after(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint(*sys.modules, file=sys.__stderr__)"
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(result.stderr.split())


def test_convert_imports_neither_torch_nor_tensorflow() -> None:
    loaded = modules_after(
        "import io\n"
        "from tf2torch.cli import run\n"
        "source = b'import tensorflow as tf\\nx = tf.ones([2])\\n'\n"
        "sys.stdin = io.TextIOWrapper(io.BytesIO(source))\n"
        "sys.stderr = io.StringIO()\n"
        "assert run(['convert', '-']) != 2, sys.stderr.getvalue()"
    )
    assert "libcst" in loaded
    assert not {"torch", "tensorflow", "numpy", "fissix"} & loaded


def test_help_imports_no_stage() -> None:
    loaded = modules_after("from tf2torch.cli import run\nrun(['convert', '--help'])")
    assert not {"libcst", "torch", "numpy", "rich", "tf2torch.pipeline"} & loaded


def best(command: list[str], times: int = 5) -> float:
    """The shortest wall time of a command, in seconds."""
    import time

    def once() -> float:
        start = time.perf_counter()
        subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        return time.perf_counter() - start

    return min(once() for _ in range(times))


def test_help_starts_within_1_3_of_importing_libcst() -> None:
    floor = best([sys.executable, "-c", "import libcst"])
    assert best([sys.executable, "-m", "tf2torch", "--help"]) < 1.3 * floor
