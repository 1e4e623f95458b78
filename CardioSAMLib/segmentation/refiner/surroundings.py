"""What lies around a structure of the heart: where the refiner's negative points come from."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from CardioSAMLib.cine import Array
from CardioSAMLib.labels import STORAGE, Structure

RING_MM = 10.0
"""How far from the structure the background belongs to its surroundings. Ours: the publication has no heart."""

_NEIGHBORS = {
    Structure.LV: (Structure.MYO,),
    Structure.MYO: (Structure.LV, Structure.RV),
    Structure.RV: (Structure.MYO,),
}
_BORDERS_BACKGROUND = frozenset({Structure.MYO, Structure.RV})


def surroundings(labels: Array, structure: Structure, foreground: Array, pixel_mm: tuple[float, float]) -> Array:
    """bool `(rows, columns)`: of the LV its wall, of the wall both cavities, of the RV the wall; of the latter two also
    the background within 10 mm.

    labels: of the slice, `(rows, columns)` in the `STORAGE` order, which say where the others are. foreground: bool,
    where the structure is taken to be; none of its pixels is in the answer. pixel_mm: size of a pixel (row, column).
    """
    around = np.isin(labels, [STORAGE.value_of(other) for other in _NEIGHBORS[structure]])
    if structure in _BORDERS_BACKGROUND:
        near = ndimage.distance_transform_edt(~foreground, sampling=pixel_mm) <= RING_MM
        around |= (labels == 0) & near
    return np.asarray(around & ~foreground)
