"""The square image that a promptable model sees of a slice, and the way of its answers back to the slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from CardioSAMLib.cine import Array
from CardioSAMLib.crops import Crop

NOWHERE_LOGIT = -100.0
"""What pixels get that the model has not seen: no structure is there. Finite, so that it can be averaged."""


@dataclass(frozen=True, eq=False)
class ModelImage:
    """What goes into an encoder.

    pixels: float32 `(channels, size, size)`, all preprocessing done. crop: where its pixels lie on the slice.
    shown_px: rows and columns, from the upper left, that show the slice; the others are padding.
    """

    pixels: Array
    crop: Crop
    shown_px: tuple[int, int]


def native_logits(logits: Array, image: ModelImage, shape: tuple[int, int]) -> Array:
    """Logits of the image, `(size, size)`, on the slice of `shape`, float32 `(rows, columns)`.

    Bilinear between pixel centers, as torch's `interpolate` without aligned corners, which SamPredictor uses. Pixels
    of the slice that the image does not show get `NOWHERE_LOGIT`.
    """
    native = np.full(shape, NOWHERE_LOGIT, dtype=np.float32)
    window, first = [], []
    for axis, shown in enumerate(image.shown_px):
        step, start_px = image.crop.step_px[axis], image.crop.coordinates_px(axis)[0]
        begin = max(int(np.ceil(start_px - step / 2.0)), 0)
        end = min(int(np.floor(start_px + (shown - 0.5) * step)) + 1, shape[axis])
        window.append(slice(begin, max(begin, end)))
        first.append((begin - start_px) / step)
    shown_logits = np.asarray(logits[: image.shown_px[0], : image.shown_px[1]], dtype=np.float32)
    ndimage.affine_transform(
        shown_logits, 1.0 / np.asarray(image.crop.step_px), first, output=native[tuple(window)], order=1, mode="nearest"
    )
    return native
