import numpy as np

from CardioSAMLib.labels import STORAGE, Structure

LV, MYO, RV = (STORAGE.value_of(s) for s in (Structure.LV, Structure.MYO, Structure.RV))


def test_a_second_piece_of_the_cavity_is_an_error_below_the_base(sound):
    def island(labels):
        labels[0, 5, 2:4, 2:4] = LV

    (note,) = sound.spoiled(island).notes_of("lv_in_pieces")
    assert (note.frame, note.slice, note.severity) == (0, 5, "error")


def test_at_the_base_it_is_a_warning(sound):
    def island(labels):
        labels[0, 9, 2:4, 2:4] = LV

    spoiled = sound.spoiled(island)
    assert spoiled.notes_of("lv_in_pieces") == []
    assert [note.severity for note in spoiled.notes_of("lv_in_pieces_at_base")] == ["warning"]


def test_pieces_in_frames_that_are_not_measured_are_not_reported(sound):
    def island(labels):
        labels[3, 5, 2:4, 2:4] = LV

    assert "lv_in_pieces" not in sound.spoiled(island).codes


def test_a_wall_open_on_one_side_is_an_error_below_the_base(sound, lv_pixels):
    middle = int(lv_pixels(7, 5)[:, 1].mean())

    def open_half(labels):
        right = labels[7, 5, :, middle:]
        right[right == MYO] = 0

    (note,) = sound.spoiled(open_half).notes_of("lv_not_enclosed")
    assert (note.frame, note.slice) == (7, 5)


def test_at_the_base_half_a_wall_is_enough_and_none_is_not(sound, lv_pixels):
    third = int(np.percentile(lv_pixels(0, 9)[:, 1], 75))

    def open_a_part(labels):
        right = labels[0, 9, :, third:]
        right[right == MYO] = 0

    def open_all(labels):
        labels[0, 9][labels[0, 9] == MYO] = 0

    assert not sound.spoiled(open_a_part).codes & {"lv_not_enclosed", "lv_not_enclosed_at_base"}
    assert "lv_not_enclosed_at_base" in sound.spoiled(open_all).codes


def test_a_cavity_at_the_edge_of_the_image_is_open(sound):
    def push_to_the_edge(labels):
        columns = np.flatnonzero((labels[0, 5] == LV).any(axis=0))
        labels[0, 5] = np.roll(labels[0, 5], -columns[0] - 4, axis=1)
        labels[0, 5][:, -60:] = 0

    assert "lv_not_enclosed" in sound.spoiled(push_to_the_edge).codes


def test_muscle_and_right_ventricle_in_pieces_are_told_apart(sound):
    def islands(labels):
        labels[0, 5, 2:4, 2:4] = RV
        labels[0, 5, 100:102, 2:4] = MYO

    spoiled = sound.spoiled(islands)
    assert [note.severity for note in spoiled.notes_of("rv_in_pieces")] == ["info"]
    assert [note.severity for note in spoiled.notes_of("myocardium_in_pieces")] == ["warning"]


def test_a_cavity_of_nine_pixels_is_worth_a_look_and_one_of_ten_is_not(sound, lv_pixels):
    def keep(count):
        def change(labels):
            rows, columns = lv_pixels(0, 2)[count:].T
            labels[0, 2, rows, columns] = MYO

        return change

    assert [note.slice for note in sound.spoiled(keep(9)).notes_of("lv_small_area")] == [2]
    assert sound.spoiled(keep(10)).notes_of("lv_small_area") == []
