"""What draws one slice from another: along the stack, and around the cycle. Every method fits one of two protocols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from CardioSAMLib.cine import Array, Cine
from CardioSAMLib.labels import Provenance
from CardioSAMLib.progress import Progress

SliceKey = tuple[int, int]
"""(frame, slice), both 0-based."""


class SlicePropagator(Protocol):
    """Draws a slice from its neighbor in the same frame.

    For the provenance: method: what it is; drawn_by: the model that it asks, if any.
    """

    @property
    def method(self) -> str: ...

    @property
    def drawn_by(self) -> Provenance | None: ...

    def next_slice(self, cine: Cine, drawn: Array, target: SliceKey) -> Array:
        """Labels of the target, uint8 `(rows, columns)` in the `STORAGE` order.

        drawn: those of its neighbor, not empty. A structure that ends between the two is left out; where all end, the
        labels are empty, and nothing farther out is asked for.
        """
        ...


class FramePropagator(Protocol):
    """Draws a slice in the frames of the cycle in which it was not drawn. Properties as of `SlicePropagator`."""

    @property
    def method(self) -> str: ...

    @property
    def drawn_by(self) -> Provenance | None: ...

    def through_frames(
        self, cine: Cine, slice_number: int, drawn: Mapping[int, Array], targets: Sequence[int], progress: Progress
    ) -> Mapping[int, Array]:
        """Labels of the targets by frame, uint8 `(rows, columns)` in the `STORAGE` order.

        drawn: labels by frame, one of them at least not empty; an empty one says that the heart has left the slice
        there. targets: frames that were not drawn, in rising order. The frames are a cycle: after the last comes the
        first. The answer for a frame may depend only on the next drawn frame before it and the next one after it.
        """
        ...


@dataclass(frozen=True)
class Propagator:
    """How a cine is drawn from some of its slices: first along the stack, then each slice around the cycle."""

    over_slices: SlicePropagator
    over_frames: FramePropagator
