import numpy as np
import pytest

from CardioSAMLib.cine import Geometry
from CardioSAMLib.function import myocardial_mass_g


def test_a_hundred_milliliters_of_muscle_weigh_105_grams():
    assert myocardial_mass_g(np.ones((1, 10, 10), dtype=bool), Geometry((10.0, 10.0, 10.0))) == pytest.approx(105.0)


def test_an_empty_mask_has_no_mass():
    with pytest.raises(ValueError, match="empty"):
        myocardial_mass_g(np.zeros((1, 10, 10), dtype=bool), Geometry((1.0, 1.0, 1.0)))
