"""Prompts on a slice as the prompt encoder of SAM takes them: x before y, in pixels of the scaled image."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.crops import take
from CardioSAMLib.prompts import BoxPrompt, PointPrompt, StructurePrompts
from CardioSAMLib.segmentation.model_image import ModelImage

LOW_RESOLUTION = 4
"""Pixels of the image along each side of one of SAM's low-resolution logits."""

# What SAM 2 makes of a mask that somebody drew: 20 * mask - 10.
_INSIDE_LOGIT, _OUTSIDE_LOGIT = 10.0, -10.0


@dataclass(frozen=True, eq=False)
class SamPrompts:
    """points_xy: float32 `(points, 2)`. labels: int64 `(points,)`, 1 positive, 0 negative. box_xyxy: float32 `(4,)`.
    mask: float32 logits `(size / 4, size / 4)`."""

    points_xy: Array
    labels: Array
    box_xyxy: Array | None
    mask: Array | None


def sam_prompts(prompts: StructurePrompts, image: ModelImage) -> SamPrompts:
    """The prompts of a structure, for the image.

    Native coordinates are multiplied by the scale, as `SamPredictor` does, whose prompt encoder then adds half a pixel
    of the scaled image; the weights were trained so. Negative points outside of what the image shows are left out,
    as nothing is drawn there; a box is cut there.
    Raises UnusableInput where a positive point or the whole box lies outside, or logits are of another size.
    """
    shown = [point for point in prompts.points if _is_shown(point, prompts, image)]
    return SamPrompts(
        np.array([_xy(point.row_px, point.column_px, image) for point in shown], np.float32).reshape(-1, 2),
        np.array([point.positive for point in shown], np.int64),
        None if prompts.box is None else _box(prompts.box, prompts, image),
        None if prompts.mask is None else _mask(prompts.mask, prompts, image),
    )


def _first_px(axis: int, image: ModelImage) -> float:
    """Native index of the first row or column that the image shows."""
    return float(image.crop.coordinates_px(axis)[0] - image.crop.step_px[axis] / 2.0 + 0.5)


def _xy(row_px: float, column_px: float, image: ModelImage) -> tuple[float, float]:
    row, column = (
        (native - _first_px(axis, image)) / image.crop.step_px[axis] for axis, native in enumerate((row_px, column_px))
    )
    return column, row


def _is_shown(point: PointPrompt, prompts: StructurePrompts, image: ModelImage) -> bool:
    for axis, native in enumerate((point.row_px, point.column_px)):
        first, step = _first_px(axis, image), image.crop.step_px[axis]
        if not first - 0.5 <= native <= first - 0.5 + image.shown_px[axis] * step:
            if point.positive:
                raise UnusableInput(
                    f"{point} for {prompts.structure.name} is outside of the region that the model looks at; put it "
                    "on the heart, or give another region."
                )
            return False
    return True


def _box(box: BoxPrompt, prompts: StructurePrompts, image: ModelImage) -> Array:
    corners = [
        _xy(box.first_row_px, box.first_column_px, image),
        _xy(box.last_row_px, box.last_column_px, image),
    ]
    inside = np.clip(corners, 0.0, (image.shown_px[1], image.shown_px[0]))
    if np.any(inside[0] >= inside[1]):
        raise UnusableInput(
            f"{box} for {prompts.structure.name} is outside of the region that the model looks at; draw it around "
            "the heart, or give another region."
        )
    return np.asarray(inside.ravel(), dtype=np.float32)


def _mask(mask: Array, prompts: StructurePrompts, image: ModelImage) -> Array:
    size = image.crop.size_px // LOW_RESOLUTION
    if mask.dtype != bool:
        if mask.shape != (size, size):
            raise UnusableInput(
                f"The logits for {prompts.structure.name} have the shape {mask.shape}, and this model takes "
                f"{(size, size)}; give those of its own earlier answer, or a bool mask on the image."
            )
        return mask.astype(np.float32)
    row_step, column_step = image.crop.step_px
    coarse = replace(image.crop, step_px=(row_step * LOW_RESOLUTION, column_step * LOW_RESOLUTION), size_px=size)
    shares = take(mask.astype(np.float32), coarse)
    if not shares.any():
        raise UnusableInput(
            f"The mask for {prompts.structure.name} is outside of the region that the model looks at; give one on the "
            "heart, or give another region."
        )
    # What is thinner than the coarse pixels counts as far as it can be seen, or it would vanish.
    logits = _OUTSIDE_LOGIT + shares / float(shares.max()) * (_INSIDE_LOGIT - _OUTSIDE_LOGIT)
    shown_rows, shown_columns = (-(-shown // LOW_RESOLUTION) for shown in image.shown_px)
    logits[shown_rows:], logits[:, shown_columns:] = _OUTSIDE_LOGIT, _OUTSIDE_LOGIT
    return logits
