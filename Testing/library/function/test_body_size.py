import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.function import MeasureOptions, body_surface_area_m2


def test_mosteller_of_180_cm_and_80_kg_is_two_square_meters():
    assert body_surface_area_m2(180.0, 80.0, "mosteller") == pytest.approx(2.0)


def test_du_bois_of_170_cm_and_70_kg_is_181():
    # 1.81 m2 is the value of Du Bois and Du Bois's own chart.
    assert body_surface_area_m2(170.0, 70.0, "du-bois") == pytest.approx(1.81, abs=0.005)


def test_an_unknown_formula_is_refused_with_those_that_exist():
    with pytest.raises(UnusableInput, match="mosteller, du-bois"):
        MeasureOptions(bsa_formula="guess")
