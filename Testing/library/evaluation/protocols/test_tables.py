"""Claims about averages: over structures, then phases, then patients; what is missed makes means worse."""

import pytest

from CardioSAMLib.evaluation.metrics import METRICS
from CardioSAMLib.evaluation.protocols.tables import (
    folds_table,
    groups_table,
    overall_table,
    regions_table,
    severity_table,
    structures_table,
)
from CardioSAMLib.evaluation.scores import (
    Emptiness,
    PatientScores,
    Phase,
    Region,
    SliceScore,
    StudyScore,
    VolumeScore,
)
from CardioSAMLib.labels import Structure

KEYS = ("lv_edv_ml", "lv_esv_ml", "lv_ef_percent", "lv_mass_ed_g", "rv_edv_ml", "rv_esv_ml", "rv_ef_percent")


def values(dice, hd95=1.0):
    return {metric.key: {"dice": dice, "hd95_mm": hd95}.get(metric.key, 0.5) for metric in METRICS}


def patient(name, dice_of, group="NOR", ef=(60.0, 60.0), emptiness=None):
    """dice_of: (phase, structure) -> Dice. ef: predicted and reference. emptiness: of some of those."""
    volumes = tuple(
        VolumeScore(name, group, *key, (emptiness or {}).get(key, Emptiness.NEITHER), values(dice))
        for key, dice in dice_of.items()
    )
    predicted, reference = ({**dict.fromkeys(KEYS, 100.0), "lv_ef_percent": value} for value in ef)
    return PatientScores(name, volumes, (), StudyScore(name, group, predicted, reference, 1.0), ())


def all_equal(dice):
    return {(phase, structure): dice for phase in Phase for structure in Structure}


def cells(table, **conditions):
    """The one row in which the named columns have these values, as a dictionary."""
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    (row,) = [row for row in rows if all(row[name] == value for name, value in conditions.items())]
    return row


def test_the_mean_is_over_structures_then_patients():
    """Patient a: ED mean 0.8, ES mean 0.6, so 0.7; b: 0.9; mean 0.8. SD of (0.7, 0.9): 0.1 times the root of 2."""
    a = {(Phase.ED, s): d for s, d in zip(Structure, (0.7, 0.8, 0.9), strict=True)}
    a |= {(Phase.ES, s): d for s, d in zip(Structure, (0.5, 0.6, 0.7), strict=True)}
    row = cells(overall_table([patient("a", a), patient("b", all_equal(0.9))]), phase="both", metric="Dice")
    assert row["mean"] == pytest.approx(0.8)
    assert row["SD"] == pytest.approx(0.1 * 2**0.5)
    assert (row["patients"], row["median"]) == (2, pytest.approx(0.8))


def test_a_frame_with_fewer_slices_or_structures_weighs_as_much_as_another():
    dice_of = {(Phase.ED, Structure.LV): 1.0, **{(Phase.ES, s): 0.5 for s in Structure}}
    row = cells(overall_table([patient("a", dice_of)]), phase="both", metric="Dice")
    assert row["mean"] == pytest.approx(0.75)


def test_a_missed_structure_makes_the_mean_worse_and_is_counted():
    key = (Phase.ES, Structure.RV)
    missed = patient("b", {**all_equal(0.9), key: 0.0}, emptiness={key: Emptiness.MISSED})
    table = structures_table([patient("a", all_equal(0.9)), missed])
    row = cells(table, structure="RV", phase="ES", metric="Dice")
    assert row["mean"] == pytest.approx(0.45)
    assert (row["missed"], row["spurious"], row["both empty"]) == (1, 0, 0)


def test_structures_that_both_lack_count_in_one_mean_and_not_in_the_other():
    key = (Phase.ES, Structure.RV)
    neither = patient("b", {**all_equal(0.8), key: 1.0}, emptiness={key: Emptiness.BOTH})
    table = structures_table([patient("a", all_equal(0.8)), neither])
    row = cells(table, structure="RV", phase="ES", metric="Dice")
    assert (row["mean"], row["mean without both empty"]) == (pytest.approx(0.9), pytest.approx(0.8))
    assert row["both empty"] == 1


def test_a_signed_error_has_rows_by_structure_but_no_mean_over_structures():
    people = [patient("a", all_equal(0.9))]
    assert "Volume error" not in {row[1] for row in overall_table(people).rows}
    assert "Volume error" in {row[2] for row in structures_table(people).rows}


def test_groups_stand_apart_and_together():
    people = [
        patient("a", all_equal(0.9), "DCM"),
        patient("b", all_equal(0.7), "NOR"),
        patient("c", all_equal(0.5), ""),
    ]
    table = groups_table(people)
    dice = {row[0]: (row[1], row[2]) for row in table.rows}
    assert dice["DCM"] == (1, pytest.approx(0.9))
    assert dice["not named"] == (1, pytest.approx(0.5))
    assert dice["all"] == (3, pytest.approx(0.7))


def test_severity_is_that_of_the_reference_and_errors_are_in_points():
    people = [
        patient("a", all_equal(0.9), ef=(50.0, 58.0)),
        patient("b", all_equal(0.9), ef=(62.0, 60.0)),
        patient("c", all_equal(0.9), ef=(31.0, 29.0)),
        patient("d", all_equal(0.9), ef=(None, None)),
    ]
    table = severity_table(people)
    normal = cells(table, **{"LV ejection fraction": "normal"})
    assert normal["patients"] == 2
    assert normal["LV EF absolute error mean (points)"] == pytest.approx(5.0)  # 8 and 2
    assert normal["LV EF bias (points)"] == pytest.approx(-3.0)  # -8 and +2
    assert cells(table, **{"LV ejection fraction": "severe"})["patients"] == 1
    assert cells(table, **{"LV ejection fraction": "mild"})["Dice mean"] is None


def test_regions_are_over_slices_and_count_empty_pairs():
    def slice_score(number, region, dice, emptiness=Emptiness.NEITHER):
        return SliceScore("a", "", Phase.ED, Structure.RV, number, region, emptiness, values(dice))

    slices = (
        slice_score(0, Region.APEX, 1.0, Emptiness.BOTH),
        slice_score(1, Region.APEX, 0.4),
        slice_score(2, Region.MID, 0.8),
    )
    table = regions_table([PatientScores("a", (), slices, None, ())])
    apex = cells(table, structure="RV", region="apex")
    assert (apex["slices"], apex["both empty"]) == (2, 1)
    assert apex["Dice mean"] == pytest.approx(0.7)
    assert apex["Dice mean without both empty"] == pytest.approx(0.4)
    assert cells(table, structure="LV", region="base")["slices"] == 0


def test_the_mean_over_folds_is_that_of_the_folds_means():
    people = [patient("a", all_equal(0.9)), patient("b", all_equal(0.7)), patient("c", all_equal(0.5))]
    table = folds_table(people, {"a": 1, "b": 1, "c": 2}, "note")
    mean, sd = (cells(table, fold=name)["Dice mean"] for name in ("mean over folds", "SD over folds"))
    assert mean == pytest.approx((0.8 + 0.5) / 2)
    assert sd == pytest.approx(0.3 / 2**0.5)
    assert table.note == "note"
