"""Averages are taken in this order: structures, then frames, then (by the caller) patients."""

import pytest

from CardioSAMLib.evaluation.patient_values import patient_values, worst_patients
from CardioSAMLib.evaluation.scores import Emptiness, PatientScores, Phase, VolumeScore
from CardioSAMLib.labels import Structure


def patient(name, *scores):
    """A patient with Dice by (phase, structure, dice)."""
    volumes = tuple(
        VolumeScore(name, "", phase, structure, Emptiness.NEITHER, {"dice": dice}) for phase, structure, dice in scores
    )
    return PatientScores(name, volumes, (), None, ())


ED_OF_TWO_ES_OF_ONE = patient(
    "a", (Phase.ED, Structure.LV, 0.5), (Phase.ED, Structure.RV, 0.7), (Phase.ES, Structure.LV, 1.0)
)


def test_a_frame_with_one_structure_weighs_as_much_as_one_with_two():
    assert patient_values([ED_OF_TWO_ES_OF_ONE], "dice") == {"a": pytest.approx((0.6 + 1.0) / 2)}


def test_one_structure_at_one_frame_is_its_own_value():
    assert patient_values([ED_OF_TWO_ES_OF_ONE], "dice", Structure.RV, Phase.ED) == {"a": 0.7}


def test_one_structure_is_averaged_over_the_frames_that_have_it():
    assert patient_values([ED_OF_TWO_ES_OF_ONE], "dice", Structure.LV) == {"a": 0.75}


def test_patients_without_the_score_are_left_out():
    assert patient_values([ED_OF_TWO_ES_OF_ONE, patient("b")], "dice", Structure.RV, Phase.ES) == {}
    assert patient_values([ED_OF_TWO_ES_OF_ONE], "hd95_mm") == {}


def test_the_worst_patients_come_worst_first_and_by_name_where_equal():
    dice_of = {"d": 0.5, "c": 0.2, "b": 0.9, "a": 0.2}
    patients = [patient(name, (Phase.ED, Structure.LV, dice)) for name, dice in dice_of.items()]
    assert worst_patients(patients, 3) == (("a", 0.2), ("c", 0.2), ("d", 0.5))
