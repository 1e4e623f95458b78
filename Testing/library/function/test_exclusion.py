from dataclasses import replace

import numpy as np
import pytest

from CardioSAMLib.cine import Geometry, UnusableInput
from CardioSAMLib.function import MeasureOptions, measure, slice_volumes_ml, without_slices
from CardioSAMLib.labels import STORAGE, Structure


def two_slices(study_of):
    """A study of 1 mL voxels: 150 and 60 mL of LV in slice 0, and 40 and 10 mL more in slice 1; 100 mL of wall."""
    cine, segmentation = study_of([150, 60], myocardium=[100, 100], heart_rate_bpm=70.0)
    labels = segmentation.labels.copy()
    for frame, extra in enumerate((40, 10)):
        labels[frame, 1].flat[:extra] = STORAGE.value_of(Structure.LV)
    return cine, replace(segmentation, labels=labels)


def test_an_excluded_slice_takes_its_own_milliliters_away_and_nothing_else(study_of):
    cine, segmentation = two_slices(study_of)
    everything = measure(cine, segmentation)
    function = measure(cine, segmentation, MeasureOptions(excluded=frozenset({(0, 1)})))
    assert (everything.lv.edv_ml, everything.lv.esv_ml) == pytest.approx((190.0, 70.0))
    assert (function.lv.edv_ml, function.lv.esv_ml) == pytest.approx((150.0, 70.0))
    assert function.lv.mass_ed_g == everything.lv.mass_ed_g
    assert function.lv_slices_ed == (0,)
    assert function.lv_slices_es == (0, 1)
    effect = slice_volumes_ml(segmentation.labels, Structure.LV, cine.geometry)[0, 1]
    assert everything.lv.edv_ml - function.lv.edv_ml == pytest.approx(effect) == 40.0


def test_the_wall_of_an_excluded_slice_has_no_mass(study_of):
    cine, segmentation = two_slices(study_of)
    function = measure(cine, segmentation, MeasureOptions(excluded=frozenset({(0, 0)})))
    assert function.lv.mass_ed_g is None
    assert function.lv.mass_es_g == pytest.approx(105.0)


def test_leaving_out_most_of_end_diastole_does_not_make_another_frame_end_diastole(study_of):
    cine, segmentation = two_slices(study_of)
    function = measure(cine, segmentation, MeasureOptions(excluded=frozenset({(0, 0)})))
    assert (function.ed_frame, function.es_frame) == (0, 1)
    assert function.lv.edv_ml == pytest.approx(40.0)


def test_a_note_per_slice_names_the_frames_it_was_left_out_of(study_of):
    cine, segmentation = two_slices(study_of)
    function = measure(cine, segmentation, MeasureOptions(excluded=frozenset({(0, 1), (1, 1)})))
    (note,) = (note for note in function.notes if note.code == "slice_excluded")
    assert note.message == "Slice 1 was left out of the measurements in frames 0, 1."
    assert (note.frame, note.slice) == (None, 1)


def test_the_contours_themselves_stay_as_they_are(study_of):
    _, segmentation = two_slices(study_of)
    before = segmentation.labels.copy()
    without_slices(segmentation, {(0, 1)})
    assert np.array_equal(segmentation.labels, before)


@pytest.mark.parametrize("pair", [(2, 0), (0, 2), (-1, 0), (0, -1)])
def test_a_slice_that_does_not_exist_cannot_be_left_out(study_of, pair):
    cine, segmentation = two_slices(study_of)
    with pytest.raises(UnusableInput, match=r"there are 2 slices in 2 frames"):
        measure(cine, segmentation, MeasureOptions(excluded=frozenset({pair})))


def test_slices_of_unequal_distance_add_up_to_the_volume_of_the_frame(study_of):
    _, segmentation = two_slices(study_of)
    geometry = Geometry((10.0, 10.0, 10.0), slice_positions_mm=(0.0, 14.0))
    shares = slice_volumes_ml(segmentation.labels, Structure.LV, geometry)
    # Half of 14 mm between the slices and half of the usual 10 mm outward: 12 mm instead of 10.
    assert shares == pytest.approx(np.array([[180.0, 48.0], [72.0, 12.0]]))
