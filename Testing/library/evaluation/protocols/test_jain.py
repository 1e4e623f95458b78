"""Claims about the tables of Jain 2026: ours beside the published, each with its caveat."""

import json

import pytest

from CardioSAMLib.evaluation.patient_values import patient_values
from CardioSAMLib.evaluation.protocols.jain import THIS_RUN, jain_tables
from CardioSAMLib.resources import resources_dir

KEYS = ("jain_table_1", "jain_table_4", "jain_table_7", "jain_table_8")


@pytest.fixture(scope="module")
def published():
    return json.loads((resources_dir() / "published" / "jain_2026.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def patients(request):
    return request.getfixturevalue("make_result")(20).patients


@pytest.fixture(scope="module")
def tables(patients):
    return {table.key: table for table in jain_tables(patients, "our net", 2.2e6)}


@pytest.mark.parametrize("key", KEYS)
def test_every_published_row_is_shown_with_a_caveat_and_every_table_says_why_not_to_compare(key, tables, published):
    table = tables[key]
    shown = [row for row in table.rows if row[0] != THIS_RUN]
    assert len(shown) == len(published["tables"][key]["rows"])
    assert all(row[0] == "Jain 2026" and row[-1] for row in shown)
    for words in ("numbering", "not reproduced", "not comparable", "arXiv 2604.03313"):
        assert words in table.note


@pytest.mark.parametrize("key", KEYS)
def test_no_published_value_falls_between_the_columns(key, tables, published):
    """A key that no column shows would be dropped without a word."""
    for row, shown in zip(
        published["tables"][key]["rows"], [row for row in tables[key].rows if row[0] != THIS_RUN], strict=True
    ):
        assert set(row.values()) <= set(shown)


def test_our_row_is_first_and_in_percent(tables, patients):
    dice = list(patient_values(patients, "dice").values())
    row = dict(zip(tables["jain_table_1"].columns, tables["jain_table_1"].rows[0], strict=True))
    assert row["source"] == THIS_RUN
    assert row["Dice (%)"] == pytest.approx(100.0 * sum(dice) / len(dice))
    assert row["parameters (millions)"] == pytest.approx(2.2)


def test_groups_and_classes_of_the_run_add_up_to_its_patients(tables, patients):
    groups = [row for row in tables["jain_table_7"].rows if row[0] == THIS_RUN]
    scored = sum(bool(patient.volumes) for patient in patients)
    assert scored == 20 < len(patients)
    assert sum(row[2] for row in groups[:-1]) == groups[-1][2] == scored
    classes = [row for row in tables["jain_table_8"].rows if row[0] == THIS_RUN]
    assert sum(row[2] for row in classes) == scored
