import json
import math

import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.progress import Cancelled
from CardioSAMLib.training.search import LOG, SEARCHERS, Outcome, best_of, search, searcher_named
from CardioSAMLib.training.search_space import Parameter, SearchSpace

SPACE = SearchSpace((Parameter("x", -5.0, 5.0), Parameter("rate", 1e-5, 1e-1, "log")))
WHAT = {"objective": "bowl"}


def bowl(values):
    """Highest, 0, at x = 1, rate = 1e-2."""
    return Outcome(-((values["x"] - 1.0) ** 2) - math.log10(values["rate"] / 1e-2) ** 2, {"x_too": values["x"]})


def made(name, seed=0):
    if name == "tpe":
        pytest.importorskip("optuna")
    return searcher_named(name, SPACE, seed)


def rows_of(folder):
    return [json.loads(line) for line in (folder / LOG).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("name", SEARCHERS)
class TestEverySearcher:
    def test_it_makes_as_many_evaluations_as_asked_for_and_keeps_each(self, name, tmp_path):
        found = search(made(name), bowl, 15, tmp_path, WHAT)
        first, *rows = rows_of(tmp_path)
        assert first == WHAT
        assert [row["number"] for row in rows] == list(range(15))
        assert [row["objective"] for row in rows] == [bowl(one.values).objective for one in found]
        assert rows[3]["details"] == {"x_too": rows[3]["values"]["x"]}

    def test_its_points_lie_within_the_bounds(self, name, tmp_path):
        for one in search(made(name), bowl, 30, tmp_path, WHAT):
            for parameter in SPACE.parameters:
                assert parameter.low <= one.values[parameter.name] <= parameter.high

    def test_a_search_that_is_stopped_and_goes_on_measures_the_same_points_as_an_unbroken_one(self, name, tmp_path):
        unbroken = search(made(name), bowl, 30, tmp_path / "unbroken", WHAT)

        measured = []

        def stopped(values):
            if len(measured) == 17:
                raise Cancelled
            measured.append(values)
            return bowl(values)

        with pytest.raises(Cancelled):
            search(made(name), stopped, 30, tmp_path / "stopped", WHAT)
        resumed = search(made(name), bowl, 30, tmp_path / "stopped", WHAT)
        assert [one.values for one in resumed] == [one.values for one in unbroken]
        assert len(rows_of(tmp_path / "stopped")) == 31

    def test_what_was_measured_is_not_measured_again(self, name, tmp_path):
        search(made(name), bowl, 10, tmp_path, WHAT)
        calls = []
        search(made(name), lambda values: calls.append(values) or bowl(values), 14, tmp_path, WHAT)
        assert len(calls) == 4

    def test_the_seed_decides_the_points(self, name, tmp_path):
        points = [
            [one.values for one in search(made(name, seed), bowl, 14, tmp_path / str(number), WHAT)]
            for number, seed in enumerate((1, 1, 2))
        ]
        assert points[0] == points[1]
        assert points[0] != points[2]

    def test_it_goes_on_after_points_of_no_use_and_when_it_resumes(self, name, tmp_path):
        def half(values):
            return bowl(values) if values["x"] < 0 else Outcome(math.nan)

        found = search(made(name), half, 25, tmp_path / "a", WHAT)
        search(made(name), half, 20, tmp_path / "b", WHAT)
        resumed = search(made(name), half, 25, tmp_path / "b", WHAT)
        assert [one.values for one in found] == [one.values for one in resumed]
        assert {one.objective is None for one in found} == {True, False}
        assert best_of(found).values["x"] < 0


def test_the_swarm_finds_a_better_point_of_a_bowl_than_random_search_in_most_of_ten_runs(tmp_path):
    better = 0
    for seed in range(10):
        found = {
            name: best_of(search(made(name, seed), bowl, 96, tmp_path / f"{name}{seed}", WHAT)).objective
            for name in ("pso", "random")
        }
        better += found["pso"] > found["random"]
    assert better >= 8


def test_a_line_that_a_kill_has_cut_off_is_measured_again(tmp_path):
    unbroken = search(made("pso"), bowl, 12, tmp_path, WHAT)
    content = (tmp_path / LOG).read_bytes()
    (tmp_path / LOG).write_bytes(content[:-20])
    resumed = search(made("pso"), bowl, 12, tmp_path, WHAT)
    assert [one.values for one in resumed] == [one.values for one in unbroken]
    assert len(rows_of(tmp_path)) == 13


def test_a_log_cut_off_in_its_first_line_is_begun_anew(tmp_path):
    (tmp_path / LOG).write_text('{"objec', encoding="utf-8")
    search(made("random"), bowl, 2, tmp_path, WHAT)
    assert len(rows_of(tmp_path)) == 3


def test_the_log_of_another_objective_is_refused(tmp_path):
    search(made("random"), bowl, 2, tmp_path, WHAT)
    with pytest.raises(UnusableInput, match="another search"):
        search(made("random"), bowl, 3, tmp_path, {"objective": "another"})


def test_a_log_whose_points_this_searcher_would_not_ask_for_is_refused(tmp_path):
    search(made("random", 1), bowl, 2, tmp_path, WHAT)
    with pytest.raises(UnusableInput, match="another version"):
        search(made("random", 2), bowl, 3, tmp_path, WHAT)


def test_a_file_that_is_no_log_is_refused(tmp_path):
    (tmp_path / LOG).write_text(json.dumps(WHAT) + "\nhello\n", encoding="utf-8")
    with pytest.raises(UnusableInput, match="not the log"):
        search(made("random"), bowl, 3, tmp_path, WHAT)


def test_an_unknown_searcher_is_refused_with_the_names_of_those_there_are():
    with pytest.raises(UnusableInput, match="pso, random, tpe"):
        searcher_named("grid", SPACE, 0)


def test_where_no_point_was_of_use_there_is_no_best(tmp_path):
    assert best_of(search(made("random"), lambda _: Outcome(math.nan), 3, tmp_path, WHAT)) is None
