import numpy as np
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.function import MeasureOptions, end_diastole_and_end_systole
from CardioSAMLib.phantom import PhantomOptions, make_phantom


def beat(frames=30):
    """Largest (140 mL) in frame 0, smallest (60 mL) in the middle."""
    return 100.0 + 40.0 * np.cos(2 * np.pi * np.arange(frames) / frames)


@pytest.mark.parametrize("shift", range(0, 30, 3))
def test_end_diastole_is_found_wherever_the_cine_begins(shift):
    assert end_diastole_and_end_systole(np.roll(beat(), shift)) == (shift, (15 + shift) % 30)


@pytest.mark.parametrize("shift", [0, 5, 11, 19])
def test_the_phantoms_frames_are_found_wherever_the_cine_begins(shift):
    truth = make_phantom(PhantomOptions(rows=16, columns=16, slices=1)).truth
    volumes = np.roll(truth.lv.volumes_ml, shift)
    assert end_diastole_and_end_systole(volumes) == (shift, (truth.es_frame + shift) % 20)


def test_a_spike_of_noise_does_not_become_end_systole():
    volumes = beat()
    volumes[26] = 50.0  # below the true minimum of 60 mL, in late diastole
    assert np.argmin(volumes) == 26
    assert abs(end_diastole_and_end_systole(volumes)[1] - 15) <= 1


def test_with_too_few_frames_to_smooth_the_extremes_are_taken():
    assert end_diastole_and_end_systole(np.array([100.0, 70.0, 60.0, 90.0, 110.0])) == (4, 2)


def test_nine_frames_are_not_smoothed_because_nine_unknowns_fit_anything():
    volumes = beat(9)
    volumes[7] = 50.0
    assert end_diastole_and_end_systole(volumes)[1] == 7


def test_of_two_frames_the_larger_is_end_diastole():
    assert end_diastole_and_end_systole(np.array([60.0, 130.0])) == (1, 0)


def test_only_segmented_frames_are_chosen():
    volumes = np.zeros(30)
    volumes[[4, 18]] = 55.0, 120.0
    assert end_diastole_and_end_systole(volumes, frames=np.array([4, 18])) == (18, 4)


def test_a_frame_without_ventricle_is_a_miss_and_not_end_systole():
    volumes = beat(20)
    volumes[3] = 0.0
    assert end_diastole_and_end_systole(volumes) == (0, 10)


def test_named_frames_are_used():
    assert end_diastole_and_end_systole(beat(), MeasureOptions(ed_frame=2, es_frame=9)) == (2, 9)


def test_a_named_end_systole_leaves_end_diastole_to_be_found():
    assert end_diastole_and_end_systole(beat(), MeasureOptions(es_frame=12)) == (0, 12)


def test_naming_the_largest_frame_end_systole_does_not_make_it_end_diastole_too():
    ed, es = end_diastole_and_end_systole(beat(), MeasureOptions(es_frame=0))
    assert es == 0
    assert ed in (1, 29)


def test_a_frame_that_was_not_segmented_cannot_be_named():
    with pytest.raises(UnusableInput, match="Frame 7"):
        end_diastole_and_end_systole(beat(), MeasureOptions(ed_frame=7), np.array([0, 15]))


def test_one_frame_with_ventricle_is_not_enough():
    with pytest.raises(UnusableInput, match="fewer than two"):
        end_diastole_and_end_systole(np.array([0.0, 120.0, 0.0]))
