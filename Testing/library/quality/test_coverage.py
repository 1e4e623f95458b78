import numpy as np

from CardioSAMLib.labels import STORAGE, Structure

LV = STORAGE.value_of(Structure.LV)


def test_five_slices_are_few(sound):
    def cut(labels):
        labels[:, :5] = 0

    (note,) = sound.spoiled(cut).notes_of("few_lv_slices")
    assert "5 slices" in note.message


def test_a_slice_without_ventricle_between_others_is_reported(sound):
    def skip(labels):
        labels[0, 5] = 0

    (note,) = sound.spoiled(skip).notes_of("lv_slice_missing")
    assert (note.frame, note.slice) == (0, 5)


def test_a_stack_that_ends_in_mid_ventricle_is_truncated_at_the_apex(sound):
    def up(labels):
        labels[:, :-4] = labels[:, 4:].copy()
        labels[:, -4:] = 0

    (note,) = sound.spoiled(up).notes_of("apex_truncated")
    assert (note.frame, note.slice) == (0, 0)


def test_a_stack_that_begins_in_the_ventricle_at_end_systole_is_truncated_at_the_base(sound):
    def up(labels):
        labels[:, 2:] = labels[:, :-2].copy()
        labels[:, :2] = 0

    (note,) = sound.spoiled(up).notes_of("base_truncated")
    assert (note.frame, note.slice, note.severity) == (7, 9, "info")


def test_a_slice_shifted_by_eight_millimeters_is_found(sound):
    def shift(labels):
        labels[0, 5] = np.roll(labels[0, 5], 5, axis=1)  # 5 pixels of 1.6 mm

    notes = sound.spoiled(shift).notes_of("slices_shifted")
    assert [note.slice for note in notes] == [5]
    assert "8 mm" in notes[0].message


def test_an_oblique_stack_is_not_shifted(sound):
    def slant(labels):
        for number in range(labels.shape[1]):
            labels[:, number] = np.roll(labels[:, number], 3 * (number - 5), axis=2)  # 4.8 mm a slice

    assert "slices_shifted" not in sound.spoiled(slant).codes
