"""Base, middle and apex of a ventricle, counted in slices: the thirds of Stein 2023, but of the heart's slices."""

from __future__ import annotations

import numpy as np

from CardioSAMLib.cine import Array
from CardioSAMLib.evaluation.scores import Region
from CardioSAMLib.labels import STORAGE, Structure, base_to_apex


def regions(reference: Array) -> tuple[Region, ...]:
    """The region of each slice of reference labels `(slices, rows, columns)`, one frame, in the `STORAGE` order.

    Thirds of the slices with myocardium, base first; what does not divide by three goes to the middle. Without a left
    ventricle nothing tells base from apex, and all slices lie `OUTSIDE`.
    """
    found = [Region.OUTSIDE] * len(reference)
    order = base_to_apex(reference)
    if not order:
        return tuple(found)
    myocardium = np.flatnonzero((reference == STORAGE.value_of(Structure.MYO)).any(axis=(1, 2))).tolist()
    from_base = myocardium if order[0] <= order[-1] else myocardium[::-1]
    third = len(from_base) // 3
    for place, number in enumerate(from_base):
        found[number] = Region.BASE if place < third else Region.APEX if place >= len(from_base) - third else Region.MID
    return tuple(found)
