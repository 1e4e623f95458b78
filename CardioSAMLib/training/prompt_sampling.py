"""Random prompts for training the promptable network: what users might give, from one click to a box and ten clicks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.networks.prompted import FIRST_CORNER, LAST_CORNER, NEGATIVE, PAD, POSITIVE
from CardioSAMLib.training.tables import check_ranges

TOKENS = 12
"""Prompt tokens of a training sample; what is not used is padding."""
_BOX_TOKENS, _CORRECTIVE_TOKENS = 2, 1


@dataclass(frozen=True)
class PromptOptions:
    """Shares are probabilities per sample. margin_px: of a box, from 0 to that, common to its sides. jitter_px: mean
    standard deviation of each side, from 0 to twice that. other_contour_share: see `other_contour`;
    finishing_share: the same in the finishing steps.
    """

    box_share: float = 0.6
    jitter_px: float = 2.0
    margin_px: float = 6.0
    most_positives: int = 4
    most_negatives: int = 3
    unnamed_share: float = 0.2
    earlier_mask_share: float = 0.35
    other_contour_share: float = 0.5
    finishing_share: float = 0.1

    def __post_init__(self) -> None:
        check_ranges(self, "The prompts")
        most = _BOX_TOKENS + self.most_positives + self.most_negatives + _CORRECTIVE_TOKENS
        if self.most_positives < 1 or most > TOKENS:
            raise UnusableInput(
                f"The prompts need 1 or more as most_positives, and {TOKENS - _BOX_TOKENS - _CORRECTIVE_TOKENS} or "
                "fewer together with most_negatives."
            )


def random_prompts(
    target: Array, others: Array, options: PromptOptions, random: np.random.Generator
) -> tuple[Array, Array]:
    """Tokens of one structure: places float `(TOKENS, 2)` as (column, row) in pixels, kinds int `(TOKENS,)`.

    target: bool `(rows, columns)`; where it is empty all tokens are padding. others: bool, the other structures, where
    negatives lie by preference.
    """
    places = np.zeros((TOKENS, 2), np.float32)
    kinds = np.full(TOKENS, PAD, np.int64)
    if not target.any():
        return places, kinds
    used = 0

    def add(row: float, column: float, kind: int) -> None:
        nonlocal used
        places[used], kinds[used] = (column, row), kind
        used += 1

    with_box = random.random() < options.box_share
    if with_box:
        for corner, kind in zip(_random_box(target, options, random), (FIRST_CORNER, LAST_CORNER), strict=True):
            add(*corner, kind)
    positives = int(random.integers(0 if with_box else 1, options.most_positives + 1))
    for number in range(positives):
        row, column = _deepest(target) if number == 0 and random.random() < 0.5 else _anywhere(target, random)
        add(row, column, POSITIVE)
    for _ in range(int(random.integers(0, options.most_negatives + 1))):
        near = ndimage.binary_dilation(target, iterations=8) & ~target
        pool = others if others.any() and random.random() < 0.6 else near
        if pool.any():
            add(*_anywhere(pool, random), NEGATIVE)
    return places, kinds


def random_earlier_mask(targets: Array, options: PromptOptions, random: np.random.Generator) -> tuple[Array, Array]:
    """Logits float32 `(asked, 1, size, size)` such as a neighboring slice or frame gives, and whether there are any.

    targets: bool `(asked, size, size)`. The mask is grown or shrunk, shifted, and more or less sure of itself.
    """
    masks = np.zeros((len(targets), 1, *targets.shape[1:]), np.float32)
    given = np.zeros(len(targets), np.float32)
    for number, target in enumerate(targets):
        if random.random() < options.earlier_mask_share and target.any():
            distance = ndimage.distance_transform_edt(target) - ndimage.distance_transform_edt(~target)
            grown = distance + random.normal(0, 2.0)
            moved = ndimage.shift(grown, random.normal(0, 2.0, 2), order=1, mode="nearest")
            masks[number, 0] = np.clip(moved * random.uniform(0.5, 3.0), -10, 10)
            given[number] = 1.0
    return masks, given


def corrective_click(target: Array, answer: Array) -> tuple[float, float, int] | None:
    """The click of a user who sees the answer: (row, column, kind) at the deepest point of the largest error.

    None where the answer has no error.
    """
    wrong = target != answer
    parts, count = ndimage.label(wrong)
    if count == 0:
        return None
    largest = parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    row, column = _deepest(largest)
    return row, column, POSITIVE if target[int(row), int(column)] else NEGATIVE


def other_contour(target: Array, shares: Array, random: np.random.Generator) -> Array:
    """The structure as somebody else might have drawn it: shares float32 `(rows, columns)`.

    target: bool, the expert's; shares: the same as shares of the pixel, given back where too little is left.
    On the patients whose contours the frozen features were trained on, these know nearly every contour without any
    prompt; only a contour that they cannot know teaches the network to follow the prompts.
    """
    distance = ndimage.distance_transform_edt(target) - ndimage.distance_transform_edt(~target)
    waves = ndimage.gaussian_filter(random.normal(0, 1, target.shape), random.uniform(5, 14))
    waves *= random.uniform(0, 3.5) / waves.std()
    moved = ndimage.shift(distance + waves + random.normal(0, 1.5), random.normal(0, 1.5, 2), order=1, mode="nearest")
    other = np.clip(moved + 0.5, 0, 1).astype(np.float32)
    return other if (other > 0.5).sum() >= max(8, 0.3 * target.sum()) else shares


def _random_box(
    mask: Array, options: PromptOptions, random: np.random.Generator
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The box of a mask with a common margin and each side off by itself."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    margin = random.uniform(0, options.margin_px)
    sides = np.array([rows[0], columns[0], rows[-1], columns[-1]], float) + margin * np.array([-1, -1, 1, 1])
    sides += random.normal(0, options.jitter_px * random.random() * 2, 4)
    limit = np.array([mask.shape[0], mask.shape[1]] * 2) - 1.0
    top, left, bottom, right = np.clip(sides, 0, limit)
    return (min(top, bottom), min(left, right)), (max(top, bottom), max(left, right))


def _deepest(mask: Array) -> tuple[float, float]:
    distance = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(np.argmax(distance)), mask.shape)
    return float(row), float(column)


def _anywhere(mask: Array, random: np.random.Generator) -> tuple[float, float]:
    points = np.argwhere(mask)
    row, column = points[int(random.integers(len(points)))]
    return float(row), float(column)
