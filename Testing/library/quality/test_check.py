from dataclasses import replace

import pytest

from CardioSAMLib.cine import QualityNote
from CardioSAMLib.quality import RULES, QualityReport, check


def test_a_sound_heart_breaks_no_rule(sound):
    assert sound.codes == set()


def test_the_notes_of_the_reader_and_of_the_measurements_come_along(sound):
    read, measured = QualityNote("gap", "info", "A gap."), QualityNote("one", "warning", "One.")
    cine, function = replace(sound.cine, notes=(read,)), replace(sound.function, notes=(measured,))
    assert check(cine, sound.segmentation, function).notes == (read, measured)


@pytest.mark.parametrize(("severity", "failed"), [("info", False), ("warning", False), ("error", True)])
def test_a_report_fails_by_an_error_only(severity, failed):
    assert QualityReport((QualityNote("code", severity, "Text."),)).failed is failed


def test_what_is_wrong_in_a_slice_that_is_left_out_is_not_told(sound):
    spoiled = sound.spoiled(lambda labels: labels[0, 4, : labels.shape[2] // 2].fill(0))
    there = {(note.frame, note.slice) for note in spoiled.notes if note.slice is not None}
    assert (0, 4) in there
    left = check(spoiled.cine, spoiled.segmentation, spoiled.function, {(0, 4)}).notes
    assert {(note.frame, note.slice) for note in left if note.slice is not None} == there - {(0, 4)}


def test_rules_have_their_own_codes():
    assert len({rule.code for rule in RULES}) == len(RULES)


def test_the_limits_of_a_rule_cannot_be_changed_in_passing():
    (rule,) = (rule for rule in RULES if rule.code == "ef_implausible")
    with pytest.raises(TypeError):
        rule.limits["min_percent"] = 0.0


def test_an_empty_segmentation_fails_without_a_crash(sound):
    empty = sound.spoiled(lambda labels: labels.fill(0))
    assert "lv_not_found" in empty.codes
    assert QualityReport(empty.notes).failed


def test_slices_that_run_the_other_way_are_as_sound(sound):
    turned = sound.spoiled(lambda labels: labels.__setitem__(slice(None), labels[:, ::-1].copy()))
    assert turned.codes == set()
