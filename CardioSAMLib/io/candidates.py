"""The cines a path holds, how they are described to the user, and which of them is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from CardioSAMLib.cine import Cine, UnusableInput

_LONG_AXIS = re.compile(
    r"(?<![a-z0-9])([234]\s*-?_?(ch|chamber|kammer)[a-z]*|lax|la|long[\s_-]?axis|vla|hla|[lr]vot)(?![a-z])"
)

_PURPOSES = re.compile(
    r"(?<![a-z0-9])(tag|grid|perf|flow(?![\s_-]?comp)|pc(?![a-z])|venc|map|molli|t1(?!\d)|t2(?!\d)|lge|late(?!ral)|delayed"
    r"|psir|stir|scout|loc)"
)


@dataclass(frozen=True)
class CineCandidate:
    """One cine that a path holds.

    key: what `--series` takes: "1", "2", ... in the order of study date, series number and position for DICOM, and of
        file names for images; the same for the same files.
    description: series, orientation, slices, frames, matrix and spacing in words; never a patient's name.
    is_short_axis_stack: at least 2 parallel slices and 2 frames, and not named after a long-axis view or another
        purpose than a cine.
    """

    key: str
    description: str
    slices: int
    frames: int
    is_short_axis_stack: bool


@dataclass(frozen=True)
class CineSource:
    """A candidate and the way to read its pixels. doubt: the sentence why it must not be taken without asking."""

    candidate: CineCandidate
    read: Callable[[], Cine]
    doubt: str | None = None


class SeveralCines(UnusableInput):
    """The user must choose: `candidates` says what the path holds, and none is the obvious cine.

    doubt: the sentence why the only short-axis stack among them is not taken without asking; "" where there is none.
    """

    def __init__(self, candidates: Sequence[CineCandidate], doubt: str = "") -> None:
        self.candidates, self.doubt = tuple(candidates), doubt
        problem = f"{doubt} To do without it," if doubt else f"The input holds {len(self.candidates)} cines;"
        lines = "\n".join(f"  --series {candidate.key}   {candidate.description}" for candidate in self.candidates)
        super().__init__(f"{problem} choose one with --series:\n{lines}")


def is_named_long_axis(series_description: str) -> bool:
    """Whether a series description names a long-axis view (2, 3 or 4 chambers, outflow tract)."""
    return _LONG_AXIS.search(series_description.lower()) is not None


def purpose_of(series_description: str) -> str:
    """What a series is named to be for, other than a cine (tagging, perfusion, flow, mapping, ...); "" for none."""
    found = _PURPOSES.search(series_description.lower())
    return "" if found is None else found.group(1)


def describe(name: str, slices: int, frames: int, matrix_px: tuple[int, int], spacing_mm: Sequence[float]) -> str:
    """One line on a cine. matrix_px: rows, columns. spacing_mm: row, column, slice."""
    long_axis = is_named_long_axis(name)
    if slices < 2:
        view = "long axis, one slice" if long_axis else "one slice"
    elif frames < 2:
        view = f"{slices} slices that do not move"
    else:
        view = f"{'long-axis' if long_axis else 'short-axis'} stack of {slices} slices"
    rows, columns = matrix_px
    grid = f"{rows} x {columns} pixels of {spacing_mm[0]:.3g} x {spacing_mm[1]:.3g} mm"
    interval = f", slices every {spacing_mm[2]:.3g} mm" if slices > 1 else ""
    return f"{name}: {view}, {frames} frame{'s' if frames != 1 else ''}, {grid}{interval}"


def qualifies(name: str, slices: int, frames: int) -> bool:
    """Whether a cine can be taken for the short-axis stack without asking."""
    return slices >= 2 and frames >= 2 and not is_named_long_axis(name) and not purpose_of(name)


def choose(sources: Sequence[CineSource], series: str | None) -> CineSource:
    """The source that `series` names; without it the only short-axis stack, or the only stack there is.

    Raises UnusableInput if `series` names none, or all candidates have one slice; SeveralCines if the user must choose.
    """
    candidates = [source.candidate for source in sources]
    if series is not None:
        named = [source for source in sources if source.candidate.key == series.strip()]
        if not named:
            keys = ", ".join(candidate.key for candidate in candidates)
            raise UnusableInput(f"There is no series {series!r} in the input; choose one of: {keys}.")
        return _with_several_slices(named[0])
    if len(sources) == 1:
        return _with_several_slices(sources[0])
    short_axis = [source for source in sources if source.candidate.is_short_axis_stack]
    if len(short_axis) == 1:
        if short_axis[0].doubt is not None:
            raise SeveralCines(candidates, short_axis[0].doubt)
        return short_axis[0]
    if not any(candidate.slices > 1 for candidate in candidates):
        raise UnusableInput(
            f"The input holds {len(sources)} images of one slice each and no short-axis stack; "
            "give the folder with all slices of the stack."
        )
    raise SeveralCines(candidates)


def _with_several_slices(source: CineSource) -> CineSource:
    if source.candidate.slices < 2:
        raise UnusableInput(
            f"The image has one slice ({source.candidate.description}) and volumes need a stack; "
            "give the folder or file with all slices."
        )
    return source
