"""Images of a study -> stacks of parallel slices, across series and apart where two stacks lie in one place.

Images belong together by study, frame of reference, orientation, matrix and spacing, not by series,
because some vendors write one series per slice.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from CardioSAMLib.cine import QualityNote
from CardioSAMLib.io.candidates import purpose_of
from CardioSAMLib.io.dicom_headers import ImageHeader

_AXIS_TOLERANCE = 0.0175
"""Distance between the ends of two unit vectors one degree apart. Some scanners plan each slice anew and round."""
_POSITION_TOLERANCE = 0.1
"""Two images are at one slice position if they are closer than this part of the slice interval."""
_SAME_ECHO = 1.5
"""Echo times of one kind of sequence differ by less than this factor."""
SAME_PLACE = 0.6
"""Two slices of different stacks are of one place if they are closer than this part of the slice interval."""
_UNKNOWN_INTERVAL_MM = 5.0
_FAR_INTERVALS = 3.5
"""A gap of more slice intervals than these is none of missing slices."""

Images = list[ImageHeader]


@dataclass(frozen=True)
class Stack:
    """Parallel slices of one acquisition, sorted along the normal of the images.

    slices: for each slice its images, frames in no order yet. positions_mm: of the slices along the normal.
    """

    slices: tuple[tuple[ImageHeader, ...], ...]
    positions_mm: tuple[float, ...]
    notes: tuple[QualityNote, ...]

    @property
    def first(self) -> ImageHeader:
        return self.slices[0][0]

    @property
    def name(self) -> str:
        """Numbers and description of its series; never a patient's name."""
        headers = [images[0] for images in self.slices]
        numbers = sorted({header.series_number for header in headers if header.series_number is not None})
        shown = "?" if not numbers else f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"
        description = headers[0].series_description
        return f"series {shown}" + (f" '{description}'" if description else "")

    @property
    def frames(self) -> int:
        """Number of images most slices have; the larger one where two numbers are as common."""
        return _usual_count(self.slices)


def stacks_of(headers: Iterable[ImageHeader]) -> list[Stack]:
    """All stacks among the images, by study date, series number and first instance number.

    Phase images and localizers are left out by their ImageType, and so are derived images that were cut out of others
    or lie where original ones do. Other derived ones are kept: a lossy export or a filter marks images so.
    """
    images = [header for header in headers if header.is_magnitude and not header.is_localizer]
    images = _without_copies(images)
    groups = [stack for group in _parallel_groups(images) for stack in _separate_stacks(group)]
    return [_stack(group) for group in sorted(groups, key=_study_order)]


def _without_copies(images: Images) -> Images:
    """The images without derived series of places that original images show; all of them where none is original."""
    originals: dict[str, Images] = defaultdict(list)
    derived: dict[tuple[str, str], Images] = defaultdict(list)
    for header in images:
        if header.is_derived:
            derived[header.study[1], header.series_uid].append(header)
        else:
            originals[header.study[1]].append(header)
    if not originals:
        return images
    copies = {
        id(header)
        for (study, _series), series in derived.items()
        if series[0].is_reformatted or _are_shown(series, originals[study])
        for header in series
    }
    return [header for header in images if id(header) not in copies]


def _are_shown(series: Images, others: Images) -> bool:
    """Whether other images lie at most of the places of a series."""
    places = [at_place[0] for part in _by_orientation(series) for at_place in _by_position(part).values()]
    return sum(_is_shown(place, others) for place in places) > len(places) / 2


def _is_shown(header: ImageHeader, others: Images) -> bool:
    """Whether other images lie at the place of this one."""
    tolerance_mm = _POSITION_TOLERANCE * _interval_mm(header)
    return any(
        same_orientation(header, other)
        and abs(float((other.center_mm - header.center_mm) @ header.normal)) <= tolerance_mm
        for other in others
    )


def _study_order(group: Images) -> tuple[object, ...]:
    return (
        min(header.study for header in group),
        min(_number(header.series_number) for header in group),
        min(header.series_uid for header in group),
        min(_number(header.time.instance_number) for header in group),
    )


def _number(value: int | None) -> int:
    return -1 if value is None else value


