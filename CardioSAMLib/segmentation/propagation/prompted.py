"""From slice to slice by prompts: what was drawn next to it shows a promptable model what to draw."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from CardioSAMLib.cine import Array, Cine
from CardioSAMLib.labels import STORAGE, Provenance, Structure
from CardioSAMLib.progress import Progress, part_of
from CardioSAMLib.prompts import PointPrompt, SlicePrompts, StructurePrompts, box_around, shared_negatives
from CardioSAMLib.segmentation.anatomy import fill_holes
from CardioSAMLib.segmentation.locate import HeartBox, heart_box_of
from CardioSAMLib.segmentation.promptable import Prompter, provenance_of
from CardioSAMLib.segmentation.propagation.plan import between
from CardioSAMLib.segmentation.propagation.propagator import FramePropagator, SliceKey
from CardioSAMLib.segmentation.simulate import deepest_pixel, depth_px


@dataclass(frozen=True)
class MaskPrompts:
    """What is shown of each structure that the neighbor has.

    mask: its mask as it is. box_margin_px: a box around it, so many native pixels wider on each side; None for no box.
    point: its pixel farthest from the edge. negatives: the points of the other structures, as points where it is not.
    """

    mask: bool
    box_margin_px: float | None
    point: bool
    negatives: bool

    def of(self, labels: Array, key: SliceKey) -> SlicePrompts | None:
        """For the slice `key`, from labels `(rows, columns)` of its neighbor; None if these are empty."""
        masks = {structure: labels == STORAGE.value_of(structure) for structure in Structure}
        shown = tuple(self._shown(structure, mask) for structure, mask in masks.items() if mask.any())
        if not shown:
            return None
        prompts = SlicePrompts(key[0], key[1], shown)
        return shared_negatives(prompts) if self.negatives else prompts

    def _shown(self, structure: Structure, mask: Array) -> StructurePrompts:
        return StructurePrompts(
            structure,
            (PointPrompt(*deepest_pixel(depth_px(mask)), positive=True),) if self.point else (),
            None if self.box_margin_px is None else box_around(mask, self.box_margin_px),
            mask if self.mask else None,
        )


# A mask or a box of the neighbor holds the model to where the structure was. Over the 10 mm from slice to slice that is
# wrong; in the next frame everything is nearly where it was, and the mask carries a correction on.
SLICE_PROMPTS = MaskPrompts(mask=False, box_margin_px=None, point=True, negatives=False)
FRAME_PROMPTS = MaskPrompts(mask=True, box_margin_px=None, point=False, negatives=False)


@dataclass(frozen=True)
class StopRule:
    """When a structure has ended between two slices of a frame; it is then left out, and not drawn farther out.

    smallest_share: of its area in the neighbor, below which what was found is not it. lowest_score: of the model's own
    guess of its quality. Both chosen on training patients. Without a pixel in common with where the neighbor has it
    (holes, as that of the wall, filled) it is not it either.
    """

    smallest_share: float = 0.1
    lowest_score: float = 0.4

    def ends(self, found: Array, neighbor: Array, score: float) -> bool:
        """found, neighbor: bool `(rows, columns)`, in the slice and in its neighbor. score: the model's own."""
        if score < self.lowest_score or found.sum() < self.smallest_share * neighbor.sum():
            return True
        return not (ndimage.binary_fill_holes(found) & ndimage.binary_fill_holes(neighbor)).any()


@dataclass(frozen=True)
class PromptedSlices:
    """A `SlicePropagator`: each slice is prompted for what its neighbor shows, until the structures end.

    region: what the model looks at, as for `Prompter`; give the one that clicks on the study have, as embeddings depend
    on it. None takes the heart as the neighbor has it.
    """

    prompter: Prompter
    region: HeartBox | None = None
    prompts: MaskPrompts = SLICE_PROMPTS
    stop: StopRule = field(default_factory=StopRule)

    @property
    def method(self) -> str:
        return "prompts"

    @property
    def drawn_by(self) -> Provenance:
        return provenance_of(self.prompter.model)

    def next_slice(self, cine: Cine, drawn: Array, target: SliceKey) -> Array:
        """See `SlicePropagator`."""
        shown = self.prompts.of(drawn, target)
        if shown is None:
            return np.zeros_like(drawn)
        prediction = self.prompter.predict(cine, shown, _region(self.region, drawn, cine))
        labels = prediction.labels
        for structure, score in prediction.predicted_iou.items():
            found, before = (np.asarray(one == STORAGE.value_of(structure)) for one in (labels, drawn))
            if self.stop.ends(found, before, score):
                labels = np.where(found, 0, labels).astype(np.uint8)
        return _without_gaps(labels)


