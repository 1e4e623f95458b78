"""Work on the scene that takes long, cut into parts, between which the application can draw and answer.

A function named `..._in_parts` does a part of its work at each `next`. What it yields is nothing; what it returns is
the result.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")
Parts = Generator[None, None, Result]

# With what a part ends with (views, marks), it stays well below the 100 ms that a person notices.
_PART_S = 0.03


class Part:
    """One part of such work, from now on."""

    def __init__(self) -> None:
        self._started = time.perf_counter()

    @property
    def is_over(self) -> bool:
        """Whether it has lasted long enough."""
        return time.perf_counter() - self._started > _PART_S


def finished(parts: Parts[Result]) -> Result:
    """The result of all parts, done at once."""
    while True:
        try:
            next(parts)
        except StopIteration as end:
            result: Result = end.value
            return result
