"""The contours of one study that is open for reading: drawn by models, corrected by prompts, propagated, undone.

Main thread only. What the methods named `..._job` return touches arrays only and may run on a worker thread; the
`take_...` of the same name then writes its result into the scene.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from typing import Any, Literal

import numpy as np

from CardioSAMLib.analysis import AnalysisOptions, completed
from CardioSAMLib.cine import Array, Cine, UnusableInput
from CardioSAMLib.labels import CineSegmentation, Structure
from CardioSAMLib.mrml.cines import cine_of, nodes_of_volume
from CardioSAMLib.mrml.contour_editor import ContourEditor
from CardioSAMLib.mrml.frame_reader import FrameReader
from CardioSAMLib.mrml.geometry import world_matrix
from CardioSAMLib.mrml.given_values import GivenValues, given_values
from CardioSAMLib.mrml.history import History
from CardioSAMLib.mrml.navigation import shown_frame
from CardioSAMLib.mrml.parts import Parts, finished
from CardioSAMLib.mrml.prompts import prompts_of, remove_prompts, take_new_prompts
from CardioSAMLib.mrml.provenance import corrected_by_hand, corrected_with, drawn_beside
from CardioSAMLib.mrml.region import keep_region, region_of
from CardioSAMLib.mrml.segmentations import (
    ReadBack,
    SegmentationNodes,
    empty_nodes,
    nodes_of_segmentation,
    provenance_of,
    segmentation_of,
)
from CardioSAMLib.mrml.session_jobs import (
    CorrectedSlice,
    Job,
    PromptModel,
    PropagatedSlices,
    Propagation,
    SegmentedCine,
    SliceKey,
    correct_slice,
    prepare_slices,
    propagate_slices,
    segment_cine,
    with_frozen,
)
from CardioSAMLib.mrml.studies import FrameSlices, SceneStudy
from CardioSAMLib.resources import DEFAULT_MODEL_ID, DEFAULT_PROMPTABLE_ID
from CardioSAMLib.segmentation import EmbeddingCache, HeartBox, heart_box_of


class Scope(Enum):
    """Where propagation draws: in the slice shown at all frames, in the frame shown on all slices, or everywhere."""

    SLICE = "slice"
    FRAME = "frame"
    ALL = "all"


@dataclass(frozen=True)
class Edits:
    """What a person has drawn, in Segment Editor or elsewhere. messages: what had to be resolved, in sentences."""

    slices: FrameSlices
    messages: tuple[str, ...]


class ContourSession:
    """The contours of a study. Slices that were corrected or locked, and frozen structures, keep what they are.

    cache: of the embeddings; None takes the user's own (see `default_folder`).
    """

    def __init__(self, study: SceneStudy, cache: EmbeddingCache | None = None) -> None:
        self.study = study
        self._cache = cache
        self._prompt_model = PromptModel(DEFAULT_PROMPTABLE_ID, self._cache)
        self._read = FrameReader()
        self._cine: tuple[Any, Cine] | None = None
        self._history: tuple[Any, History] | None = None

    @property
    def cine(self) -> Cine:
        """The cine as its nodes have it, read once and anew when they have changed. Raises UnusableInput."""
        signature = _signature(self._volume)
        if self._cine is None or self._cine[0] != signature:
            self._cine = (signature, cine_of(self._volume))
        return self._cine[1]

    @property
    def given(self) -> GivenValues:
        """What the reader said of the patient; it replaces what the files say."""
        return given_values(self.study)

    @property
    def has_contours(self) -> bool:
        """Whether anything is drawn in any frame."""
        history = self._found_history()
        return history is not None and any(
            self._read(history.editor.nodes, frame).labels.any() for frame in range(history.editor.nodes.frames)
        )

    @property
    def segmentation(self) -> CineSegmentation:
        """The contours as they are in the scene now; their provenance names the corrected slices.

        Raises UnusableInput where there are none.
        """
        return self.read_contours().segmentation

    def read_contours(self) -> ReadBack:
        """As `segmentation`, with what had to be resolved where segments overlap or are missing."""
        history = self._found_history()
        if history is None:
            raise UnusableInput(f"{self.study.name} has no contours yet; segment it first.")
        read = segmentation_of(history.editor.nodes, self._read)
        provenance = corrected_by_hand(read.segmentation.provenance, self.study.corrected)
        return replace(read, segmentation=replace(read.segmentation, provenance=provenance))

    # Drawing by a model

    def segment_job(
        self, model_id: str = DEFAULT_MODEL_ID, frames: Literal["all", "ed-es"] = "all"
    ) -> Job[SegmentedCine]:
        """Draws all frames, or end-diastole and end-systole, as the command `cardiosam analyze` does."""
        return partial(segment_cine, self.cine, self._options(model_id=model_id, frames=frames))

    def take_segmentation(self, result: SegmentedCine) -> None:
        """Shows what a model drew; one step of undo. The frames that it did not draw stay as they are.

        Raises UnusableInput, with the scene as it was, where the cine is no longer the one that was segmented.
        """
        finished(self.take_segmentation_in_parts(result))

    def take_segmentation_in_parts(self, result: SegmentedCine) -> Parts[None]:
        """As `take_segmentation`, some frames at a time."""
        self._check_still(result.cine)
        self.take_edits()  # what was painted meanwhile
        new = result.segmentation
        history = self._made_history()
        nodes = history.editor.nodes
        kept = self.study.locked | self.study.corrected
        changed: dict[SliceKey, Array] = {}
        for frame in new.segmented_frames:
            drawn = new.labels[frame]
            if self.study.frozen:
                drawn = with_frozen(self._read(nodes, frame).labels, drawn, self.study.frozen)
            changed |= {(frame, n): plane for n, plane in enumerate(drawn) if (frame, n) not in kept}
        yield
        yield from history.write_in_parts(changed, drawn_beside(new, nodes))
        if result.region is not None:
            keep_region(self.study, result.region)

    # Correcting by prompts

    @property
    def promptable_id(self) -> str:
        """The promptable model of the catalogue that answers clicks; assign another one to change it."""
        return self._prompt_model.model_id

    @promptable_id.setter
    def promptable_id(self, model_id: str) -> None:
        if model_id != self.promptable_id:
            self._prompt_model = PromptModel(model_id, self._cache)

    def prepare_job(self, frame: int, slice_number: int, neighbors: int = 1) -> Job[None]:
        """Encodes a slice ahead of its first click, then so many slices to each side of it."""
        cine = self.cine
        by_distance = sorted(range(cine.slices), key=lambda number: abs(number - slice_number))
        keys = [(frame, number) for number in by_distance if abs(number - slice_number) <= neighbors]
        return partial(prepare_slices, cine, self._prompt_model, keys, self._region())

    def take_new_prompts(self) -> FrameSlices:
        """Points and boxes just placed become prompts of the frame shown now; returns the slices to correct.

        Raises UnusableInput where one lies outside of the image; it is removed, the others are taken.
        """
        return take_new_prompts(self.study, shown_frame(self.study))

    def correct_job(self, frame: int, slice_number: int) -> Job[CorrectedSlice] | None:
        """Changes the contours of a slice as its prompts ask; None where it has no prompts.

        The job and this raise UnusableInput where the slice is locked, or its prompts contradict each other, lie off
        the image, or ask for a pixel of a frozen structure.
        """
        key = (frame, slice_number)
        existing = self._labels_of(frame)
        prompts = prompts_of(self.study, frame, slice_number, existing[slice_number])
        if prompts is None:
            return None
        self._check_unlocked(key)
        return partial(correct_slice, self.cine, self._prompt_model, prompts, existing, self._region())

    def take_correction(self, result: CorrectedSlice) -> None:
        """Shows a corrected slice; one step of undo, which takes back the prompts, too. The slice counts as corrected.

        Raises UnusableInput, with the scene as it was, where the cine is no longer the one that was corrected.
        """
        self._check_still(result.cine)
        self._check_unlocked(result.key)
        history = self._made_history()
        provenance = corrected_with(provenance_of(history.editor.nodes), result.drawn_by)
        finished(
            history.write_in_parts({result.key: result.labels}, provenance, frozenset({result.key}), result.prompts)
        )

    def clear_prompts(self, frame: int, slice_number: int) -> None:
        """Removes all prompts of a slice; its contours stay."""
        remove_prompts(self.study, frame, slice_number)

    # Propagating

    def propagate_job(
        self, scope: Scope, frame: int, slice_number: int, sources: Collection[SliceKey] | None = None
    ) -> Job[PropagatedSlices]:
        """Draws other slices from those that a person has corrected or locked.

        frame, slice_number: those shown, which the scope speaks of. sources: to draw from; None takes the corrected and
        locked slices within the scope.
        Raises UnusableInput where there are no sources, or nothing is left to draw.
        """
        segmentation = self.segmentation
        reach = _reach(segmentation, scope, frame, slice_number)
        finished = self.study.corrected | self.study.locked
        # An empty slice says where the heart ends; there is nothing to draw from.
        sources = finished & reach if sources is None else frozenset(sources)
        sources = frozenset(key for key in sources if segmentation.labels[key].any())
        if not sources:
            raise UnusableInput("No slice there was corrected or locked; correct or accept one to draw others from it.")
        if not reach - sources - finished:
            raise UnusableInput("All slices there are corrected or locked; nothing is left to draw.")
        wanted = Propagation(sources, reach - sources - finished, finished, self.study.frozen)
        return partial(propagate_slices, self.cine, segmentation, wanted, self._prompt_model, self._region())

    def take_propagation(self, result: PropagatedSlices) -> None:
        """Shows propagated slices; one step of undo. Slices that were corrected or locked meanwhile stay.

        Raises UnusableInput, with the scene as it was, where the cine is no longer the one that was drawn on.
        """
        finished(self.take_propagation_in_parts(result))

    def take_propagation_in_parts(self, result: PropagatedSlices) -> Parts[None]:
        """As `take_propagation`, some frames at a time."""
        self._check_still(result.cine)
        self.take_edits()  # what was painted meanwhile
        finished = self.study.corrected | self.study.locked
        changed = {key: labels for key, labels in result.labels_of_slice.items() if key not in finished}
        yield
        yield from self._made_history().write_in_parts(changed, result.provenance)

    # What a person says of the contours

    def take_edits(self) -> Edits:
        """Slices that were edited by hand since we last wrote them become corrected ones; one step of undo.

        Their prompts are removed: the next click would do again what the hand has undone. Where segments overlap, what
        is counted of them is written back, so that it is what is seen.
        """
        history = self._found_history()
        if history is None or not self.has_contours:
            return Edits(frozenset(), ())
        messages = self.read_contours().messages
        edited = frozenset(history.editor.edited_slices())
        history.editor.write(self._overlapping(history.editor.nodes))
        history.take_edits(edited)
        return Edits(edited, messages)

    def accept(self, frame: int, slice_number: int) -> None:
        """A slice is right as it is: from now on it counts as corrected, and others can be drawn from it. One step of
        undo."""
        self.take_edits()
        self._made_history().accept((frame, slice_number))

    def lock(self, frame: int, slice_number: int) -> None:
        """A slice is finished: no model changes it, not even by prompts."""
        self.study.locked |= {(frame, slice_number)}

    def unlock(self, frame: int, slice_number: int) -> None:
        self.study.locked -= {(frame, slice_number)}

    def freeze(self, structure: Structure, on: bool) -> None:
        """A structure is finished in all slices, or no longer."""
        self.study.frozen = self.study.frozen | {structure} if on else self.study.frozen - {structure}

    @property
    def can_undo(self) -> bool:
        history = None if self.study.volume is None else self._found_history()
        return history is not None and history.can_undo

    @property
    def can_redo(self) -> bool:
        history = None if self.study.volume is None else self._found_history()
        return history is not None and history.can_redo

    def undo(self) -> tuple[int, ...]:
        """Takes back the last step, which may be an edit by hand; returns its frames, none where there is no step.

        Locked slices stay. Raises UnusableInput, with the scene as it was, where the step has changed only such.
        """
        return finished(self.step_in_parts("undo"))

    def redo(self) -> tuple[int, ...]:
        """Does the last undone step again; else as `undo`."""
        return finished(self.step_in_parts("redo"))

    def step_in_parts(self, how: Literal["undo", "redo"]) -> Parts[tuple[int, ...]]:
        """As `undo` and `redo`, some frames at a time."""
        self.take_edits()
        history = self._found_history()
        return () if history is None else (yield from history.step_in_parts(how))

    @property
    def _volume(self) -> Any:
        volume = self.study.volume
        if volume is None or volume.GetImageData() is None:
            raise UnusableInput(f"The volume of {self.study.name} is no longer in the scene; load it again.")
        return volume

    def _options(self, **chosen: Any) -> AnalysisOptions:
        given = self.given
        return AnalysisOptions(
            patient=given.patient, heart_rate_bpm=given.heart_rate_bpm, measuring=self.study.measuring, **chosen
        )

    def _completed_cine(self) -> Cine:
        return completed(self.cine, self._options())

    def _found_history(self) -> History | None:
        """The history of the contours that the study has now; a new one where its nodes are others than before."""
        segmentation, volume = self.study.segmentation, self._volume
        if segmentation is None:
            self._history = None
            return None
        nodes = nodes_of_segmentation(segmentation, volume)
        signature = (segmentation, nodes.sequence, nodes.ijk_to_ras.tobytes())
        if self._history is None or self._history[0] != signature:
            self._history = (signature, History(self.study, ContourEditor(nodes, self._read)))
        return self._history[1]

    def _made_history(self) -> History:
        """As `_found_history`, with empty contours made where there are none."""
        if self.study.segmentation is None:
            self.study.segmentation = empty_nodes(self._volume, f"{self.study.name} contours").segmentation
        history = self._found_history()
        assert history is not None
        return history

    def _labels_of(self, frame: int) -> Array:
        """uint8 `(slices, rows, columns)`; all background where there are no contours yet."""
        history = self._found_history()
        if history is None:
            return np.zeros(self.cine.pixels.shape[1:], dtype=np.uint8)
        return self._read(history.editor.nodes, frame).labels

    def _overlapping(self, nodes: SegmentationNodes) -> dict[SliceKey, Array]:
        """All slices of the frames in which segments overlap, without the overlap."""
        read = {frame: self._read(nodes, frame) for frame in range(nodes.frames)}
        return {(f, n): plane for f, own in read.items() if own.overlap_voxels for n, plane in enumerate(own.labels)}

    def _check_still(self, cine: Cine) -> None:
        if self.cine is not cine:
            raise UnusableInput(f"The cine {self.study.name} was changed meanwhile; do the last step again.")

    def _check_unlocked(self, key: SliceKey) -> None:
        if key in self.study.locked:
            raise UnusableInput(f"Slice {key[1]} of frame {key[0]} is locked; unlock it to correct it.")

    def _region(self) -> HeartBox | None:
        """The heart as it was last found by a model; else as it was first drawn, if it was."""
        region = region_of(self.study)
        if region is None and self.has_contours:
            region = heart_box_of(self.segmentation.labels, self.cine.geometry.spacing_mm[:2])
            keep_region(self.study, region)
        return region


def _signature(volume: Any) -> Any:
    """Changes where the pixels or the place of a cine do."""
    nodes = nodes_of_volume(volume)
    items = [volume]
    if nodes is not None:
        items = [nodes.sequence.GetNthDataNode(number) for number in range(nodes.sequence.GetNumberOfDataNodes())]
    images = tuple(item.GetImageData().GetMTime() for item in items if item.GetImageData() is not None)
    return volume, images, world_matrix(volume).tobytes()


def _reach(segmentation: CineSegmentation, scope: Scope, frame: int, slice_number: int) -> FrameSlices:
    frames, slices = (range(length) for length in segmentation.labels.shape[:2])
    if scope is Scope.SLICE:
        slices = range(slice_number, slice_number + 1)
    elif scope is Scope.FRAME:
        frames = range(frame, frame + 1)
    return frozenset((f, n) for f in frames for n in slices)
