"""Heart rate from three sources, and the unit of the time step of image files."""

import pytest

from CardioSAMLib.io.timing import frame_interval_ms, heart_rate


def codes(notes) -> list[str]:
    return [note.code for note in notes]


def test_the_rr_interval_goes_before_the_stated_rate():
    bpm, notes = heart_rate(800.0, 78.0, frames=20, frame_interval_ms=40.0)
    assert bpm == 75.0
    assert notes == ()


def test_the_stated_rate_goes_before_the_frames():
    assert heart_rate(None, 78.0, frames=20, frame_interval_ms=40.0)[0] == 78.0


def test_frames_that_cover_a_beat_give_its_rate_with_a_note():
    bpm, notes = heart_rate(None, None, frames=25, frame_interval_ms=40.0)
    assert bpm == 60.0
    assert codes(notes) == ["heart_rate_from_frames"]


@pytest.mark.parametrize(("stated", "noted"), [(82.0, []), (83.0, ["heart_rate_conflict"])])
def test_a_disagreement_above_ten_percent_is_noted(stated, noted):
    bpm, notes = heart_rate(800.0, stated, frames=20, frame_interval_ms=None)
    assert bpm == 75.0
    assert codes(notes) == noted


def test_rates_that_cannot_be_are_unknown():
    bpm, notes = heart_rate(0.0, 0.0, frames=20, frame_interval_ms=None)
    assert bpm is None
    assert codes(notes) == ["heart_rate_unknown"]


@pytest.mark.parametrize(
    ("spacing", "interval_ms"), [(0.04, 40.0), (40.0, 40.0), (1.0, None), (0.0, None), (0.004, None), (-40.0, None)]
)
def test_the_number_tells_seconds_from_milliseconds_and_placeholders(spacing, interval_ms):
    assert frame_interval_ms(spacing) == interval_ms
