"""Segmentations of known volume: voxels of 1 mL, as many of each structure as the test says."""

import numpy as np
import pytest

from CardioSAMLib.cine import Cine, Geometry
from CardioSAMLib.labels import STORAGE, CineSegmentation, Provenance, Structure


@pytest.fixture
def study_of():
    """(lv, rv=, myocardium=, segmented=, **cine fields) -> (cine, segmentation); volumes in mL, one per frame."""

    def make(lv, rv=None, myocardium=None, segmented=None, **fields):
        courses = {Structure.LV: lv, Structure.RV: rv, Structure.MYO: myocardium}
        labels = np.zeros((len(lv), 2, 20, 20), dtype=np.uint8)
        for frame, picture in enumerate(labels.reshape(len(lv), -1)):
            start = 0
            for structure, course in courses.items():
                count = 0 if course is None else round(course[frame])
                picture[start : start + count] = STORAGE.value_of(structure)
                start += count
        pixels = np.arange(labels.size, dtype=np.int32).reshape(labels.shape)
        cine = Cine(pixels, Geometry((10.0, 10.0, 10.0)), **fields)
        frames = tuple(range(len(lv))) if segmented is None else segmented
        return cine, CineSegmentation(labels, frames, Provenance("expert"))

    return make
