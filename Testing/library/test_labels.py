"""Claims about structures, label maps and segmentations."""

import numpy as np
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.labels import ACDC, LABEL_MAPS, MNMS, STORAGE, CineSegmentation, Provenance, Structure

EXPERT = Provenance("expert")


def test_storage_is_the_order_of_acdc():
    assert (STORAGE.value_of(Structure.RV), STORAGE.value_of(Structure.MYO), STORAGE.value_of(Structure.LV)) == (
        1,
        2,
        3,
    )


@pytest.mark.parametrize("label_map", LABEL_MAPS.values(), ids=LABEL_MAPS)
def test_every_label_map_names_every_structure_once(label_map):
    assert set(label_map.structures.values()) == set(Structure)


@pytest.mark.parametrize("label_map", LABEL_MAPS.values(), ids=LABEL_MAPS)
def test_labels_survive_the_way_to_storage_and_back(label_map):
    labels = np.array([[0, 1, 2, 3], [3, 2, 1, 0]])
    assert np.array_equal(label_map.from_storage(label_map.to_storage(labels)), labels)


def test_mnms_swaps_the_ventricles_of_acdc():
    assert MNMS.to_storage(np.array([1, 2, 3])).tolist() == [3, 2, 1]
    assert ACDC.to_storage(np.array([1, 2, 3])).tolist() == [1, 2, 3]


def test_an_integer_that_the_data_set_does_not_have_is_named():
    with pytest.raises(UnusableInput, match=r"\[7\], which ACDC does not have"):
        ACDC.to_storage(np.array([0, 7]))


def test_a_mask_holds_the_voxels_of_its_structure_alone():
    labels = np.zeros((1, 2, 3, 3), np.uint8)
    labels[0, 1, 1, 1], labels[0, 1, 1, 2] = 3, 2
    segmentation = CineSegmentation(labels, (0,), EXPERT)
    assert np.argwhere(segmentation.mask(Structure.LV)).tolist() == [[0, 1, 1, 1]]
    assert not segmentation.mask(Structure.RV).any()


@pytest.mark.parametrize(
    ("labels", "frames", "sentence"),
    [
        (np.zeros((1, 2, 3, 3), int), (0,), "needs uint8"),
        (np.zeros((2, 3, 3), np.uint8), (0,), "needs uint8"),
        (np.full((1, 2, 3, 3), 4, np.uint8), (0,), "value 4"),
        (np.zeros((2, 2, 3, 3), np.uint8), (), "segmented frames"),
        (np.zeros((2, 2, 3, 3), np.uint8), (1, 0), "segmented frames"),
        (np.zeros((2, 2, 3, 3), np.uint8), (2,), "segmented frames"),
    ],
)
def test_labels_that_are_no_segmentation_are_refused(labels, frames, sentence):
    with pytest.raises(UnusableInput, match=sentence):
        CineSegmentation(labels, frames, EXPERT)


def test_confidence_must_lie_on_the_grid_of_the_labels():
    with pytest.raises(UnusableInput, match="confidence"):
        CineSegmentation(np.zeros((1, 2, 3, 3), np.uint8), (0,), EXPERT, np.zeros((1, 2, 3, 4), np.float32))
