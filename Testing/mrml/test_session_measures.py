"""Measurements, quality notes, comparison and files of a study that is open for reading."""

import json
from dataclasses import replace

import numpy as np
import pytest

from CardioSAMLib.cine import Patient, UnusableInput
from CardioSAMLib.function import measure
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.progress import silent
from CardioSAMLib.segmentation import EmbeddingCache

slicer = pytest.importorskip("slicer", reason="MRML tests need: pip install slicer-core")
from CardioSAMLib.mrml.cines import cine_nodes  # noqa: E402
from CardioSAMLib.mrml.contour_editor import ContourEditor  # noqa: E402
from CardioSAMLib.mrml.navigation import shown_frame  # noqa: E402
from CardioSAMLib.mrml.segmentations import nodes_of_segmentation, segmentation_nodes  # noqa: E402
from CardioSAMLib.mrml.session import OUTPUT_NAMES, GivenValues, StudySession  # noqa: E402
from CardioSAMLib.mrml.session_jobs import SegmentedCine  # noqa: E402
from CardioSAMLib.mrml.studies import SceneStudy, all_studies  # noqa: E402


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(PhantomOptions(rows=72, columns=72, slices=5, frames=4, spacing_mm=(3.0, 3.0, 18.0)))


@pytest.fixture
def session(scene, phantom, tmp_path):  # noqa: ARG001
    session = StudySession(
        SceneStudy.of(cine_nodes(phantom.cine, "phantom").volume), EmbeddingCache(tmp_path / "cache")
    )
    session.take_segmentation(SegmentedCine(session.cine, phantom.segmentation))
    return session


def table(session, role):
    node = session.study.part(role)
    return [[node.GetCellText(row, column) for column in range(4)] for row in range(node.GetNumberOfRows())]


def lv_edv(session):
    return session.measure().lv.edv_ml


def test_the_measurements_are_those_of_the_contours_on_screen(session, phantom):
    expected = measure(phantom.cine, phantom.segmentation)
    assert session.measure().lv.ef_percent == pytest.approx(expected.lv.ef_percent, abs=1e-6)
    assert session.key_frames is None
    study = session.refresh()
    assert (
        session.key_frames == (expected.ed_frame, expected.es_frame) == (phantom.truth.ed_frame, phantom.truth.es_frame)
    )
    assert session.assessed is study
    rows = {row[0]: row[1] for row in table(session, "measurements")}
    assert rows["Ejection fraction"] == f"{expected.lv.ef_percent:.1f}"
    assert session.study.part("chart").GetNumberOfPlotSeriesNodes() > 2


def test_leaving_out_a_slice_takes_away_its_effect_in_ml(session):
    full, effects = lv_edv(session), session.slice_effects(0)
    assert sum(effect.lv_ml for effect in effects) == pytest.approx(full)
    session.include(0, 2, False)
    assert lv_edv(session) == pytest.approx(full - effects[2].lv_ml)
    assert effects[2].lv_ml > 5.0
    assert [effect.included for effect in session.slice_effects(0)] == [True, True, False, True, True]
    assert session.slice_effects(0)[2].lv_ml == effects[2].lv_ml
    session.include(0, 2, True)
    assert lv_edv(session) == pytest.approx(full)


def test_chosen_frames_replace_those_found_until_they_are_given_up(session, phantom):
    session.choose_frames(1, 3)
    assert (session.refresh().function.ed_frame, session.key_frames) == (1, (1, 3))
    session.choose_frames(None, None)
    assert session.refresh().function.ed_frame == phantom.truth.ed_frame
    with pytest.raises(UnusableInput, match="not among the segmented frames"):
        session.choose_frames(9, None)
    with pytest.raises(UnusableInput, match="the same frame"):
        session.choose_frames(2, 2)
    assert session.refresh().function.ed_frame == phantom.truth.ed_frame


def test_given_values_replace_those_of_the_file_and_bad_ones_change_nothing(session):
    found = session.measure()
    session.give(GivenValues(80.0, Patient(height_cm=180.0, weight_kg=90.0)))
    given = session.measure()
    assert given.heart_rate_bpm == 80.0
    assert given.lv.co_l_min == pytest.approx(found.lv.co_l_min * 80.0 / found.heart_rate_bpm)
    assert given.bsa_m2 == pytest.approx((180.0 * 90.0 / 3600.0) ** 0.5)
    with pytest.raises(UnusableInput, match="heart rate of 900"):
        session.give(GivenValues(900.0))
    assert session.given == GivenValues(80.0, Patient(height_cm=180.0, weight_kg=90.0))
    session.give(GivenValues())
    assert session.measure().lv.co_l_min == pytest.approx(found.lv.co_l_min)


def test_choices_survive_saving_and_loading(session, loaded_again, tmp_path):
    session.give(GivenValues(80.0, Patient("M", 50.0, 180.0, 90.0)))
    session.choose_frames(1, 3)
    session.include(1, 2, False)
    numbers = session.measure()
    loaded_again()
    (study,) = all_studies()
    again = StudySession(study, EmbeddingCache(tmp_path / "cache"))
    assert again.given == GivenValues(80.0, Patient("M", 50.0, 180.0, 90.0))
    loaded = again.measure()
    assert (loaded.ed_frame, loaded.es_frame) == (1, 3)
    for key in ("edv_ml", "ef_percent", "co_l_min", "edv_index_ml_m2", "mass_ed_g"):
        assert getattr(loaded.lv, key) == pytest.approx(getattr(numbers.lv, key), abs=1e-6)


