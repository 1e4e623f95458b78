"""From a table of a configuration file to the dataclass that describes it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar

from CardioSAMLib.cine import UnusableInput

Options = TypeVar("Options")


def _is_whole(value: Any) -> bool:
    return type(value) is int  # true and false are of int, too


_TYPES: Mapping[Any, tuple[Callable[[Any], bool], str]] = {
    "bool": (lambda value: isinstance(value, bool), "true or false"),
    "int": (_is_whole, "a whole number"),
    "int | None": (_is_whole, "a whole number"),
    "float": (lambda value: (isinstance(value, float) and math.isfinite(value)) or _is_whole(value), "a number"),
    "str": (lambda value: isinstance(value, str), "a text"),
    "tuple[int, ...]": (
        lambda value: isinstance(value, list | tuple) and len(value) > 0 and all(map(_is_whole, value)),
        "whole numbers in brackets",
    ),
}
"""By the annotation: whether a value can be it, and what that is called."""


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


def check_ranges(options: Any, source: str) -> None:
    """Raises UnusableInput where a number of a dataclass is below 0, or a share (its name ends so) above 1."""
    for entry in fields(options):
        value = getattr(options, entry.name)
        if isinstance(value, int | float) and (value < 0 or (entry.name.endswith("_share") and value > 1)):
            most = "from 0 to 1" if entry.name.endswith("_share") else "of 0 or more"
            raise UnusableInput(f"{source} have {value} as {entry.name}; give a value {most}.")


def _value(entry: Field[Any], value: Any, source: str) -> Any:
    can_be, title = _TYPES.get(entry.type, (lambda _: True, ""))
    if not can_be(value):
        raise UnusableInput(f"{source} has {value!r} as {entry.name}; give {title}.")
    return tuple(value) if isinstance(value, list) else value
