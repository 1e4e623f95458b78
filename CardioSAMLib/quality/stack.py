"""How large the left ventricle is in each slice."""

from __future__ import annotations

import numpy as np

from CardioSAMLib.cine import Array
from CardioSAMLib.labels import STORAGE, Structure


def lv_areas_px(labels: Array) -> Array:
    """Pixels of the left ventricle per slice, `(slices,)`; labels: `(slices, rows, columns)`."""
    return np.asarray(np.count_nonzero(labels == STORAGE.value_of(Structure.LV), axis=(1, 2)))
