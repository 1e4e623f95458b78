"""What a session has the worker thread do: arrays and models in, arrays out. No node and no widget is touched here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np

from CardioSAMLib import analysis
from CardioSAMLib.analysis import AnalysisOptions
from CardioSAMLib.cine import Array, Cine
from CardioSAMLib.contour_comparison import ContourComparison, compare_contours
from CardioSAMLib.labels import STORAGE, CineSegmentation, Provenance, Structure
from CardioSAMLib.progress import Progress, part_of
from CardioSAMLib.prompts import SlicePrompts
from CardioSAMLib.report import OUTPUTS, Study, write_outputs
from CardioSAMLib.resources import ModelCard, find_model, load_catalogue
from CardioSAMLib.segmentation import (
    EmbeddingCache,
    HeartBox,
    Prompter,
    default_folder,
    heart_box_of,
    promptable_of,
    provenance_of,
    segmenter_of,
)
from CardioSAMLib.segmentation.correction import corrected_slice
from CardioSAMLib.segmentation.propagation import propagate, propagator_of

SliceKey = tuple[int, int]
"""(frame, slice), both 0-based."""

Result = TypeVar("Result", covariant=True)
Job = Callable[[Progress], Result]
"""To be called once, on any thread: with a `Progress`, which may raise `Cancelled`."""


@dataclass(frozen=True, eq=False)
class SegmentedCine:
    """What a model drew on a cine; of other frames it says nothing. region: the heart; None where nothing was drawn."""

    cine: Cine
    segmentation: CineSegmentation
    region: HeartBox | None = None


@dataclass(frozen=True, eq=False)
class CorrectedSlice:
    """What came of the prompts of a slice. labels: uint8 `(rows, columns)` in the `STORAGE` order, by a model."""

    cine: Cine
    prompts: SlicePrompts
    labels: Array
    drawn_by: Provenance

    @property
    def key(self) -> SliceKey:
        return self.prompts.frame, self.prompts.slice_number


@dataclass(frozen=True, eq=False)
class PropagatedSlices:
    """Slices that were drawn from others: labels uint8 `(rows, columns)` by (frame, slice)."""

    cine: Cine
    labels_of_slice: Mapping[SliceKey, Array]
    provenance: Provenance


class PromptModel:
    """A promptable model of the catalogue, opened by the first job that needs it and kept open for the next.

    cache: of its embeddings; None takes the user's own, see `default_folder`.
    """

    def __init__(self, model_id: str, cache: EmbeddingCache | None) -> None:
        self.model_id = model_id
        self._cache = cache

    @cached_property
    def prompter(self) -> Prompter:
        """Raises UnusableInput where the model cannot be used, see `promptable_of`."""
        cache = EmbeddingCache(default_folder()) if self._cache is None else self._cache
        return Prompter(promptable_of(find_model(self.model_id)), cache)


def segment_cine(cine: Cine, options: AnalysisOptions, progress: Progress) -> SegmentedCine:
    """The contours that the command `cardiosam analyze` would draw with these options."""
    progress(0.0, "opening the model")
    segmenter = segmenter_of(find_model(options.model_id))
    drawn = analysis.segment(cine, segmenter, options, progress)
    region = heart_box_of(drawn.labels, cine.geometry.spacing_mm[:2]) if drawn.labels.any() else None
    return SegmentedCine(cine, drawn, region)


def prepare_slices(
    cine: Cine, model: PromptModel, keys: Collection[SliceKey], region: HeartBox | None, progress: Progress
) -> None:
    """Encodes slices ahead of their first click, in the order given."""
    for number, (frame, slice_number) in enumerate(keys):
        progress(number / len(keys), f"encoding slice {slice_number} on {model.prompter.model.device_title}")
        model.prompter.prepare(cine, frame, slice_number, region)


def correct_slice(
    cine: Cine, model: PromptModel, prompts: SlicePrompts, existing: Array, region: HeartBox | None, progress: Progress
) -> CorrectedSlice:
    """Does what the prompts of a drawn slice ask for, see `corrected_slice`.

    existing: the labels of its frame, uint8 `(slices, rows, columns)`.
    """
    progress(0.0, f"correcting slice {prompts.slice_number} on {model.prompter.model.device_title}")
    labels = np.zeros(cine.pixels.shape, dtype=np.uint8)
    labels[prompts.frame] = existing
    drawn = CineSegmentation(labels, (prompts.frame,), Provenance("expert"))
    answer = corrected_slice(model.prompter, cine, drawn, prompts, region)
    return CorrectedSlice(cine, prompts, answer, provenance_of(model.prompter.model))


@dataclass(frozen=True, eq=False)
class Propagation:
    """What is to be drawn from what: (frame, slice) pairs. standing: slices that must stay as they are."""

    sources: frozenset[SliceKey]
    targets: frozenset[SliceKey]
    standing: frozenset[SliceKey]
    frozen: frozenset[Structure]


def propagate_slices(
    cine: Cine,
    segmentation: CineSegmentation,
    wanted: Propagation,
    model: PromptModel,
    region: HeartBox | None,
    progress: Progress,
) -> PropagatedSlices:
    """Draws slices from others, in the usual way of `propagator_of`."""
    progress(0.0, "opening the model")
    propagator = propagator_of(model.prompter, region)
    drawn = propagate(
        cine,
        segmentation,
        sorted(wanted.sources),
        sorted(wanted.targets),
        propagator,
        locked=wanted.standing,
        progress=progress,
    ).segmentation
    labels = {
        key: with_frozen(segmentation.labels[key], drawn.labels[key], wanted.frozen) for key in sorted(wanted.targets)
    }
    return PropagatedSlices(cine, labels, drawn.provenance)


def assess_study(cine: Cine, segmentation: CineSegmentation, options: AnalysisOptions, progress: Progress) -> Study:
    """Measurements and quality notes, as the command `cardiosam analyze` makes them."""
    progress(0.0, "measuring")
    return analysis.assess(cine, segmentation, _card_of(segmentation.provenance), options)


def export_study(
    cine: Cine,
    segmentation: CineSegmentation,
    options: AnalysisOptions,
    folder: Path,
    kinds: Collection[str],
    progress: Progress,
) -> tuple[Path, ...]:
    """Assesses a study and writes those of its files, which are named; returns their paths."""
    study = assess_study(cine, segmentation, options, progress)
    outputs = [output for output in OUTPUTS if output.name in kinds]
    return write_outputs(study, folder, part_of(progress, 0.1, 1.0), outputs)


def compare_study(
    cine: Cine, first: CineSegmentation, other: CineSegmentation, options: AnalysisOptions, progress: Progress
) -> ContourComparison:
    """See `compare_contours`."""
    progress(0.0, "comparing")
    return compare_contours(cine, first, other, options.measuring)


def _card_of(provenance: Provenance) -> ModelCard | None:
    """The model of the catalogue that drew the contours; None for a person, and for weights that are not there."""
    cards = (card for card in load_catalogue() if card.id == provenance.model_id)
    return next((card for card in cards if card.sha256 == provenance.model_sha256), None)


def with_frozen(before: Array, labels: Array, frozen: Collection[Structure]) -> Array:
    """New labels in which frozen structures are exactly as they were before; arrays of one shape, `STORAGE` order."""
    kept = labels.copy()
    for structure in frozen:
        value = STORAGE.value_of(structure)
        kept[labels == value] = 0
    for structure in frozen:
        value = STORAGE.value_of(structure)
        kept[before == value] = value
    return np.asarray(kept)
