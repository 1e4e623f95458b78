import math

import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.training.search_space import Parameter, SearchSpace


def test_half_of_the_way_on_a_linear_scale_is_the_mean_of_the_bounds():
    assert Parameter("weight", 0.0, 4.0).value_at(0.5) == 2.0


def test_half_of_the_way_on_a_log_scale_is_the_geometric_mean_of_the_bounds():
    assert Parameter("rate", 1e-5, 1e-3, "log").value_at(0.5) == pytest.approx(1e-4, rel=1e-12)


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_the_ends_of_the_way_are_exactly_the_bounds(scale):
    parameter = Parameter("rate", 1e-5, 1e-3, scale)
    assert (parameter.value_at(0.0), parameter.value_at(1.0)) == (1e-5, 1e-3)


def test_a_position_gives_each_parameter_its_value_in_order():
    space = SearchSpace((Parameter("a", 0.0, 10.0), Parameter("b", 1.0, 100.0, "log")))
    assert space.values_at([0.1, 0.5]) == {"a": pytest.approx(1.0), "b": pytest.approx(10.0)}


@pytest.mark.parametrize(
    ("low", "high", "scale", "word"),
    [
        (1.0, 1.0, "linear", "lower low"),
        (2.0, 1.0, "linear", "lower low"),
        (0.0, math.inf, "linear", "lower low"),
        (0.0, 1.0, "log", "above 0"),
        (0.0, 1.0, "cubic", "linear or log"),
    ],
)
def test_a_parameter_without_a_range_on_its_scale_is_refused(low, high, scale, word):
    with pytest.raises(UnusableInput, match=word):
        Parameter("theta", low, high, scale)


@pytest.mark.parametrize("names", [[], ["a", "a"]])
def test_a_space_needs_parameters_with_names_of_their_own(names):
    with pytest.raises(UnusableInput, match="name of its own"):
        SearchSpace(tuple(Parameter(name, 0.0, 1.0) for name in names))
