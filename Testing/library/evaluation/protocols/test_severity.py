"""Claims about classes of ejection fractions (EACVI 2019: >= 57, 41-56, 30-40, < 30)."""

import pytest

from CardioSAMLib.evaluation.protocols.severity import severity_of


@pytest.mark.parametrize(
    ("ef_percent", "name"),
    [
        (75.0, "normal"),
        (57.0, "normal"),
        (56.5, "normal"),
        (56.49, "mild"),
        (41.0, "mild"),
        (40.5, "mild"),
        (40.49, "moderate"),
        (30.0, "moderate"),
        (29.5, "moderate"),
        (29.49, "severe"),
        (0.0, "severe"),
        (-3.0, "severe"),
    ],
)
def test_an_ejection_fraction_is_rounded_to_whole_percent_and_classed(ef_percent, name):
    assert severity_of(ef_percent).name == name
