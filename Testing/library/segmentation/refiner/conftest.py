"""A beating phantom, its contours drawn badly, and the promptable model that ships."""

import numpy as np
import pytest
from scipy import ndimage

from CardioSAMLib.labels import STORAGE, CineSegmentation, Provenance, Structure
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.resources import DEFAULT_PROMPTABLE_ID, find_model
from CardioSAMLib.segmentation import promptable_of


@pytest.fixture(scope="session")
def phantom():
    return make_phantom(PhantomOptions(rows=128, columns=128, slices=6, frames=2))


@pytest.fixture(scope="session")
def model():
    return promptable_of(find_model(DEFAULT_PROMPTABLE_ID), threads=1)


@pytest.fixture(scope="session")
def coarse(phantom):
    """Contours of slices 2 and 3 of the first frame, too small by three pixels in the RV and one in the others."""
    labels = np.zeros(phantom.cine.pixels.shape, np.uint8)
    for number in (2, 3):
        true = phantom.segmentation.labels[0, number]
        for structure, pixels in ((Structure.RV, 3), (Structure.MYO, 1), (Structure.LV, 1)):
            value = STORAGE.value_of(structure)
            labels[0, number][ndimage.binary_erosion(true == value, iterations=pixels)] = value
    return CineSegmentation(labels, (0,), Provenance("coarse", "1", "f" * 64, {"kept": "yes"}))
