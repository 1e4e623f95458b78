import numpy as np
import pytest

from CardioSAMLib.labels import STORAGE, CineSegmentation, Provenance, Structure

slicer = pytest.importorskip("slicer", reason="MRML tests need: pip install slicer-core")
from CardioSAMLib.mrml.cines import cine_nodes  # noqa: E402
from CardioSAMLib.mrml.contour_editor import UNDO_STEPS, ContourEditor  # noqa: E402
from CardioSAMLib.mrml.segmentations import nodes_of_segmentation, read_frame, segmentation_nodes  # noqa: E402

SHAPE = (4, 5, 20, 24)
LV, MYO, RV = (STORAGE.value_of(structure) for structure in (Structure.LV, Structure.MYO, Structure.RV))


@pytest.fixture
def editor(scene, make_cine):  # noqa: ARG001
    labels = np.zeros(SHAPE, np.uint8)
    labels[:, 1:4, 5:12, 5:12] = MYO
    labels[:, 1:4, 7:10, 7:10] = LV
    volume = cine_nodes(make_cine()).volume
    return ContourEditor(segmentation_nodes(volume, CineSegmentation(labels, (0, 1, 2, 3), Provenance("some-net"))))


def square(value, size):
    labels = np.zeros(SHAPE[2:], np.uint8)
    labels[:size, :size] = value
    return labels


def slice_of(editor, frame, slice_number):
    return read_frame(editor.nodes, frame).labels[slice_number]


def paint(editor, name, where):
    """As Segment Editor does, in the frame that is shown."""
    nodes = editor.nodes
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(nodes.segmentation, name, nodes.volume).copy()
    mask[where] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, nodes.segmentation, name, nodes.volume)


def test_a_click_changes_its_slice_and_no_other(editor):
    before = {frame: read_frame(editor.nodes, frame).labels for frame in range(4)}
    editor.write({(2, 3): square(RV, 6)})
    after = {frame: read_frame(editor.nodes, frame).labels for frame in range(4)}
    assert np.array_equal(after[2][3], square(RV, 6))
    before[2][3] = square(RV, 6)
    assert all(np.array_equal(after[frame], before[frame]) for frame in range(4))


def test_the_views_follow_a_click_in_the_frame_that_is_shown(editor):
    editor.nodes.browser.SetSelectedItemNumber(2)
    editor.write({(2, 3): square(LV, 6)})
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(editor.nodes.segmentation, "LV", editor.nodes.volume)
    assert np.array_equal(mask[3] > 0, square(LV, 6) == LV)


def test_a_click_in_a_frame_that_is_not_shown_is_there_when_it_is(editor):
    editor.write({(3, 2): square(LV, 4)})
    assert editor.nodes.shown_frame == 0
    editor.nodes.browser.SetSelectedItemNumber(3)
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(editor.nodes.segmentation, "LV", editor.nodes.volume)
    assert np.array_equal(mask[2] > 0, square(LV, 4) == LV)


def test_each_click_is_one_step_of_undo_and_of_redo(editor):
    first = slice_of(editor, 0, 2)
    pictures = [first, square(LV, 3), square(MYO, 5), square(RV, 7)]
    for picture in pictures[1:]:
        editor.write({(0, 2): picture})
    for picture in pictures[-2::-1]:
        assert editor.undo() == (0,)
        assert np.array_equal(slice_of(editor, 0, 2), picture)
    assert not editor.can_undo
    assert editor.undo() == ()
    for picture in pictures[1:]:
        assert editor.redo() == (0,)
        assert np.array_equal(slice_of(editor, 0, 2), picture)
    assert not editor.can_redo
    assert editor.redo() == ()


def test_a_click_after_an_undo_ends_the_redo_and_can_itself_be_undone(editor):
    editor.write({(0, 2): square(LV, 3)})
    editor.write({(0, 2): square(LV, 5)})
    editor.undo()
    editor.write({(0, 2): square(RV, 7)})
    assert not editor.can_redo
    editor.undo()
    assert np.array_equal(slice_of(editor, 0, 2), square(LV, 3))


def test_undo_returns_to_the_frame_of_the_click_whichever_is_shown(editor):
    first = {frame: slice_of(editor, frame, 2) for frame in (0, 3)}
    editor.write({(0, 2): square(LV, 3)})
    editor.nodes.browser.SetSelectedItemNumber(3)
    editor.write({(3, 2): square(LV, 5)})
    editor.nodes.browser.SetSelectedItemNumber(1)
    assert editor.undo() == (3,)
    assert editor.undo() == (0,)
    assert all(np.array_equal(slice_of(editor, frame, 2), first[frame]) for frame in (0, 3))
    editor.nodes.browser.SetSelectedItemNumber(2)
    assert (editor.redo(), editor.redo()) == ((0,), (3,))
    assert np.array_equal(slice_of(editor, 3, 2), square(LV, 5))
    assert np.array_equal(slice_of(editor, 1, 2), first[0])


