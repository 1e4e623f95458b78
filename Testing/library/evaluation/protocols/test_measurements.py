"""Claims about the agreement table; the numbers themselves are tested with `agreement`."""

import pytest

from CardioSAMLib.evaluation.metrics import STUDY_METRICS
from CardioSAMLib.evaluation.protocols.measurements import agreement_table


def test_there_is_a_row_per_measurement_with_its_unit(make_result):
    table = agreement_table(make_result(5).scored)
    assert [row[:2] for row in table.rows] == [(metric.title, metric.error_unit) for metric in STUDY_METRICS]


def test_the_bias_is_predicted_minus_reference(make_result):
    patients = make_result(12).scored
    row = dict(zip(agreement_table(patients).columns, agreement_table(patients).rows[0], strict=True))
    differences = [p.study.predicted["lv_edv_ml"] - p.study.reference["lv_edv_ml"] for p in patients]
    assert row["bias"] == pytest.approx(sum(differences) / len(differences))
    assert row["MAE"] == pytest.approx(sum(map(abs, differences)) / len(differences))
    assert (row["patients"], row["not measured"]) == (12, 0)


def test_two_patients_are_too_few_for_numbers_but_are_counted(make_result):
    row = agreement_table(make_result(2).scored).rows[0]
    assert row[2] == 2
    assert set(row[4:]) == {None}
