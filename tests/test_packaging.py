"""What is built holds all that a checkout has."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel and the source distribution, built with the hatchling of this environment."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "-o", str(out), str(ROOT)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return {path.suffix: path for path in out.iterdir()}


def test_the_wheel_holds_the_package_and_the_rules(built: dict[str, Path]) -> None:
    names = set(zipfile.ZipFile(built[".whl"]).namelist())
    for folder, prefix in (("tf2torch", "tf2torch"), ("rules", "tf2torch/rules")):
        files = [p for p in (ROOT / folder).rglob("*") if p.suffix in (".py", ".toml", ".txt")]
        assert files
        missing = {f"{prefix}/{p.relative_to(ROOT / folder).as_posix()}" for p in files} - names
        assert not missing
    assert not [name for name in names if name.startswith(("tests", "examples"))]
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_source_distribution_holds_tests_and_examples(built: dict[str, Path]) -> None:
    with tarfile.open(built[".gz"]) as archive:
        tops = {name.split("/")[1] for name in archive.getnames() if "/" in name}
    expected = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "tf2torch", "rules"}
    assert expected | {"tests", "examples", "benchmarks"} <= tops


def test_the_installed_command_has_the_rules_of_the_checkout(
    built: dict[str, Path], tmp_path: Path
) -> None:
    venv.create(tmp_path / "env", with_pip=False, symlinks=True)
    python = tmp_path / "env/bin/python"
    target = next((tmp_path / "env").glob("lib/python*/site-packages"))
    # pip of this environment installs into the new one; dependencies come from here by a path file
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(target)]
    subprocess.run([*pip, str(built[".whl"])], check=True)
    here = next(Path(p) for p in sys.path if p.endswith("site-packages"))
    (target / "zz_dependencies.pth").write_text(f"{here}\n")
    code = "import tf2torch; print(tf2torch.__file__)"
    where = subprocess.run([python, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert Path(where.stdout.strip()).is_relative_to(target)
    assert rules_of(python, tmp_path) == rules_of(Path(sys.executable), ROOT)


def rules_of(python: Path, folder: Path) -> list[dict[str, object]]:
    command = [str(python), "-m", "tf2torch", "rules", "list", "--format", "json"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    records: list[dict[str, object]] = json.loads(result.stdout)
    assert records
    return records
