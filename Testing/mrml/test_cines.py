import json
from dataclasses import replace

import numpy as np
import pytest

from CardioSAMLib.cine import Patient, QualityNote, UnusableInput
from CardioSAMLib.labels import STORAGE, Structure

slicer = pytest.importorskip("slicer", reason="MRML tests need: pip install slicer-core")
from CardioSAMLib.function import measure  # noqa: E402
from CardioSAMLib.labels import CineSegmentation, Provenance  # noqa: E402
from CardioSAMLib.mrml.cines import FACTS_ATTRIBUTE, cine_nodes, cine_of, nodes_of_volume  # noqa: E402
from CardioSAMLib.mrml.geometry import slice_position  # noqa: E402


def assert_equal(one, other):
    assert one.pixels.dtype == other.pixels.dtype
    assert np.array_equal(one.pixels, other.pixels)
    for name in ("geometry", "frame_times_ms", "heart_rate_bpm", "patient", "source", "notes"):
        assert getattr(one, name) == getattr(other, name), name


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.uint8, np.int32, np.float32])
def test_a_cine_comes_back_from_its_nodes(scene, make_cine, dtype):  # noqa: ARG001
    cine = make_cine(
        heart_rate_bpm=62.5,
        patient=Patient("F", 51.0, 168.0, 64.5),
        notes=(QualityNote("left_out", "warning", "One image was left out.", frame=2, slice=1),),
    )
    cine = replace(cine, pixels=cine.pixels.astype(dtype))
    assert_equal(cine_of(cine_nodes(cine).volume), cine)


@pytest.mark.parametrize("dtype", [np.int64, np.float16])
def test_pixels_that_are_no_volume_in_slicer_keep_their_values(scene, make_cine, dtype):  # noqa: ARG001
    cine = make_cine()
    shown = cine_of(cine_nodes(replace(cine, pixels=cine.pixels.astype(dtype))).volume)
    assert np.array_equal(shown.pixels, cine.pixels)


def test_a_cine_without_times_counts_its_frames_and_comes_back_without_times(scene, make_cine):  # noqa: ARG001
    nodes = cine_nodes(make_cine(frame_times_ms=None))
    assert (nodes.sequence.GetIndexName(), nodes.sequence.GetIndexUnit()) == ("frame", "")
    assert [nodes.sequence.GetNthIndexValue(number) for number in range(4)] == ["0", "1", "2", "3"]
    assert cine_of(nodes.volume).frame_times_ms is None


def test_the_index_is_the_time_in_ms_and_sorted_by_number(scene, make_cine):  # noqa: ARG001
    nodes = cine_nodes(make_cine(frame_times_ms=(5.0, 90.0, 100.5, 1000.0)))
    assert (nodes.sequence.GetIndexName(), nodes.sequence.GetIndexUnit()) == ("time", "ms")
    assert nodes.sequence.GetIndexType() == slicer.vtkMRMLSequenceNode.NumericIndex
    assert cine_of(nodes.volume).frame_times_ms == (5.0, 90.0, 100.5, 1000.0)


def test_irregular_slice_positions_come_back(scene, make_cine, oblique_geometry):  # noqa: ARG001
    positions = (0.0, 9.0, 18.0, 36.0, 45.0)
    geometry = replace(oblique_geometry, slice_positions_mm=positions)
    assert cine_of(cine_nodes(make_cine(geometry=geometry)).volume).geometry.slice_positions_mm == positions


def test_irregular_slice_positions_are_stretched_by_a_stretching_transform(
    scene,  # noqa: ARG001
    make_cine,
    oblique_geometry,
    put_under,
):
    geometry = replace(oblique_geometry, slice_positions_mm=(0.0, 9.0, 18.0, 36.0, 45.0))
    nodes = cine_nodes(make_cine(geometry=geometry))
    put_under(nodes.volume, np.diag([2.0, 2.0, 2.0, 1.0]))
    shown = cine_of(nodes.volume).geometry
    assert shown.slice_positions_mm == pytest.approx((0.0, 18.0, 36.0, 72.0, 90.0))
    assert shown.spacing_mm == pytest.approx((3.0, 2.4, 18.0))


