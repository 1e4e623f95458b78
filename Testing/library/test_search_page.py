"""Claims about the comparison of searchers, from evaluations made up here."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from CardioSAMLib.training.search import LOG, Evaluation
from CardioSAMLib.training.short_training import SPACE

SCRIPTS = Path(__file__).resolve().parents[2] / "docs" / "scripts"
WHAT = {
    "configuration": {"steps": 10, "batch": 4, "size_px": 96, "network": {"options": {"widths": [16, 8, 8, 8]}}},
    "encoder": {"name": "an-encoder"},
    "train": ["a", "b"],
    "validation": ["c"],
}


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import compare_searchers

    yield compare_searchers
    del sys.modules["compare_searchers"]


@pytest.fixture
def section(script):
    """Of what the script has collected, as it comes back from its JSON file."""
    from validation_search import search_section

    return lambda out: " ".join(search_section(json.loads(json.dumps(script.collected(out)))).split())


def log(out, name, objectives):
    """A search whose evaluations had these objectives."""
    (out / name).mkdir(parents=True)
    values = SPACE.values_at([0.5] * len(SPACE))
    rows = [
        asdict(Evaluation(number, values, objective, {"dice": 0.5, "hd95_mm": 12.0}, 9.0))
        for number, objective in enumerate(objectives)
    ]
    (out / name / LOG).write_text("".join(json.dumps(row) + "\n" for row in (WHAT, *rows)), encoding="utf-8")


@pytest.fixture
def out(tmp_path):
    """Random search is four evaluations ahead of the others."""
    log(tmp_path, "published-0", [0.1])
    log(tmp_path, "pso-0", [*[0.2] * 11, 0.3, 0.4, 0.1])
    log(tmp_path, "random-0", [*[0.2] * 14, 0.9, 0.9, 0.9, 0.9])
    log(tmp_path, "tpe-0", [None, 0.5, *[-0.2] * 12])
    return tmp_path


def test_only_as_many_evaluations_count_as_every_searcher_has_made(script, out):
    result = script.collected(out)
    assert result["evaluations_by_seed"] == [14]
    assert result["searchers"]["random"]["best_after"] == {"12": [0.2], "14": [0.2]}
    assert result["best"]["objective"] == 0.5


def test_the_best_after_a_budget_is_that_of_its_evaluations(script, out):
    assert script.collected(out)["searchers"]["pso"]["best_after"] == {"12": [0.3], "14": [0.4]}


def test_a_training_without_an_objective_is_counted_as_below_zero(script, out):
    assert script.collected(out)["below_zero_share"] == pytest.approx(13 / 42)


def test_the_page_says_the_budget_that_was_had_and_that_one_seed_says_little(section, out):
    page = section(out)
    assert "14 evaluations of each searcher; the published budget is 96. One seed" in page
    assert "| particle swarm | 0.300 | 0.400 | 0.200 |" in page
    assert "learning_rate = 0.0001" in page


def test_several_seeds_are_told_by_their_mean_and_spread(section, out):
    for name in ("pso", "random", "tpe"):
        log(out, f"{name}-1", [0.1] * 14)
    page = section(out)
    assert "14 and 14 evaluations of each searcher" in page
    assert "| particle swarm | 0.200 (0.100 to 0.300) | 0.250 (0.100 to 0.400) |" in page


def test_a_comparison_in_which_a_searcher_is_missing_is_no_page_yet(script, tmp_path):
    log(tmp_path, "published-0", [0.1])
    log(tmp_path, "pso-0", [0.1])
    with pytest.raises(SystemExit, match="give the command again"):
        script.collected(tmp_path)
