"""Claims about the named protocols, walked over the registry, and that training cannot see a test set."""

import ast
import json
from dataclasses import fields
from pathlib import Path

import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.protocols.named import PROTOCOLS, Division, Part, find_protocol, read_division
from CardioSAMLib.evaluation.protocols.splits import Split

LIBRARY = Path(__file__).resolve().parents[4] / "CardioSAMLib"


def acdc_groups():
    """ACDC has 30 patients in each of five groups; which number has which group does not matter here."""
    return {f"patient{number:03d}": ("DCM", "HCM", "MINF", "NOR", "RV")[number % 5] for number in range(1, 151)}


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
def test_every_protocol_keeps_its_parts_apart(protocol):
    division = protocol.divide(acdc_groups)
    assert division.name == protocol.name
    assert division.folds
    for fold in division.folds:
        parts = [set(fold.train), set(fold.validation), set(division.test)]
        assert len(set.union(*parts)) == sum(map(len, parts))
        assert set.union(*parts) <= set(acdc_groups())


def test_the_official_division_trains_on_100_and_tests_on_50():
    division = find_protocol("acdc-official").divide(acdc_groups)
    assert division.patients(Part.test) == tuple(f"patient{number}" for number in range(101, 151))
    assert len(division.folds[0].train) == 100
    with pytest.raises(UnusableInput, match="no validation patients; choose another --part: test, all"):
        division.patients(Part.validation)


def test_five_folds_validate_each_of_the_100_training_patients_once():
    division = find_protocol("cv5").divide(acdc_groups)
    assert [len(fold.validation) for fold in division.folds] == [20] * 5
    assert division.patients(Part.validation) == tuple(f"patient{number:03d}" for number in range(1, 101))
    fold_of = division.fold_of()
    assert all(name in division.folds[fold - 1].validation for name, fold in fold_of.items())


def test_the_default_models_validation_patients_are_one_fold_of_the_five():
    """So that its figures stand for that fold of a cross-validation."""
    default = find_protocol("train80-validation20").divide(acdc_groups)
    folds = find_protocol("cv5").divide(acdc_groups).folds
    assert set(default.folds[0].validation) in [set(fold.validation) for fold in folds]


def test_120_15_15_takes_three_of_every_group_to_validate_and_to_test():
    division = find_protocol("jain-120-15-15").divide(acdc_groups)
    groups = acdc_groups()
    for part in (division.folds[0].validation, division.test):
        assert sorted(groups[name] for name in part) == sorted(["DCM", "HCM", "MINF", "NOR", "RV"] * 3)
    assert division.seed == 0


def test_120_15_15_of_fewer_patients_is_refused():
    with pytest.raises(UnusableInput, match="150"):
        find_protocol("jain-120-15-15").divide(lambda: {"patient001": "DCM"})


def test_an_unknown_protocol_is_answered_with_the_known_ones():
    with pytest.raises(UnusableInput, match="cv5"):
        find_protocol("cv10")


def test_a_file_with_folds_makes_training_patients_of_the_other_folds(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"seed": 3, "folds": [["a"], ["b", "c"]], "test": ["d"]}))
    division = read_division(path)
    assert division.folds == (Split(("b", "c"), ("a",)), Split(("a",), ("b", "c")))
    assert (division.name, division.seed, division.test) == ("mine", 3, ("d",))


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", "{}", '{"train": 3, "validation": []}', '{"train": "patient001", "validation": []}'),
        *('{"folds": ["patient001"]}', '{"folds": [[1], [2]]}'),
        *('{"folds": [["a"], ["b"]], "note": 5}', '{"folds": [["a"], ["b"]], "seed": "x"}'),
    ],
)
def test_a_file_that_is_no_split_is_named(tmp_path, content):
    path = tmp_path / "split.json"
    path.write_text(content)
    with pytest.raises(UnusableInput, match="is not a split"):
        read_division(path)


def test_a_test_patient_in_a_fold_is_refused():
    with pytest.raises(UnusableInput, match="b in validation and test"):
        Division("leaky", (Split(("a",), ("b",)),), ("b",))


def test_two_folds_that_validate_one_patient_are_refused():
    with pytest.raises(UnusableInput, match="fold 1 and fold 2"):
        Division("twice", (Split(("a",), ("b",)), Split(("c",), ("b",))))


def test_what_training_takes_has_no_test_patients():
    assert [field.name for field in fields(Split)] == ["train", "validation"]


def test_no_code_that_trains_imports_what_names_test_patients():
    for path in (path for room in ("training", "training_run") for path in (LIBRARY / room).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert "CardioSAMLib.evaluation.protocols.named" not in names, path.name
