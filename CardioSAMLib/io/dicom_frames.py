"""Which image of a slice is which frame, and when the frames are (docs/user-guide.md, what it reads)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from CardioSAMLib.cine import Array, QualityNote, UnusableInput
from CardioSAMLib.io.dicom_groups import Stack
from CardioSAMLib.io.dicom_headers import ImageHeader
from CardioSAMLib.io.timing import heart_rate, is_frame_interval_ms

_JITTER_MS = 1.0
_FEW_MISSING = 0.1
"""A slice that has at least all but this part of the usual frames lacks some; it has no beat of its own."""


@dataclass(frozen=True)
class _OrderKey:
    """What frames can be ordered by. in_ms: its differences are times."""

    name: str
    value: Callable[[ImageHeader], float | None]
    in_ms: bool


_ORDER_KEYS = (
    _OrderKey("trigger time", lambda header: header.time.trigger_ms, in_ms=True),
    _OrderKey("trigger delay", lambda header: header.time.delay_ms, in_ms=True),
    _OrderKey("temporal position", lambda header: header.time.temporal_position, in_ms=False),
    _OrderKey("instance number", lambda header: header.time.instance_number, in_ms=False),
)


@dataclass(frozen=True)
class OrderedStack:
    """All slices with as many frames.

    images: `[slice][frame]`. filled: (slice, frame) that show the image of another frame, their own being missing.
    times_ms: of the frames, None where not known.
    """

    images: tuple[tuple[ImageHeader, ...], ...]
    filled: frozenset[tuple[int, int]]
    times_ms: tuple[float, ...] | None
    notes: tuple[QualityNote, ...]


def order_frames(stack: Stack) -> OrderedStack:
    """Frames of each slice in the order of time, and slices that lack some aligned with the others.

    One key orders the whole stack. Frame times are medians over the slices, as each breath-hold has its own heart rate.
    Raises UnusableInput where nothing tells the frames of a slice apart.
    """
    key = _choose_key(stack.slices)
    slices, notes = [], []
    for number, images in enumerate(stack.slices):
        ordered = _distinct(images, key)
        if len(ordered) < len(images):
            message = "A slice has several images of the same time; the latest are used."
            notes.append(QualityNote("repeated_frames", "info", message, slice=number))
        slices.append(ordered)
    frames = _usual_length(slices)
    complete = [images for images in slices if len(images) == frames]
    beat = _Beat(complete, key)
    aligned, filled = [], set()
    for number, ordered in enumerate(slices):
        if len(ordered) == frames:
            aligned.append(tuple(ordered))
        else:
            chosen, missing = _align(ordered, beat)
            aligned.append(chosen)
            filled |= {(number, frame) for frame in missing}
            notes.append(_count_note(len(ordered), frames, missing, number))
    times, time_notes = _frame_times(complete, key)
    return OrderedStack(tuple(aligned), frozenset(filled), times, (*notes, *time_notes))


def _choose_key(slices: Sequence[Sequence[ImageHeader]]) -> _OrderKey:
    """The first key that all images have and that tells the frames of most slices apart."""
    for key in _ORDER_KEYS:
        values = [[key.value(header) for header in images] for images in slices]
        if any(value is None for slice_values in values for value in slice_values):
            continue
        if sum(len(set(slice_values)) == len(slice_values) for slice_values in values) > len(slices) / 2:
            return key
    if all(len(images) == 1 for images in slices):
        return _ORDER_KEYS[-1]
    raise UnusableInput(
        "The frames of a slice cannot be put in order: trigger times, temporal positions and instance numbers are "
        "missing or the same; export the study again from the scanner."
    )


def _value(key: _OrderKey, header: ImageHeader) -> float:
    value = key.value(header)
    return 0.0 if value is None else float(value)


def _distinct(images: Sequence[ImageHeader], key: _OrderKey) -> list[ImageHeader]:
    """In the order of the key; of images with the same value the one acquired last."""
    latest: dict[float, ImageHeader] = {}
    for header in sorted(images, key=lambda h: (_value(key, h), h.acquired, h.time.instance_number or 0)):
        latest[_value(key, header)] = header
    return list(latest.values())


def _usual_length(slices: Sequence[Sequence[ImageHeader]]) -> int:
    lengths = [len(images) for images in slices]
    return max(set(lengths), key=lambda length: (lengths.count(length), length))


class _Beat:
    """Where the frames of the complete slices lie in the beat, as fractions of the RR interval."""

    def __init__(self, complete: Sequence[Sequence[ImageHeader]], key: _OrderKey) -> None:
        self.key = key
        self.frames = len(complete[0])
        values = [self._values(images) for images in complete]
        self._firsts = np.array([one[0] for one in values])
        self._step = float(np.median([_step(one) for one in values]))
        self._series = {header.series_uid for images in complete for header in images}
        self.fractions: Array = np.median([self.fractions_of(images) for images in complete], axis=0)

    def fractions_of(self, images: Sequence[ImageHeader]) -> Array:
        values = self._values(images)
        if self.key.in_ms:
            return np.asarray(values / self._interval_ms(images, values))
        steps = (values - values[0]) / _step(values) + self._missing_before(values)
        return np.asarray(steps / self._frames_in_beat(images, values))

    def _values(self, images: Sequence[ImageHeader]) -> Array:
        return np.array([_value(self.key, header) for header in images])

    def _interval_ms(self, images: Sequence[ImageHeader], values: Array) -> float:
        """The RR interval as the file says, or else so many steps of its own as its beat has frames."""
        time, step = images[0].time, _step(values)
        bpm = heart_rate(time.rr_interval_ms, time.heart_rate_bpm)
        if bpm is not None:
            return 60000.0 / bpm
        # Either frames are missing, or the slice has a time resolution of its own: whichever explains its step better.
        missing, own = step / self._step, step * len(values) / (self._step * self.frames)
        return step * (self.frames if abs(np.log(missing)) <= abs(np.log(own)) else len(values))

    def _frames_in_beat(self, images: Sequence[ImageHeader], values: Array) -> int:
        """Of a slice whose frames are only counted: its own, or as many as others have, where it lacks some."""
        count = len(values)
        if count >= self.frames:
            return count
        has_gap = float(np.diff(values).max(initial=0.0)) > 1.5 * _step(values) or self._missing_before(values) > 0
        lacks_few = count >= (1.0 - _FEW_MISSING) * self.frames
        return self.frames if has_gap or lacks_few or images[0].series_uid in self._series else count

    def _missing_before(self, values: Array) -> float:
        """How many frames lie before the first image, as far as the numbering of the complete slices tells."""
        if len(values) >= self.frames:
            return 0.0
        step = _step(values)
        if self.key.name == "temporal position" or step > 1.0:  # of instance numbers: frame by frame
            before = (values[0] - self._firsts.min()) // step
        elif np.any((self._firsts - self._firsts[0]) % self.frames):
            return 0.0
        else:  # slice by slice
            before = (values[0] - self._firsts[0]) % self.frames
        return float(before) if 0 <= before <= self.frames - len(values) else 0.0


def _step(values: Array) -> float:
    return float(np.median(np.diff(values))) if len(values) > 1 else 1.0


def _align(images: Sequence[ImageHeader], beat: _Beat) -> tuple[tuple[ImageHeader, ...], list[int]]:
    """For each frame the image of this slice nearest in the beat, and the frames that have none of their own."""
    distances = np.abs(beat.fractions[:, np.newaxis] - beat.fractions_of(images)[np.newaxis, :])
    distances = np.minimum(distances, np.abs(1.0 - distances))  # the beat is a circle
    nearest = distances.argmin(axis=1)
    own = {int(image): int(distances[:, image].argmin()) for image in set(nearest.tolist())}
    filled = [
        frame
        for frame, image in enumerate(nearest.tolist())
        if own[image] != frame or distances[frame, image] > 0.5 / beat.frames
    ]
    return tuple(images[image] for image in nearest.tolist()), filled


def _count_note(count: int, usual: int, missing: list[int], slice_number: int) -> QualityNote:
    message = f"A slice has {count} frames where the others have {usual}"
    if missing:
        numbers = ", ".join(str(frame) for frame in missing)
        message += f"; frame(s) {numbers} of it show the image that is nearest in time."
    else:
        message += "; the images nearest in time to theirs are used."
    return QualityNote("missing_frames" if missing else "extra_frames", "warning", message, slice=slice_number)


def _frame_times(
    complete: Sequence[Sequence[ImageHeader]], key: _OrderKey
) -> tuple[tuple[float, ...] | None, tuple[QualityNote, ...]]:
    if not key.in_ms or len(complete[0]) < 2:
        return None, ()
    times = np.array([[_value(key, header) for header in images] for images in complete])
    median = np.median(times, axis=0)
    interval_ms = float(np.median(np.diff(median)))
    if not is_frame_interval_ms(interval_ms):
        message = (
            f"By their {key.name} the frames are {interval_ms:.3g} ms apart, which cannot be; their times are not used."
        )
        return None, (QualityNote("frame_times_implausible", "warning", message),)
    spread = float(np.abs(times - median).max())
    if spread <= _JITTER_MS:
        return tuple(median.tolist()), ()
    message = f"The frame times differ between slices by up to {spread:.0f} ms from their median, which is used."
    return tuple(median.tolist()), (QualityNote("frame_times_differ", "info", message),)