def test_a_propagation_over_frames_and_slices_is_one_step(editor):
    before = {frame: read_frame(editor.nodes, frame).labels for frame in range(4)}
    editor.write({(frame, slice_number): square(RV, 6) for frame in (0, 1, 3) for slice_number in (1, 4)})
    assert np.array_equal(slice_of(editor, 3, 4), square(RV, 6))
    assert set(editor.undo()) == {0, 1, 3}
    assert all(np.array_equal(read_frame(editor.nodes, frame).labels, before[frame]) for frame in range(4))
    assert not editor.can_undo


def test_the_oldest_steps_are_forgotten(editor):
    for size in range(UNDO_STEPS + 3):
        editor.write({(0, 2): square(LV, size % 20)})
    assert sum(bool(editor.undo()) for _ in range(UNDO_STEPS + 3)) == UNDO_STEPS
    # Of the writings 0, 1, 2, ... the first three can no longer be undone.
    assert np.array_equal(slice_of(editor, 0, 2), square(LV, 2))


def test_undo_shows_in_the_views(editor):
    editor.write({(0, 2): square(LV, 6)})
    editor.undo()
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(editor.nodes.segmentation, "LV", editor.nodes.volume)
    assert np.count_nonzero(mask[2]) == 9


def test_a_fresh_segmentation_has_no_edits_and_our_own_clicks_are_none(editor):
    assert editor.edited_slices() == ()
    editor.write({(2, 3): square(RV, 6)})
    editor.undo()
    editor.redo()
    assert editor.edited_slices() == ()


def test_what_a_person_paints_is_found_with_frame_and_slice(editor):
    editor.nodes.browser.SetSelectedItemNumber(2)
    paint(editor, "LV", np.s_[3, 0:2, 0:2])
    paint(editor, "RV", np.s_[0, 0:2, 0:2])
    editor.nodes.browser.SetSelectedItemNumber(1)
    paint(editor, "LV", np.s_[3, 0:2, 0:2])
    assert editor.edited_slices() == ((1, 3), (2, 0), (2, 3))
    editor.accept([(2, 0)])
    assert editor.edited_slices() == ((1, 3), (2, 3))


def test_a_click_in_another_slice_neither_loses_nor_hides_what_a_person_painted(editor):
    paint(editor, "LV", np.s_[3, 0:2, 0:2])
    painted = slice_of(editor, 0, 3)
    editor.write({(0, 1): square(RV, 6)})
    assert np.array_equal(slice_of(editor, 0, 3), painted)
    assert editor.edited_slices() == ((0, 3),)


def test_painting_and_taking_it_back_is_no_edit(editor):
    before = slicer.util.arrayFromSegmentBinaryLabelmap(editor.nodes.segmentation, "RV", editor.nodes.volume).copy()
    paint(editor, "RV", np.s_[3, 0:2, 0:2])
    slicer.util.updateSegmentBinaryLabelmapFromArray(before, editor.nodes.segmentation, "RV", editor.nodes.volume)
    assert editor.edited_slices() == ()


def test_painting_by_hand_ends_the_redo(editor):
    editor.write({(0, 1): square(RV, 6)})
    editor.undo()
    paint(editor, "LV", np.s_[3, 0:2, 0:2])
    assert editor.redo() == ()


def test_edits_are_still_known_after_saving_and_loading(scene, editor, loaded_again):
    paint(editor, "LV", np.s_[3, 0:2, 0:2])
    names = editor.nodes.segmentation.GetName(), editor.nodes.volume.GetName()
    loaded_again()
    loaded = ContourEditor(nodes_of_segmentation(*(scene.GetFirstNodeByName(name) for name in names)))
    assert loaded.edited_slices() == ((0, 3),)
    assert not loaded.can_undo


def test_a_slice_that_does_not_exist_changes_nothing(editor):
    with pytest.raises(IndexError, match="no slice 5 among 5"):
        editor.write({(0, 1): square(RV, 6), (0, 5): square(RV, 6)})
    assert not editor.can_undo
    assert editor.edited_slices() == ()
    assert np.count_nonzero(slice_of(editor, 0, 1) == RV) == 0


def test_clicks_work_under_a_transform_and_on_a_volume_of_one_frame(scene, make_cine, put_under, turned):
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    slicer.util.updateVolumeFromArray(volume, make_cine().pixels[0])
    put_under(volume, turned)
    labels = np.zeros((1, *SHAPE[1:]), np.uint8)
    editor = ContourEditor(segmentation_nodes(volume, CineSegmentation(labels, (0,), Provenance("some-net"))))
    editor.write({(0, 2): square(MYO, 5)})
    assert np.array_equal(slice_of(editor, 0, 2), square(MYO, 5))
    assert editor.undo() == (0,)
    assert not slice_of(editor, 0, 2).any()