def _parallel_groups(images: Images) -> list[Images]:
    """Images of one study, frame of reference, grid and orientation, moving ones apart from still ones."""
    by_series: dict[str, Images] = defaultdict(list)
    for header in images:
        by_series[header.series_uid].append(header)
    groups: dict[tuple[object, ...], list[Images]] = defaultdict(list)
    for series in by_series.values():
        references = {header.frame_of_reference for header in series}
        # A series has one frame of reference. Several are an anonymizer's work (Sunnybrook: one per file).
        reference = references.pop() if len(references) == 1 else ""
        for part in _by_orientation(series):
            # The grids of the whole series: one image of another size is an error to report, not another stack.
            grids = tuple(sorted({_grid(header) for header in part}))
            moving = max(len(images) for images in _by_position(part).values()) > 1
            groups[series[0].study[1], reference, grids, moving].append(part)
    return [merged for parts in groups.values() for merged in _by_orientation([h for part in parts for h in part])]


def _grid(header: ImageHeader) -> tuple[object, ...]:
    return header.size_px, *(round(value, 3) for value in header.spacing_mm)


def same_orientation(one: ImageHeader, other: ImageHeader) -> bool:
    """Whether two images are parallel and not turned against each other in their plane, to one degree."""
    turns = (one.row_axis - other.row_axis, one.column_axis - other.column_axis)
    return all(float(np.linalg.norm(turn)) <= _AXIS_TOLERANCE for turn in turns)


def _by_orientation(images: Images) -> list[Images]:
    groups: list[Images] = []
    for header in images:
        for group in groups:
            if same_orientation(header, group[0]):
                group.append(header)
                break
        else:
            groups.append([header])
    return groups


def _interval_mm(header: ImageHeader) -> float:
    """The slice interval a header speaks of; positions decide later."""
    stated = [value for value in (header.slice_spacing_mm, header.thickness_mm) if value is not None and value > 0]
    return max(stated, default=_UNKNOWN_INTERVAL_MM)


def _by_position(images: Sequence[ImageHeader]) -> dict[float, Images]:
    """Images of each slice by its position along the normal of the first image, in mm and rising."""
    normal = images[0].normal
    along = np.array([float(header.center_mm @ normal) for header in images])
    order = np.argsort(along, kind="stable")
    breaks = np.flatnonzero(np.diff(along[order]) > _POSITION_TOLERANCE * _interval_mm(images[0])) + 1
    return {float(np.median(along[part])): [images[index] for index in part] for part in np.split(order, breaks)}


def _separate_stacks(group: Images) -> list[Images]:
    """Series that each image the same place as a stack are stacks of their own; all others complete one another, if
    they were taken alike.

    A series of fewer slices than half a stack is a part of it that was taken again, and belongs to the stack before it.
    """
    by_series: dict[str, Images] = defaultdict(list)
    for header in group:
        by_series[header.series_uid].append(header)
    stacks: list[Images] = []
    for series in sorted(by_series.values(), key=_recency):
        home = next(
            (stack for stack in reversed(stacks) if is_alike(series[0], stack[0]) and not _competes(series, stack)),
            None,
        )
        if home is None:
            stacks.append(list(series))
        else:
            home.extend(series)
    return stacks


def is_alike(one: ImageHeader, other: ImageHeader) -> bool:
    """Whether two images may be of one cine by what their series are named and how they were taken."""
    if purpose_of(one.series_description) != purpose_of(other.series_description):
        return False
    if one.sequence and other.sequence and one.sequence != other.sequence:
        return False
    echoes = [header.echo_time_ms for header in (one, other) if header.echo_time_ms]
    return len(echoes) < 2 or max(echoes) <= _SAME_ECHO * min(echoes)


def _competes(series: Images, stack: Images) -> bool:
    normal = stack[0].normal
    own, there = (
        np.array([float(header.center_mm @ normal) for header in _one_per_slice(images)]) for images in (series, stack)
    )
    if len(own) < 2 or len(there) < 2 or 2 * len(own) < len(there):
        return False
    distances = np.abs(own[:, np.newaxis] - there[np.newaxis, :]).min(axis=1)
    return bool((distances < SAME_PLACE * _interval_mm(stack[0])).mean() > 0.5)


def _one_per_slice(images: Images) -> Images:
    return [at_position[0] for at_position in _by_position(images).values()]


def _recency(images: Sequence[ImageHeader]) -> tuple[int, str, str]:
    """Sorts acquisitions from old to new."""
    return (
        max(_number(header.series_number) for header in images),
        max(header.acquired for header in images),
        images[0].series_uid,
    )


