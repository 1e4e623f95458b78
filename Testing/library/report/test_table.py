import io

import pytest
from rich.console import Console

from CardioSAMLib.function import METRICS
from CardioSAMLib.report import Comparison, comparison_table, measurement_table
from CardioSAMLib.report.table import models_table


def printed(table, width=120) -> list[str]:
    text = io.StringIO()
    Console(file=text, width=width, color_system=None).print(table)
    return text.getvalue().splitlines()


def line_with(lines, words) -> str:
    (line,) = [line for line in lines if words in line]
    return line


def test_both_ventricles_stand_beside_the_title_and_the_unit(study):
    lines = printed(measurement_table(study))
    assert line_with(lines, "Ejection fraction").split() == ["Ejection", "fraction", "59.6", "52.8", "%"]
    assert line_with(lines, "Peak ejection rate").split()[3] == "432"
    for metric in METRICS:
        assert any(metric.title in line and metric.unit in line for line in lines)


def test_a_missing_value_is_a_dash_whose_letter_is_explained_below(bare_study):
    lines = printed(measurement_table(bare_study), width=80)
    assert line_with(lines, "End-diastolic volume  ").split() == ["End-diastolic", "volume", "3.4", "–", "a", "mL"]
    assert line_with(lines, "Ejection fraction").split() == ["Ejection", "fraction", "–", "b", "–", "a", "%"]
    assert [line.strip() for line in lines if line.strip().startswith(("a:", "b:"))] == [
        "a: not found",
        "b: one frame only",
    ]


def test_a_row_takes_one_line_of_a_terminal_of_80_columns(bare_study):
    lines = printed(measurement_table(bare_study), width=80)
    assert all(any(metric.title in line for line in lines) for metric in METRICS)


def test_square_brackets_of_a_title_are_text(make_study):
    assert any("[bold]Study[/x]" in line for line in printed(measurement_table(make_study(title="[bold]Study[/x]"))))


@pytest.mark.parametrize(
    ("comparison", "words"),
    [
        (Comparison("LV EDV", "mL", 1, 131.0, 130.0), ["131.0", "130.0", "+1.0", "(+0.8", "%)", "mL"]),
        (Comparison("LV EF", "%", 1, 58.5, 60.0), ["58.5", "60.0", "-1.5", "%"]),
        (Comparison("LV ESV", "mL", 1, None, 52.0), ["–", "52.0", "–", "mL"]),
    ],
)
def test_measured_stands_beside_true_with_the_difference(comparison, words):
    assert line_with(printed(comparison_table([comparison])), comparison.title).split()[2:] == words


def test_models_are_listed_with_size_license_and_accuracy(study):
    lines = " ".join(" ".join(printed(models_table([study.model]), width=200)).split())
    for words in ("some-net", "1.2 MB", "CC BY-NC-SA 4.0", "a made-up set", "Dice 0.912", "20 patients"):
        assert words in lines
