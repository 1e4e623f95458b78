"""The phantom's closed forms against integration, and its picture against what a short axis looks like."""

from dataclasses import replace

import numpy as np
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.labels import Structure
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.phantom_shape import HeartSize, contraction, heart_at, rays_at, surfaces_at

SIZE = HeartSize(
    lv_ed_ml=130.0,
    lv_es_ml=52.0,
    rv_ed_ml=142.0,
    rv_es_ml=64.0,
    myocardium_ml=110.0,
    length_mm=92.0,
    basal_motion_mm=10.0,
)
SMALL = PhantomOptions(rows=96, columns=96, spacing_mm=(2.0, 2.0, 10.0), frames=4)


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(SMALL)


def integrated_ml(heart):
    """LV, myocardium and RV by quadrature of the polar areas, (1/2) integral of radius squared over the angle."""
    angle = (np.arange(720) + 0.5) / 720 * 2 * np.pi
    along = heart.base_mm + (np.arange(2000) + 0.5) / 2000 * (heart.apex_mm - heart.base_mm)
    surfaces = surfaces_at(heart, np.broadcast_to(along[:, None], (2000, 720)), rays_at(np.tile(angle, (2000, 1))))
    cell = (along[1] - along[0]) * (angle[1] - angle[0]) / 1000.0

    def volume(inner, outer):
        return float(np.sum(np.maximum(outer**2 - inner**2, 0.0)) / 2.0 * cell)

    zero = np.zeros_like(surfaces.endocardium)
    return (
        volume(zero, surfaces.endocardium),
        volume(surfaces.endocardium, surfaces.epicardium),
        volume(surfaces.epicardium, surfaces.rv_outer),
    )


@pytest.mark.parametrize("contracted", [0.0, 0.3, 1.0])
def test_the_closed_forms_are_the_integrals_of_the_surfaces(contracted):
    heart = heart_at(SIZE, contracted)
    lv, myocardium, rv = integrated_ml(heart)
    assert lv == pytest.approx(130.0 - contracted * 78.0, rel=1e-3)
    assert rv == pytest.approx(142.0 - contracted * 78.0, rel=1e-3)
    assert myocardium == pytest.approx(110.0, rel=1e-3)


def test_labels_on_a_fine_grid_have_the_true_volumes():
    options = PhantomOptions(
        rows=150,
        columns=150,
        slices=60,
        spacing_mm=(1.0, 1.0, 2.0),
        frames=2,
        tilt_deg=12.0,
        heart_offset_mm=(0.0, 0.0, -15.0),  # the tilted base must not stand out of the stack
    )
    fine = make_phantom(options)
    counts = [np.count_nonzero(fine.segmentation.mask(s), axis=(1, 2, 3)) * 0.002 for s in Structure]
    rv, myocardium, lv = counts
    assert lv == pytest.approx(fine.truth.lv.volumes_ml, rel=0.005)
    assert rv == pytest.approx(fine.truth.rv.volumes_ml, rel=0.005)
    assert myocardium == pytest.approx(fine.truth.mass_g / 1.05, rel=0.005)


def test_the_truth_follows_from_the_options(phantom):
    truth = phantom.truth
    assert truth.lv.edv_ml == pytest.approx(130.0)
    assert truth.lv.ef_percent == pytest.approx(60.0)
    assert truth.rv.ef_percent == pytest.approx(55.0)
    assert truth.mass_g == 115.0


@pytest.mark.parametrize("frames", [2, 3, 13, 20, 30])
def test_end_systole_falls_on_a_frame_and_end_diastole_on_the_first(frames):
    course = contraction(frames)
    assert course[0] == 0.0
    assert course.max() == pytest.approx(1.0)
    assert np.argmax(course) == max(1, round(0.35 * frames))


def test_the_same_options_give_the_same_pixels_and_another_seed_does_not(phantom):
    assert np.array_equal(make_phantom(SMALL).cine.pixels, phantom.cine.pixels)
    assert not np.array_equal(make_phantom(replace(SMALL, seed=1)).cine.pixels, phantom.cine.pixels)


