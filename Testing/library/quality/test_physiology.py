from dataclasses import replace

import numpy as np
import pytest

from CardioSAMLib.cine import Geometry
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.quality import check

LV, MYO = STORAGE.value_of(Structure.LV), STORAGE.value_of(Structure.MYO)


def rule_codes(sound, ventricle="lv", **changes):
    function = replace(sound.function, **{ventricle: replace(getattr(sound.function, ventricle), **changes)})
    return {note.code for note in check(sound.cine, sound.segmentation, function).notes}


@pytest.mark.parametrize("ventricle", ["lv", "rv"])
@pytest.mark.parametrize(("ef", "wrong"), [(4.9, True), (5.0, False), (85.0, False), (85.1, True), (-10.0, True)])
def test_an_ejection_fraction_lies_between_5_and_85_percent(sound, ventricle, ef, wrong):
    assert ("ef_implausible" in rule_codes(sound, ventricle, ef_percent=ef)) is wrong


@pytest.mark.parametrize(("edv", "wrong"), [(29.0, True), (30.0, False), (500.0, False), (501.0, True)])
def test_an_end_diastolic_volume_lies_between_30_and_500_ml(sound, edv, wrong):
    assert ("edv_implausible" in rule_codes(sound, edv_ml=edv)) is wrong


@pytest.mark.parametrize(
    ("at_es", "codes"),
    [
        (74.0, {"mass_not_conserved"}),
        (80.0, {"mass_change_unusual"}),
        (86.0, set()),
        (134.0, set()),
        (140.0, {"mass_change_unusual"}),
        (151.0, {"mass_not_conserved"}),
    ],
)
def test_mass_may_change_a_little_then_unusually_then_not(sound, at_es, codes):
    assert rule_codes(sound, mass_ed_g=100.0, mass_es_g=at_es) == codes


def test_missing_numbers_break_no_rule(sound):
    nothing = dict.fromkeys(("edv_ml", "esv_ml", "sv_ml", "ef_percent", "mass_ed_g", "mass_es_g"))
    assert rule_codes(sound, **nothing) == set()


def test_stroke_volumes_may_differ_by_fifty_milliliters(sound):
    stroke = sound.function.rv.sv_ml
    assert "stroke_volumes_differ" not in rule_codes(sound, sv_ml=stroke + 49.0)
    assert "stroke_volumes_differ" in rule_codes(sound, sv_ml=stroke + 51.0)


def test_a_header_in_centimeters_makes_an_implausible_wall(sound):
    spoiled = sound.with_cine(geometry=Geometry((0.16, 0.16, 1.0)))
    assert {"wall_implausible", "edv_implausible"} <= spoiled.codes


def test_a_ring_of_known_radii_has_the_wall_of_their_difference(sound):
    """Rings of radius 20 and 22.5 pixels: the wall is 2.5 pixels of 1.6 mm, 4 mm; in pixels of 1.1 mm it is 2.75 mm."""
    rows, columns = np.indices((110, 110)) - 55
    radius = np.hypot(rows, columns)

    def rings(labels):
        labels[:] = np.where(radius < 20, LV, np.where(radius < 22.5, MYO, 0))

    thick = sound.spoiled(rings)
    assert "wall_implausible" not in thick.codes
    assert "wall_implausible" in thick.with_cine(geometry=Geometry((1.1, 1.1, 10.0))).codes
