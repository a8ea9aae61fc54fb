"""Hyperparameters as tf.contrib.training.HParams holds them."""

from __future__ import annotations

import json
from numbers import Integral, Number
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
        """Changes one that there is, by a value of its type; a list by a list.

        Raises KeyError if there is none, ValueError for a value of another kind.
        """
        old = self.__dict__[name]
        if isinstance(value, list):
            if not isinstance(old, (list, tuple)):
                raise ValueError(f"Must not pass a list for single-valued parameter: {name}")
            self.__dict__[name] = [_cast(name, old[0], item) for item in value]
        elif isinstance(old, (list, tuple)):
            raise ValueError(f"Must pass a list for multi-valued parameter: {name}.")
        else:
            self.__dict__[name] = _cast(name, old, value)

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

        Raises ValueError for a part that is no name and value, or a value of another type.
        """
        for name, text in _parts(values):
            if name not in self.__dict__:
                raise ValueError(f"Unknown hyperparameter type for {name}")
            old = self.__dict__[name]
            first = old[0] if isinstance(old, (list, tuple)) else old
            if text.startswith("["):
                items = [item.strip() for item in text.strip("[]").split(",") if item.strip()]
                self.set_hparam(name, [_parsed(name, first, item) for item in items])
            else:
                self.set_hparam(name, _parsed(name, first, text))
        return self

    def __contains__(self, key: str) -> bool:
        return key in self.__dict__


def _cast(name: str, old: Any, value: Any) -> Any:
    """A value as the type of the one before; numbers do not lose their fractions."""
    kind = type(old)
    if old is None:
        return value
    same = isinstance(value, bool) == (kind is bool) and isinstance(value, str) == (kind is str)
    if kind is int:
        same = same and isinstance(value, Integral)
    elif kind is float:
        same = same and isinstance(value, Number)
    if not same:
        raise ValueError(f"Could not cast hparam '{name}' of type '{kind}' from value {value!r}")
    return kind(value)


def _parsed(name: str, old: Any, text: str) -> Any:
    """What a text says, as the type of the value before."""
    kind = type(old)
    words = {"true": True, "True": True, "1": True, "false": False, "False": False, "0": False}
    try:
        return words[text] if kind is bool else text if old is None else kind(text)
    except (KeyError, ValueError):
        kinds = f"of type '{kind.__name__}' with value '{text}'"
        raise ValueError(f"Could not parse hparam '{name}' {kinds}") from None


def _parts(text: str) -> list[tuple[str, str]]:
    """Name and value of each part; commas in brackets divide nothing."""
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text + ","):
        depth += (character == "[") - (character == "]")
        if character == "," and depth == 0:
            part = text[start:place].strip()
            start = place + 1
            if part and "=" not in part:
                raise ValueError(f"Malformed hyperparameter value: {part}")
            if part:
                name, _, value = part.partition("=")
                parts.append((name.strip(), value.strip()))
    return parts
