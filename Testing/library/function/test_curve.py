import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from CardioSAMLib.function import fit_cycle, peak_rates


def test_a_cosine_is_fitted_exactly():
    frames = np.arange(20)
    fit = fit_cycle(100.0 + 40.0 * np.cos(2 * np.pi * frames / 20), frames, 20)
    assert fit.mean_ml == pytest.approx(100.0)
    assert fit.cosines_ml == pytest.approx((40.0, 0.0, 0.0, 0.0), abs=1e-9)
    assert fit.volume_ml(np.array([0.25])) == pytest.approx([100.0])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-20.0, 20.0), min_size=8, max_size=8), st.integers(10, 40))
def test_four_harmonics_are_recovered_from_ten_frames_on(coefficients, frames):
    phase = np.arange(frames) / frames
    volumes = 100.0 + sum(
        coefficients[k] * np.cos(2 * np.pi * (k + 1) * phase)
        + coefficients[4 + k] * np.sin(2 * np.pi * (k + 1) * phase)
        for k in range(4)
    )
    fit = fit_cycle(volumes, np.arange(frames), frames)
    assert (*fit.cosines_ml, *fit.sines_ml) == pytest.approx(coefficients, abs=1e-6)


def test_the_fifth_harmonic_is_taken_for_noise():
    frames = np.arange(20)
    fit = fit_cycle(100.0 + 5.0 * np.cos(2 * np.pi * 5 * frames / 20), frames, 20)
    assert fit.volume_ml(frames / 20) == pytest.approx(np.full(20, 100.0))


def test_nine_frames_cannot_carry_the_fit():
    assert fit_cycle(np.arange(9.0), np.arange(9), 9) is None


def test_frames_of_half_the_cycle_cannot_carry_the_fit():
    assert fit_cycle(np.arange(15.0), np.arange(15), 30) is None


def test_every_second_frame_of_thirty_can():
    assert fit_cycle(np.arange(15.0), np.arange(0, 30, 2), 30) is not None


def test_a_cosine_empties_and_fills_fastest_in_between():
    frames = np.arange(20)
    fit = fit_cycle(100.0 + 40.0 * np.cos(2 * np.pi * frames / 20), frames, 20)
    rates = peak_rates(fit, ed_phase=0.0, es_phase=0.5, cycle_ms=800.0)
    # d/dt of 40 cos(2 pi t / 0.8 s) is at most 40 * 2 pi / 0.8 = 314.2 mL/s, a quarter of a cycle (200 ms) after ED.
    assert rates.ejection_ml_s == pytest.approx(314.16, rel=1e-3)
    assert rates.filling_ml_s == pytest.approx(314.16, rel=1e-3)
    assert rates.time_to_ejection_ms == pytest.approx(200.0, abs=1.0)
    assert rates.time_to_filling_ms == pytest.approx(200.0, abs=1.0)


def test_rates_do_not_depend_on_where_the_cine_begins():
    frames = np.arange(20)
    fit = fit_cycle(100.0 + 40.0 * np.cos(2 * np.pi * (frames - 13) / 20), frames, 20)
    rates = peak_rates(fit, ed_phase=13 / 20, es_phase=3 / 20, cycle_ms=800.0)
    assert rates.ejection_ml_s == pytest.approx(314.16, rel=1e-3)
    assert rates.time_to_filling_ms == pytest.approx(200.0, abs=1.0)
