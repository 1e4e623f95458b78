"""Claims about dividing patients: nobody is in two parts, groups are divided equally, a seed decides."""

import json
from collections import Counter

import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.protocols.splits import Split, check_disjoint, read_split, stratified_parts

GROUPS = {f"p{number:02d}": "ABC"[number % 3] for number in range(30)}


def test_a_patient_in_two_parts_is_named():
    with pytest.raises(UnusableInput, match="p07 in training and validation"):
        Split(("p01", "p07"), ("p07",))


def test_a_patient_twice_in_one_part_is_refused():
    with pytest.raises(UnusableInput, match="p01"):
        check_disjoint({"test": ("p01", "p01")})


def test_parts_hold_everybody_once_and_every_group_in_proportion():
    parts = stratified_parts(GROUPS, (24, 3, 3), seed=5)
    assert sorted(name for part in parts for name in part) == sorted(GROUPS)
    assert [Counter(GROUPS[name] for name in part) for part in parts] == [
        {"A": 8, "B": 8, "C": 8},
        {"A": 1, "B": 1, "C": 1},
        {"A": 1, "B": 1, "C": 1},
    ]


def test_the_seed_decides_and_the_order_of_the_patients_does_not():
    backward = dict(reversed(GROUPS.items()))
    assert stratified_parts(GROUPS, (24, 6), 1) == stratified_parts(backward, (24, 6), 1)
    assert stratified_parts(GROUPS, (24, 6), 1) != stratified_parts(GROUPS, (24, 6), 2)


@pytest.mark.parametrize("sizes", [(24, 7), (25, 5)], ids=["other number", "groups that do not divide"])
def test_sizes_that_do_not_fit_are_refused(sizes):
    with pytest.raises(UnusableInput):
        stratified_parts(GROUPS, sizes, 0)


def test_a_split_file_with_a_patient_in_both_parts_says_so(tmp_path):
    path = tmp_path / "split.json"
    path.write_text(json.dumps({"train": ["a", "b"], "validation": ["b"]}))
    with pytest.raises(UnusableInput, match="b in training and validation"):
        read_split(path)


def test_a_fold_trains_on_the_patients_of_the_others(tmp_path):
    path = tmp_path / "folds.json"
    path.write_text(json.dumps({"folds": [["a", "b"], ["c"], ["d"]]}))
    assert read_split(path, 2) == Split(("a", "b", "d"), ("c",))


@pytest.mark.parametrize("fold", [None, 0, 4])
def test_of_several_folds_one_that_exists_must_be_named(fold, tmp_path):
    path = tmp_path / "folds.json"
    path.write_text(json.dumps({"folds": [["a", "b"], ["c"], ["d"]]}))
    with pytest.raises(UnusableInput, match=r"has 3 folds.*say which, 1 to 3"):
        read_split(path, fold)
