"""What results cost, against the arithmetic of the paper that timed its prompts (Ferreira and Arnaout 2023)."""

import pytest

from CardioSAMLib.evaluation.resources_table import MEASURED_PROMPTING, resources_of


def test_the_boxes_of_one_echocardiogram_take_the_published_two_and_a_half_minutes():
    # 3 h + 1.1 h = 246 min for 100 echocardiograms, which had 1,350 masks.
    assert MEASURED_PROMPTING.minutes(1350 / 100) == pytest.approx(2.46)


def test_automatic_contours_take_no_prompts(make_result):
    resources = resources_of(make_result(prompt_source="automatic"))
    assert (resources.prompts_per_study, resources.prompting_minutes) == (0.0, 0.0)


def test_prompts_that_a_result_counts_are_turned_into_minutes(make_result):
    result = make_result(prompt_source="reference", resources={"prompts_per_study": 27.0})
    assert resources_of(result).prompting_minutes == pytest.approx(2 * 2.46)


def test_prompts_that_a_result_does_not_count_are_not_guessed(make_result):
    resources = resources_of(make_result(prompt_source="unknown", resources={}))
    assert (resources.prompts_per_study, resources.prompting_minutes) == (None, None)


def test_sizes_are_in_the_units_of_their_names(make_result):
    resources = resources_of(make_result(resources={"model_bytes": 93_000_000.0, "parameters": 7.7e6}))
    assert (resources.file_mb, resources.parameters, resources.peak_memory_mb) == (93.0, 7_700_000, None)
