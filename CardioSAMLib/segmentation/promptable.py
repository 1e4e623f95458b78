"""From prompts on a slice to its contours: what a promptable model offers, and how its answers are put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from scipy.special import softmax

from CardioSAMLib.cine import Array, Cine, UnusableInput
from CardioSAMLib.crops import with_neighbors
from CardioSAMLib.labels import STORAGE, Provenance, Structure
from CardioSAMLib.progress import Progress, part_of, silent
from CardioSAMLib.prompts import SlicePrompts, StructurePrompts
from CardioSAMLib.segmentation.embedding_cache import EmbeddingCache, embedding_key
from CardioSAMLib.segmentation.locate import HeartBox
from CardioSAMLib.segmentation.model_image import ModelImage, native_logits


@dataclass(frozen=True, eq=False)
class MaskLogits:
    """A model's answer for one structure; above 0 is inside.

    logits: float32 `(size, size)` on the grid of the `ModelImage`. low_resolution_logits: float32, square: as the
    model made them, and as it takes them as the mask of the next click. predicted_iou: its own guess of the quality.
    """

    logits: Array
    low_resolution_logits: Array
    predicted_iou: float


class PromptableModel(Protocol):
    """An encoder, run once per slice, and a decoder, run per click and structure.

    id: for people. sha256 (of what decides an embedding: all weights, or the encoder's alone) and preprocessing name it
    in caches. precision: in which its encoder computes now, "float32" or "bfloat16". device_title: on what, for the
    user.
    """

    @property
    def id(self) -> str: ...

    @property
    def sha256(self) -> str: ...

    @property
    def preprocessing(self) -> str: ...

    @property
    def precision(self) -> str: ...

    @property
    def device_title(self) -> str: ...

    def image_of(self, planes: Array, region: HeartBox | None, pixel_mm: tuple[float, float]) -> ModelImage:
        """The image of a slice between its neighbors, `(3, rows, columns)`; region None: of the whole slice."""
        ...

    def encode(self, image: ModelImage) -> Mapping[str, Array]:
        """The embedding, as named arrays."""
        ...

    def decode(self, embedding: Mapping[str, Array], image: ModelImage, prompts: StructurePrompts) -> MaskLogits:
        """Raises UnusableInput where the prompts do not fit the image."""
        ...


@runtime_checkable
class VersionedModel(Protocol):
    """What a `PromptableModel` of the catalogue says of itself, too. files_sha256: one for all of its files."""

    @property
    def version(self) -> str: ...

    @property
    def files_sha256(self) -> str: ...


def provenance_of(model: PromptableModel) -> Provenance:
    """A model as the provenance of what it draws names it. One without a version is known by its weights alone."""
    if isinstance(model, VersionedModel):
        return Provenance(model.id, model.version, model.files_sha256)
    return Provenance(model.id, model_sha256=model.sha256)


@dataclass(frozen=True, eq=False)
class SlicePrediction:
    """What was drawn on a slice.

    labels: uint8 `(rows, columns)` in the `STORAGE` order. confidence: float32 of the same shape, 0..1: the share of
    the label drawn among background (logit 0) and the prompted structures; 1 where a label was kept.
    predicted_iou, low_resolution_logits: of each structure that was decoded, see `MaskLogits`.
    """

    labels: Array
    confidence: Array
    predicted_iou: Mapping[Structure, float]
    low_resolution_logits: Mapping[Structure, Array]


@dataclass(frozen=True, eq=False)
class EncodedSlice:
    """A slice as a model sees it, and what its encoder made of it."""

    image: ModelImage
    embedding: Mapping[str, Array]


class Prompter:
    """Draws the prompted structures of a slice. A slice is encoded once; every further click only decodes."""

    def __init__(self, model: PromptableModel, cache: EmbeddingCache) -> None:
        self._model = model
        self._cache = cache

    @property
    def model(self) -> PromptableModel:
        return self._model

    def encoded(self, cine: Cine, frame: int, slice_number: int, region: HeartBox | None = None) -> EncodedSlice:
        """What the model's decoder works on, for who needs more of it than contours."""
        image = self._image(cine, frame, slice_number, region)
        return EncodedSlice(image, self._embedding(image))

    def prepare(self, cine: Cine, frame: int, slice_number: int, region: HeartBox | None = None) -> None:
        """Encodes a slice ahead, so that its first click is as fast as the second."""
        self.encoded(cine, frame, slice_number, region)

    def predict(
        self,
        cine: Cine,
        prompts: SlicePrompts,
        region: HeartBox | None = None,
        existing: Array | None = None,
        progress: Progress = silent,
    ) -> SlicePrediction:
        """Contours of the prompted structures on the native grid; where they overlap, the largest logit decides.

        region: what the model looks at, the whole slice if None; the same for all clicks on a slice, as the embedding
        depends on it. existing: labels uint8 `(rows, columns)` drawn before. Of these, frozen structures stay as they
        are, and structures without prompts stay where no prompted structure is drawn over them.
        Raises UnusableInput where the prompts do not fit the cine, or structures are frozen that were not drawn yet.
        """
        prompts.check(cine)
        shape = (cine.pixels.shape[2], cine.pixels.shape[3])
        _check_existing(existing, shape, prompts)
        image = self._image(cine, prompts.frame, prompts.slice_number, region)
        progress(0.0, f"encoding the slice on {self._model.device_title}")
        embedding = self._embedding(image)
        answers = self._decoded(embedding, image, prompts, part_of(progress, 0.9, 1.0))
        native = {structure: native_logits(answer.logits, image, shape) for structure, answer in answers.items()}
        labels, confidence = _combined(native)
        if existing is not None:
            _keep(existing, prompts, labels, confidence)
        return SlicePrediction(
            labels,
            confidence,
            {structure: answer.predicted_iou for structure, answer in answers.items()},
            {structure: answer.low_resolution_logits for structure, answer in answers.items()},
        )

    def _image(self, cine: Cine, frame: int, slice_number: int, region: HeartBox | None) -> ModelImage:
        neighbors = with_neighbors(np.arange(cine.slices))[slice_number]
        pixel_mm = cine.geometry.spacing_mm[:2]
        return self._model.image_of(cine.pixels[frame, neighbors], region, pixel_mm)

    def _embedding(self, image: ModelImage) -> Mapping[str, Array]:
        return embedding_of(self._model, self._cache, image)

    def _decoded(
        self, embedding: Mapping[str, Array], image: ModelImage, prompts: SlicePrompts, progress: Progress
    ) -> dict[Structure, MaskLogits]:
        wanted = [own for own in prompts.structures if own.structure not in prompts.frozen]
        answers = {}
        for number, own in enumerate(wanted):
            progress(number / len(wanted), f"drawing {own.structure.name}")
            answers[own.structure] = self._model.decode(embedding, image, own)
        return answers


def embedding_of(model: PromptableModel, cache: EmbeddingCache, image: ModelImage) -> Mapping[str, Array]:
    """The embedding of an image: kept from before, or encoded now and kept."""
    kept = cache.get(_key(model, image))
    if kept is not None:
        return kept
    embedding = model.encode(image)
    # The key is made anew: the model may have left its device, and with it the precision, while encoding.
    return cache.put(_key(model, image), embedding)


def _key(model: PromptableModel, image: ModelImage) -> str:
    return embedding_key(image.pixels, model.sha256, model.preprocessing, model.precision)


def _check_existing(existing: Array | None, shape: tuple[int, int], prompts: SlicePrompts) -> None:
    if existing is None:
        if prompts.frozen:
            names = ", ".join(sorted(structure.name for structure in prompts.frozen))
            raise UnusableInput(f"{names} cannot stay as it is, as no labels were given; pass those drawn before.")
    elif existing.shape != shape or existing.dtype != np.uint8:
        raise UnusableInput(
            f"The labels drawn before are {existing.dtype} of the shape {existing.shape}; give uint8 of the shape of "
            f"the slice, {shape}."
        )


def _combined(native: Mapping[Structure, Array]) -> tuple[Array, Array]:
    """Labels uint8 and confidence float32, `(rows, columns)`, by the largest of all logits and background's 0."""
    logits = np.stack([np.zeros_like(next(iter(native.values()))), *native.values()])
    values = np.array([0, *(STORAGE.value_of(structure) for structure in native)], dtype=np.uint8)
    confidence = softmax(logits, axis=0).max(axis=0)
    return values[logits.argmax(axis=0)], np.asarray(confidence, dtype=np.float32)


def _keep(existing: Array, prompts: SlicePrompts, labels: Array, confidence: Array) -> None:
    """Puts labels that were there before into the new ones: the only step that changes arrays, both just made."""
    prompted = {own.structure for own in prompts.structures}
    for structure in Structure:
        was_there = existing == STORAGE.value_of(structure)
        if structure in prompts.frozen:
            kept = was_there
        elif structure not in prompted:
            kept = was_there & (labels == 0)
        else:
            continue
        labels[kept] = STORAGE.value_of(structure)
        confidence[kept] = 1.0
