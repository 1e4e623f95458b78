import math
from types import SimpleNamespace

import numpy as np
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.training.search_space import Parameter, SearchSpace
from CardioSAMLib.training.swarm import LARGEST_STEP, Swarm

BOWL = SearchSpace((Parameter("x", -5.0, 5.0), Parameter("y", -5.0, 5.0), Parameter("rate", 1e-5, 1e-1, "log")))


def bowl(values):
    """Highest, 0, at x = 1, y = -2, rate = 1e-2."""
    return -((values["x"] - 1.0) ** 2) - (values["y"] + 2.0) ** 2 - math.log10(values["rate"] / 1e-2) ** 2


def follow(swarm, objective, times):
    asked = []
    for _ in range(times):
        values = swarm.ask()
        swarm.tell(values, objective(values))
        asked.append(values)
    return asked


@pytest.mark.parametrize("seed", range(5))
def test_it_comes_closer_to_the_optimum_of_a_bowl_than_its_first_generation(seed):
    asked = follow(Swarm(BOWL, seed), bowl, 12 * 60)
    first, found = max(map(bowl, asked[:12])), max(map(bowl, asked))
    assert found > first
    assert found > -1e-2


def test_it_maximizes():
    swarm = Swarm(SearchSpace((Parameter("x", 0.0, 1.0),)), seed=0)
    asked = [values["x"] for values in follow(swarm, lambda values: values["x"], 12 * 10)]
    assert max(asked) > 0.99
    assert np.mean(asked[-12:]) > np.mean(asked[:12])


def test_every_point_that_it_asks_for_lies_within_the_bounds_even_if_the_optimum_is_at_a_corner():
    swarm = Swarm(BOWL, seed=1)
    for values in follow(swarm, lambda values: values["x"] + values["y"] - values["rate"], 12 * 40):
        for parameter in BOWL.parameters:
            assert parameter.low <= values[parameter.name] <= parameter.high


def test_no_particle_moves_by_more_than_half_of_the_range():
    swarm = Swarm(BOWL, seed=2)
    steps = []
    for _ in range(20):
        before = swarm.positions.copy()
        follow(swarm, bowl, 12)
        steps.append(np.abs(swarm.positions - before).max())
        assert np.abs(swarm.velocities).max() <= LARGEST_STEP
    assert max(steps) <= LARGEST_STEP
    assert LARGEST_STEP == 0.5


def test_a_particle_keeps_some_velocity_and_is_drawn_to_its_own_best_point_and_to_that_of_all(monkeypatch):
    """.729 * .1 + 1.494 * .5 * (.6 - .5) + 1.494 * .25 * (.2 - .5) = .03555; the other rests at the best point."""
    swarm = Swarm(SearchSpace((Parameter("x", 0.0, 1.0),)), seed=0, particles=2)
    swarm.positions, swarm.best_positions = np.array([[0.5], [0.2]]), np.array([[0.6], [0.2]])
    swarm.velocities, swarm.best_objectives = np.array([[0.1], [0.0]]), np.array([1.0, 2.0])
    drawn = np.array([[[0.5], [0.5]], [[0.25], [0.25]]])
    monkeypatch.setattr(np.random, "default_rng", lambda _: SimpleNamespace(random=lambda _: drawn))
    follow(swarm, lambda _: 0.0, 2)
    assert swarm.velocities.ravel().tolist() == pytest.approx([0.03555, 0.0])
    assert swarm.positions.ravel().tolist() == pytest.approx([0.53555, 0.2])


def test_a_particle_that_would_leave_is_thrown_back_from_the_wall():
    """One particle that is its own best and that of all feels its inertia only: .9 + .729 * .2 = 1.0458, so .9542."""
    swarm = Swarm(SearchSpace((Parameter("x", 0.0, 1.0),)), seed=0, particles=1)
    swarm.positions[:] = 0.9
    swarm.velocities[:] = 0.2
    follow(swarm, lambda _: 1.0, 1)
    assert swarm.positions.item() == pytest.approx(0.9542)
    assert swarm.velocities.item() == pytest.approx(-0.1458)


def test_a_particle_that_would_leave_below_is_thrown_back_upwards():
    swarm = Swarm(SearchSpace((Parameter("x", 0.0, 1.0),)), seed=0, particles=1)
    swarm.positions[:] = 0.1
    swarm.velocities[:] = -0.2
    follow(swarm, lambda _: 1.0, 1)
    assert swarm.positions.item() == pytest.approx(0.0458)
    assert swarm.velocities.item() == pytest.approx(0.1458)


def test_the_first_generation_of_a_log_scale_is_spread_over_the_orders_of_magnitude():
    asked = follow(Swarm(BOWL, seed=0, particles=400), bowl, 400)
    below = np.mean([values["rate"] < 1e-3 for values in asked])  # the middle of 1e-5 to 1e-1
    assert below == pytest.approx(0.5, abs=0.1)


def test_the_same_seed_asks_for_the_same_points_and_another_for_others():
    asked = [follow(Swarm(BOWL, seed), bowl, 40) for seed in (3, 3, 4)]
    assert asked[0] == asked[1]
    assert asked[0] != asked[2]


def test_asking_twice_gives_the_same_point():
    swarm = Swarm(BOWL, seed=0)
    assert swarm.ask() == swarm.ask()


@pytest.mark.parametrize("told", [0, 7, 12, 31])
@pytest.mark.parametrize("objective", [bowl, lambda _: math.nan], ids=["of use", "of no use"])
def test_a_swarm_that_is_told_what_another_was_told_goes_on_as_that_one(told, objective):
    unbroken, resumed = Swarm(BOWL, seed=5), Swarm(BOWL, seed=5)
    for values in follow(unbroken, objective, told):
        resumed.tell(values, objective(values))
    assert follow(resumed, bowl, 40) == follow(unbroken, bowl, 40)


def test_being_told_of_a_point_that_was_not_asked_for_is_refused():
    swarm = Swarm(BOWL, seed=0)
    with pytest.raises(UnusableInput, match="has not asked for"):
        swarm.tell({**swarm.ask(), "x": 0.123}, 1.0)


def test_being_told_of_the_same_point_twice_is_refused():
    swarm = Swarm(BOWL, seed=0)
    values = swarm.ask()
    swarm.tell(values, 1.0)
    with pytest.raises(UnusableInput, match="has not asked for"):
        swarm.tell(values, 1.0)


@pytest.mark.parametrize("useless", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_counts_as_worst(useless):
    """Half of the space is of no use: the swarm must leave it and find the best of the other half."""
    asked = follow(Swarm(BOWL, seed=0), lambda values: bowl(values) if values["x"] < 2.0 else useless, 12 * 30)
    assert bowl(max(asked[-12:], key=bowl)) > -1e-2
    assert all(values["x"] < 2.0 for values in asked[-12:])


def test_a_swarm_that_found_nothing_of_use_goes_on():
    asked = follow(Swarm(BOWL, seed=0), lambda _: math.nan, 12 * 5)
    assert len({tuple(values.values()) for values in asked}) == 12 * 5


def test_a_swarm_without_particles_is_refused():
    with pytest.raises(UnusableInput, match="one or more"):
        Swarm(BOWL, seed=0, particles=0)
