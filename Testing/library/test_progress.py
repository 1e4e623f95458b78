"""Claims about progress."""

import pytest

from CardioSAMLib.progress import Cancelled, part_of, silent


def test_a_part_fills_its_share_of_the_whole():
    seen = []
    stage = part_of(lambda fraction, message: seen.append((fraction, message)), 0.2, 0.6)
    stage(0.0, "start")
    stage(0.5, "half")
    stage(1.0, "end")
    assert seen == [(pytest.approx(0.2), "start"), (pytest.approx(0.4), "half"), (pytest.approx(0.6), "end")]


def test_a_cancel_passes_through_a_part():
    def cancelling(_fraction, _message):
        raise Cancelled

    with pytest.raises(Cancelled):
        part_of(cancelling, 0.0, 1.0)(0.5, "half")


def test_silent_takes_anything_and_returns_nothing():
    assert silent(0.5, "half") is None
