"""What is asked for in a view: prompts drawn from the reference as the recipe says, and the masks wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.crops import take
from CardioSAMLib.finetuning.views import LabeledSlice
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.prompts import StructurePrompts, box_around
from CardioSAMLib.segmentation.jitter import JITTERS, SideJitter, jittered_box
from CardioSAMLib.segmentation.model_image import ModelImage
from CardioSAMLib.segmentation.simulate import STEIN_CORRECTED, PromptCounts, simulate
from CardioSAMLib.training.recipe import AskOptions


def check_ask(options: AskOptions) -> None:
    """Raises UnusableInput where the jitter of the boxes has an unknown name."""
    if options.jitter and options.jitter not in JITTERS:
        raise UnusableInput(f"There is no jitter {options.jitter!r}; choose one of: {', '.join(JITTERS)}.")


def asked_in(
    view: LabeledSlice, image: ModelImage, options: AskOptions, seed: Sequence[int]
) -> tuple[tuple[StructurePrompts, Array], ...]:
    """Prompts of each structure that the image shows, and its mask, float32 `(size, size)`: shares of pixels."""
    labels = np.where(_shown(image, view.labels.shape), view.labels, 0)
    shown = np.zeros((image.crop.size_px,) * 2, np.float32)
    shown[: image.shown_px[0], : image.shown_px[1]] = 1.0
    return tuple(
        (prompts, take(labels == STORAGE.value_of(prompts.structure), image.crop) * shown)
        for prompts in _prompts(labels, view.pixel_mm, options, _in_view(options.jitter, image), list(seed))
    )


def _in_view(name: str, image: ModelImage) -> SideJitter | None:
    """The jitter of that name in native pixels. Pixels of a scaled image are of what the model sees, not of the slice
    that it is cut from."""
    if not name:
        return None
    jitter = JITTERS[name]
    if jitter.unit == "mm":
        return jitter
    shown = tuple(round(count * step) for count, step in zip(image.shown_px, image.crop.step_px, strict=True))
    return replace(jitter, amount=jitter.native_px((shown[0], shown[1]), (1.0, 1.0))[0], unit="px")


def _shown(image: ModelImage, shape: Sequence[int]) -> Array:
    """Which native pixels the image shows, bool `(rows, columns)`."""
    inside = []
    for axis in (0, 1):
        covered = image.crop.coordinates_px(axis)[: image.shown_px[axis]]
        places = np.arange(shape[axis])
        inside.append((places >= covered[0]) & (places <= covered[-1]))
    return np.asarray(inside[0][:, None] & inside[1][None, :])


def _prompts(
    labels: Array, pixel_mm: tuple[float, float], options: AskOptions, jitter: SideJitter | None, seed: list[int]
) -> list[StructurePrompts]:
    if options.positives:
        counts = PromptCounts(options.positives, options.negatives, options.box, box_margin_px=options.box_margin_px)
        drawn = list(simulate(labels, STEIN_CORRECTED, counts, seed).structures)
    else:
        drawn = []
        for structure in Structure:
            box = box_around(labels == STORAGE.value_of(structure), options.box_margin_px)
            if box is not None:
                drawn.append(StructurePrompts(structure, box=box))
    return [_jittered(own, labels, pixel_mm, jitter, seed) for own in drawn]


def _jittered(
    own: StructurePrompts, labels: Array, pixel_mm: tuple[float, float], jitter: SideJitter | None, seed: list[int]
) -> StructurePrompts:
    if own.box is None or jitter is None:
        return own
    shape, its_seed = (labels.shape[0], labels.shape[1]), [*seed, STORAGE.value_of(own.structure)]
    return replace(own, box=jittered_box(own.box, jitter, shape, pixel_mm, its_seed))
