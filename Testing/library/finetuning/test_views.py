"""Claims about labeled slices and their random views."""

import math
from dataclasses import replace

import numpy as np
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.finetuning.views import LabeledSlice, read_slices, view_of
from CardioSAMLib.segmentation import HeartBox
from CardioSAMLib.segmentation.sam_image import NORMALIZATIONS, sam_image
from CardioSAMLib.training.recipe import ViewOptions


def disk_slice(pixel_mm=(2.0, 2.0), radius_mm=24.0, center=(48.0, 52.0)):
    """A bright disk of LV, in an image whose neighbors are dark."""
    rows, columns = np.mgrid[:100, :110]
    inside = np.hypot((rows - center[0]) * pixel_mm[0], (columns - center[1]) * pixel_mm[1]) < radius_mm
    planes = np.stack([np.zeros(inside.shape), inside * 100.0, np.zeros(inside.shape)]).astype(np.float32)
    region = HeartBox(center, (2 * radius_mm, 2 * radius_mm))
    return LabeledSlice("p", 0, 3, planes, (inside * 3).astype(np.uint8), pixel_mm, region)


def test_all_slices_with_contours_are_read_at_both_frames(data_set):
    slices = read_slices(data_set, ["patient001", "patient002"])
    assert [(one.patient, one.frame) for one in slices[::4]] == [
        ("patient001", 0), ("patient001", 1), ("patient002", 0), ("patient002", 1),
    ]  # fmt: skip
    assert all(one.labels.any() and one.planes.shape == (3, 64, 64) for one in slices)


def test_a_patient_that_is_not_there_is_named(data_set):
    with pytest.raises(UnusableInput, match="patient009"):
        read_slices(data_set, ["patient009"])


def test_view_0_is_the_slice_itself():
    one = disk_slice()
    assert view_of(one, 0, ViewOptions(rotation_degrees=90, noise=1.0), [1]) is one


def test_a_view_is_a_function_of_its_number_and_seed():
    one, options = disk_slice(), ViewOptions(rotation_degrees=90, log_scale=0.3, noise=0.2, gamma_log=0.2)
    views = [view_of(one, number, options, seed).planes for number, seed in ((1, [1]), (1, [1]), (2, [1]), (1, [2]))]
    np.testing.assert_array_equal(views[0], views[1])
    assert np.abs(views[0] - views[2]).max() > 0
    assert np.abs(views[0] - views[3]).max() > 0


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("pixel_mm", [(2.0, 2.0), (1.5, 2.5)])
def test_image_and_labels_are_turned_scaled_and_mirrored_together(number, pixel_mm):
    one = disk_slice(pixel_mm, center=(48.0, 52.0))
    # A second object beside the disk tells where up is.
    one.labels[30:36, 70:90] = 1
    one.planes[1, 30:36, 70:90] = 50.0
    view = view_of(one, number, ViewOptions(rotation_degrees=180, log_scale=0.3, mirror=True), [0])
    wanted = np.select([view.labels == 3, view.labels == 1], [100.0, 50.0], 0.0)
    wrong = np.abs(view.planes[1] - wanted) > 50.1  # half a pixel of an edge may go to either side
    assert wrong.mean() < 0.005
    assert view.planes[0].max() == 0.0


@pytest.mark.parametrize("number", range(1, 6))
def test_a_larger_heart_stays_round_in_mm_and_its_region_grows_with_it(number):
    one = disk_slice((1.5, 2.5))
    view = view_of(one, number, ViewOptions(rotation_degrees=180, log_scale=0.3), [0])
    rows, columns = np.nonzero(view.labels)
    height_mm, width_mm = (rows.max() - rows.min() + 1) * 1.5, (columns.max() - columns.min() + 1) * 2.5
    assert height_mm == pytest.approx(width_mm, abs=5.0)  # two columns
    assert view.region.extent_mm[0] == pytest.approx(height_mm, abs=3.0)  # two rows
    area_mm2 = (view.labels > 0).sum() * 1.5 * 2.5
    assert area_mm2 == pytest.approx(math.pi * (view.region.extent_mm[0] / 2) ** 2, rel=0.05)


def test_the_middle_of_what_is_shown_moves_at_most_so_far():
    views = [view_of(disk_slice((1.5, 2.5)), number, ViewOptions(shift_mm=10.0), [0]) for number in range(1, 30)]
    moves_mm = np.array([np.subtract(view.region.center_px, (48.0, 52.0)) * (1.5, 2.5) for view in views])
    assert 8.0 < np.abs(moves_mm).max() <= 10.0


def test_noise_changes_the_look_and_not_the_labels():
    one = disk_slice()
    view = view_of(one, 1, ViewOptions(noise=0.2), [0])
    np.testing.assert_array_equal(view.labels, one.labels)
    inside, outside = view.planes[1][view.labels > 0], view.planes[1][view.labels == 0]
    assert inside.std() > 0
    assert inside.mean() > outside.mean()


def test_without_a_look_the_gray_values_stay_as_they_are():
    view = view_of(replace(disk_slice()), 1, ViewOptions(mirror=True), [0])
    assert set(np.unique(view.planes[1])) <= {0.0, 100.0}


def gray_slice():
    """Air of 0, tissue of 100 to 400 and a few pixels of fat at 2,000, as scanners give them."""
    random, one = np.random.default_rng(5), disk_slice()
    planes = np.where(one.labels > 0, random.uniform(100.0, 400.0, one.planes.shape), 0.0)
    planes[:, 10:13, 10:13] = 2000.0
    return replace(one, planes=planes.astype(np.float32))


@pytest.mark.parametrize(
    "options",
    [ViewOptions(gamma_log=0.3), ViewOptions(bias_field=0.35), ViewOptions(noise=0.1), ViewOptions(blur_share=1.0)],
    ids=lambda options: next(name for name, value in vars(options).items() if value),
)
def test_another_look_stays_in_the_range_of_the_gray_values(options):
    one = gray_slice()
    views = [view_of(one, number, options, [0]).planes for number in range(1, 6)]
    assert max(np.abs(view - one.planes).max() for view in views) > 10.0
    assert all(view.dtype == np.float32 and view.min() >= 0.0 and view.max() <= 2000.0 for view in views)


@pytest.mark.parametrize("normalization", NORMALIZATIONS.values(), ids=lambda one: one.id)
def test_what_a_model_sees_of_a_slightly_changed_look_is_nearly_what_it_sees_in_use(normalization):
    one = gray_slice()
    changed = view_of(one, 1, ViewOptions(gamma_log=0.01, noise=0.002, bias_field=0.01), [0])
    in_use, in_training = (
        sam_image(view.planes[1], view.region, view.pixel_mm, normalization, 224).pixels for view in (one, changed)
    )
    contrast = np.ptp(in_use)
    assert np.abs(in_use - in_training).mean() < 0.01 * contrast
    assert np.abs(in_use - in_training).max() > 0
