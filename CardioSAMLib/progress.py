"""How long work tells its caller how far it is, and how the caller stops it."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float, str], None]
"""Called with (fraction in 0..1, message). May raise `Cancelled`; long functions let it pass."""


class Cancelled(Exception):
    """Raised by a `Progress` when the user has asked to stop. Nothing is half-written when it arrives."""


def silent(fraction: float, message: str) -> None:
    """The default `Progress`: says nothing, never cancels."""


def part_of(progress: Progress, start: float, end: float) -> Progress:
    """A `Progress` for one stage: its 0..1 becomes start..end of the whole."""

    def stage(fraction: float, message: str) -> None:
        progress(start + (end - start) * fraction, message)

    return stage