@dataclass(frozen=True)
class PromptedFrames:
    """A `FramePropagator`: each frame is prompted for what the frame before it shows, from the nearest drawn frame on.

    Of two drawn frames equally near, the earlier in time leads. A structure that the model does not find stays away.
    """

    prompter: Prompter
    region: HeartBox | None = None
    prompts: MaskPrompts = FRAME_PROMPTS

    @property
    def method(self) -> str:
        return "prompts"

    @property
    def drawn_by(self) -> Provenance:
        return provenance_of(self.prompter.model)

    def through_frames(
        self, cine: Cine, slice_number: int, drawn: Mapping[int, Array], targets: Sequence[int], progress: Progress
    ) -> Mapping[int, Array]:
        """See `FramePropagator`."""
        labels = dict(drawn)
        order = _outward(cine.frames, drawn, targets)
        for number, (frame, neighbor) in enumerate(order):
            progress(number / len(order), f"drawing frame {frame + 1} of {cine.frames}")
            labels[frame] = _redrawn(self, cine, labels[neighbor], (frame, slice_number))
        return {frame: labels[frame] for frame in targets}


@dataclass(frozen=True)
class CorrectedFrames:
    """A `FramePropagator`: what another one has found in a frame is shown to the model, and its answer is taken."""

    found_by: FramePropagator
    prompter: Prompter
    region: HeartBox | None = None
    prompts: MaskPrompts = FRAME_PROMPTS

    @property
    def method(self) -> str:
        return f"{self.found_by.method}, then prompts"

    @property
    def drawn_by(self) -> Provenance:
        return provenance_of(self.prompter.model)

    def through_frames(
        self, cine: Cine, slice_number: int, drawn: Mapping[int, Array], targets: Sequence[int], progress: Progress
    ) -> Mapping[int, Array]:
        """See `FramePropagator`."""
        found = self.found_by.through_frames(cine, slice_number, drawn, targets, part_of(progress, 0.0, 0.6))
        labels = {}
        for number, frame in enumerate(targets):
            progress(0.6 + 0.4 * number / len(targets), f"drawing frame {frame + 1} of {cine.frames}")
            labels[frame] = _redrawn(self, cine, found[frame], (frame, slice_number))
        return labels


def _redrawn(frames: PromptedFrames | CorrectedFrames, cine: Cine, labels: Array, key: SliceKey) -> Array:
    """What the model draws where it is shown these labels; empty where they are."""
    shown = frames.prompts.of(labels, key)
    if shown is None:
        return np.zeros_like(labels)
    return _without_gaps(frames.prompter.predict(cine, shown, _region(frames.region, labels, cine)).labels)


def _without_gaps(labels: Array) -> Array:
    """The same without background between cavity and wall, where each was drawn by itself, or where a cavity ended."""
    filled = labels.copy()
    fill_holes(filled)
    return filled


def _region(region: HeartBox | None, drawn: Array, cine: Cine) -> HeartBox:
    return region or heart_box_of(drawn, cine.geometry.spacing_mm[:2])


def _outward(frames: int, drawn: Collection[int], targets: Collection[int]) -> list[tuple[int, int]]:
    """(frame, neighbor that it is drawn from), nearest to a drawn frame first, as far as targets need them."""
    leads = {}
    for frame in set(range(frames)) - set(drawn):
        before, after = between(frame, drawn, frames)
        back, ahead = (frame - before) % frames, (after - frame) % frames
        leads[frame] = (back, (frame - 1) % frames) if back <= ahead else (ahead, (frame + 1) % frames)
    needed: set[int] = set()
    for frame in targets:
        while frame in leads and frame not in needed:
            needed.add(frame)
            frame = leads[frame][1]
    return [(frame, leads[frame][1]) for frame in sorted(needed, key=lambda frame: (leads[frame][0], frame))]
