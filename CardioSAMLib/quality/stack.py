"""Which end of the stack is the base: stacks run either way."""

from __future__ import annotations

import numpy as np

from CardioSAMLib.cine import Array
from CardioSAMLib.labels import STORAGE, Structure


def lv_areas_px(labels: Array) -> Array:
    """Pixels of the left ventricle per slice, `(slices,)`; labels: `(slices, rows, columns)`."""
    return np.asarray(np.count_nonzero(labels == STORAGE.value_of(Structure.LV), axis=(1, 2)))


def base_to_apex(labels: Array) -> tuple[int, ...]:
    """The slices from the first to the last with LV, from base to apex; labels: `(slices, rows, columns)`.

    The base is the end where the ventricles are wider, judged on the outer halves of those slices. Empty without LV.
    """
    slices = np.flatnonzero(lv_areas_px(labels))
    if not slices.size:
        return ()
    inside = range(int(slices[0]), int(slices[-1]) + 1)
    heart = np.count_nonzero(labels[inside.start : inside.stop], axis=(1, 2))
    half = len(heart) // 2
    first_is_base = half == 0 or heart[:half].sum() >= heart[-half:].sum()
    return tuple(inside) if first_is_base else tuple(reversed(inside))
