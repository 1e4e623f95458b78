from dataclasses import replace

import pytest

from CardioSAMLib.cine import Geometry, QualityNote, UnusableInput

INFO, WARNING, ERROR = (QualityNote("c", severity, f"a {severity}") for severity in ("info", "warning", "error"))


def test_notes_come_once_and_errors_first(make_study):
    study = make_study(notes=(INFO, WARNING, ERROR, INFO))
    assert study.sorted_notes == (ERROR, WARNING, INFO)


def test_equal_severities_keep_their_order(make_study):
    notes = tuple(QualityNote("c", "warning", text) for text in "zam")
    assert make_study(notes=notes).sorted_notes == notes


def test_unequal_slices_are_said_with_the_interval_of_the_label_file(make_study):
    geometry = Geometry((1.5, 1.25, 9.0), slice_positions_mm=(0.0, 9.0, 27.0))
    (note,) = make_study(geometry=geometry).sorted_notes
    assert "9 mm" in note.message
    assert note.severity == "info"


def test_contours_of_another_cine_are_refused(make_study):
    with pytest.raises(UnusableInput, match="made on this cine"):
        make_study(segmentation=make_study(slices=2).segmentation)


def test_a_frame_outside_the_cine_is_refused(make_study):
    study = make_study()
    with pytest.raises(UnusableInput, match="Frame 4"):
        replace(study, function=replace(study.function, es_frame=4))


def test_a_study_of_one_frame_has_no_end_systole(bare_study):
    assert bare_study.key_frames == (("ED", 0),)
