"""Claims about the demonstration: it measures the phantom right, and the README shows what it prints."""

import re
from pathlib import Path

import pytest

from CardioSAMLib.demo import run_demo

README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    return run_demo(tmp_path_factory.mktemp("demo"))


def test_ejection_fractions_are_within_3_points_and_volumes_within_5_percent(measured):
    values = {row.title: row for row in measured.comparisons}
    for side in ("LV", "RV"):
        fraction, volume = values[f"{side} ejection fraction"], values[f"{side} end-diastolic volume"]
        assert fraction.measured == pytest.approx(fraction.true, abs=3.0)
        assert volume.measured == pytest.approx(volume.true, rel=0.05)
    assert measured.report.is_file()


def test_the_readme_shows_what_it_prints(measured):
    """But for what the last digits of another processor may be."""
    shown = README.read_text(encoding="utf-8")
    for row in measured.comparisons:
        [numbers] = re.findall(rf"^{row.title} +([0-9.]+) +([0-9.]+)", shown, re.MULTILINE)
        assert [float(number) for number in numbers] == pytest.approx([row.measured, row.true], abs=0.15)
