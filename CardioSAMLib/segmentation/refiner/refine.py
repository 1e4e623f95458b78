"""From coarse contours to points, and from these, by a frozen promptable model, to contours drawn anew."""

from __future__ import annotations

import numpy as np

from CardioSAMLib.cine import Cine, UnusableInput
from CardioSAMLib.labels import CineSegmentation, Provenance, Structure
from CardioSAMLib.progress import Progress, silent
from CardioSAMLib.prompts import SlicePrompts
from CardioSAMLib.segmentation.differentiable import DifferentiableModel
from CardioSAMLib.segmentation.locate import HeartBox, heart_box_of
from CardioSAMLib.segmentation.promptable import PromptableModel, Prompter, provenance_of
from CardioSAMLib.segmentation.refiner.mode import Negatives, RefinerOptions
from CardioSAMLib.segmentation.refiner.object_prompts import CoarseSlice, ObjectPrompts, object_prompts

_DEFAULTS = RefinerOptions()


def refine(
    cine: Cine,
    coarse: CineSegmentation,
    prompter: Prompter,
    options: RefinerOptions = _DEFAULTS,
    context: CineSegmentation | None = None,
    progress: Progress = silent,
) -> CineSegmentation:
    """The contours drawn anew by the prompter's model, from points on and beside each coarse one.

    coarse: where it has a confidence, this is the probability of the structure drawn, and points come only from where
    it is high; else all of a contour counts. A structure that is absent in a slice stays absent; all others may change.
    context: what lies around the structures, for the negatives; None takes the coarse contours themselves. Reference
    contours here give an upper bound, which no automatic use can reach.
    Raises UnusableInput where the contours are not of this cine or empty, or optimized negatives are asked for and the
    model cannot give what they need.
    """
    for drawn in (coarse, context or coarse):
        drawn.check_fits(cine)
    region = heart_box_of(coarse.labels, cine.geometry.spacing_mm[:2])
    labels = np.zeros_like(coarse.labels)
    confidence = np.ones(labels.shape, np.float32)
    drawn_on = np.argwhere(coarse.labels.any(axis=(2, 3))).tolist()
    for done, (frame, number) in enumerate(drawn_on):
        progress(done / len(drawn_on), f"refining slice {number + 1} of frame {frame + 1}")
        objects = slice_objects(cine, coarse, (frame, number), prompter, region, options, context)
        if objects:
            prompts = SlicePrompts(frame, number, tuple(one.prompts for one in objects))
            answer = prompter.predict(cine, prompts, region)
            labels[frame, number], confidence[frame, number] = answer.labels, answer.confidence
    return CineSegmentation(
        labels, coarse.segmented_frames, _provenance(coarse.provenance, prompter.model, options), confidence
    )


def slice_objects(
    cine: Cine,
    coarse: CineSegmentation,
    place: tuple[int, int],
    prompter: Prompter,
    region: HeartBox,
    options: RefinerOptions,
    context: CineSegmentation | None = None,
) -> list[ObjectPrompts]:
    """The points for every structure of the slice at `place` (frame, slice); see `refine`."""
    encoded = prompter.encoded(cine, *place, region)
    logits = None
    if options.negatives is Negatives.nppr:
        logits = _differentiable(prompter.model).point_logits(encoded.embedding, encoded.image)
    known = CoarseSlice(
        coarse.labels[place],
        None if coarse.confidence is None else coarse.confidence[place],
        (context or coarse).labels[place],
        cine.geometry.spacing_mm[:2],
        encoded.image,
        logits,
    )
    # A stream of random numbers for each object: what is drawn on one slice does not depend on the others.
    objects = [
        object_prompts(known, structure, options, np.random.default_rng([options.seed, *place, number]))
        for number, structure in enumerate(Structure)
    ]
    return [one for one in objects if one is not None]


def _differentiable(model: PromptableModel) -> DifferentiableModel:
    if not isinstance(model, DifferentiableModel):
        raise UnusableInput(
            f"The model {model.id} cannot say how its answers change as points move; choose random negatives, or none."
        )
    return model


def _provenance(coarse: Provenance, model: PromptableModel, options: RefinerOptions) -> Provenance:
    settings = {
        **coarse.settings,
        **provenance_of(model).as_settings("refined_by"),
        "refiner_mode": options.mode.name,
        "refiner_negatives": options.negatives.value,
        "refiner_seed": str(options.seed),
    }
    return Provenance(coarse.model_id, coarse.model_version, coarse.model_sha256, settings)
