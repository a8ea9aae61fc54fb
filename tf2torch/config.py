"""What the user may set: options of a conversion, and `[tool.tf2torch]` of pyproject.toml."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Options:
    """Options of one conversion."""

    #: Write the form that is equal in every bit where the idiomatic one is only nearly so.
    exact: bool = False


DEFAULT = Options()


@dataclass(frozen=True)
class Settings:
    """The `[tool.tf2torch]` table of a project; what the command line leaves out."""

    exact: bool = False
    rules: tuple[Path, ...] = ()
    exclude: tuple[str, ...] = ()


class ConfigError(Exception):
    """A pyproject.toml that cannot be used; the message names the file."""


def find_settings(start: Path) -> Settings:
    """The settings of the nearest pyproject.toml above `start` that has a `tool.tf2torch` table."""
    place = start.resolve()
    for folder in (place, *place.parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            settings = read_settings(path)
            if settings is not None:
                return settings
    return Settings()


def read_settings(path: Path) -> Settings | None:
    """The settings of one pyproject.toml, None if it has none; raises ConfigError."""
    try:
        tool = tomllib.loads(path.read_text("utf-8")).get("tool", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path}: {error}") from None
    if "tf2torch" not in tool:
        return None
    table = tool["tf2torch"]
    if not isinstance(table, Mapping):
        raise ConfigError(f"{path}: tool.tf2torch is not a table")
    unknown = sorted(set(table) - {"exact", "rules", "exclude"})
    if unknown:
        raise ConfigError(f"{path}: tool.tf2torch has no setting {unknown[0]!r}")
    if not isinstance(table.get("exact", False), bool):
        raise ConfigError(f"{path}: tool.tf2torch.exact is not true or false")
    return Settings(
        exact=table.get("exact", False),
        rules=tuple(path.parent / name for name in _strings(path, table, "rules")),
        exclude=_strings(path, table, "exclude"),
    )


def _strings(path: Path, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigError(f"{path}: tool.tf2torch.{key} is not a list of strings")
    return tuple(value)
