"""From a table of a configuration file to the dataclass that describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar

from CardioSAMLib.cine import UnusableInput

Options = TypeVar("Options")

_TYPES: Mapping[Any, tuple[tuple[type, ...], str]] = {
    "bool": ((bool,), "true or false"),
    "int": ((int,), "a whole number"),
    "float": ((float, int), "a number"),
    "str": ((str,), "a text"),
    "int | None": ((int,), "a whole number"),
    "tuple[int, ...]": ((list, tuple), "whole numbers in brackets"),
}
"""By the annotation: what a value may be, and what that is called."""


def options_from(kind: type[Options], table: Any, source: str) -> Options:
    """The dataclass `kind` with the values of a table; lists become tuples.

    source: what the table is called in messages. Raises UnusableInput, naming the keys, if one is unknown or missing,
    or a value is of another type.
    """
    if not isinstance(table, Mapping):
        raise UnusableInput(f"{source} must be a table of keys and values.")
    known: dict[str, Field[Any]] = {entry.name: entry for entry in fields(kind)}  # type: ignore[arg-type]
    required = {key for key, entry in known.items() if entry.default is MISSING and entry.default_factory is MISSING}
    unknown, missing = sorted(set(table) - set(known)), sorted(required - set(table))
    if unknown or missing:
        raise UnusableInput(
            f"{source} has unknown keys {unknown} or lacks {missing}; known keys are {', '.join(sorted(known))}."
        )
    return kind(**{key: _value(known[key], table[key], source) for key in table})


def _value(entry: Field[Any], value: Any, source: str) -> Any:
    types, title = _TYPES.get(entry.type, ((object,), ""))
    is_one = isinstance(value, types) and not (isinstance(value, bool) and bool not in types and title)
    numbers = entry.type != "tuple[int, ...]" or (is_one and value and all(type(one) is int for one in value))
    if not (is_one and numbers):
        raise UnusableInput(f"{source} has {value!r} as {entry.name}; give {title}.")
    return tuple(value) if isinstance(value, list) else value
