"""The page of a comparison, parsed as a browser does."""

import pytest

from CardioSAMLib.evaluation.comparison_html import comparison_html
from CardioSAMLib.evaluation.metrics import METRICS, STUDY_METRICS
from CardioSAMLib.evaluation.model_comparison import compare_results
from CardioSAMLib.evaluation.resources_table import RESOURCE_ROWS


@pytest.fixture(scope="module")
def page_of(read_page):
    return lambda a, b: read_page(comparison_html(compare_results(a, b, ("one", "two"))))


@pytest.fixture(scope="module")
def page(make_result, page_of):
    small = make_result(5, seed=2, resources={"parameters": 7_700_000.0})
    return page_of(make_result(7), small)


def test_every_element_is_closed_and_nothing_is_loaded(page):
    assert page.open == []
    assert page.all_of("script") == []
    assert all(image["src"].startswith("data:") for image in page.all_of("img"))


def test_both_sides_their_patients_and_the_purpose_are_said(page):
    for words in (
        "one: Some network (some-net) version 7",
        "two: Some network (some-net) version 7",
        "5 in both; left out, as they are in A only: patient005, patient006",
        "Research use only. Not a medical device.",
    ):
        assert words in page.text


def test_every_metric_has_a_table_with_tests(page):
    tables = [table for table in page.tables if table[0][:2] == ["Structure", "Frame"]]
    assert len(tables) == len(METRICS)
    assert {len(table) - 1 for table in tables} == {7, 6}  # signed errors have no mean over the structures
    assert all(row[-1] in ("A", "B", "not shown") for table in tables for row in table[1:])


def test_every_measurement_has_both_bland_altman_plots_side_by_side(page):
    plots = [image["alt"] for image in page.all_of("img") if "Bland-Altman" in image["alt"]]
    assert plots == [f"Bland-Altman plot of {metric.title}, {side}" for metric in STUDY_METRICS for side in "AB"]


def test_results_that_are_not_ranked_have_no_p_and_no_picture_of_differences(make_result, page_of):
    page = page_of(make_result(6), make_result(6, seed=2, prompt_source="reference"))
    assert "the two stand side by side without a test" in page.text
    for table in page.tables:
        if table[0][-1] == "Better":
            assert {row[-1] for row in table[1:]} == {"not tested"}
            assert {cell for row in table[1:] for cell in row[-7:-1]} == {"–"}
    assert not any("differences" in image["alt"] for image in page.all_of("img"))


def test_resources_have_a_row_each_and_a_dash_where_the_result_does_not_say(page):
    rows = page.table_of("", "A", "B")
    assert len(rows) == len(RESOURCE_ROWS)
    assert rows[0] == ["Parameters", "–", "7,700,000"]
    assert rows[-1] == ["Prompting per study (min)", "0.00", "0.00"]
