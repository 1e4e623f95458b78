"""Claims about pairs of values: what is left out, what is refused, what counts as equal."""

import numpy as np
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.pairs import all_equal, complete_pairs, present


def test_pairs_with_a_missing_value_are_dropped_and_counted():
    pairs = complete_pairs([1.0, None, 3.0, 4.0, 5.0], [1.5, 2.0, None, 4.5, 5.5])
    assert pairs.first.tolist() == [1.0, 4.0, 5.0]
    assert pairs.second.tolist() == [1.5, 4.5, 5.5]
    assert pairs.dropped == 2


def test_arrays_are_taken_like_lists():
    assert complete_pairs(np.arange(4.0), np.ones(4)).differences.tolist() == [-1.0, 0.0, 1.0, 2.0]


def test_differences_by_rounding_only_are_zero():
    assert complete_pairs([0.1 + 0.2, 1.0, 2.0], [0.3, 1.0, 1.5]).differences.tolist() == [0.0, 0.0, 0.5]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_nan_and_infinity_are_refused(bad):
    with pytest.raises(UnusableInput, match="None where"):
        complete_pairs([1.0, 2.0, bad], [1.0, 2.0, 3.0])
    with pytest.raises(UnusableInput, match="None where"):
        present([bad])


def test_lists_of_different_length_are_refused_with_both_lengths():
    with pytest.raises(UnusableInput, match="3 and 4 values"):
        complete_pairs([1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0])


def test_two_complete_pairs_are_too_few_and_the_message_counts_them():
    with pytest.raises(UnusableInput, match="Of 3 patients 2 have both values"):
        complete_pairs([1.0, 2.0, None], [1.0, 2.0, 3.0])


def test_equal_means_equal_but_for_rounding():
    assert all_equal(np.array([0.3, 0.1 + 0.2]))
    assert not all_equal(np.array([0.3, 0.3001]))
    assert all_equal(np.array([100.3 - 100.0, 200.3 - 200.0]), scale=200.3)