def _stack(group: Images) -> Stack:
    positions, slices, repeated = [], [], []
    places = _by_position(group)
    often = _usual_count(list(places.values()))
    for position, images in places.items():
        newest, others = _newest_acquisition(images, often)
        positions.append(position)
        slices.append(newest)
        repeated.append(others)
    usual = _usual_count(slices)
    # A slice with a single image, or few, in a moving stack is a scout or a broken-off breath-hold.
    moving = [index for index, images in enumerate(slices) if 2 * len(images) >= usual]
    kept, far_mm = _without_far_ones(moving, positions)
    notes = [
        _repeat_note(number, slices[index], repeated[index]) for number, index in enumerate(kept) if repeated[index]
    ]
    if len(moving) < len(slices):
        message = f"{len(slices) - len(moving)} slice(s) with fewer than half of the {usual} frames were left out."
        notes.append(QualityNote("slice_left_out", "warning", message))
    if far_mm is not None:
        message = f"{len(moving) - len(kept)} slice(s) that lie {far_mm:.0f} mm from the others were left out."
        notes.append(QualityNote("slice_left_out", "warning", message))
    return Stack(tuple(tuple(slices[index]) for index in kept), tuple(positions[index] for index in kept), tuple(notes))


def _without_far_ones(kept: list[int], positions: Sequence[float]) -> tuple[list[int], float | None]:
    """The largest part of the slices without a gap of several intervals, and the length of that gap: the way to a slice
    of the aorta, say, is not filled with ventricle. A gap of few missing slices stays, and is interpolated."""
    if len(kept) < 3:
        return kept, None
    gaps = np.diff([positions[index] for index in kept])
    breaks = np.flatnonzero(gaps > _FAR_INTERVALS * np.percentile(gaps, 50, method="lower"))
    if not breaks.size:
        return kept, None
    parts = np.split(np.asarray(kept), breaks + 1)
    return max(parts, key=len).tolist(), float(gaps[breaks].min())


def _acquisitions(images: Images, usual: int) -> Iterator[Images]:
    """The images of a slice by series, and by breath-hold where one was redone in the same series: after each `usual`
    images the times of the beat begin again, later."""
    by_series: dict[str, Images] = defaultdict(list)
    for header in images:
        by_series[header.series_uid].append(header)
    for own in by_series.values():
        ordered = sorted(own, key=lambda header: (header.acquired, header.time.instance_number or 0))
        parts = [ordered[first : first + usual] for first in range(0, len(ordered), usual)]
        if len(parts) > 1 and all(len(part) == usual for part in parts) and _begin_again(parts):
            yield from parts
        else:
            yield own


def _begin_again(parts: Sequence[Images]) -> bool:
    times = [[_time_ms(header) for header in part] for part in parts]
    acquired = [[header.acquired for header in part] for part in parts]
    again = all(min(later) < max(earlier) for earlier, later in pairwise(times))
    return again and all(max(earlier) < min(later) for earlier, later in pairwise(acquired))


def _time_ms(header: ImageHeader) -> float:
    """In the beat; 0 for all where it is not known, so that nothing begins again."""
    known = (time for time in (header.time.trigger_ms, header.time.delay_ms) if time is not None)
    return next(known, 0.0)


def _newest_acquisition(images: Images, usual: int) -> tuple[Images, list[Images]]:
    """The latest acquisition of a slice that is not a broken-off one, and the others. usual: images of most slices."""
    acquisitions = sorted(_acquisitions(images, usual), key=_recency)
    longest = max(len(acquisition) for acquisition in acquisitions)
    newest = next(acquisition for acquisition in reversed(acquisitions) if 2 * len(acquisition) >= longest)
    return newest, [acquisition for acquisition in acquisitions if acquisition is not newest]


def _repeat_note(slice_number: int, used: Images, others: list[Images]) -> QualityNote:
    unused = ", ".join(str(_number(acquisition[0].series_number)) for acquisition in others)
    latest = _number(used[0].series_number)
    message = f"A slice was acquired {len(others) + 1} times; the latest, series {latest}, is used, {unused} left out."
    if all(acquisition[0].series_uid == used[0].series_uid for acquisition in others):
        message = f"A slice was acquired {len(others) + 1} times in one series; the latest is used."
    return QualityNote("repeated_slice", "warning", message, slice=slice_number)


def _usual_count(slices: Sequence[Sequence[ImageHeader]]) -> int:
    counts = Counter(len(images) for images in slices)
    return max(counts, key=lambda count: (counts[count], count))
