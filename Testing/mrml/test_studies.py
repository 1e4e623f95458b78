import numpy as np
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.function import MeasureOptions
from CardioSAMLib.labels import Structure
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.prompts import BoxPrompt, PointPrompt, SlicePrompts, StructurePrompts


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(PhantomOptions(rows=48, columns=48, slices=4, frames=3, spacing_mm=(3.0, 3.0, 20.0)))


@pytest.fixture
def study_of(scene, phantom):
    """Name -> a study with a cine of three frames and its contours."""
    from CardioSAMLib.mrml.cines import cine_nodes
    from CardioSAMLib.mrml.segmentations import segmentation_nodes
    from CardioSAMLib.mrml.studies import SceneStudy

    def make(name):
        nodes = cine_nodes(phantom.cine, name)
        assert nodes.volume.GetScene() is scene
        study = SceneStudy.of(nodes.volume)
        study.segmentation = segmentation_nodes(nodes.volume, phantom.segmentation, f"{name} contours").segmentation
        return study

    return make


def prompts(frame=1, slice_number=2, row=20.0):
    lv = StructurePrompts(
        Structure.LV, (PointPrompt(row, 24.0, True), PointPrompt(row, 30.5, False)), BoxPrompt(15.0, 16.0, 31.0, 33.0)
    )
    return SlicePrompts(frame, slice_number, (lv,))


def test_a_volume_has_one_study_however_often_it_is_asked_for(study_of):
    from CardioSAMLib.mrml.studies import SceneStudy, all_studies

    study = study_of("first")
    assert SceneStudy.of(study.volume) == study
    assert all_studies() == (study,)
    assert study.browser.GetNumberOfItems() == 3


def test_a_volume_without_a_study_has_none_until_it_is_made(scene):
    from CardioSAMLib.mrml.studies import SceneStudy

    assert SceneStudy.found(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")) is None


@pytest.mark.usefixtures("scene")
def test_no_volume_makes_no_study():
    from CardioSAMLib.mrml.studies import SceneStudy, all_studies

    with pytest.raises(UnusableInput, match="load or choose one"):
        SceneStudy.of(None)
    assert all_studies() == ()


def test_two_studies_in_one_scene_do_not_mix(study_of):
    from CardioSAMLib.mrml.prompts import marks_of_slices, place_prompts, prompts_of

    first, second = study_of("first"), study_of("second")
    first.locked |= {(0, 1)}
    first.frozen = {Structure.RV}
    first.measuring = MeasureOptions(ed_frame=1)
    place_prompts(first, prompts(frame=1))
    place_prompts(second, prompts(frame=2))
    assert (second.locked, second.corrected, second.frozen) == (frozenset(), frozenset(), frozenset())
    assert second.measuring == MeasureOptions()
    assert [set(marks_of_slices(study)) for study in (first, second)] == [{(1, 2)}, {(2, 2)}]
    assert prompts_of(second, 1, 2) is None
    assert first.browser != second.browser
    assert first.segmentation != second.segmentation


def test_each_study_has_its_nodes_in_a_folder_of_its_own(study_of):
    import slicer

    first, second = study_of("first"), study_of("second")
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)

    def folders(study):
        nodes = (study.volume, study.segmentation, study.obtain("a table", "vtkMRMLTableNode", "numbers"))
        return {hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) for node in nodes}

    (folder,) = folders(first)
    (other,) = folders(second)
    assert folder != other
    assert hierarchy.GetItemName(folder) == "first"
    assert hierarchy.GetItemParent(folder) == hierarchy.GetSceneItemID()


def test_a_folder_is_made_where_the_volume_lay(scene):
    import slicer

    from CardioSAMLib.mrml.studies import SceneStudy

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    patient = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "a patient of the DICOM database")
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "cine")
    hierarchy.CreateItem(patient, volume)
    SceneStudy.of(volume)
    folder = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(volume))
    assert hierarchy.GetItemParent(folder) == patient


def test_everything_of_a_study_is_still_there_after_saving_and_loading(study_of, loaded_again, phantom):
    from CardioSAMLib.function import measure
    from CardioSAMLib.mrml.charts import show_curves
    from CardioSAMLib.mrml.prompts import place_prompts, prompts_of
    from CardioSAMLib.mrml.segmentations import nodes_of_segmentation, segmentation_of
    from CardioSAMLib.mrml.studies import all_studies
    from CardioSAMLib.mrml.tables import show_measurements

    for name in ("first", "second"):
        study = study_of(name)
        study.locked = {(0, 1), (2, 3)}
        study.corrected = {(1, 0)}
        study.frozen = {Structure.MYO}
        study.measuring = MeasureOptions(es_frame=2, bsa_formula="du-bois", excluded=frozenset({(1, 3)}))
        place_prompts(study, prompts(row=20.0 if name == "first" else 22.0))
        show_measurements(study, measure(phantom.cine, phantom.segmentation))
        show_curves(study, measure(phantom.cine, phantom.segmentation))
    before = {study.name: prompts_of(study, 1, 2) for study in all_studies()}
    loaded_again()
    studies = all_studies()
    assert [study.name for study in studies] == ["first", "second"]
    for study in studies:
        assert study.locked == {(0, 1), (2, 3)}
        assert study.corrected == {(1, 0)}
        assert study.frozen == {Structure.MYO}
        assert study.measuring == MeasureOptions(es_frame=2, bsa_formula="du-bois", excluded=frozenset({(1, 3)}))
        assert study.excluded == {(1, 3)}
        assert study.volume.GetName() == study.name
        assert study.browser.GetNumberOfItems() == 3
        assert study.part("measurements").GetNumberOfRows() > 10
        assert study.part("chart").GetNumberOfPlotSeriesNodes() > 0
        contours = segmentation_of(nodes_of_segmentation(study.segmentation, study.volume)).segmentation
        assert np.array_equal(contours.labels, phantom.segmentation.labels)
        assert_same_prompts(prompts_of(study, 1, 2), before[study.name])
    assert studies[0].part("measurements") != studies[1].part("measurements")
    hierarchy = studies[0].node.GetScene().GetSubjectHierarchyNode()
    for study in studies:
        added = study.obtain("a table", "vtkMRMLTableNode", "added after loading")
        folders = {hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) for node in (study.volume, added)}
        assert len(folders) == 1


def assert_same_prompts(found, expected):
    (own,), (other,) = found.structures, expected.structures
    assert found.frozen == expected.frozen
    assert [point.positive for point in own.points] == [point.positive for point in other.points]
    for point, before in zip(own.points, other.points, strict=True):
        assert (point.row_px, point.column_px) == pytest.approx((before.row_px, before.column_px), abs=1e-3)
    assert own.box.first_row_px == pytest.approx(other.box.first_row_px, abs=1e-3)
    assert own.box.last_column_px == pytest.approx(other.box.last_column_px, abs=1e-3)


def test_a_removed_volume_leaves_a_study_that_says_so(study_of):
    import slicer

    from CardioSAMLib.mrml.prompts import prompts_of

    study = study_of("first")
    slicer.mrmlScene.RemoveNode(study.volume)
    assert study.volume is None
    with pytest.raises(UnusableInput, match="first is no longer in the scene"):
        prompts_of(study, 0, 0)


def test_a_segmentation_of_a_single_volume_has_no_browser(scene):
    import slicer.util

    from CardioSAMLib.mrml.studies import SceneStudy

    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "one frame")
    slicer.util.updateVolumeFromArray(volume, np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    assert SceneStudy.of(volume).browser is None
