import numpy as np
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.labels import STORAGE, CineSegmentation, Provenance, Structure

slicer = pytest.importorskip("slicer", reason="MRML tests need: pip install slicer-core")
from CardioSAMLib.mrml.cines import cine_nodes, cine_of  # noqa: E402
from CardioSAMLib.mrml.segmentations import (  # noqa: E402
    nodes_of_segmentation,
    read_frame,
    segmentation_nodes,
    segmentation_of,
    write_frames,
    write_segmentation,
)

SHAPE = (4, 5, 20, 24)
LV, MYO, RV = (STORAGE.value_of(structure) for structure in (Structure.LV, Structure.MYO, Structure.RV))
EXPERT = Provenance("some-net", "7", "ab" * 32, {"mirrored": "yes"})


def beating(frames=(0, 1, 2, 3)):
    """Contours of another size in each frame, none in the frames not named."""
    labels = np.zeros(SHAPE, np.uint8)
    for frame in frames:
        labels[frame, 1:4, 3 : 15 - frame, 3:14] = MYO
        labels[frame, 1:4, 5 : 13 - frame, 5:12] = LV
        labels[frame, 1, 3:9, 15 : 20 + frame] = RV
    return CineSegmentation(labels, tuple(frames), EXPERT)


@pytest.fixture
def volume(scene, make_cine):  # noqa: ARG001
    return cine_nodes(make_cine()).volume


def shown(nodes):
    """What the views show: the labels of the proxy."""
    from CardioSAMLib.mrml.segments import read_labels

    return read_labels(nodes.segmentation.GetSegmentation(), nodes.ijk_to_ras, nodes.shape).labels


def paint(node, name, where):
    """As Segment Editor does: into one segment of the node that the views show, whatever else is there."""
    volume = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(node, name, volume)
    mask = np.zeros(SHAPE[1:], np.uint8) if mask is None else mask
    mask[where] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, name, volume)


@pytest.mark.parametrize("frames", [(0, 1, 2, 3), (0, 2), (1,)])
def test_a_segmentation_comes_back_from_its_nodes(volume, frames):
    segmentation = beating(frames)
    back = segmentation_of(segmentation_nodes(volume, segmentation))
    assert np.array_equal(back.segmentation.labels, segmentation.labels)
    assert back.segmentation.segmented_frames == frames
    assert back.segmentation.provenance == EXPERT
    assert back.messages == ()


def test_frames_that_were_looked_at_and_are_empty_are_not_forgotten(volume):
    empty = CineSegmentation(np.zeros(SHAPE, np.uint8), (1, 3), EXPERT)
    assert segmentation_of(segmentation_nodes(volume, empty)).segmentation.segmented_frames == (1, 3)


def test_every_frame_has_an_item_with_the_same_segments_and_the_index_of_the_cine(volume):
    nodes = segmentation_nodes(volume, beating((0, 2)))
    cine = nodes.browser.GetMasterSequenceNode()
    for number in range(4):
        segmentation = nodes.sequence.GetNthDataNode(number).GetSegmentation()
        assert [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())] == [
            "RV",
            "MYO",
            "LV",
        ]
        assert segmentation.GetNumberOfLayers() == 1
        assert nodes.sequence.GetNthIndexValue(number) == cine.GetNthIndexValue(number)


def test_a_first_frame_after_the_r_wave_is_the_first_item(scene, make_cine):  # noqa: ARG001
    volume = cine_nodes(make_cine(frame_times_ms=(10.0, 60.0, 111.0, 162.0))).volume
    sequence = segmentation_nodes(volume, beating()).sequence
    assert [sequence.GetNthIndexValue(n) for n in range(sequence.GetNumberOfDataNodes())] == [
        "10.0",
        "60.0",
        "111.0",
        "162.0",
    ]


def test_a_study_is_one_volume_and_one_segmentation_in_the_scene(scene, volume):
    segmentation_nodes(volume, beating())
    counts = {name: scene.GetNumberOfNodesByClass(f"vtkMRML{name}Node") for name in ("ScalarVolume", "Segmentation")}
    assert counts == {"ScalarVolume": 1, "Segmentation": 1}


