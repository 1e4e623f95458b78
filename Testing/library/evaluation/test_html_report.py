"""The report is read here as a browser reads it: parsed, then looked at."""

import re
import statistics

import pytest

from CardioSAMLib import __version__
from CardioSAMLib.evaluation.html_report import html_report
from CardioSAMLib.evaluation.metrics import METRICS, STUDY_METRICS
from CardioSAMLib.evaluation.patient_values import patient_values, worst_patients
from CardioSAMLib.evaluation.result import SummaryTable
from CardioSAMLib.evaluation.scores import Phase
from CardioSAMLib.labels import Structure

PNG = b"\x89PNG not looked into"
HOSTILE = '<script>alert("x")</script> & Grüße 心臓 $title ${main}'


@pytest.fixture(scope="module")
def page_of(read_page):
    return lambda result, pictures=None: read_page(html_report(result, pictures or {}))


@pytest.fixture(scope="module")
def result(make_result):
    return make_result(20)


@pytest.fixture(scope="module")
def html(result):
    return html_report(result, {"patient000": PNG})


@pytest.fixture(scope="module")
def page(html, read_page):
    return read_page(html)


def test_every_element_is_closed(page):
    assert page.open == []


def test_what_was_evaluated_by_whom_and_for_what_is_said(page):
    for words in (
        "A made-up set",
        "Some network (some-net) version 7",
        "ab" * 32,
        "acdc-official, part test, corrected mode",
        "20 of 21 scored (120 volumes), 1 with problems",
        "automatic: the model locates the heart",
        "Research use only. Not a medical device.",
        f"CardioSAM {__version__}",
    ):
        assert words in page.text


def test_cautions_stand_before_the_first_number(make_result, page_of):
    text = page_of(make_result(2, cautions=("12 of 20 patients were used to train this model.",))).text
    assert text.index("12 of 20 patients were used") < text.index("mean of structures and frames")


def test_the_main_table_has_mean_deviation_and_median_of_every_structure_and_frame(result, page):
    rows = page.table_of("Structure", "Frame", "n", "Dice")
    assert [row[:3] for row in rows] == [
        [structure, frame, "20"] for structure in ("LV", "MYO", "RV") for frame in ("ED", "ES")
    ]
    dice = list(patient_values(result.scored, "dice", Structure.RV, Phase.ES).values())
    expected = f"{statistics.fmean(dice):.3f} ± {statistics.stdev(dice):.3f}|{statistics.median(dice):.3f}"
    assert rows[-1][3] == expected


def test_a_missed_structure_counts_in_the_mean_and_is_listed(make_result, page_of):
    page = page_of(make_result(2, missed=[(Structure.RV, Phase.ES)]))
    (row,) = [row for row in page.table_of("Structure", "Frame", "n", "Dice") if row[:2] == ["RV", "ES"]]
    assert float(row[3][:5]) < 0.6  # the mean of 0 and about 0.9
    assert page.table_of("Patient", "Structure", "Frame") == [
        ["patient000", "RV", "ES", "missed: in the reference, not in the prediction"]
    ]


def test_every_measurement_has_its_bland_altman_plot(page):
    described = [image["alt"] for image in page.all_of("img")]
    for metric in STUDY_METRICS:
        assert f"Bland-Altman plot of {metric.title}" in described


def test_two_patients_have_no_such_plots_and_the_page_says_why(make_result, page_of):
    page = page_of(make_result(2))
    assert not any("Bland-Altman" in image["alt"] for image in page.all_of("img"))
    assert "No plot, for lack of patients: LV end-diastolic volume" in page.text


def test_every_metric_is_defined(page):
    for metric in METRICS:
        assert metric.definition in page.text


def test_worst_cases_come_worst_first_with_their_dice(result, page_of):
    worst = worst_patients(result.scored, 3)
    page = page_of(result, {name: PNG for name, _ in reversed(worst)})
    shown = [image["alt"] for image in page.all_of("img") if image["alt"].startswith("Contours of")]
    assert shown == [f"Contours of {name}" for name, _ in worst]
    for name, dice in worst:
        assert re.search(rf"{name} \(\w+\): mean Dice {dice:.3f}", page.text)


def test_problems_are_named(page):
    assert page.table_of("Patient", "Kind") == [
        ["patient999", "other grid", "The prediction has 9 slices and the reference 10."]
    ]


def test_an_evaluation_of_problems_only_still_makes_a_page(make_result, page_of):
    page = page_of(make_result(0))
    assert "0 of 1 scored" in page.text
    assert page.all_of("img") == []


def test_summary_tables_have_the_digits_of_their_units_and_a_dash_for_nothing(page):
    rows = page.table_of("Group", "n")
    assert rows == [["DCM", "4", "0.912", "4.57", "−1.3"], ["HCM", "4", "0.900", "–", "2.0"]]


def test_long_tables_are_folded_up(make_result, page_of):
    long = SummaryTable("t", "A long one", ("number",), tuple((number,) for number in range(60)))
    page = page_of(make_result(1, tables=(long,)))
    assert len(page.all_of("details")) == 1
    assert len(page.table_of("number")) == 60


def test_text_is_escaped_and_of_any_language(make_result, page_of):
    page = page_of(make_result(1, name=HOSTILE, cautions=(HOSTILE,), model={"title": HOSTILE}))
    assert page.all_of("script") == []
    assert page.text.count(HOSTILE) >= 4  # title of the window, heading, model, caution


def test_nothing_is_loaded_from_elsewhere(html, page):
    bare = re.sub(r"base64,[A-Za-z0-9+/=]*", "", html)
    assert re.findall(r"""(?:https?:)?//[^\s"']*|@import|url\(""", bare) == []
    for image in page.all_of("img"):
        assert image["src"].startswith("data:")


def test_equal_results_are_equal_files(result, html):
    assert html_report(result, {"patient000": PNG}) == html
