import numpy as np
import pytest

from CardioSAMLib.cine import Geometry
from CardioSAMLib.function import slice_areas_mm2, slices_with, volumes_ml
from CardioSAMLib.labels import ACDC, MNMS, STORAGE, Structure


def box(structure, slices=2, value=None):
    labels = np.zeros((1, 4, 20, 20), dtype=np.uint8)
    labels[0, :slices, 5:15, 5:15] = STORAGE.value_of(structure) if value is None else value
    return labels


def test_a_box_of_ten_by_ten_by_two_voxels_has_the_volume_of_its_edges():
    geometry = Geometry((2.0, 2.0, 10.0))
    assert volumes_ml(box(Structure.LV), Structure.LV, geometry) == pytest.approx([8.0])  # 20 x 20 x 20 mm


def test_a_gap_counts_because_the_interval_of_slices_does():
    labels = box(Structure.LV)
    with_gap, without = (volumes_ml(labels, Structure.LV, Geometry((1.0, 1.0, z))) for z in (10.0, 8.0))
    assert with_gap / without == pytest.approx([10 / 8])


def test_unequal_intervals_are_shared_between_neighbors():
    geometry = Geometry((1.0, 1.0, 10.0), slice_positions_mm=(0.0, 10.0, 30.0, 40.0))
    # Slices 0 and 1 stand for 10 and (10 + 20) / 2 = 15 mm of 100 mm2 each.
    assert volumes_ml(box(Structure.LV), Structure.LV, geometry) == pytest.approx([2.5])


def test_the_integers_of_a_data_set_do_not_change_the_volume():
    """Summing label values instead of counting voxels triples the volume of an LV stored as 3."""
    geometry = Geometry((2.0, 2.0, 10.0))
    volumes = [
        volumes_ml(names.to_storage(box(Structure.LV, value=names.value_of(Structure.LV))), Structure.LV, geometry)
        for names in (ACDC, MNMS)
    ]
    assert volumes[0] == volumes[1] == pytest.approx([8.0])


def test_other_structures_and_an_empty_frame_have_no_volume():
    assert volumes_ml(box(Structure.LV), Structure.RV, Geometry((1.0, 1.0, 1.0))).tolist() == [0.0]


def test_one_voxel_has_its_own_volume():
    labels = np.zeros((1, 1, 1, 1), dtype=np.uint8) + np.uint8(STORAGE.value_of(Structure.RV))
    assert volumes_ml(labels, Structure.RV, Geometry((1.5, 1.5, 8.0))) == pytest.approx([0.018])


def test_areas_are_per_slice_and_slices_are_listed():
    labels = box(Structure.MYO)
    assert slice_areas_mm2(labels, Structure.MYO, Geometry((2.0, 1.0, 9.0))).tolist() == [[200.0, 200.0, 0.0, 0.0]]
    assert slices_with(labels[0], Structure.MYO) == (0, 1)
