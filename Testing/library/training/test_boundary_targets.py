"""Claims about boundaries of labels and distances from them, each counted by hand."""

import math

import pytest
import torch

from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.training.boundary_targets import boundary_distances_px, boundary_target, changes

LV, MYO, RV = (STORAGE.value_of(one) for one in (Structure.LV, Structure.MYO, Structure.RV))


def picture(text):
    """A slice drawn with one character per pixel: . background, R, M, L."""
    values = {".": 0, "R": RV, "M": MYO, "L": LV}
    return torch.tensor([[[values[c] for c in line] for line in text.split()]])


def test_both_sides_of_a_change_are_found_and_diagonals_alone_are_none():
    found = changes(picture(".... .LL. .LL. ...."))
    assert found[0].int().tolist() == [[0, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1], [0, 1, 1, 0]]


def test_a_structure_cut_by_the_image_s_edge_has_no_boundary_there():
    assert not changes(torch.full((1, 3, 3), LV)).any()
    assert changes(picture("LL. LL. LL."))[0].int().tolist() == [[0, 1, 1]] * 3


def test_the_target_is_a_pixel_wider_than_the_change():
    labels = picture("....LLLL ....LLLL")
    # Changes in columns 3 and 4; one pixel wider: 2 to 5.
    assert boundary_target(labels, (2, 8))[0, 0].tolist() == [[0, 0, 1, 1, 1, 1, 0, 0]] * 2


def test_a_coarser_pixel_is_boundary_where_any_pixel_in_it_is():
    labels = picture("...LLLLL ...LLLLL")
    # Changes in 2 and 3, wider: 1 to 4; pairs (0 1) (2 3) (4 5) (6 7).
    assert boundary_target(labels, (1, 4))[0, 0].tolist() == [[1, 1, 1, 0]]


def test_a_slice_of_one_label_has_no_boundary():
    assert not boundary_target(torch.zeros(2, 6, 6, dtype=torch.long), (3, 3)).any()


def test_distances_are_counted_from_the_structure_s_outermost_pixels():
    distances = boundary_distances_px(picture("...LL"), 4)[0]
    # Pixel 3 is LV's rim; pixel 4 lies inside it, as the image's edge is no boundary.
    assert distances[LV - 1].tolist() == [[3, 2, 1, 0, 1]]


def test_distances_are_euclidean_and_of_each_class_alone():
    distances = boundary_distances_px(picture("L.... ..... ....R"), 4)[0]
    assert distances[LV - 1, 2, 4].item() == pytest.approx(math.hypot(2, 4))
    assert distances[RV - 1, 0, 0].item() == pytest.approx(math.hypot(2, 4))
    assert distances[LV - 1, 0, 0].item() == distances[RV - 1, 2, 4].item() == 0.0


def test_a_structure_that_a_slice_lacks_or_that_fills_it_is_infinitely_far():
    labels = torch.cat([picture("L. .."), picture("RR RR")])
    distances = boundary_distances_px(labels, 4)
    assert torch.isfinite(distances[0, LV - 1]).all()
    assert torch.isinf(distances[0, MYO - 1]).all()
    assert torch.isinf(distances[1]).all()
