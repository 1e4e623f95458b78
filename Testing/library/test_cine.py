"""Claims about `Cine` and `Patient`: what they refuse, and what they say about time."""

import numpy as np
import pytest

from CardioSAMLib.cine import Cine, Geometry, Patient, UnusableInput

GEOMETRY = Geometry((1.0, 1.0, 10.0))


def pixels(frames=4, slices=3):
    return np.arange(frames * slices * 20, dtype=np.float32).reshape(frames, slices, 4, 5)


def test_frames_come_first_then_slices():
    cine = Cine(pixels(4, 3), GEOMETRY)
    assert (cine.frames, cine.slices) == (4, 3)


def test_the_frame_interval_is_the_median_difference_of_the_times():
    assert Cine(pixels(4), GEOMETRY, frame_times_ms=(10, 50, 90, 140)).frame_interval_ms == pytest.approx(40.0)


def test_without_times_the_frame_interval_is_the_cycle_divided_by_the_frames():
    assert Cine(pixels(4), GEOMETRY, heart_rate_bpm=75.0).frame_interval_ms == pytest.approx(200.0)


def test_without_times_and_rate_the_frame_interval_is_unknown():
    assert Cine(pixels(4), GEOMETRY).frame_interval_ms is None


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (np.zeros((3, 4, 5)), "a cine needs frames, slices, rows and columns"),
        (np.zeros((0, 3, 4, 5)), "none empty"),
        (np.zeros((2, 3, 4, 5)), "same value"),
        (np.full((2, 3, 4, 5), np.nan), "not numbers"),
        (np.ones((2, 3, 4, 5), dtype=complex), "gray values"),
    ],
)
def test_pixels_that_show_no_heart_are_refused(values, sentence):
    with pytest.raises(UnusableInput, match=sentence):
        Cine(values, GEOMETRY)


@pytest.mark.parametrize("times", [(0.0, 10.0, 10.0, 20.0), (0.0, 10.0, 5.0, 20.0), (0.0, 1.0), (0, 1, 2, np.inf)])
def test_frame_times_that_do_not_grow_frame_by_frame_are_refused(times):
    with pytest.raises(UnusableInput, match="frame times"):
        Cine(pixels(4), GEOMETRY, frame_times_ms=times)


def test_slice_positions_must_fit_the_slices():
    with pytest.raises(ValueError, match="2 slice positions, not 3"):
        Cine(pixels(4, 3), Geometry((1.0, 1.0, 10.0), slice_positions_mm=(0.0, 10.0)))


@pytest.mark.parametrize("rate", [0.0, 900.0])
def test_a_heart_rate_in_wrong_units_is_refused(rate):
    with pytest.raises(UnusableInput, match="heart rate"):
        Cine(pixels(), GEOMETRY, heart_rate_bpm=rate)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"height_cm": 1.75}, "height"),
        ({"weight_kg": 0.0}, "weight"),
        ({"sex": "O"}, "Sex"),
        ({"age_years": -1}, "age"),
    ],
)
def test_patient_values_that_cannot_be_are_refused(values, name):
    with pytest.raises(UnusableInput, match=name):
        Patient(**values)