def test_the_contours_play_together_with_the_cine(volume):
    nodes = segmentation_nodes(volume, beating((0, 1, 3)))
    for frame in (3, 0, 2, 1):
        nodes.browser.SetSelectedItemNumber(frame)
        assert np.array_equal(shown(nodes), beating((0, 1, 3)).labels[frame])


def test_writing_all_frames_while_one_is_shown_gives_each_its_own_contours(volume):
    # The pitfall of save-changes: what is written through the proxy goes into the selected item.
    nodes = segmentation_nodes(volume, beating())
    nodes.browser.SetSelectedItemNumber(2)
    smaller = np.where(beating().labels == RV, 0, beating().labels).astype(np.uint8)
    write_segmentation(nodes, CineSegmentation(smaller, (0, 1, 2, 3), EXPERT))
    assert nodes.shown_frame == 2
    assert np.array_equal(shown(nodes), smaller[2])
    assert np.array_equal(segmentation_of(nodes).segmentation.labels, smaller)
    for frame in (0, 1, 2, 3):
        nodes.browser.SetSelectedItemNumber(frame)
        assert np.array_equal(shown(nodes), smaller[frame])


def test_writing_stops_the_playback(volume):
    nodes = segmentation_nodes(volume, beating())
    nodes.browser.SetPlaybackActive(True)
    write_frames(nodes, {1: beating().labels[0]})
    assert not nodes.browser.GetPlaybackActive()


def test_what_an_editor_paints_stays_in_the_frame_it_was_painted_in(volume):
    nodes = segmentation_nodes(volume, beating())
    nodes.browser.SetSelectedItemNumber(1)
    paint(nodes.segmentation, "LV", np.s_[0, 0:2, 0:2])
    nodes.browser.SetSelectedItemNumber(3)
    expected = beating().labels.copy()
    expected[1, 0, 0:2, 0:2] = LV
    assert np.array_equal(segmentation_of(nodes).segmentation.labels, expected)


def test_a_painted_overlap_is_resolved_and_said(volume):
    nodes = segmentation_nodes(volume, beating())
    paint(nodes.segmentation, "LV", np.s_[2, 3, 3:7])
    back = segmentation_of(nodes)
    assert back.segmentation.labels[0, 2, 3, 3:7].tolist() == [LV] * 4
    assert back.messages == ("Segments overlapped in 4 voxels of 1 frame; LV was kept before MYO, and MYO before RV.",)


def test_segments_that_are_none_of_ours_are_named_and_left_out(volume):
    nodes = segmentation_nodes(volume, beating())
    nodes.segmentation.GetSegmentation().AddEmptySegment("", "Papillary muscle")
    back = segmentation_of(nodes)
    assert np.array_equal(back.segmentation.labels, beating().labels)
    assert back.messages == ("The segment Papillary muscle is none of LV, MYO and RV; it was not used.",)


def test_a_removed_segment_is_said(volume):
    nodes = segmentation_nodes(volume, beating())
    nodes.segmentation.GetSegmentation().RemoveSegment("RV")
    back = segmentation_of(nodes)
    assert not (back.segmentation.labels[0] == RV).any()
    assert (back.segmentation.labels[1] == RV).any()
    assert back.messages == ("The segment RV was missing in 1 frame; it counts as empty.",)


def test_a_frame_that_a_person_draws_in_counts_as_segmented(volume):
    nodes = segmentation_nodes(volume, beating((0,)))
    nodes.browser.SetSelectedItemNumber(2)
    paint(nodes.segmentation, "LV", np.s_[2, 3, 3:7])
    assert segmentation_of(nodes).segmentation.segmented_frames == (0, 2)


def test_the_contours_stand_under_the_transform_of_their_cine(volume, put_under, turned):
    transform = put_under(volume, turned)
    nodes = segmentation_nodes(volume, beating())
    assert nodes.segmentation.GetTransformNodeID() == transform.GetID()
    assert np.array_equal(segmentation_of(nodes).segmentation.labels, beating().labels)