def test_the_proxy_shows_the_frame_that_the_browser_selects(scene, make_cine):  # noqa: ARG001
    cine = make_cine()
    nodes = cine_nodes(cine, "SAX")
    for frame in (0, 3, 1):
        nodes.browser.SetSelectedItemNumber(frame)
        assert np.array_equal(slicer.util.arrayFromVolume(nodes.volume), cine.pixels[frame])
    assert nodes.volume.GetName() == "SAX"


def test_all_frames_share_one_window_that_spans_the_gray_values(scene, make_cine):  # noqa: ARG001
    nodes = cine_nodes(make_cine())
    windows = set()
    for frame in range(4):
        nodes.browser.SetSelectedItemNumber(frame)
        display = nodes.volume.GetDisplayNode()
        windows.add((display.GetWindowLevelMin(), display.GetWindowLevelMax(), display.GetAutoWindowLevel()))
    # Even gray values from 0 to 899: the middle 98 % lie between 9 and 890.
    ((low, high, automatic),) = windows
    assert (low, high, automatic) == (pytest.approx(9, abs=6), pytest.approx(890, abs=6), 0)


def test_playback_is_as_fast_as_the_heart_beats(scene, make_cine):  # noqa: ARG001
    nodes = cine_nodes(make_cine(frame_times_ms=(0.0, 50.0, 100.0, 150.0)))
    assert nodes.browser.GetPlaybackRateFps() == pytest.approx(20.0)


def test_two_cines_of_one_name_get_two_browsers_and_two_names(scene, make_cine):  # noqa: ARG001
    one, other = cine_nodes(make_cine(), "Cine"), cine_nodes(make_cine(), "Cine")
    assert one.browser.GetID() != other.browser.GetID()
    assert one.volume.GetName() != other.volume.GetName()
    assert nodes_of_volume(one.volume) == one
    assert nodes_of_volume(other.volume) == other


def test_the_cine_stands_where_its_parent_transform_puts_it(scene, make_cine, put_under, turned):  # noqa: ARG001
    cine = make_cine()
    nodes = cine_nodes(cine)
    put_under(nodes.volume, turned)
    nodes.browser.SetSelectedItemNumber(2)
    to_ras = np.diag([-1.0, -1.0, 1.0, 1.0])
    here, there = cine.geometry.world_of([3.0, 4.0, 2.0]), cine_of(nodes.volume).geometry.world_of([3.0, 4.0, 2.0])
    assert to_ras @ [*there, 1.0] == pytest.approx(turned @ to_ras @ [*here, 1.0])


def test_an_oblique_left_handed_cine_under_a_transform_has_the_volumes_of_its_voxels(
    scene,  # noqa: ARG001
    make_cine,
    skewed_geometry,
    put_under,
    turned,
):
    cine = make_cine(geometry=skewed_geometry)
    labels = np.zeros(cine.pixels.shape, np.uint8)
    labels[0, 1:4, 5:15, 5:15] = STORAGE.value_of(Structure.LV)
    labels[1:, 2, 5:10, 5:15] = STORAGE.value_of(Structure.LV)
    nodes = cine_nodes(cine)
    put_under(nodes.volume, turned)
    function = measure(cine_of(nodes.volume), CineSegmentation(labels, (0, 1, 2, 3), Provenance("made up")))
    assert function.lv.edv_ml == pytest.approx(3 * 100 * 1.5 * 1.2 * 9.0 / 1000.0)
    assert function.lv.esv_ml == pytest.approx(50 * 1.5 * 1.2 * 9.0 / 1000.0)


def test_a_plain_volume_is_a_cine_of_one_frame(scene):
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    slicer.util.updateVolumeFromArray(volume, np.arange(60.0).reshape(3, 4, 5))
    cine = cine_of(volume)
    assert cine.pixels.shape == (1, 3, 4, 5)
    assert cine.pixels.dtype == np.float32
    assert [note.code for note in cine.notes] == ["one_frame"]
    assert nodes_of_volume(volume) is None


