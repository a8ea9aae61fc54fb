"""Scripts as tutorials have them: copies between networks, training made in helpers, and others."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tf2torch.cli import main
from tf2torch.parity import check_pair

PROGRAMS = Path(__file__).parent / "tutorials"


def converted(name: str, folder: Path) -> str:
    output = folder / f"{name}_torch.py"
    result = CliRunner().invoke(main, ["convert", str(PROGRAMS / f"{name}.py"), "-o", str(output)])
    assert result.exit_code == 0, result.output
    return output.read_text()


@pytest.mark.parametrize("name", sorted(path.stem for path in PROGRAMS.glob("*.py")))
def test_both_programs_compute_the_same(name: str, tmp_path: Path) -> None:
    assert "TODO" not in converted(name, tmp_path)
    report = check_pair(PROGRAMS / f"{name}.py", tmp_path / f"{name}_torch.py", exact=True)
    assert report, str(report)


def test_copies_are_loops_over_parameters(tmp_path: Path) -> None:
    text = converted("target_network", tmp_path)
    assert (
        """
    src_vars = list(model.eval_net.parameters())
    dest_vars = list(model.target_net.parameters())
"""
        in text
    )
    assert (
        """
        if step % 3 == 2:
            with torch.no_grad():
                for src_var, dest_var in zip(src_vars, dest_vars):
                    dest_var.data.copy_(src_var)
"""
        in text
    )


def test_what_depends_on_axes_sees_those_of_tensorflow(tmp_path: Path) -> None:
    text = converted("axes", tmp_path)
    assert "for i in range(len(mine)):\n                other[i].data.copy_(" in text
    assert "for m, o in zip([model.main.h.weight.T, model.main.dense.weight.T], [" in text
