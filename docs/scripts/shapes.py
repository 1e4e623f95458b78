"""Made-up images of shapes: what a promptable model can learn to follow prompts on without ever seeing a heart."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from CardioSAMLib.cine import Array
from CardioSAMLib.training.dataset import CLASSES, Volume

SIDE_PX, SLICES, DISTRACTORS = 160, 6, 5


def shape_volumes(count: int, seed: int) -> list[Volume]:
    """Volumes of three objects each, blobs or rings that change from slice to slice, among others and on texture."""
    return [_volume(np.random.default_rng([seed, number])) for number in range(count)]


def _volume(random: np.random.Generator) -> Volume:
    images = np.stack([_texture(random) for _ in range(SLICES)])
    labels = np.zeros(images.shape, np.uint8)
    for value in [0] * DISTRACTORS + list(range(1, CLASSES)):
        inside = _object(random, ring=random.random() < 0.35)
        gray = images.mean() + random.choice([-1.0, 1.0]) * random.uniform(0.8, 4.0)
        images = np.where(inside, gray + random.uniform(0.2, 0.7) * _texture(random), images)
        labels[inside] = value
    images = ndimage.gaussian_filter(images, (0, 0.7, 0.7)) + random.normal(0, random.uniform(0.05, 0.3), images.shape)
    targets = np.stack([labels == value for value in range(CLASSES)], axis=1) * np.uint8(255)
    unit = images / np.abs(images).max()
    return Volume("shapes", unit.astype(np.float16), targets, (SIDE_PX / 2.0, SIDE_PX / 2.0))


def _object(random: np.random.Generator, ring: bool) -> Array:
    """A blob with a wavy outline, bool `(slices, rows, columns)`, that drifts and changes its size along the slices."""
    rows, columns = np.mgrid[:SIDE_PX, :SIDE_PX]
    center = random.uniform(0.3, 0.7, 2) * SIDE_PX
    drift, growth = random.normal(0, 1.5, 2), random.normal(0, 0.06)
    radius_px, waves = random.uniform(7, 24), np.arange(1, 6)
    heights, turns = random.normal(0, 0.25, 5) / waves, random.uniform(0, 2 * np.pi, 5)
    wall = random.uniform(0.25, 0.6)
    planes = []
    for number in range(SLICES):
        down, across = rows - center[0] - drift[0] * number, columns - center[1] - drift[1] * number
        angle = np.arctan2(down, across)[..., None]
        outline = (
            radius_px * (1 + growth * number) * np.clip(1 + (heights * np.cos(waves * angle + turns)).sum(-1), 0.3, 2)
        )
        distance = np.hypot(down, across)
        planes.append((distance < outline) & (not ring or distance > (1 - wall) * outline))
    return np.stack(planes)


def _texture(random: np.random.Generator) -> Array:
    coarse = ndimage.gaussian_filter(random.normal(size=(SIDE_PX, SIDE_PX)), random.uniform(4, 14))
    fine = ndimage.gaussian_filter(random.normal(size=(SIDE_PX, SIDE_PX)), random.uniform(0.8, 2))
    return np.asarray(coarse / coarse.std() + 0.4 * fine / fine.std())
