"""Two results compared: who is compared, which way the difference goes, and when nothing may be ranked."""

from dataclasses import replace

import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.comparison import holm
from CardioSAMLib.evaluation.metrics import METRICS, STUDY_METRICS
from CardioSAMLib.evaluation.model_comparison import compare_results
from CardioSAMLib.evaluation.patient_values import patient_values
from CardioSAMLib.evaluation.scores import Phase


def table(comparison, key):
    (found,) = [table for table in comparison.tables if table.key == key]
    return found


def worse_by(result, loss):
    """The same result with so much less Dice everywhere."""
    patients = tuple(
        replace(
            patient,
            volumes=tuple(
                replace(volume, values={**volume.values, "dice": volume.values["dice"] - loss})
                for volume in patient.volumes
            ),
        )
        for patient in result.patients
    )
    return replace(result, patients=patients)


def test_a_result_against_itself_shows_no_difference_anywhere(make_result):
    result = make_result(10)
    comparison = compare_results(result, result)
    for row in (row for part in comparison.tables for row in part.rows):
        assert (row.test.mean_difference, row.test.ci, row.test.d_z, row.p_holm) == (0.0, (0.0, 0.0), 0.0, 1.0)
        assert row.verdict == "not shown"


def test_every_metric_and_every_measurement_is_compared(make_result):
    comparison = compare_results(make_result(5), make_result(5, seed=2))
    assert [part.key for part in comparison.tables] == [*(metric.key for metric in METRICS), "measurements"]
    assert [row.title for row in table(comparison, "measurements").rows] == [metric.title for metric in STUDY_METRICS]
    places = [(row.structure, row.phase) for row in table(comparison, "dice").rows]
    assert places[0] == ("all", "both")
    assert places[1:] == [(structure, phase) for structure in ("LV", "MYO", "RV") for phase in ("ED", "ES")]


def test_a_difference_is_b_minus_a(make_result):
    b = make_result(10)
    rows = table(compare_results(worse_by(b, 0.05), b), "dice").rows
    assert [row.test.mean_difference for row in rows] == pytest.approx([0.05] * 7)
    assert {row.verdict for row in rows} == {"B"}
    assert {row.verdict for row in table(compare_results(b, worse_by(b, 0.05)), "dice").rows} == {"A"}


def test_lower_distances_are_better(make_result):
    # The made-up distances fall as the quality grows.
    rows = table(compare_results(make_result(20, quality=0.8), make_result(20, quality=0.95)), "hd95_mm").rows
    assert all(row.test.mean_difference < 0.0 and row.verdict == "B" for row in rows)


def test_a_mean_that_one_missed_heart_turns_is_no_verdict(make_result):
    a = make_result(20)

    def with_distances(shift):
        patients = tuple(
            replace(
                patient,
                volumes=tuple(
                    replace(volume, values={**volume.values, "hd95_mm": volume.values["hd95_mm"] + shift(number)})
                    for volume in patient.volumes
                ),
            )
            for number, patient in enumerate(a.patients)
        )
        return replace(a, patients=patients)

    nearer = with_distances(lambda number: -1.0 - 0.01 * number)
    with_a_miss = with_distances(lambda number: 280.0 if number == 0 else -1.0 - 0.01 * number)
    assert {row.verdict for row in table(compare_results(a, nearer), "hd95_mm").rows} == {"B"}
    for row in table(compare_results(a, with_a_miss), "hd95_mm").rows:
        assert row.p_holm < 0.05
        assert row.test.mean_difference > 0.0 > row.test.rank_biserial
        assert row.verdict == "not shown"


def test_signed_errors_are_compared_by_their_size(make_result):
    result = make_result(6)
    opposite = replace(
        result,
        patients=tuple(
            replace(
                patient,
                volumes=tuple(
                    replace(v, values={**v.values, "volume_error_ml": -v.values["volume_error_ml"]})
                    for v in patient.volumes
                ),
            )
            for patient in result.patients
        ),
    )
    rows = table(compare_results(result, opposite), "volume_error_ml").rows
    assert len(rows) == 6  # no mean over structures
    assert all(row.test.mean_difference == 0.0 and row.mean_a > 0.0 for row in rows)


