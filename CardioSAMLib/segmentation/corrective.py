"""Clicks that correct a contour, as a person makes them: into the middle of the largest error, again and again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from CardioSAMLib.cine import Array
from CardioSAMLib.prompts import PointPrompt, StructurePrompts
from CardioSAMLib.segmentation.simulate import deepest_pixel, depth_px

MOST_CLICKS = 10


@dataclass(frozen=True)
class CorrectiveClick:
    """point: positive where the structure was missed, negative where there is none. error_px: the error's pixels."""

    point: PointPrompt
    error_px: int


@dataclass(frozen=True, eq=False)
class Correction:
    """What was shown after so many clicks, and the bool mask `(rows, columns)` that came of it."""

    clicks: int
    prompts: StructurePrompts
    mask: Array


def corrective_click(
    reference: Array, predicted: Array, clicked: Collection[tuple[int, int]] = ()
) -> CorrectiveClick | None:
    """The click into the largest error of a contour; None where there is no error left to click at.

    reference, predicted: bool `(rows, columns)`. Errors are connected pixels (by their sides) that were all missed or
    all too much; the click goes to the pixel that is farthest from the error's edge. clicked: pixels (row, column) not
    to click again, as a model that ignored a click would ignore it twice.
    """
    clicks = [
        click
        for positive, wrong in ((True, reference & ~predicted), (False, predicted & ~reference))
        if (click := _largest(wrong, positive, frozenset(clicked))) is not None
    ]
    return max(clicks, key=lambda click: click.error_px, default=None)


def corrections(
    predict: Callable[[StructurePrompts], Array],
    reference: Array,
    start: StructurePrompts,
    most_clicks: int = MOST_CLICKS,
) -> Iterator[Correction]:
    """What a model draws from the first prompts, and after each corrective click, until nothing is wrong.

    predict: from prompts to a bool mask `(rows, columns)`. reference: the mask to reach. start: what is shown first;
    it counts as no click. The corrections come one by one, so that a caller who is content may stop.
    """
    prompts = start
    for clicks in range(most_clicks + 1):
        mask = predict(prompts)
        yield Correction(clicks, prompts, mask)
        click = corrective_click(reference, mask, {point.pixel for point in prompts.points})
        if click is None:
            return
        prompts = prompts.with_points(click.point)


def _largest(wrong: Array, positive: bool, clicked: frozenset[tuple[int, int]]) -> CorrectiveClick | None:
    parts, count = ndimage.label(wrong)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    for part in np.argsort(-sizes, kind="stable") + 1:
        depth = depth_px(parts == part)
        for pixel in clicked:
            depth[pixel] = 0.0
        row, column = deepest_pixel(depth)
        if depth[row, column] > 0:
            return CorrectiveClick(PointPrompt(row, column, positive), int(sizes[part - 1]))
    return None
