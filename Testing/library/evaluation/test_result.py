"""Claims about the folder of an evaluation: it is read as it was written, and says what it is not."""

import csv
import json

import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.result import SummaryTable, read_result, write_result
from CardioSAMLib.labels import Structure


def test_a_result_is_read_as_it_was_written(make_result, tmp_path):
    result = make_result(5, missed=((Structure.RV, next(iter(make_result(1).patients[0].volumes)).phase),))
    write_result(result, tmp_path / "out")
    assert read_result(tmp_path / "out") == result


def test_the_cases_have_the_columns_and_rows_that_others_rely_on(make_result, tmp_path):
    result = make_result(3)
    write_result(result, tmp_path)
    with (tmp_path / "cases.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:6] == ["patient", "group", "phase", "structure", "emptiness", "dice"]
    assert len(rows) == 3 * 2 * 3
    assert {(row["phase"], row["structure"]) for row in rows} == {
        (p, s) for p in ("ED", "ES") for s in ("LV", "MYO", "RV")
    }
    first = result.patients[0].volumes[0]
    assert float(rows[0]["dice"]) == first.values["dice"]


def test_the_summary_names_version_model_mode_and_counts(make_result, tmp_path):
    write_result(make_result(4, cautions=("Read this first.",)), tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert summary["schema"] == 1
    assert summary["mode"] == "corrected"
    assert summary["model"]["id"] == "some-net"
    assert summary["cautions"] == ["Read this first."]
    assert summary["counts"] == {
        "patients": 5,
        "scored": 4,
        "with_problems": 1,
        "problems": 1,
        "volumes": 24,
        "slices": 24,
    }
    assert summary["problems"][0]["code"] == "other_grid"
    assert 2.0 <= summary["resources"]["seconds_per_study_median"] <= 3.0


def test_files_of_others_are_written_with_it(make_result, tmp_path):
    paths = write_result(make_result(1), tmp_path, {"report.html": b"<html>"})
    assert (tmp_path / "report.html").read_bytes() == b"<html>"
    assert {path.name for path in paths} == {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("damage", ["missing", "no json", "other schema", "rows missing", "cut row"])
def test_a_folder_that_is_no_result_is_answered_with_one_sentence(make_result, tmp_path, damage):
    write_result(make_result(2), tmp_path)
    summary = tmp_path / "summary.json"
    if damage == "missing":
        summary.unlink()
    elif damage == "no json":
        summary.write_text("{")
    elif damage == "other schema":
        summary.write_text(json.dumps({**json.loads(summary.read_text()), "schema": 99}))
    elif damage == "rows missing":
        cases = tmp_path / "cases.csv"
        cases.write_text("".join(cases.read_text().splitlines(keepends=True)[:-1]))
    else:
        (tmp_path / "cases.csv").write_text("patient,group,phase,structure,emptiness,dice\na,NOR,XX,LV,,0.5\n")
    with pytest.raises(UnusableInput, match="evaluat"):
        read_result(tmp_path)


def test_a_table_whose_rows_do_not_fit_its_columns_cannot_be_made():
    with pytest.raises(ValueError, match="columns"):
        SummaryTable("key", "title", ("a", "b"), ((1,),))