def sequence_of_others(scene, unit, values):
    """A volume sequence as another loader makes it."""
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode")
    sequence.SetIndexUnit(unit)
    for number, value in enumerate(values):
        volume = slicer.vtkMRMLScalarVolumeNode()
        slicer.util.updateVolumeFromArray(volume, np.arange(60, dtype=np.int16).reshape(3, 4, 5) + number)
        sequence.SetDataNodeAtValue(volume, str(value))
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode")
    browser.AddSynchronizedSequenceNode(sequence)
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    return browser.GetProxyNode(sequence)


@pytest.mark.parametrize(
    ("unit", "values", "times_ms"),
    [
        ("ms", (0, 40, 80), (0.0, 40.0, 80.0)),
        ("s", (0, 0.04, 0.08), (0.0, 40.0, 80.0)),
        ("ms", (0, 0.04, 0.08), (0.0, 40.0, 80.0)),  # seconds under a wrong name
        ("s", (0, 1, 2), None),  # the placeholder of files without times
        ("", (0, 1, 2), None),
    ],
)
def test_the_times_of_other_loaders_are_read_where_they_can_be_times(scene, unit, values, times_ms):
    cine = cine_of(sequence_of_others(scene, unit, values))
    assert cine.frames == 3
    assert cine.frame_times_ms == (times_ms if times_ms is None else pytest.approx(times_ms))
    assert [note.code for note in cine.notes] == ([] if times_ms else ["no_frame_times"])


def test_a_color_volume_is_refused(scene):
    volume = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "photo")
    slicer.util.updateVolumeFromArray(volume, np.zeros((3, 4, 5, 3), np.uint8))
    with pytest.raises(UnusableInput, match="photo has 3 values per voxel"):
        cine_of(volume)


def test_an_empty_volume_is_refused(scene):
    with pytest.raises(UnusableInput, match="holds no image"):
        cine_of(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode"))


def test_frames_of_different_sizes_are_refused(scene, make_cine):  # noqa: ARG001
    nodes = cine_nodes(make_cine())
    slicer.util.updateVolumeFromArray(nodes.sequence.GetNthDataNode(2), np.zeros((5, 20, 23), np.int16))
    with pytest.raises(UnusableInput, match="differ in size or place"):
        cine_of(nodes.volume)


def test_no_attribute_has_a_place_for_the_patients_name(scene, make_cine):  # noqa: ARG001
    nodes = cine_nodes(make_cine(patient=Patient("M", 60.0)))
    facts = json.loads(nodes.sequence.GetAttribute(FACTS_ATTRIBUTE))
    assert set(facts["patient"]) == {"sex", "age_years", "height_cm", "weight_kg"}


def test_a_left_handed_cine_has_the_same_slices_after_saving_and_loading(
    scene, make_cine, skewed_geometry, loaded_again
):
    cine_nodes(make_cine(geometry=skewed_geometry), "SAX")
    before = cine_of(scene.GetFirstNodeByName("SAX"))
    loaded_again()
    after = cine_of(scene.GetFirstNodeByName("SAX"))
    assert np.array_equal(after.pixels, before.pixels)
    assert after.geometry.world_of([3, 4, 1]) == pytest.approx(before.geometry.world_of([3, 4, 1]))


def test_a_left_handed_cine_lies_where_its_file_says(scene, make_cine, skewed_geometry):  # noqa: ARG001
    cine = make_cine(geometry=skewed_geometry)
    nodes = cine_nodes(cine)
    assert np.array_equal(slicer.util.arrayFromVolume(nodes.volume), cine.pixels[0, ::-1])
    ras = np.array([-1.0, -1.0, 1.0]) * skewed_geometry.world_of([6.0, 8.0, 1.0])
    assert slice_position(nodes.volume, ras) == pytest.approx((3.0, 6.0, 8.0))
