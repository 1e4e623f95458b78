import numpy as np
import pytest

from CardioSAMLib.labels import STORAGE, CineSegmentation, Provenance, Structure

slicer = pytest.importorskip("slicer", reason="MRML tests need: pip install slicer-core")
from CardioSAMLib.mrml.cines import cine_nodes  # noqa: E402
from CardioSAMLib.mrml.contour_editor import ContourEditor  # noqa: E402
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


def test_a_surface_of_the_contours_of_before_is_not_shown_any_more(editor):
    nodes = editor.nodes
    nodes.segmentation.CreateClosedSurfaceRepresentation()
    surface = nodes.segmentation.GetSegmentation().GetSegment("LV").GetRepresentation("Closed surface")
    assert surface.GetNumberOfPoints() > 0
    editor.write({(0, number): np.zeros(SHAPE[2:], np.uint8) for number in range(SHAPE[1])})
    for node in (nodes.segmentation, nodes.item(0)):
        assert node.GetSegmentation().GetSegment("LV").GetRepresentation("Closed surface") is None


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


def test_writing_returns_what_was_there(editor):
    before = {key: slice_of(editor, *key).copy() for key in ((0, 1), (3, 4))}
    returned = editor.write({key: square(RV, 6) for key in before})
    assert list(returned) == list(before)
    assert all(np.array_equal(returned[key], before[key]) for key in before)


def test_many_frames_are_written_in_parts_and_are_all_there_in_the_end(editor, monkeypatch):
    from CardioSAMLib.mrml import parts

    monkeypatch.setattr(parts, "_PART_S", 0.0)
    writing = editor.write_in_parts({(frame, 2): square(RV, 6) for frame in range(4)})
    assert len(list(writing)) == 3  # pauses between four parts
    assert all(np.array_equal(slice_of(editor, frame, 2), square(RV, 6)) for frame in range(4))
    assert editor.edited_slices() == ()


def test_in_the_middle_of_writing_nothing_counts_as_painted_by_hand(editor, monkeypatch):
    from CardioSAMLib.mrml import parts

    monkeypatch.setattr(parts, "_PART_S", 0.0)
    for _ in editor.write_in_parts({(frame, 2): square(RV, 6) for frame in range(4)}):
        assert editor.edited_slices() == ()


def test_a_fresh_segmentation_has_no_edits_and_our_own_clicks_are_none(editor):
    assert editor.edited_slices() == ()
    editor.write({(2, 3): square(RV, 6)})
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


def test_edits_are_still_known_after_saving_and_loading(scene, editor, loaded_again):
    paint(editor, "LV", np.s_[3, 0:2, 0:2])
    names = editor.nodes.segmentation.GetName(), editor.nodes.volume.GetName()
    loaded_again()
    loaded = ContourEditor(nodes_of_segmentation(*(scene.GetFirstNodeByName(name) for name in names)))
    assert loaded.edited_slices() == ((0, 3),)


def test_a_slice_that_does_not_exist_changes_nothing(editor):
    with pytest.raises(IndexError, match="no slice 5 among 5"):
        editor.write({(0, 1): square(RV, 6), (0, 5): square(RV, 6)})
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
    editor.write({(0, 2): square(MYO, 0)})
    assert not slice_of(editor, 0, 2).any()
