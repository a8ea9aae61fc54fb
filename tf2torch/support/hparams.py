"""Hyperparameters as tf.contrib.training.HParams holds them."""

from __future__ import annotations

import json
from typing import Any


class HParams:
    """Named hyperparameters, as attributes; each keeps the type that it began with."""

    def __init__(self, **kwargs: Any) -> None:
        self.__dict__.update(kwargs)

    def add_hparam(self, name: str, value: Any) -> None:
        """Adds one; raises ValueError if there is one of that name."""
        if name in self.__dict__:
            raise ValueError(f"Hyperparameter name is reserved: {name}")
        self.__dict__[name] = value

    def set_hparam(self, name: str, value: Any) -> None:
        """Changes one that there is; raises KeyError if there is none."""
        old = self.__dict__[name]
        if isinstance(value, (list, tuple)) or value is None or old is None:
            self.__dict__[name] = value
        elif isinstance(old, bool) and isinstance(value, str):
            self.__dict__[name] = value.lower() in ("true", "1")
        else:
            self.__dict__[name] = type(old)(value)

    def del_hparam(self, name: str) -> None:
        """Removes one, if there is one."""
        self.__dict__.pop(name, None)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of one, or the default."""
        return self.__dict__.get(key, default)

    def values(self) -> dict[str, Any]:
        """All of them, by name."""
        return dict(self.__dict__)

    def override_from_dict(self, values_dict: dict[str, Any]) -> HParams:
        """Changes those that are named."""
        for name, value in values_dict.items():
            self.set_hparam(name, value)
        return self

    def to_json(self, indent: int | None = None, sort_keys: bool = False) -> str:
        """All of them as JSON."""
        return json.dumps(self.values(), indent=indent, sort_keys=sort_keys)

    def parse_json(self, values_json: str) -> HParams:
        """Changes those that a JSON object names."""
        return self.override_from_dict(json.loads(values_json))

    def parse(self, values: str) -> HParams:
        """Changes those that ``name=value,name=[value,value]`` names.

        Raises ValueError for a part that is no name and value.
        """
        for name, value in _parts(values):
            old = self.__dict__[name]
            if value.startswith("["):
                kind = type(old[0]) if isinstance(old, (list, tuple)) and old else str
                items = [item.strip() for item in value.strip("[]").split(",") if item.strip()]
                self.__dict__[name] = [kind(item) for item in items]
            else:
                self.set_hparam(name, value)
        return self

    def __contains__(self, key: str) -> bool:
        return key in self.__dict__


def _parts(text: str) -> list[tuple[str, str]]:
    """Name and value of each part; commas in brackets divide nothing."""
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text + ","):
        depth += (character == "[") - (character == "]")
        if character == "," and depth == 0:
            part = text[start:place].strip()
            start = place + 1
            if part and "=" not in part:
                raise ValueError(f"Could not parse hparam {part!r}")
            if part:
                name, _, value = part.partition("=")
                parts.append((name.strip(), value.strip()))
    return parts
