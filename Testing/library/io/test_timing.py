"""Heart rate as a file states it, and the unit of the time step of image files."""

import pytest

from CardioSAMLib.io.timing import frame_interval_ms, heart_rate


def test_the_rr_interval_goes_before_the_stated_rate():
    assert heart_rate(800.0, 78.0) == 75.0


@pytest.mark.parametrize("rr_interval_ms", [None, 0.0, 100.0, 4000.0])
def test_without_an_rr_interval_that_can_be_the_stated_rate_counts(rr_interval_ms):
    assert heart_rate(rr_interval_ms, 78.0) == 78.0


@pytest.mark.parametrize("stated_bpm", [None, 0.0, 19.0, 301.0])
def test_rates_that_cannot_be_are_unknown(stated_bpm):
    assert heart_rate(None, stated_bpm) is None


@pytest.mark.parametrize(
    ("spacing", "interval_ms"), [(0.04, 40.0), (40.0, 40.0), (1.0, None), (0.0, None), (0.004, None), (-40.0, None)]
)
def test_the_number_tells_seconds_from_milliseconds_and_placeholders(spacing, interval_ms):
    assert frame_interval_ms(spacing) == interval_ms
