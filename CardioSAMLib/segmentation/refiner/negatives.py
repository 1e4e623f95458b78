"""Points beside a structure: random ones of its surroundings, and such as the model itself tells apart from it (NPPR).

NPPR (Cohen Indelman et al. 2024) asks the frozen model for the surroundings instead of the structure: the points
count as positive and those on the structure as negative. Along the gradient of the answer's error the points move to
where they show the surroundings best. Turned back, they say best where the structure is not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from CardioSAMLib.cine import Array
from CardioSAMLib.crops import take
from CardioSAMLib.segmentation.differentiable import PointLogits
from CardioSAMLib.segmentation.model_image import ModelImage
from CardioSAMLib.segmentation.refiner.mode import RefinerMode

if TYPE_CHECKING:
    from torch import Tensor

MOST_STEPS = 100
_LEARNING_RATE = 4e-3
_STILL_LOSS = 1e-4
_STILL_STEPS = 5


@dataclass(frozen=True, eq=False)
class OptimizedPoints:
    """places_px: float `(points, 2)`, native (row, column). losses: before the first step and after each.

    moved_px: mean distance that the optimization moved them. drift_px: mean distance from there to the surroundings,
    which is how far they were brought back where the mode does so. Both in native pixels.
    """

    places_px: Array
    losses: tuple[float, ...]
    moved_px: float
    drift_px: float


def random_pixels(around: Array, count: int, random: np.random.Generator) -> Array:
    """So many different pixels of a bool mask, int `(points, 2)` (row, column); all where it has fewer."""
    pixels = np.argwhere(around)
    return np.asarray(pixels[random.permutation(len(pixels))[:count]])


def optimized_points(
    start: Array, positives: Array, around: Array, image: ModelImage, logits: PointLogits, mode: RefinerMode
) -> OptimizedPoints:
    """The points after at most 100 steps, or after 5 in a row that changed the loss by less than 1e-4.

    start: native pixels `(points, 2)` (row, column) of the surroundings `around`, bool `(rows, columns)`; at least one.
    positives: pixels `(points, 2)` on the structure. image, logits: of the slice as the model sees it.
    """
    import torch

    begin, fixed = (torch.from_numpy(_shares(pixels, image)) for pixels in (start, positives))
    is_around = torch.arange(len(begin) + len(fixed)) < len(begin)
    last = torch.tensor([image.shown_px[1], image.shown_px[0]]) / image.crop.size_px
    moving = (begin * mode.frame_px).requires_grad_(True)
    optimizer = torch.optim.AdamW([moving], lr=_LEARNING_RATE, betas=(0.9, 0.999), weight_decay=mode.weight_decay)

    def answer() -> Tensor:
        return logits(torch.cat([moving / mode.frame_px, fixed]), is_around)

    first = answer()
    target = torch.from_numpy(_on_model(around, image, len(first))).to(first.device)
    losses = [_loss(first, target, mode)]
    while len(losses) <= MOST_STEPS and not _is_still([float(loss.detach()) for loss in losses]):
        (moving.grad,) = torch.autograd.grad(losses[-1], [moving])
        optimizer.step()
        with torch.no_grad():
            moving.clamp_(torch.zeros(2), last * mode.frame_px)
        losses.append(_loss(answer(), target, mode))
    left = _native((moving.detach() / mode.frame_px).numpy(), image, around)
    back = _nearest(left, around)
    return OptimizedPoints(
        back if mode.on_surroundings else left,
        tuple(float(loss.detach()) for loss in losses),
        float(np.hypot(*(left - start).T).mean()),
        float(np.hypot(*(left - back).T).mean()),
    )


def _loss(logits: Tensor, target: Tensor, mode: RefinerMode) -> Tensor:
    from torch.nn import functional

    if mode.loss == "bce":
        return functional.binary_cross_entropy_with_logits(logits, target)
    return -(target * functional.logsigmoid(logits)).mean()


def _is_still(losses: list[float]) -> bool:
    changes = np.abs(np.diff(losses[-_STILL_STEPS - 1 :]))
    return len(changes) == _STILL_STEPS and bool(np.all(changes < _STILL_LOSS))


def _shares(pixels: Array, image: ModelImage) -> Array:
    """Native `(points, 2)` (row, column) as float32 shares (column, row) of the image's sides."""
    first = np.array([image.crop.coordinates_px(axis)[0] for axis in (0, 1)])
    shares = ((pixels - first) / image.crop.step_px + 0.5) / image.crop.size_px
    return np.ascontiguousarray(shares[:, ::-1], dtype=np.float32)


def _native(shares: Array, image: ModelImage, around: Array) -> Array:
    """The way back, to places on the slice: the image may show more than it."""
    first = np.array([image.crop.coordinates_px(axis)[0] for axis in (0, 1)])
    places = first + (shares[:, ::-1].astype(float) * image.crop.size_px - 0.5) * image.crop.step_px
    return np.asarray(np.clip(places, 0.0, np.array(around.shape) - 1.0))


def _on_model(mask: Array, image: ModelImage, size_px: int) -> Array:
    """A native mask on a grid of `size_px` that covers the image, float32, 0 or 1."""
    share = image.crop.size_px / size_px
    steps = (image.crop.step_px[0] * share, image.crop.step_px[1] * share)
    values = take(mask.astype(np.float32), replace(image.crop, step_px=steps, size_px=size_px))
    return np.asarray(values > 0.5, dtype=np.float32)


def _nearest(places: Array, around: Array) -> Array:
    """Places whose pixel is not in the mask, moved to the center of the nearest that is."""
    pixels = np.floor(places + 0.5).astype(int)
    nearest = ndimage.distance_transform_edt(~around, return_distances=False, return_indices=True)
    inside = around[pixels[:, 0], pixels[:, 1]]
    moved = nearest[:, pixels[:, 0], pixels[:, 1]].T
    return np.asarray(np.where(inside[:, None], places, moved), dtype=float)
