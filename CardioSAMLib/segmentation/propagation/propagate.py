"""One drawn slice serves the whole cine: what it takes to draw slices from others, and to do it again after an edit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from CardioSAMLib.cine import Array, Cine, UnusableInput
from CardioSAMLib.labels import CineSegmentation, Structure
from CardioSAMLib.progress import Progress, part_of, silent
from CardioSAMLib.segmentation.propagation.plan import Plan, between, descendants, nearest, plan_of
from CardioSAMLib.segmentation.propagation.propagator import Propagator, SliceKey


@dataclass(frozen=True, eq=False)
class Propagated:
    """A segmentation, and which of its slices were drawn from which.

    parents: of each slice that was drawn, the slices that it was drawn from: its neighbor in the stack, or the one or
    two nearest drawn frames of the cycle. sources: what all of it comes from, corrected slices included; these are
    never overwritten. changed: the slices that the last run has drawn.
    """

    segmentation: CineSegmentation
    parents: Mapping[SliceKey, tuple[SliceKey, ...]]
    sources: tuple[SliceKey, ...]
    changed: frozenset[SliceKey]

    def with_slice(self, key: SliceKey, labels: Array) -> Propagated:
        """The same with other labels, `(rows, columns)`, in one slice: a correction, for `repropagate`.

        Raises UnusableInput for labels of another shape, or with values that no structure has.
        """
        everything = self.segmentation.labels.copy()
        labels = np.asarray(labels)
        if labels.shape != everything[key].shape or not np.isin(labels, range(1 + len(Structure))).all():
            raise UnusableInput(
                f"The labels of a slice must be {everything.shape[2]} x {everything.shape[3]} values from 0 to "
                f"{len(Structure)}; give a slice of the same cine."
            )
        everything[key] = labels
        return replace(self, segmentation=replace(self.segmentation, labels=everything))


def propagate(
    cine: Cine,
    segmentation: CineSegmentation,
    sources: Iterable[SliceKey],
    targets: Iterable[SliceKey],
    propagator: Propagator,
    *,
    locked: Collection[SliceKey] = frozenset(),
    progress: Progress = silent,
) -> Propagated:
    """Draws the targets from the sources; every other slice stays as it is, bit by bit.

    sources: slices of the segmentation that hold contours, whoever drew them; where two are equally near, the first
    named is taken. targets: those that are sources or locked are left out. locked: slices that a person has corrected
    or approved. They are never overwritten, and what lies behind them is drawn from them.
    The confidence of the segmentation is left out, as drawn slices have none.

    Raises UnusableInput where there is no source, or an empty one, nothing to draw, or a slice that the cine does not
    have.
    """
    sources, targets, locked = _distinct(sources), _distinct(targets), frozenset(_distinct(locked))
    segmentation.check_fits(cine)
    _check_inside(cine, {"source": sources, "target": targets, "locked slice": locked})
    if not sources:
        raise UnusableInput("No slice was given to start from; draw one slice or accept one, and name it as a source.")
    for frame, number in sources:
        if not segmentation.labels[frame, number].any():
            raise UnusableInput(
                f"The source in frame {frame}, slice {number} has no contours; draw it first or choose another one."
            )
    wanted = frozenset(targets) - set(sources) - locked
    if not wanted:
        raise UnusableInput("There is no slice to draw: all are sources or locked; name others as targets.")
    stands = (*sources, *sorted(locked - set(sources)))
    plan = _plan(segmentation, stands, wanted, _starts(segmentation, sources, stands, wanted))
    labels = _drawn(cine, segmentation.labels, plan, wanted, propagator, progress)
    parents = MappingProxyType(plan.parents(cine.frames, wanted))
    return Propagated(_told(segmentation, labels, sources, wanted, propagator), parents, sources, wanted)


def repropagate(
    cine: Cine,
    propagated: Propagated,
    corrected: Iterable[SliceKey],
    propagator: Propagator,
    *,
    locked: Collection[SliceKey] = frozenset(),
    progress: Progress = silent,
) -> Propagated:
    """Draws again what depends on slices that were corrected (see `Propagated.with_slice`); `changed` says which.

    These are the slices that were drawn from a corrected one, directly or through others; and, of the same slice, the
    frames for which the corrected one is now the next before or after them that stands. Everything else stays as it
    is, bit by bit: so do sources, locked slices, and all slices corrected in this call or in an earlier one.
    What was drawn along the stack is drawn along the stack again. A slice may be corrected to be empty: the heart is
    then taken to have left it.

    Raises UnusableInput for a slice that the cine does not have, or another cine.
    """
    corrected = _distinct(corrected)
    propagated.segmentation.check_fits(cine)
    _check_inside(cine, {"corrected slice": corrected, "locked slice": locked})
    sources = (*propagated.sources, *(key for key in corrected if key not in propagated.sources))
    parents = {key: own for key, own in propagated.parents.items() if key not in corrected}
    kept = {*sources, *locked}
    free = {key: own for key, own in parents.items() if key not in kept}
    stale = descendants(free, corrected) | _beside(corrected, parents, kept, cine.frames)
    anchors = {parent for key in stale for parent in parents[key]} - stale
    stands = tuple(dict.fromkeys((*sources, *sorted(anchors), *sorted(locked))))
    plan = _plan(propagated.segmentation, stands, stale, _starts_again(parents, stale))
    labels = _drawn(cine, propagated.segmentation.labels, plan, stale, propagator, progress)
    parents |= plan.parents(cine.frames, stale)
    told = _told(propagated.segmentation, labels, sources, stale, propagator)
    return Propagated(told, MappingProxyType(parents), sources, frozenset(stale))


def _beside(
    corrected: Collection[SliceKey],
    parents: Mapping[SliceKey, tuple[SliceKey, ...]],
    kept: Collection[SliceKey],
    frames: int,
) -> frozenset[SliceKey]:
    """Slices drawn around the cycle for which a corrected one is now the next before or after them."""
    over_frames = {key for key, own in parents.items() if any(frame != key[0] for frame, _ in own)}
    stands = {*kept, *(set(parents) - over_frames)}
    found = set()
    for frame, number in over_frames - set(kept):
        near = [other for other, at in stands if at == number]
        if near and any((end, number) in corrected for end in between(frame, near, frames)):
            found.add((frame, number))
    return frozenset(found)


def _starts(
    segmentation: CineSegmentation,
    sources: Iterable[SliceKey],
    stands: Iterable[SliceKey],
    wanted: Collection[SliceKey],
) -> dict[SliceKey, int]:
    """Of the wanted slices in frames that have a source: the nearest slice of the frame that stands with contours."""
    led = {frame for frame, _ in sources}
    there: dict[int, list[int]] = {}
    for frame, number in stands:
        if frame in led and segmentation.labels[frame, number].any():
            there.setdefault(frame, []).append(number)
    return {(frame, number): nearest(there[frame], number) for frame, number in wanted if frame in there}


def _starts_again(parents: Mapping[SliceKey, tuple[SliceKey, ...]], stale: Collection[SliceKey]) -> dict[SliceKey, int]:
    """Of the stale slices that were drawn along the stack: where that began, at a slice that stands."""
    starts = {}
    for key in stale:
        at = key
        while at in stale and [frame for frame, _ in parents[at]] == [key[0]]:
            ((_, number),) = parents[at]
            at = (key[0], number)
        if at not in stale:
            starts[key] = at[1]
    return starts


def _plan(
    segmentation: CineSegmentation,
    stands: Iterable[SliceKey],
    wanted: Collection[SliceKey],
    starts: Mapping[SliceKey, int],
) -> Plan:
    contoured: list[SliceKey] = []
    empty: list[SliceKey] = []
    for key in stands:
        (contoured if segmentation.labels[key].any() else empty).append(key)
    return plan_of(contoured, empty, wanted, starts)


def _drawn(
    cine: Cine, labels: Array, plan: Plan, wanted: Collection[SliceKey], propagator: Propagator, progress: Progress
) -> Array:
    """A copy of the labels with the wanted slices drawn. What is passed on the way is drawn on a second copy."""
    result, scratch = labels.copy(), labels.copy()
    ahead, afterward = part_of(progress, 0.0, 0.3), part_of(progress, 0.3 if plan.steps else 0.0, 1.0)
    for number, step in enumerate(plan.steps):
        ahead(number / len(plan.steps), f"drawing slice {step.target[1] + 1} of {cine.slices}")
        near = scratch[step.source]
        if near.any():
            scratch[step.target] = propagator.over_slices.next_slice(cine, near.copy(), step.target)
        else:
            scratch[step.target] = 0
    for number, course in enumerate(plan.courses):
        stage = part_of(afterward, number / len(plan.courses), (number + 1) / len(plan.courses))
        drawn = {frame: scratch[frame, course.slice_number].copy() for frame in course.drawn}
        if any(one.any() for one in drawn.values()):
            found = propagator.over_frames.through_frames(cine, course.slice_number, drawn, course.targets, stage)
        else:
            found = {frame: np.zeros_like(scratch[0, 0]) for frame in course.targets}
        for frame, one in found.items():
            scratch[frame, course.slice_number] = one
    for key in wanted:
        result[key] = scratch[key]
    progress(1.0, "all slices are drawn")
    return result


def _told(
    segmentation: CineSegmentation,
    labels: Array,
    sources: Collection[SliceKey],
    drawn: Collection[SliceKey],
    propagator: Propagator,
) -> CineSegmentation:
    """The new segmentation; its provenance says from what and how slices were drawn, beside who drew the sources."""
    frames = tuple(sorted({*segmentation.segmented_frames, *(frame for frame, _ in drawn)}))
    before = segmentation.provenance.settings
    settings = {key: value for key, value in before.items() if not key.startswith("propagation_")}
    for key, way in (("slices", propagator.over_slices), ("frames", propagator.over_frames)):
        settings[f"propagation_over_{key}"] = way.method
        if way.drawn_by is not None:
            settings |= way.drawn_by.as_settings(f"propagation_over_{key}_by")
    settings["propagation_sources"] = " ".join(f"{frame}/{number}" for frame, number in sources)
    provenance = replace(segmentation.provenance, settings=settings)
    return CineSegmentation(labels, frames, provenance)


def _distinct(keys: Iterable[SliceKey]) -> tuple[SliceKey, ...]:
    return tuple(dict.fromkeys((int(frame), int(number)) for frame, number in keys))


def _check_inside(cine: Cine, named: Mapping[str, Iterable[SliceKey]]) -> None:
    for name, keys in named.items():
        for frame, number in keys:
            if not (0 <= frame < cine.frames and 0 <= number < cine.slices):
                raise UnusableInput(
                    f"The cine has no {name} in frame {frame}, slice {number}; choose frames from 0 to "
                    f"{cine.frames - 1} and slices from 0 to {cine.slices - 1}."
                )
