"""Made-up patients to train on: phantom hearts of different sizes, places and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.progress import Progress, silent

if TYPE_CHECKING:
    from CardioSAMLib.training.configuration import PhantomHearts
    from CardioSAMLib.training.dataset import Volume

_SIDE_PX, _PIXEL_MM, _INTERVAL_MM, _SLICES = 96, 2.0, 16.0, 6


def phantom_volumes(
    hearts: PhantomHearts, grid_mm: float, progress: Progress = silent
) -> tuple[list[Volume], list[Volume]]:
    """End-diastole and end-systole of the hearts to train on, and of those to validate on."""
    from CardioSAMLib.training.dataset import volume_on_grid

    volumes: list[Volume] = []
    total = hearts.training + hearts.validation
    for number in range(total):
        progress(number / total, f"making heart {number + 1} of {total}")
        phantom = make_phantom(_heart(np.random.default_rng((hearts.seed, number)), number))
        frames = zip(phantom.cine.pixels, phantom.segmentation.labels, strict=True)
        pixel_mm = phantom.cine.geometry.spacing_mm[:2]
        volumes += [volume_on_grid(f"heart {number}", pixels, labels, pixel_mm, grid_mm) for pixels, labels in frames]
    return volumes[: 2 * hearts.training], volumes[2 * hearts.training :]


def _heart(random: np.random.Generator, seed: int) -> PhantomOptions:
    lv_edv_ml = float(random.uniform(90.0, 180.0))
    return PhantomOptions(
        rows=_SIDE_PX,
        columns=_SIDE_PX,
        slices=_SLICES,
        frames=2,
        spacing_mm=(_PIXEL_MM, _PIXEL_MM, _INTERVAL_MM),
        lv_edv_ml=lv_edv_ml,
        lv_ef_percent=float(random.uniform(40.0, 65.0)),
        rv_edv_ml=lv_edv_ml * float(random.uniform(0.95, 1.25)),
        rv_ef_percent=float(random.uniform(40.0, 60.0)),
        mass_g=float(random.uniform(85.0, 150.0)),
        tilt_deg=float(random.uniform(-8.0, 8.0)),
        bias_field=float(random.uniform(0.0, 0.4)),
        noise_sigma=float(random.uniform(0.01, 0.05)),
        heart_offset_mm=(float(random.uniform(-15.0, 15.0)), float(random.uniform(-15.0, 15.0)), 0.0),
        seed=seed,
    )