def test_contours_written_before_the_cine_was_moved_follow_it_at_the_next_writing(volume, put_under, turned):
    nodes = segmentation_nodes(volume, beating((0,)))
    transform = put_under(volume, turned)
    assert np.array_equal(segmentation_of(nodes).segmentation.labels, beating((0,)).labels)
    write_frames(nodes, {1: beating().labels[1]})
    assert nodes.segmentation.GetTransformNodeID() == transform.GetID()
    assert np.array_equal(segmentation_of(nodes).segmentation.labels, beating((0, 1)).labels)


def test_the_editors_see_the_contours_where_the_image_is_under_a_transform(volume, put_under, turned):
    put_under(volume, turned)
    nodes = segmentation_nodes(volume, beating())
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(nodes.segmentation, "LV", volume)
    assert np.array_equal(mask > 0, beating().labels[0] == LV)


def test_the_segmentation_of_another_cine_is_refused_and_leaves_no_nodes(scene, volume):
    before = scene.GetNumberOfNodes()
    with pytest.raises(UnusableInput, match="segment this cine again"):
        segmentation_nodes(volume, CineSegmentation(np.zeros((4, 5, 20, 25), np.uint8), (0,), EXPERT))
    assert scene.GetNumberOfNodes() == before


def test_a_plain_volume_has_its_one_frame_in_a_plain_segmentation(scene):
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    slicer.util.updateVolumeFromArray(volume, np.arange(5 * 20 * 24, dtype=np.int16).reshape(SHAPE[1:]))
    segmentation = CineSegmentation(beating().labels[:1], (0,), EXPERT)
    nodes = segmentation_nodes(volume, segmentation)
    assert (nodes.sequence, nodes.browser) == (None, None)
    assert np.array_equal(segmentation_of(nodes).segmentation.labels, segmentation.labels)
    assert nodes_of_segmentation(nodes.segmentation, volume) == nodes


def test_two_cines_keep_their_contours_apart(scene, volume, make_cine):  # noqa: ARG001
    one = segmentation_nodes(volume, beating())
    other = segmentation_nodes(cine_nodes(make_cine()).volume, beating((1,)))
    other.browser.SetSelectedItemNumber(1)
    assert one.shown_frame == 0
    assert np.array_equal(segmentation_of(one).segmentation.labels, beating().labels)
    with pytest.raises(UnusableInput, match="does not play together"):
        nodes_of_segmentation(one.segmentation, other.volume)


def test_contours_without_any_frame_are_no_segmentation(volume):
    from CardioSAMLib.mrml.segmentations import empty_nodes

    with pytest.raises(UnusableInput, match="has no contours yet"):
        segmentation_of(empty_nodes(volume))


def test_a_frame_that_the_cine_does_not_have_is_an_index_error(volume):
    with pytest.raises(IndexError, match="no frame 4 among 4"):
        read_frame(segmentation_nodes(volume, beating()), 4)


def test_a_scene_saved_as_mrb_gives_cine_and_contours_back(scene, volume, loaded_again, put_under, turned):
    put_under(volume, turned)
    cine = cine_of(volume)
    nodes = segmentation_nodes(volume, beating((0, 2)))
    nodes.browser.SetSelectedItemNumber(2)
    names = volume.GetName(), nodes.segmentation.GetName()
    loaded_again()
    loaded_volume, loaded_segmentation = (scene.GetFirstNodeByName(name) for name in names)
    loaded = nodes_of_segmentation(loaded_segmentation, loaded_volume)
    assert loaded.shown_frame == 2
    assert np.array_equal(shown(loaded), beating((0, 2)).labels[2])
    back = segmentation_of(loaded)
    assert np.array_equal(back.segmentation.labels, beating((0, 2)).labels)
    assert back.segmentation.provenance == EXPERT
    assert back.segmentation.segmented_frames == (0, 2)
    again = cine_of(loaded_volume)
    assert np.array_equal(again.pixels, cine.pixels)
    assert (again.frame_times_ms, again.source) == (cine.frame_times_ms, cine.source)
    assert np.asarray(again.geometry.direction) == pytest.approx(np.asarray(cine.geometry.direction), abs=1e-6)
    assert again.geometry.origin_mm == pytest.approx(cine.geometry.origin_mm, abs=1e-4)
    assert again.geometry.spacing_mm == pytest.approx(cine.geometry.spacing_mm, abs=1e-6)
