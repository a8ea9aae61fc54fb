"""Options of the test run."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update", action="store_true", help="Write golden text anew instead of comparing it."
    )


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    """Whether golden text is written anew."""
    return bool(request.config.getoption("--update"))