def test_p_is_corrected_within_its_table(make_result):
    comparison = compare_results(make_result(12), make_result(12, quality=0.915, seed=3))
    for part in comparison.tables:
        expected = holm([row.test.wilcoxon_p for row in part.rows])
        assert [row.p_holm for row in part.rows] == list(expected)


def test_patients_are_joined_by_name_and_the_others_are_named(make_result):
    few, many = make_result(5), make_result(8)
    comparison = compare_results(few, many)
    assert comparison.common == tuple(f"patient{number:03d}" for number in range(5))
    assert (comparison.only_a, comparison.only_b) == ((), ("patient005", "patient006", "patient007"))
    expected = patient_values(many.scored[:5], "dice")
    assert table(comparison, "dice").rows[0].mean_b == pytest.approx(sum(expected.values()) / 5)


def test_a_frame_that_one_lacks_counts_for_neither(make_result):
    a, b = make_result(4), make_result(4, seed=2)
    patient = a.patients[0]
    at_es = tuple(volume for volume in patient.volumes if volume.phase is Phase.ES)
    study = replace(patient.study, predicted={**patient.study.predicted, "lv_edv_ml": None})
    a = replace(a, patients=(replace(patient, volumes=at_es, study=study), *a.patients[1:]))
    comparison = compare_results(a, b)
    expected = patient_values(b.patients[:1], "dice", phase=Phase.ES)["patient000"]
    assert patient_values(comparison.b.patients, "dice")["patient000"] == pytest.approx(expected)
    assert {row.phase: row.n for row in table(comparison, "dice").rows} == {"both": 4, "ED": 3, "ES": 4}
    assert table(comparison, "measurements").rows[0].n == 3
    assert comparison.b.patients[0].study.predicted["lv_edv_ml"] is None


def test_the_order_of_the_patients_does_not_matter(make_result):
    a, b = make_result(8), make_result(8, seed=4)
    turned = replace(b, patients=tuple(reversed(b.patients)))
    assert compare_results(a, turned).tables == compare_results(a, b).tables


def test_no_common_patient_is_unusable(make_result):
    result = make_result(3)
    renamed = replace(result, patients=tuple(replace(p, patient=f"other-{p.patient}") for p in result.patients))
    with pytest.raises(UnusableInput, match="no scored patient in common"):
        compare_results(result, renamed)


def test_other_references_of_a_patient_are_unusable(make_result):
    result = make_result(3)
    patient = result.patients[1]
    study = replace(patient.study, reference={**patient.study.reference, "lv_edv_ml": 1.0})
    other = replace(result, patients=(result.patients[0], replace(patient, study=study), *result.patients[2:]))
    with pytest.raises(UnusableInput, match="reference of patient001 is not the same"):
        compare_results(result, other)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"prompt_source": "reference"}, "A had automatic prompts and B reference ones"),
        ({"prompt_source": "unknown"}, "A had automatic prompts and B unknown ones"),
        ({"mode": "literal"}, "A was evaluated in corrected mode and B in literal mode"),
    ],
)
def test_results_that_are_not_comparable_stand_side_by_side_without_a_test(make_result, fields, words):
    comparison = compare_results(make_result(10), make_result(10, quality=0.95, **fields))
    assert words in comparison.not_ranked
    assert comparison.cautions[0] == comparison.not_ranked
    for row in (row for part in comparison.tables for row in part.rows):
        assert (row.test, row.p_holm, row.verdict) == (None, None, "not tested")
        assert row.n == 10
    assert table(comparison, "dice").rows[0].mean_b > table(comparison, "dice").rows[0].mean_a


def test_two_patients_are_shown_but_not_tested(make_result):
    comparison = compare_results(make_result(2), make_result(2, seed=2))
    assert "With 2 common patients nothing can be tested" in comparison.not_ranked


def test_what_must_be_said_before_the_numbers_of_either_is_kept(make_result):
    comparison = compare_results(make_result(5, cautions=("Trained on these.",)), make_result(5, seed=2))
    assert comparison.cautions == ("A: Trained on these.",)


def test_tests_of_two_unknown_sources_come_with_a_caution(make_result):
    unknown = make_result(5, prompt_source="unknown")
    comparison = compare_results(unknown, unknown)
    assert comparison.not_ranked == ""
    assert "not known who prompted" in comparison.cautions[0]
