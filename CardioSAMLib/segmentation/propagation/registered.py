"""Around the cycle by registration: contours are bent along with the heart, from both sides of the cycle."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from CardioSAMLib.cine import Array, Cine
from CardioSAMLib.progress import Progress
from CardioSAMLib.segmentation.propagation.deformation import chained, deformation, pulled
from CardioSAMLib.segmentation.propagation.shape import labels_of, shape_of

_MARGIN_MM = 25.0
_CLIP_PERCENTILES = (1.0, 99.0)


@dataclass(frozen=True)
class RegisteredFrames:
    """A `FramePropagator`. Each frame is registered to the one before it and to the one after it, around the cycle.

    What was drawn is carried from frame to frame in both directions. Where two results meet they are averaged as
    distances to their contours, each weighted by how near its start is. With one drawn frame both ways around the cycle
    start at it, so that what has drifted on the long way weighs little.
    register: from a fixed and a moving image to displacements, as `deformation`.
    """

    register: Callable[[Array, Array], Array] = deformation

    @property
    def method(self) -> str:
        return "registration"

    @property
    def drawn_by(self) -> None:
        return None

    def through_frames(
        self, cine: Cine, slice_number: int, drawn: Mapping[int, Array], targets: Sequence[int], progress: Progress
    ) -> Mapping[int, Array]:
        """See `FramePropagator`."""
        labels = {frame: np.zeros(cine.pixels.shape[2:], dtype=np.uint8) for frame in targets}
        if not any(contours.any() for contours in drawn.values()):
            return labels
        window = _window(drawn, cine.geometry.spacing_mm[:2])
        images = _comparable(cine.pixels[:, slice_number, window[0], window[1]])
        shapes = {frame: shape_of(contours)[:, window[0], window[1]] for frame, contours in drawn.items()}
        found = {frame: np.zeros_like(next(iter(shapes.values()))) for frame in targets}
        walks = [*_walks(cine.frames, tuple(drawn), targets, 1), *_walks(cine.frames, tuple(drawn), targets, -1)]
        steps, done = sum(len(walk.frames) for walk in walks), 0
        for walk in walks:
            for frame, shape in self._carried(images, shapes[walk.start], walk):
                done += 1
                progress(done / steps, f"registering frame {frame + 1} of {cine.frames}")
                if frame in found:
                    found[frame] += walk.weight(frame) * shape
        for frame, shape in found.items():
            labels[frame][window] = labels_of(shape)
        return labels

    def _carried(self, images: Array, shape: Array, walk: _Walk) -> Iterator[tuple[int, Array]]:
        """Each frame of a walk, and the shape of its start as it looks there."""
        before, to_start = walk.start, np.zeros((2, *images.shape[1:]))
        for frame in walk.frames:
            step = self.register(images[frame], images[before])
            to_start = chained(step, to_start)
            yield frame, pulled(shape, to_start)
            before = frame


@dataclass(frozen=True)
class _Walk:
    """From a drawn frame toward the next drawn one, which is `length` frames away, as far as there are targets."""

    start: int
    frames: tuple[int, ...]
    length: int

    def weight(self, frame: int) -> float:
        """1 at the start, 0 at the end of the whole length."""
        return 1.0 - (1 + self.frames.index(frame)) / self.length


def _walks(frames: int, drawn: Collection[int], targets: Collection[int], step: int) -> Iterator[_Walk]:
    """One from each drawn frame that has targets before the next one; step: 1 forward in time, -1 backward."""
    for start in drawn:
        length = next(count for count in range(1, frames + 1) if (start + step * count) % frames in drawn)
        passed = [(start + step * count) % frames for count in range(1, length)]
        while passed and passed[-1] not in targets:
            passed.pop()
        if passed:
            yield _Walk(start, tuple(passed), length)


def _window(drawn: Mapping[int, Array], pixel_mm: tuple[float, float]) -> tuple[slice, slice]:
    """Rows and columns of all that was drawn, and what the heart may move by."""
    anywhere = np.any([contours > 0 for contours in drawn.values()], axis=0)
    window = []
    for axis, pixel in enumerate(pixel_mm):
        places = np.flatnonzero(anywhere.any(axis=1 - axis))
        margin = int(np.ceil(_MARGIN_MM / pixel))
        window.append(slice(max(places[0] - margin, 0), min(places[-1] + 1 + margin, anywhere.shape[axis])))
    return window[0], window[1]


def _comparable(images: Array) -> Array:
    """Frames of a slice `(frames, rows, columns)` on one scale, 0..1, without the brightest and darkest percent."""
    low, high = np.percentile(images, _CLIP_PERCENTILES)
    return np.asarray(np.clip((images - low) / max(high - low, 1e-6), 0.0, 1.0))