def test_a_note_leads_to_its_frame_and_slice(session):
    assert session.quality().notes == ()
    labels = session.segmentation.labels
    hole = labels[0].copy()
    hole[2][hole[2] == STORAGE.value_of(Structure.LV)] = 0
    nodes = nodes_of_segmentation(session.study.segmentation, session.study.volume)
    ContourEditor(nodes).write({(0, 2): hole[2]})
    session.choose_frames(0, None)
    session.study.browser.SetSelectedItemNumber(3)
    session.refresh()
    note = next(note for note in session.quality().notes if note.code == "lv_slice_missing")
    assert (note.frame, note.slice) == (0, 2)
    center = session.go_to(note.frame, note.slice)
    assert shown_frame(session.study) == 0
    rows, columns = labels.shape[2:]
    world = session.cine.geometry.world_of(((rows - 1) / 2, (columns - 1) / 2, 2))
    assert center == pytest.approx((-world[0], -world[1], world[2]))
    assert [row[3] for row in table(session, "notes")] == [note.message for note in session.quality().notes]


def test_the_same_contours_agree_in_everything(session, phantom):
    other = segmentation_nodes(session.study.volume, phantom.segmentation, "a second reader").segmentation
    comparison = session.compare_job(other)(silent)
    scores = [score.values for score in comparison.scores if score.values]
    assert len(scores) >= 3 * len(phantom.segmentation.segmented_frames) - 2
    assert all(score["dice"] == 1.0 and score["hd95_mm"] == 0.0 for score in scores)
    assert all(row.difference in (0.0, None) for row in comparison.differences)
    contours, numbers = session.take_comparison(comparison)
    assert contours.GetNumberOfRows() == len(comparison.scores)
    assert numbers.GetNumberOfRows() == len(comparison.differences)


def test_a_segmentation_without_frames_is_compared_with_the_frame_shown(scene, session, phantom):
    frame = 2
    single = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "one frame")
    from CardioSAMLib.mrml.geometry import set_geometry

    slicer.util.updateVolumeFromArray(single, phantom.cine.pixels[frame])
    set_geometry(single, phantom.cine.geometry)
    one = replace(phantom.segmentation, labels=phantom.segmentation.labels[[frame]].copy(), segmented_frames=(0,))
    plain = segmentation_nodes(single, one, "of one frame").segmentation
    session.study.browser.SetSelectedItemNumber(frame)
    scores = session.compare_job(plain)(silent).scores
    assert {score.frame for score in scores} == {frame}
    assert all(score.values["dice"] == 1.0 for score in scores)
    empty = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "nothing")
    with pytest.raises(UnusableInput, match="nothing has no contours on this cine"):
        session.compare_job(empty)


def test_exported_files_say_what_is_on_screen_and_which_slices_were_corrected(session, tmp_path):
    session.accept(1, 2)
    session.give(GivenValues(80.0))
    folder = tmp_path / "out"
    paths = session.export_job(folder)(silent)
    assert [path.name for path in paths] == list(OUTPUT_NAMES)
    document = json.loads((folder / "measurements.json").read_text())
    assert document["lv"]["ef_percent"] == pytest.approx(session.measure().lv.ef_percent, abs=1e-4)
    assert document["heart_rate_bpm"] == 80.0
    assert document["title"] == "out"
    assert document["provenance"]["settings"]["Corrected slices"] == "frame 1: 2"
    assert document["model"]["id"] == "phantom"
    assert "frame 1: 2" in (folder / "report.html").read_text()


def test_exported_labels_are_those_of_the_scene_on_the_grid_of_the_file(session, phantom, tmp_path):
    import SimpleITK as sitk

    (path,) = session.export_job(tmp_path, ["segmentation.nii.gz"])(silent)
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == [path.name]
    labels = sitk.ReadImage(str(path))
    assert np.array_equal(sitk.GetArrayFromImage(labels), phantom.segmentation.labels)
    for voxel in ((0, 0, 0), (10, 20, 3)):
        row, column, slice_number = voxel
        world = labels.TransformContinuousIndexToPhysicalPoint((float(column), float(row), float(slice_number), 0.0))
        assert world[:3] == pytest.approx(phantom.cine.geometry.world_of(voxel), abs=1e-3)


def test_a_study_without_contours_has_nothing_to_measure_or_export(scene, phantom, tmp_path):  # noqa: ARG001
    session = StudySession(SceneStudy.of(cine_nodes(phantom.cine).volume), EmbeddingCache(tmp_path / "cache"))
    for action in (session.refresh, session.measure, lambda: session.export_job(tmp_path / "out")):
        with pytest.raises(UnusableInput, match="no contours yet"):
            action()
    assert not (tmp_path / "out").exists()
    assert session.study.part("measurements") is None