def test_blood_is_brighter_than_muscle_and_muscle_than_lung(phantom):
    pixels = phantom.cine.pixels
    blood, muscle = (np.median(pixels[phantom.segmentation.mask(s)]) for s in (Structure.LV, Structure.MYO))
    # Right above the heart, 60 mm from its axis, lies lung.
    lung = np.median(pixels[:, :, 15:20, 45:55])
    assert blood > 2 * muscle
    assert muscle > 2 * lung


def test_papillary_muscles_are_dark_and_count_to_the_blood_pool(phantom):
    without = make_phantom(replace(SMALL, papillary_muscles=False))
    assert np.array_equal(without.segmentation.labels, phantom.segmentation.labels)
    darker = phantom.cine.pixels < 0.6 * without.cine.pixels
    darker &= without.cine.pixels > 150
    assert np.count_nonzero(darker & phantom.segmentation.mask(Structure.LV)) > 50
    assert np.count_nonzero(darker & ~phantom.segmentation.mask(Structure.LV)) < 10


def test_an_offset_moves_the_heart_by_its_millimeters(phantom):
    moved = make_phantom(replace(SMALL, heart_offset_mm=(20.0, -10.0, 0.0)))
    before, after = (np.argwhere(p.segmentation.mask(Structure.LV)).mean(axis=0) for p in (phantom, moved))
    assert (after - before)[2:] * 2.0 == pytest.approx([20.0, -10.0], abs=0.01)


def test_an_offset_along_the_stack_moves_the_heart_toward_higher_slices(phantom):
    moved = make_phantom(replace(SMALL, heart_offset_mm=(0.0, 0.0, 10.0)))
    assert np.array_equal(moved.segmentation.labels[:, 1:], phantom.segmentation.labels[:, :-1])


def test_the_base_moves_to_the_apex_in_systole(phantom):
    first = [np.flatnonzero(phantom.segmentation.mask(Structure.LV)[frame].any(axis=(1, 2))).max() for frame in (0, 1)]
    assert phantom.truth.es_frame == 1
    assert first == [9, 8]


def test_the_right_ventricle_lies_left_in_the_image_and_only_touches_muscle(phantom):
    rv, lv = (phantom.segmentation.mask(s) for s in (Structure.RV, Structure.LV))
    assert np.argwhere(rv)[:, 3].mean() < np.argwhere(lv)[:, 3].mean() - 15
    for step, axis in ((1, 2), (-1, 2), (1, 3), (-1, 3)):
        assert not np.any(np.roll(rv, step, axis) & lv)


def test_noise_in_air_is_rayleigh_distributed():
    options = replace(SMALL, rows=160, noise_sigma=0.05, bias_field=0.0, heart_offset_mm=(100.0, 0.0, 0.0))
    air = make_phantom(options).cine.pixels[:, :, :20, :20] / 300.0
    # Air has a signal of 0.015, so the mean is a little above that of pure Rayleigh noise, sigma sqrt(pi/2).
    assert air.mean() == pytest.approx(0.05 * np.sqrt(np.pi / 2) * (1 + 0.015**2 / (4 * 0.05**2)), rel=0.02)


def test_the_axes_are_those_of_a_right_handed_scanner_plane(phantom):
    assert np.linalg.det(phantom.cine.geometry.direction) == pytest.approx(1.0)
    across, down, to_base = np.asarray(phantom.cine.geometry.direction).T
    assert across[0] > 0  # image right: to the patient's left
    assert down[2] < 0  # image down: to the feet
    assert to_base[0] < 0  # last slice: to the right, where the base is
    assert to_base[2] > 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"frames": 1},
        {"slices": 0},
        {"lv_edv_ml": -5.0},
        {"lv_ef_percent": 100.0},
        {"basal_motion_mm": 80.0},
        {"tilt_deg": 60.0},
        {"noise_sigma": -0.1},
    ],
)
def test_a_heart_that_cannot_be_is_refused(wrong):
    with pytest.raises(UnusableInput, match="phantom"):
        PhantomOptions(**wrong)


def test_a_heart_outside_of_the_image_leaves_the_chest_alone():
    away = make_phantom(replace(SMALL, heart_offset_mm=(400.0, 0.0, 0.0)))
    assert not away.segmentation.labels.any()
