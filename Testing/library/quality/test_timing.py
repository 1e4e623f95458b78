from dataclasses import replace

import numpy as np
import pytest

from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.quality import check

LV = STORAGE.value_of(Structure.LV)


def codes_of_curve(sound, lv_ml, smooth=None):
    curves = replace(sound.function.curves, lv_ml=tuple(lv_ml), lv_smooth_ml=None if smooth is None else tuple(smooth))
    report = check(sound.cine, sound.segmentation, replace(sound.function, curves=curves))
    return {note.code for note in report.notes}


def two_valleys(second_ml):
    values = 130.0 - 70.0 * np.exp(-(((np.arange(20) - 6) / 2.0) ** 2))
    return values - (130.0 - second_ml) * np.exp(-(((np.arange(20) - 14) / 2.0) ** 2))


@pytest.mark.parametrize(("second_ml", "ambiguous"), [(61.0, True), (63.0, False)])
def test_two_valleys_less_than_two_milliliters_apart_are_ambiguous(sound, second_ml, ambiguous):
    """The deepest valley has 60 mL."""
    curve = two_valleys(second_ml)
    assert ("es_ambiguous" in codes_of_curve(sound, curve, curve)) is ambiguous


def test_ripples_of_the_unsmoothed_curve_are_not_ambiguous(sound):
    assert "es_ambiguous" not in codes_of_curve(sound, two_valleys(61.0), sound.function.curves.lv_smooth_ml)


def test_swapped_frames_are_an_error(sound):
    spoiled = sound.measured_at(7, 0)
    assert [note.severity for note in spoiled.notes_of("ed_es_swapped")] == ["error"]


@pytest.mark.parametrize(("ed", "es"), [(7, 8), (0, 19)])
def test_neighboring_frames_are_adjacent_around_the_end_too(sound, ed, es):
    assert "ed_es_adjacent" in sound.measured_at(ed, es).codes


@pytest.mark.parametrize(("frames", "few"), [(2, False), (3, True), (11, True), (12, False)])
def test_three_to_eleven_frames_are_few(sound, frames, few):
    curves = replace(sound.function.curves, frames=tuple(range(frames)), lv_ml=(100.0,) * frames, lv_smooth_ml=None)
    report = check(sound.cine, sound.segmentation, replace(sound.function, curves=curves))
    assert ("few_frames" in {note.code for note in report.notes}) is few


def test_one_frame_without_half_its_cavity_is_an_outlier(sound):
    def lose(labels):
        labels[13, :6][labels[13, :6] == LV] = 0

    (note,) = sound.spoiled(lose).notes_of("frame_outlier")
    assert note.frame == 13


def test_a_cycle_cut_before_the_atrium_contracts_is_not_closed(sound):
    curve = np.linspace(130.0, 110.0, 20)
    assert "cycle_not_closed" in codes_of_curve(sound, curve)
    assert "cycle_not_closed" not in codes_of_curve(sound, np.linspace(130.0, 120.0, 20))


@pytest.mark.parametrize(("bpm", "conflict"), [(65.0, False), (70.0, False), (80.0, True)])
def test_a_heart_rate_that_the_frame_times_deny_is_reported(sound, bpm, conflict):
    """The frames say 65 beats per minute."""
    assert ("heart_rate_conflict" in sound.with_cine(heart_rate_bpm=bpm).codes) is conflict
